"""What is remembered of a recovery group: its members, their stages, and what a strategy wants."""

from dataclasses import dataclass, replace
from enum import StrEnum

from emr_dr.core.view import Proof


class Stage(StrEnum):
    """Where a member is in its life. docs/explanation/protocol.md has the table of who leaves which stage when.

    Retired is not a stage: a retired member leaves the document, and the journal keeps it.
    """

    LAUNCHING = "launching"
    """Licensed by a save: one RunJobFlow a licence, its cluster not seen yet."""
    BOOTING = "booting"
    """Its cluster was seen; EMR starts it."""
    PROVING = "proving"
    """EMR says that it is up; it runs a Spark job and is compared with the spec."""
    STANDBY = "standby"
    """Proven and healthy; it takes a place as soon as one is free."""
    ADMITTING = "admitting"
    """Entitled: it is registered, and not in service at the balancer yet."""
    SERVING = "serving"
    """Entitled, and in service."""
    DRAINING = "draining"
    """Entitled still, while it hands over: it ends what it has."""
    FENCING = "fencing"
    """No longer entitled: taken out of the balancer, and kept until evidence allows to end it."""
    RETIRING = "retiring"
    """Served once and is ended now; never left for another stage."""
    CONDEMNED = "condemned"
    """A candidate that is unfit or not needed, or an orphan, is ended; never left for another stage."""


COMING = (Stage.LAUNCHING, Stage.BOOTING, Stage.PROVING, Stage.STANDBY)
"""The stages of a candidate, from the least far to the furthest."""

ENTITLED = frozenset({Stage.ADMITTING, Stage.SERVING, Stage.DRAINING})
"""The stages whose members may be targets of the balancer. Entitlement follows from the saved stage alone."""

ENDING = frozenset({Stage.RETIRING, Stage.CONDEMNED})
"""The stages whose clusters may be terminated. Neither is ever left for another."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and of what a member may be made. EMR puts every node of a cluster into one subnet, hence into one AZ.

    Attributes:
        rung: Which instance types are asked for: 0 the declared ones, 1 their first alternatives, and so on.
        types: Those instance types; empty where EMR chooses among several itself.
        role: The instance profile of members here, if it is another than the template's.
    """

    subnet: str
    az: str = ""
    rung: int = 0
    types: tuple[str, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """The word that a member's own role is to be denied everything, so that nothing of it can write any more.

    Attributes:
        seen_at: Since when it has been read back without a break; None as long as it was not.
    """

    seen_at: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One EMR cluster of the group, from the licence to launch it until it is retired.

    Attributes:
        number: The launch number, its generation: given out by a save, never twice, tagged on the cluster at creation.
        since: When the stage was entered, in seconds of the epoch; in Launching, when the last call was licensed.
        epoch: The epoch that last gave or took its entitlement; 0 if it never carried traffic.
        tries: RunJobFlow calls licensed for this number.
        address: The primary's private address, once it was seen; kept because a target outlives its cluster.
        released: A person's word that it may be retired without evidence; it holds for the stage it was given in.
        death: The proof that nothing of it runs or writes any more. Once found it stays, whatever happens: gateways
            act on it.
        denial: Whether its role is to be denied; None where it may do as its role says.
    """

    number: int
    stage: Stage
    since: float
    cluster: str | None = None
    epoch: int = 0
    tries: int = 0
    placement: Placement | None = None
    address: str = ""
    reason: str = ""
    released: bool = False
    death: Proof | None = None
    denial: Denial | None = None

    def to(self, stage: Stage, at: float, reason: str = "") -> "Member":
        """Return this member in another stage; itself, untouched, if it is there already."""
        if stage is self.stage:
            return self
        return replace(self, stage=stage, since=at, reason=reason, released=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The whole of a strategy: active-passive 1+0, warm-standby 1+1, active-active 2+0."""

    serving: int
    standby: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """A person stopped the automation, with a reason and an end (seconds of the epoch)."""

    reason: str
    until: float


@dataclass(frozen=True, slots=True)
class Order:
    """How a person wants the member in `Group.leaving` to go.

    A switchover waits for its work, needs it healthy, and is called off when a candidate fails. A failover goes on
    until somebody proven takes over, whatever the member runs and however it is: a person's word in place of a verdict.

    Attributes:
        subnet: Where the successor is to live; empty where the placement order decides.
        drain: Seconds for which a switchover waits for the member's work; None for the policy's limit.
    """

    failover: bool = False
    subnet: str = ""
    drain: float | None = None


@dataclass(frozen=True, slots=True)
class Avoidance:
    """A placement that refused or failed a candidate, and when: it is tried last until it is forgotten.

    Attributes:
        cause: What failed, in words that are equal for equal causes wherever they happened; empty if the placement
            itself is to blame (no capacity, silence), so that it says nothing of the others.
        instance_type: The type that was lacking; empty if the trouble is not about one.
    """

    subnet: str
    at: float
    reason: str
    cause: str = ""
    instance_type: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The saved document's decision part; version and lease belong to the envelope (`Document`).

    Attributes:
        origin: Drawn once when the group is first saved and tagged on every cluster: clusters of the same group name
            that carry another origin were made under another store and are never touched.
        epoch: Grows with each change of the entitled set; the fencing token.
        launched: The last launch number given out.
        launches: When RunJobFlow was licensed during the last day, for the budget.
        attempts: Candidates spent since the group last had all it wanted.
        leaving: The member that hands over, when a switchover, failback or failover was asked for.
        order: How it is to go; None where nobody is asked to, or an older version was asked.
        held: Why automation stopped itself and waits for a person; empty when it did not.
        refusals: What this round's decision would have begun but must not, and why.
    """

    name: str
    origin: str
    wanted: Wanted
    members: tuple[Member, ...] = ()
    epoch: int = 0
    launched: int = 0
    launches: tuple[float, ...] = ()
    attempts: int = 0
    leaving: int | None = None
    order: Order | None = None
    pause: Pause | None = None
    held: str = ""
    recovered_at: float | None = None
    avoid: tuple[Avoidance, ...] = ()
    refusals: tuple[str, ...] = ()

    def at(self, *stages: Stage) -> tuple[Member, ...]:
        """The members in any of these stages, in the order in which they were launched."""
        return tuple(m for m in self.members if m.stage in stages)

    @property
    def ordered_out(self) -> int | None:
        """The member that a person wants replaced however it is; None if nobody does."""
        return self.leaving if self.order is not None and self.order.failover else None

    @property
    def entitled(self) -> tuple[Member, ...]:
        """The members that may be targets of the balancer."""
        return self.at(*ENTITLED)


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits that the declared spec sets on decisions. All times in seconds.

    Attributes:
        placements: Where members may live, in the order of preference.
        settle: How long after a licence a cluster may still be missing from the list: the create call's deadline plus
            the lag of ListClusters. A licence is repeated only after it.
        tries: RunJobFlow calls for one launch number.
        attempts: Candidates for one recovery, then the group is held.
        stop_work: Whether a fenced member's batches are stopped by tag; only a gateway tags them.
        retire_unconfirmed_after: A fenced member that nobody saw ended or idle is kept this long.
        by_gateway: The balancer's targets are Livy gateways, which send work to members as they are told who is
            entitled: no member is ever a target, and batches end where they began.
        deny_role: Whether the role of a lost member is denied, as a proof that nothing of it writes any more.
        deny_propagation: How long a denial must have been in force before it counts.
        views_last: How long after a change of entitlement a gateway may still act on what it was told before.
        avoid_for: How long a placement that failed a candidate is tried last.
    """

    placements: tuple[Placement, ...] = ()
    settle: float = 120.0
    tries: int = 2
    attempts: int = 3
    boot: float = 1800.0
    prove: float = 600.0
    admit: float = 600.0
    drain: float = 3600.0
    probation: float = 600.0
    cooldown: float = 1800.0
    launches_a_day: int = 6
    retire_unconfirmed_after: float = 86400.0
    avoid_for: float = 1800.0
    protect: bool = True
    stop_work: bool = False
    by_gateway: bool = False
    views_last: float = 15.0
    deny_role: bool = False
    deny_propagation: float = 60.0
