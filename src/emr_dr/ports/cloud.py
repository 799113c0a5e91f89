"""What we need from AWS: clusters, the balancer in front of them, and a place for files."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from emr_dr.core.group import Placement
from emr_dr.core.world import EmrState, HostHealth


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What EMR says of one cluster that carries our group's tags.

    Attributes:
        number: The launch number on its tag.
        origin: The origin on its tag; a cluster of another origin belongs to another store and is never touched.
        address: The primary's private address; empty until EMR gives it out (end of STARTING).
        created_at: Seconds of the epoch.
        reason: EMR's words on why it is in this state (StateChangeReason), for people.
        instance: EC2's id of the primary's machine; empty until EMR gives it out.
        ranged: It was launched so that its Livy numbers batches in its generation's range.
        no_room: It ended because EC2 lacked capacity (ErrorDetails); `lacking` is the instance type, if EMR named one.
    """

    id: str
    number: int
    origin: str
    state: EmrState
    address: str = ""
    subnet: str = ""
    az: str = ""
    protected: bool = False
    created_at: float = 0.0
    reason: str = ""
    instance: str = ""
    no_room: bool = False
    lacking: str = ""
    ranged: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One declared field that the cluster does not have as declared; values as short text.

    `must` tells what keeps a candidate from being admitted (release, applications, roles, security groups, subnet,
    security configuration, bootstrap actions, configurations) from what is only reported (tags, counts, volumes).
    """

    field: str
    wanted: str
    found: str
    must: bool

    def __str__(self) -> str:
        return f"{self.field}: {self.wanted} is declared, the cluster has {self.found}"


class Clusters(Protocol):
    """EMR clusters of one group, recognised by their tags alone."""

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        """Call RunJobFlow exactly once, with the whole template and the tags, and return the cluster's id.

        MUST NOT be repeated by the adapter or its client: RunJobFlow has no idempotency token (EMR API).

        Raises:
            OutcomeUnknownError: The reply was lost; a cluster may exist. Look before repeating.
            ThrottledError: Not carried out.
            PermanentError: Refused for good (validation, quota, permissions).
        """

    async def find(self) -> Sequence[ClusterFacts]:
        """Every cluster of this group that has not ended, over all pages; by creation time.

        The list may lag behind creations. Absence never means 'ended': known ids are read by `describe`.
        """

    async def describe(self, cluster_id: str) -> ClusterFacts:
        """One cluster by id, ended ones too.

        Raises:
            PermanentError: EMR does not know the id, or it does not carry this group's tags.
        """

    async def differences(self, cluster_id: str, placement: Placement) -> Sequence[Difference]:
        """Every declared field that the cluster, launched into `placement`, does not have as declared.

        Both sides are normalised first: what AWS fills in, orders or tags by itself is no difference.

        Raises:
            PermanentError: EMR does not know the id, or it does not carry this group's tags.
        """

    async def protect(self, cluster_id: str, *, on: bool) -> None:
        """Switch termination protection on or off."""

    async def terminate(self, cluster_id: str) -> None:
        """Begin to end the cluster; a no-op on one that has ended. Refused by AWS while it is protected."""


class Hosts(Protocol):
    """The machines that clusters run on, as EC2 knows them."""

    async def health(self, instances: Sequence[str]) -> Mapping[str, HostHealth]:
        """EC2's word on each of these instances; one that EC2 does not know is left out.

        EC2 notices minutes after the fact, and says nothing of what runs on a machine.
        """

    async def all_ended(self, cluster_id: str) -> int:
        """How many machines the cluster had, if EC2 calls every one of them terminated; 0 while one may run.

        EC2 forgets a terminated machine after an hour or so. One that EMR still counts and EC2 does not know of may
        run, for all we know.
        """


class Roles(Protocol):
    """The instance profiles of clusters, whose roles can be denied everything for one cluster's sake."""

    async def deny(self, profile: str, cluster_id: str) -> None:
        """Deny the profile's role everything, under a name that carries the cluster's id; may be repeated.

        Whoever has the role is denied, whatever credentials they hold already. AWS takes some seconds to heed it.

        Raises:
            PermanentError: There is no such profile, or we may not.
        """

    async def allow(self, profile: str, cluster_id: str) -> None:
        """Take back what was denied for this cluster's sake; a no-op where nothing was."""

    async def denied(self, profile: str, cluster_id: str) -> bool:
        """Whether the denial made for this cluster is there, and whole."""

    async def denials(self, profile: str) -> Sequence[str]:
        """The clusters for whose sake the profile's role is denied."""


class TargetHealth(StrEnum):
    """ELBv2's states of a target, by its own names (DescribeTargetHealth)."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    UNUSED = "unused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class TargetFact:
    """One target of one target group, and ELBv2's reason in its own words."""

    service: str
    address: str
    health: TargetHealth
    reason: str = ""


class Balancer(Protocol):
    """The group's balancer with one target group for each service that has a listener."""

    async def targets(self) -> Sequence[TargetFact]:
        """Every target of every group; a target that has gone is not listed."""

    async def register(self, address: str) -> None:
        """Make the address a target of every group, on the group's port."""

    async def deregister(self, address: str) -> None:
        """Take the address out of every group; a no-op where it is none."""

    async def address(self) -> str:
        """The name at which clients reach the balancer (its DNSName).

        Raises:
            PermanentError: The balancer does not exist.
        """


class Artifacts(Protocol):
    """The place under `cluster.artifacts` where the proving job and generated scripts are put."""

    async def put(self, name: str, body: bytes) -> str:
        """Store `body` under `name` unless it is there already, and return its `s3://` URL."""

    def url(self, name: str) -> str:
        """The `s3://` URL of a name, whether anything is stored there or not."""

    async def digest(self, name: str) -> str | None:
        """The SHA-256 of what `put` stored under `name`; None if nothing is there, empty if it was not `put` by us.

        Raises:
            PermanentError: The place does not exist, or we may not look.
        """

    async def users(self, name: str) -> Collection[str]:
        """The groups for which `put` stored it: what several share under one prefix is stored once.

        Raises:
            PermanentError: The place does not exist, or we may not look.
        """

    async def remove(self, name: str) -> None:
        """Give up what is stored under `name`; it is deleted when no other group uses it. May be repeated."""
