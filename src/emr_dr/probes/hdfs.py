"""The question to HDFS's NameNode: is it active, and does it let anybody write?

Source: Hadoop's JMX servlet (/jmx?qry=, an ObjectName pattern), tried against 3.3.6.
"""

from collections.abc import Mapping
from typing import Any

from emr_dr.errors import TransientError
from emr_dr.probes.answer import NotWellError, member_of, objects_of
from emr_dr.probes.http import Endpoint, Http

# One request for both beans: the pattern matches NameNodeStatus, FSNamesystemState and three small ones; 3.4 kB in all.
STATE = "/jmx?qry=Hadoop:service=NameNode,name=*Stat*"


async def check(http: Http, endpoint: Endpoint, address: str) -> str:
    """Return what a working NameNode said: active, not in safe mode, and with a DataNode to write to.

    Raises:
        NotWellError: It says that it is not active, that nobody may write, or that all its DataNodes have died.
        TransientError: It does not work, or gave no good answer.
    """
    answer = await http.get(endpoint, address, STATE)
    where = answer.where
    beans = {str(bean.get("name")): bean for bean in objects_of(answer.json(), "beans", where)}
    status, files = _bean(beans, "NameNodeStatus", where), _bean(beans, "FSNamesystemState", where)
    state, mode = member_of(status, "State", str, where), member_of(files, "FSState", str, where)
    if state != "active" or mode != "Operational":
        raise NotWellError(f"State is {state}, FSState is {mode}", where=where)
    if member_of(files, "NumLiveDataNodes", int, where) < 1:
        raise _without_data_nodes(member_of(files, "NumDeadDataNodes", int, where), where)
    return f"{state}, {mode}"


def _without_data_nodes(dead: int, where: str) -> TransientError:
    """What it means that no DataNode lives: even a cluster without core nodes has one, on its primary.

    A NameNode that has just started with nothing stored is not in safe mode and knows none yet, neither live nor dead:
    that is not well either, and passes.
    """
    if dead:
        return NotWellError(f"no DataNode is alive, {dead} are dead", where=where)
    return TransientError("no DataNode has come yet", where=where)


def _bean(beans: Mapping[str, Mapping[str, Any]], name: str, where: str) -> Mapping[str, Any]:
    try:
        return beans[f"Hadoop:service=NameNode,name={name}"]
    except KeyError:
        # So it is while the NameNode still loads its image: the servlet answers before the beans are there.
        raise TransientError(f"JSON without the bean {name}", where=where) from None
