"""What one round saw: clusters, targets, health. What was not seen is not in it."""

from dataclasses import dataclass
from enum import StrEnum

from emr_dr.core.group import Member


class EmrState(StrEnum):
    """EMR's cluster states, as far as decisions tell them apart (EMR API, ClusterState)."""

    STARTING = "starting"
    """STARTING, BOOTSTRAPPING."""
    UP = "up"
    """RUNNING, WAITING."""
    ENDING = "ending"
    """TERMINATING: cannot come back, may still serve and write."""
    ENDED = "ended"
    """TERMINATED, TERMINATED_WITH_ERRORS."""


class Health(StrEnum):
    """What decisions need of a verdict."""

    HEALTHY = "healthy"
    SUSPECT = "suspect"
    LOST = "lost"
    UNKNOWN = "unknown"


class HostHealth(StrEnum):
    """EC2's word on the machine of the primary node (EC2 API, DescribeInstanceStatus)."""

    OK = "ok"
    IMPAIRED = "impaired"
    """Running, and a status check of the system or the instance fails."""
    GONE = "gone"
    """Not running: shutting down, terminated, stopping, stopped."""
    UNKNOWN = "unknown"
    """Not asked, no answer, or EC2 itself does not know yet."""


class ProvingResult(StrEnum):
    """How the proof of a candidate stands."""

    PENDING = "pending"
    """Not begun."""
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class TargetState(StrEnum):
    """A member's standing at the balancer, over all its target groups (ELBv2 API, TargetHealthStateEnum)."""

    ABSENT = "absent"
    PARTIAL = "partial"
    """A target in some of the groups only: a call to register or deregister did not reach them all."""
    WAITING = "waiting"
    """initial, unhealthy, unused; or healthy but not yet identified."""
    IN_SERVICE = "in-service"
    """Healthy in every group, and the identity check through the balancer reached this cluster."""
    DRAINING = "draining"
    UNSEEN = "unseen"


class Sight(StrEnum):
    """What a round may have been unable to see."""

    CLUSTERS = "clusters"
    TARGETS = "targets"
    PROBES = "probes"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster that carries the group's tags, as this round saw it.

    Attributes:
        host: EC2's word on the primary's machine; asked for only where something is wrong.
        idle: YARN was read and has no application running or waiting; False also when nobody could look.
        differs: What the spec demands and the cluster is not, in words; such a candidate is never admitted.
        no_room: EMR ended it because EC2 lacked capacity; `lacking` is the instance type, if EMR named one.
        unfinished: Batches of the gateways' ledger that are on it and have not ended; None if nobody could tell.
        machines_ended: How many EC2 instances it had, if every one of them is terminated; else 0.
        denied: Whether our denial of its role was read back; None if nobody could tell.
    """

    id: str
    number: int
    emr: EmrState
    address: str = ""
    health: Health = Health.UNKNOWN
    proving: ProvingResult = ProvingResult.PENDING
    target: TargetState = TargetState.ABSENT
    protected: bool = False
    idle: bool = False
    reason: str = ""
    host: HostHealth = HostHealth.UNKNOWN
    differs: tuple[str, ...] = ()
    no_room: bool = False
    lacking: str = ""
    unfinished: int | None = 0
    machines_ended: int = 0
    denied: bool | None = False

    @property
    def healthy(self) -> bool:
        """Up for EMR and healthy by verdict."""
        return self.emr is EmrState.UP and self.health is Health.HEALTHY

    @property
    def gone(self) -> bool:
        """EMR's word that it cannot come back; TERMINATING included, though it may still serve and write."""
        return self.emr in (EmrState.ENDING, EmrState.ENDED)

    @property
    def lost(self) -> bool:
        """Gone, or lost by verdict."""
        return self.gone or self.health is Health.LOST


@dataclass(frozen=True, slots=True)
class RefusedLaunch:
    """AWS refused a licensed call for good, as told by whoever made it."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class World:
    """One observation, taken at `at` (seconds of the epoch).

    Absence from `clusters` never means 'ended': it means 'not seen'.

    Attributes:
        clusters: By creation time; ended ones too, as long as EMR or a target shows them.
        strangers: Addresses that are targets of our balancer and belong to no cluster in `clusters`.
        foreign: Those of them that belong to clusters of another store; never touched.
        stray_denials: Roles that are denied, each with the cluster for whose sake, where nobody who left is that
            cluster: a call that came too late.
    """

    at: float
    clusters: tuple[Cluster, ...] = ()
    strangers: tuple[str, ...] = ()
    blind: frozenset[Sight] = frozenset()
    refused: tuple[RefusedLaunch, ...] = ()
    foreign: tuple[str, ...] = ()
    stray_denials: tuple[tuple[str, str], ...] = ()

    def of(self, member: Member) -> Cluster | None:
        """The member's cluster as seen this round; None if it was not seen or has none."""
        return next((c for c in self.clusters if c.id == member.cluster), None)

    def healthy(self, member: Member) -> bool:
        """Whether the member's cluster was seen, and seen healthy."""
        seen = self.of(member)
        return seen is not None and seen.healthy

    def lost(self, member: Member) -> bool:
        """Whether the member's cluster was seen, and seen lost."""
        seen = self.of(member)
        return seen is not None and seen.lost
