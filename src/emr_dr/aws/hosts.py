"""What EC2 says of the machines that primaries run on."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from emr_dr.aws.cluster_facts import Json
from emr_dr.aws.errors import RefusedError
from emr_dr.core.world import HostHealth

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import DescribeInstanceStatusRequestTypeDef

    from emr_dr.aws.session import Session

_GONE = frozenset({"shutting-down", "terminated", "stopping", "stopped"})
_AT_ONCE = 100
"""Ids in one call (EC2 API, DescribeInstanceStatus)."""
_ID = re.compile(r"\bi-[0-9a-z]+")


def host_health(status: Json) -> HostHealth:
    """Return EC2's word on one instance; what is missing, not decided yet or new to us is unknown.

    An attached volume that fails its check counts as impaired: a node without its disks serves nobody (EC2 API,
    InstanceStatus.AttachedEbsStatus).
    """
    state = _word(status, "InstanceState", "Name")
    if state in _GONE:
        return HostHealth.GONE
    if state != "running":
        return HostHealth.UNKNOWN
    machine = [_word(status, name, "Status") for name in ("InstanceStatus", "SystemStatus")]
    if "impaired" in (*machine, _word(status, "AttachedEbsStatus", "Status")):
        return HostHealth.IMPAIRED
    return HostHealth.OK if machine == ["ok", "ok"] else HostHealth.UNKNOWN


class Ec2Hosts:
    """The port `Hosts` over the EC2 API."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.ec2()

    async def health(self, instances: Sequence[str]) -> Mapping[str, HostHealth]:
        """EC2's word on each of these instances; one that EC2 does not know is left out. See `Hosts.health`.

        Raises:
            PermanentError: We may not ask.
            TransientError: No good answer.
        """
        ids = list(dict.fromkeys(instances))
        parts = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
        async with self._session.within("asking EC2 about machines"):
            answers = await asyncio.gather(*(self._known(part) for part in parts))
        return {each: health for answer in answers for each, health in answer.items()}

    async def _known(self, ids: Sequence[str]) -> Mapping[str, HostHealth]:
        """Ask for all at once; if EC2 refuses because of some that it does not know, for the others one by one."""
        try:
            return await self._ask(ids)
        except RefusedError as error:
            if not error.code.startswith("InvalidInstanceID"):
                raise
            bad = set(_ID.findall(error.what))
        left = [each for each in ids if each not in bad] if len(ids) > 1 else []
        answers = await asyncio.gather(*(self._known([each]) for each in left))
        return {each: health for answer in answers for each, health in answer.items()}

    async def _ask(self, ids: Sequence[str]) -> Mapping[str, HostHealth]:
        found = dict[str, HostHealth]()
        request: DescribeInstanceStatusRequestTypeDef = {"InstanceIds": list(ids), "IncludeAllInstances": True}
        while True:
            page = await self._session.call("EC2", "DescribeInstanceStatus", self._sender(request))
            for status in page.get("InstanceStatuses") or ():
                if status.get("InstanceId") in ids:
                    found[status["InstanceId"]] = host_health(status)
            if not page.get("NextToken"):
                return found
            request = {**request, "NextToken": page["NextToken"]}

    def _sender(self, request: "DescribeInstanceStatusRequestTypeDef") -> "Callable[[], Json]":
        return lambda: self._client.describe_instance_status(**request)


def _word(status: Json, part: str, name: str) -> str:
    return str((status.get(part) or {}).get(name) or "")
