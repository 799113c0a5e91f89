"""EMR clusters of one group, recognised by their tags: launched once, found, described, protected, terminated."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from emr_dr.aws import tags
from emr_dr.aws.errors import NotFoundError
from emr_dr.aws.launch_request import cluster_name, launch_request
from emr_dr.core.world import EmrState
from emr_dr.errors import OutcomeUnknownError, PermanentError, TransientError
from emr_dr.ports import ClusterFacts

if TYPE_CHECKING:
    from mypy_boto3_emr.literals import ClusterStateType
    from mypy_boto3_emr.type_defs import ListInstancesInputTypeDef

    from emr_dr.aws.session import Session
    from emr_dr.core.group import Placement
    from emr_dr.spec.cluster import BootstrapAction, ClusterTemplate

_STATES: Mapping[str, EmrState] = {
    "STARTING": EmrState.STARTING,
    "BOOTSTRAPPING": EmrState.STARTING,
    "RUNNING": EmrState.UP,
    "WAITING": EmrState.UP,
    "TERMINATING": EmrState.ENDING,
    "TERMINATED": EmrState.ENDED,
    "TERMINATED_WITH_ERRORS": EmrState.ENDED,
}
_NOT_ENDED: "Sequence[ClusterStateType]" = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING")
_GONE_INSTANCE = frozenset({"TERMINATED"})

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing


def emr_state(name: object) -> EmrState:
    """Return what decisions call EMR's state; a state that we do not know counts as starting.

    Starting is the one reading that does no harm: it is neither ended nor lost, so nothing is replaced for it, and not
    up, so nothing is admitted or retired because of it.
    """
    return _STATES.get(str(name), EmrState.STARTING)


class EmrClusters:
    """The port `Clusters` over the EMR API.

    Args:
        session: Makes clients and runs their calls.
        group: The group's name.
        template: What every member is launched from.
        own_bootstrap: Gives the bootstrap actions of ours for a launch number, run before the declared ones.
    """

    def __init__(
        self,
        session: "Session",
        *,
        group: str,
        template: "ClusterTemplate",
        own_bootstrap: "Callable[[int], Sequence[BootstrapAction]] | None" = None,
    ) -> None:
        self._session = session
        self._client = session.emr()
        self._create_client = session.emr_create()
        self._group = group
        self._template = template
        self._own_bootstrap = own_bootstrap
        self._named = re.compile(re.escape(cluster_name(group, 0).removesuffix("0")) + r"\d+")
        # What cannot change: a cluster's tags are written by its launch, and once up it outlives no primary of its own.
        self._ours: set[str] = set()
        self._strange: set[str] = set()
        self._addresses: dict[str, str] = {}

    async def launch(self, number: int, origin: str, placement: "Placement") -> str:
        """Call RunJobFlow exactly once and return the cluster's id. See `Clusters.launch`."""
        own = self._own_bootstrap(number) if self._own_bootstrap else ()
        request = launch_request(
            self._group, self._template, number=number, origin=origin, placement=placement, own_bootstrap=own
        )
        answer = await self._session.create("EMR", "RunJobFlow", lambda: self._create_client.run_job_flow(**request))
        if not (cluster_id := answer.get("JobFlowId")):
            raise OutcomeUnknownError(
                "the answer names no cluster", where="EMR RunJobFlow", remedy="look for it by tag"
            )
        self._ours.add(cluster_id)
        return cluster_id

    async def find(self) -> Sequence[ClusterFacts]:
        """Every cluster of this group that has not ended, by creation time. See `Clusters.find`.

        EMR lists by state only, so clusters with a name of ours are described to read their tags; others of that name
        are remembered and not asked about again.
        """
        async with self._session.within("looking for clusters"):
            ids = await self._listed()
            self._strange &= set(ids)
            seen = await asyncio.gather(*(self._seen(id_) for id_ in ids if id_ not in self._strange))
        return sorted(
            (facts for facts in seen if facts is not None), key=lambda facts: (facts.created_at, facts.number)
        )

    async def describe(self, cluster_id: str) -> ClusterFacts:
        """One cluster by id, ended ones too. See `Clusters.describe`."""
        async with self._session.within(f"describing {cluster_id}"):
            facts = await self._facts(await self._cluster(cluster_id))
        if facts is None:
            raise PermanentError(
                f"does not carry the tags of group {self._group}",
                where=f"cluster {cluster_id}",
                remedy="it is not ours and will not be touched",
            )
        return facts

    async def protect(self, cluster_id: str, *, on: bool) -> None:
        """Switch termination protection on or off; may be repeated. See `Clusters.protect`."""
        await self._make_sure_it_is_ours(cluster_id)
        await self._session.call(
            "EMR",
            "SetTerminationProtection",
            lambda: self._client.set_termination_protection(JobFlowIds=[cluster_id], TerminationProtected=on),
        )

    async def terminate(self, cluster_id: str) -> None:
        """Begin to end the cluster; may be repeated. See `Clusters.terminate`."""
        await self._make_sure_it_is_ours(cluster_id)
        await self._session.call(
            "EMR", "TerminateJobFlows", lambda: self._client.terminate_job_flows(JobFlowIds=[cluster_id])
        )

    async def _make_sure_it_is_ours(self, cluster_id: str) -> None:
        if cluster_id not in self._ours:
            await self.describe(cluster_id)

    async def _listed(self) -> list[str]:
        """The ids of clusters that have not ended and have a name of ours, over all pages (50 each)."""
        ids: dict[str, None] = {}
        marker = ""
        while True:
            page = await self._session.call("EMR", "ListClusters", partial(self._page, marker))
            for cluster in page.get("Clusters") or ():
                if cluster.get("Id") and self._named.fullmatch(cluster.get("Name") or ""):
                    ids[cluster["Id"]] = None
            if not (marker := page.get("Marker") or ""):
                return list(ids)

    def _page(self, marker: str) -> Json:
        if marker:
            return self._client.list_clusters(ClusterStates=_NOT_ENDED, Marker=marker)
        return self._client.list_clusters(ClusterStates=_NOT_ENDED)

    async def _seen(self, cluster_id: str) -> ClusterFacts | None:
        try:
            return await self._facts(await self._cluster(cluster_id))
        except NotFoundError:
            return None  # listed, but not yet or no longer known to DescribeCluster: not seen, which says nothing

    async def _cluster(self, cluster_id: str) -> Json:
        answer: Json = await self._session.call(
            "EMR", "DescribeCluster", lambda: self._client.describe_cluster(ClusterId=cluster_id)
        )
        cluster = answer.get("Cluster")
        if not isinstance(cluster, Mapping) or cluster.get("Tags") is None:
            raise TransientError(f"the answer on {cluster_id} is incomplete", where="EMR DescribeCluster")
        return {"Id": cluster_id, **cluster}

    async def _facts(self, cluster: Json) -> ClusterFacts | None:
        """What we need to know of a cluster; None, and remembered, if it is not ours."""
        labels = tags.as_mapping(cluster["Tags"])
        number = labels.get(tags.LAUNCH, "")
        status: Json = cluster.get("Status") or {}
        state = emr_state(status.get("State"))
        if labels.get(tags.GROUP) != self._group or not (number.isascii() and number.isdigit()):
            # Not while it starts: should its tags appear late, one of ours must not be overlooked for good.
            if state is not EmrState.STARTING:
                self._strange.add(cluster["Id"])
            return None
        self._ours.add(cluster["Id"])
        where: Json = cluster.get("Ec2InstanceAttributes") or {}
        created = (status.get("Timeline") or {}).get("CreationDateTime")
        return ClusterFacts(
            id=cluster["Id"],
            number=int(number),
            origin=labels.get(tags.ORIGIN, ""),
            state=state,
            address=await self._address(cluster, state),
            subnet=where.get("Ec2SubnetId") or "",
            az=where.get("Ec2AvailabilityZone") or "",
            protected=bool(cluster.get("TerminationProtected")),
            created_at=created.timestamp() if created else 0.0,
            reason=_reason(status),
        )

    async def _address(self, cluster: Json, state: EmrState) -> str:
        """The primary's private address; DescribeCluster knows a DNS name only.

        It is remembered once the cluster is up: while it starts, EMR may still put another machine in the primary's
        place.
        """
        cluster_id: str = cluster["Id"]
        if cluster_id not in self._addresses and state is not EmrState.ENDED:
            fleets = cluster.get("InstanceCollectionType") == "INSTANCE_FLEET" or (
                "InstanceCollectionType" not in cluster and self._template.instances.fleets is not None
            )
            request: ListInstancesInputTypeDef = {"ClusterId": cluster_id}
            if fleets:
                request["InstanceFleetType"] = "MASTER"
            else:
                request["InstanceGroupTypes"] = ["MASTER"]
            answer: Json = await self._session.call(
                "EMR", "ListInstances", lambda: self._client.list_instances(**request)
            )
            address = _private_address(answer.get("Instances") or ())
            if state is not EmrState.UP or not address:
                return address
            self._addresses[cluster_id] = address
        return self._addresses.get(cluster_id, "")


def _private_address(instances: Sequence[Json]) -> str:
    living = [each for each in instances if (each.get("Status") or {}).get("State") not in _GONE_INSTANCE]
    return next((each["PrivateIpAddress"] for each in living if each.get("PrivateIpAddress")), "")


def _reason(status: Json) -> str:
    change: Json = status.get("StateChangeReason") or {}
    details = [
        f"{detail.get('ErrorCode') or ''} {detail.get('ErrorMessage') or ''}".strip()
        for detail in status.get("ErrorDetails") or ()
    ]
    words = [change.get("Code") or "", change.get("Message") or "", *details]
    return ": ".join(word for word in words if word)
