"""EMR clusters of one group, recognised by their tags: launched once, found, described, protected, terminated."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from emr_dr.aws import tags
from emr_dr.aws.cluster_facts import Json, Primary, emr_state, is_ranged, launch_number, primary_of, reason_of, room_of
from emr_dr.aws.compare import differences
from emr_dr.aws.errors import NotFoundError
from emr_dr.aws.launch_request import cluster_name, launch_request
from emr_dr.aws.read_back import ReadBack
from emr_dr.core.world import EmrState
from emr_dr.errors import OutcomeUnknownError, PermanentError, TransientError
from emr_dr.ports import ClusterFacts, Difference

if TYPE_CHECKING:
    from mypy_boto3_emr.literals import ClusterStateType
    from mypy_boto3_emr.type_defs import ListInstancesInputTypeDef, RunJobFlowInputTypeDef

    from emr_dr.aws.session import Session
    from emr_dr.core.group import Placement
    from emr_dr.spec.cluster import BootstrapAction, ClusterTemplate

_NOT_ENDED: "Sequence[ClusterStateType]" = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING")


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
        self._read_back = ReadBack(session, self._client)
        self._group = group
        self._template = template
        self._own_bootstrap = own_bootstrap
        self._named = re.compile(re.escape(cluster_name(group, 0).removesuffix("0")) + r"\d+")
        # What cannot change: a cluster's tags are written by its launch, and once up it outlives no primary of its own.
        self._ours: set[str] = set()
        self._strange: set[str] = set()
        self._primaries: dict[str, Primary] = {}

    async def launch(self, number: int, origin: str, placement: "Placement") -> str:
        """Call RunJobFlow exactly once and return the cluster's id. See `Clusters.launch`."""
        request = self._request(number, origin, placement)
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
            raise self._not_ours(cluster_id)
        return facts

    async def differences(self, cluster_id: str, placement: "Placement") -> Sequence[Difference]:
        """Every declared field that the cluster does not have as declared. See `Clusters.differences`.

        What must be equal has to be read; what is only reported is told as unread where we may not read it.

        Raises:
            TransientError: No good answer, or one in which whole parts are missing.
        """
        async with self._session.within(f"comparing {cluster_id}"):
            cluster = await self._cluster(cluster_id)
            number = launch_number(cluster, self._group)
            if number is None:
                raise self._not_ours(cluster_id)
            found = await self._read_back.read(cluster, fleets=self._has_fleets(cluster))
        origin = tags.as_mapping(cluster["Tags"]).get(tags.ORIGIN, "")
        return differences(self._request(number, origin, placement), found)

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

    def _request(self, number: int, origin: str, placement: "Placement") -> "RunJobFlowInputTypeDef":
        own = self._own_bootstrap(number) if self._own_bootstrap else ()
        return launch_request(
            self._group, self._template, number=number, origin=origin, placement=placement, own_bootstrap=own
        )

    def _not_ours(self, cluster_id: str) -> PermanentError:
        return PermanentError(
            f"does not carry the tags of group {self._group}",
            where=f"cluster {cluster_id}",
            remedy="it is not ours and will not be touched",
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
            if page.get("Clusters") is None:  # taken for none, it would look as if ours were not there
                raise TransientError("the answer is incomplete", where="EMR ListClusters")
            for cluster in page["Clusters"]:
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
        number = launch_number(cluster, self._group)
        status: Json = cluster.get("Status") or {}
        state = emr_state(status.get("State"))
        if number is None:
            # Not while it starts: should its tags appear late, one of ours must not be overlooked for good.
            if state is not EmrState.STARTING:
                self._strange.add(cluster["Id"])
            return None
        self._ours.add(cluster["Id"])
        where: Json = cluster.get("Ec2InstanceAttributes") or {}
        created = (status.get("Timeline") or {}).get("CreationDateTime")
        primary, room = await self._primary(cluster, state), room_of(status)
        return ClusterFacts(
            id=cluster["Id"],
            number=number,
            origin=tags.as_mapping(cluster["Tags"]).get(tags.ORIGIN, ""),
            state=state,
            address=primary.address,
            subnet=where.get("Ec2SubnetId") or "",
            az=where.get("Ec2AvailabilityZone") or "",
            protected=bool(cluster.get("TerminationProtected")),
            created_at=created.timestamp() if created else 0.0,
            reason=reason_of(status),
            instance=primary.instance,
            no_room=room.lacked,
            lacking=room.kind,
            ranged=is_ranged(cluster),
        )

    async def _primary(self, cluster: Json, state: EmrState) -> Primary:
        """The primary's machine; of its address DescribeCluster knows a DNS name only.

        It is remembered once the cluster is up: while it starts, EMR may still put another machine in the primary's
        place.
        """
        cluster_id: str = cluster["Id"]
        if cluster_id not in self._primaries and state is not EmrState.ENDED:
            request: ListInstancesInputTypeDef = {"ClusterId": cluster_id}
            if self._has_fleets(cluster):
                request["InstanceFleetType"] = "MASTER"
            else:
                request["InstanceGroupTypes"] = ["MASTER"]
            answer: Json = await self._session.call(
                "EMR", "ListInstances", lambda: self._client.list_instances(**request)
            )
            primary = primary_of(answer.get("Instances") or ())
            if state is not EmrState.UP or not all(primary):
                return primary
            self._primaries[cluster_id] = primary
        return self._primaries.get(cluster_id, Primary())

    def _has_fleets(self, cluster: Json) -> bool:
        return cluster.get("InstanceCollectionType") == "INSTANCE_FLEET" or (
            "InstanceCollectionType" not in cluster and self._template.instances.fleets is not None
        )
