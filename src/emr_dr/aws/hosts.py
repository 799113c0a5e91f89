"""What EC2 says of the machines that clusters run on."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from emr_dr.aws.cluster_facts import Json
from emr_dr.aws.emr_instances import EmrInstances
from emr_dr.aws.errors import RefusedError
from emr_dr.core.world import HostHealth

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import DescribeInstancesRequestTypeDef, DescribeInstanceStatusRequestTypeDef

    from emr_dr.aws.session import Session

_GONE = frozenset({"shutting-down", "terminated", "stopping", "stopped"})
_TAG = "tag:aws:elasticmapreduce:job-flow-id"
"""What EMR puts on each machine of a cluster, and nobody else can."""
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
        self._machines = EmrInstances(session)

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

    async def all_ended(self, cluster_id: str) -> int:
        """How many machines the cluster had, if EC2 calls every one of them terminated. See `Hosts.all_ended`.

        Raises:
            PermanentError: We may not ask.
            TransientError: No good answer.
        """
        async with self._session.within("asking EC2 about a cluster's machines"):
            counted, states = await asyncio.gather(self._machines.not_terminated(cluster_id), self._states(cluster_id))
        ended = {each for each, state in states.items() if state == "terminated"}
        whole = bool(ended) and len(ended) == len(states) and counted <= ended
        return len(ended) if whole else 0

    async def _states(self, cluster_id: str) -> Mapping[str, str]:
        """EC2's states of all machines that carry EMR's own tag of the cluster."""
        found = dict[str, str]()
        request: DescribeInstancesRequestTypeDef = {"Filters": [{"Name": _TAG, "Values": [cluster_id]}]}
        while True:
            page = await self._session.call("EC2", "DescribeInstances", self._describer(request))
            for reservation in page.get("Reservations") or ():
                for each in reservation.get("Instances") or ():
                    found[str(each.get("InstanceId"))] = _word(each, "State", "Name")
            if not page.get("NextToken"):
                return found
            request = {**request, "NextToken": page["NextToken"]}

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

    def _describer(self, request: "DescribeInstancesRequestTypeDef") -> "Callable[[], Json]":
        return lambda: self._client.describe_instances(**request)


def _word(status: Json, part: str, name: str) -> str:
    return str((status.get(part) or {}).get(name) or "")
