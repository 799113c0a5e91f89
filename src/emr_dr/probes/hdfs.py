"""The question to HDFS's NameNode: is it active, and does it let anybody write?

Source: Hadoop's JMX servlet (/jmx?qry=, an ObjectName pattern), tried against 3.3.6.
"""

from collections.abc import Mapping
from typing import Any

from emr_dr.errors import TransientError
from emr_dr.probes.answer import member_of, objects_of
from emr_dr.probes.http import Endpoint, Http

# One request for both beans: the pattern matches NameNodeStatus, FSNamesystemState and three small ones; 3.4 kB in all.
STATE = "/jmx?qry=Hadoop:service=NameNode,name=*Stat*"


async def check(http: Http, endpoint: Endpoint, address: str) -> str:
    """Return what a working NameNode said: active, and not in safe mode, in which nothing can be written.

    Raises:
        TransientError: It does not work, or gave no good answer.
    """
    answer = await http.get(endpoint, address, STATE)
    where = answer.where
    beans = {str(bean.get("name")): bean for bean in objects_of(answer.json(), "beans", where)}
    state = member_of(_bean(beans, "NameNodeStatus", where), "State", str, where)
    files = member_of(_bean(beans, "FSNamesystemState", where), "FSState", str, where)
    if state != "active" or files != "Operational":
        raise TransientError(f"State is {state}, FSState is {files}", where=where)
    return f"{state}, {files}"


def _bean(beans: Mapping[str, Mapping[str, Any]], name: str, where: str) -> Mapping[str, Any]:
    try:
        return beans[f"Hadoop:service=NameNode,name={name}"]
    except KeyError:
        # So it is while the NameNode still loads its image: the servlet answers before the beans are there.
        raise TransientError(f"JSON without the bean {name}", where=where) from None
