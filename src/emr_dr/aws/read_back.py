"""Reads back from EMR, over all pages, what a cluster was made of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from emr_dr.aws.cluster_facts import Json
from emr_dr.aws.compare import Found
from emr_dr.aws.compare_values import Unread
from emr_dr.aws.errors import RefusedError
from emr_dr.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient

    from emr_dr.aws.session import Session

T = TypeVar("T")
Send = Callable[[dict[str, str]], Json]


class ReadBack:
    """Asks EMR for everything that `compare` needs besides DescribeCluster."""

    def __init__(self, session: "Session", client: "EMRClient") -> None:
        self._session = session
        self._client = client

    async def read(self, cluster: Json, *, fleets: bool) -> Found:
        """Return what was found of a described cluster, all of it read at once.

        What we may not read (a right that nobody gave us shows in a disaster only) must not keep every cluster from
        being admitted, so a refusal to tell it becomes a part of the answer.

        Raises:
            TransientError: No good answer, or DescribeCluster's lacks whole parts.
        """
        cluster_id: str = cluster["Id"]
        if not cluster.get("Ec2InstanceAttributes") or not cluster.get("ReleaseLabel"):
            raise TransientError(f"the answer on {cluster_id} is incomplete", where="EMR DescribeCluster")
        bootstrap, machines, scaling = await asyncio.gather(
            _or_unread(self._pages("ListBootstrapActions", "BootstrapActions", self._bootstrap, cluster_id)),
            _or_unread(self._machines(cluster_id, fleets=fleets)),
            _or_unread(self._scaling(cluster_id)),
        )
        return Found(cluster, bootstrap, machines, scaling, fleets=fleets)

    async def _machines(self, cluster_id: str, *, fleets: bool) -> Sequence[Json]:
        if fleets:
            return await self._pages("ListInstanceFleets", "InstanceFleets", self._fleets, cluster_id)
        return await self._pages("ListInstanceGroups", "InstanceGroups", self._groups, cluster_id)

    async def _scaling(self, cluster_id: str) -> Json | None:
        try:
            answer: Json = await self._session.call(
                "EMR",
                "GetManagedScalingPolicy",
                lambda: self._client.get_managed_scaling_policy(ClusterId=cluster_id),
            )
        except RefusedError:
            return None  # a release or shape that has no managed scaling has no policy either
        return answer.get("ManagedScalingPolicy") or None

    async def _pages(self, operation: str, key: str, send: Send, cluster_id: str) -> Sequence[Json]:
        found = list[Json]()
        request = {"ClusterId": cluster_id}
        while True:
            page = await self._session.call("EMR", operation, _bound(send, request))
            if page.get(key) is None:  # taken for none, it would look as if the cluster lacked them
                raise TransientError(f"the answer on {cluster_id} is incomplete", where=f"EMR {operation}")
            found.extend(page[key])
            if not page.get("Marker"):
                return found
            request = {"ClusterId": cluster_id, "Marker": page["Marker"]}

    def _bootstrap(self, request: dict[str, str]) -> Json:
        return self._client.list_bootstrap_actions(**request)

    def _groups(self, request: dict[str, str]) -> Json:
        return self._client.list_instance_groups(**request)

    def _fleets(self, request: dict[str, str]) -> Json:
        return self._client.list_instance_fleets(**request)


def _bound(send: Send, request: Mapping[str, str]) -> Callable[[], Json]:
    return lambda: send(dict(request))


async def _or_unread(reading: Awaitable[T]) -> T | Unread:
    try:
        return await reading
    except PermanentError as error:
        return Unread(str(error))
