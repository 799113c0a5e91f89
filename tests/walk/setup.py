"""What one walk is about: the strategy, the adversary's budget, and the shell's rules that may be broken on purpose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from emr_dr.core.effects import Effect
from emr_dr.core.group import Group, Placement, Policy, Wanted
from emr_dr.core.recovery import decide
from emr_dr.core.world import World

# Every stamp in the document is 0, so an observation is told apart by what is over when it is made.
EARLY = 1.0
"""No wait is over."""
LATE = 10.0
"""Settling, drain, probation, cooldown and pause are over."""
DAY_LATER = 100_000.0
"""The launches of yesterday count no more, and a member that nobody saw idle was kept long enough."""
OVERDUE = 10_000_000.0
"""The deadlines of a boot, a proof and an admission are over too."""

ACTIVE_PASSIVE, WARM_STANDBY, ACTIVE_ACTIVE = Wanted(1), Wanted(1, 1), Wanted(2)
UNLIMITED = 1_000_000

POLICY = Policy(
    placements=(Placement("subnet-a", "az-a"), Placement("subnet-b", "az-b")),
    settle=5,
    tries=2,
    attempts=UNLIMITED,
    boot=1_000_000,
    prove=1_000_000,
    admit=1_000_000,
    drain=5,
    probation=5,
    cooldown=0,
    launches_a_day=UNLIMITED,
    retire_unconfirmed_after=50_000,
    protect=False,
)

Decide = Callable[[Group, World, Policy], tuple[Group, Sequence[Effect]]]


class Budget(NamedTuple):
    """How often the adversary may still do each of these; crashes and lost replies cost nothing."""

    fail: int = 0
    """A member stops answering."""
    back: int = 0
    """A failed member answers again."""
    unfit: int = 0
    """A candidate fails to boot, or boots and fails its proof."""
    lease: int = 0
    """The lease goes to another controller while its holder sleeps."""
    stale: int = 0
    """A new cluster is missing from the list."""
    slow: int = 0
    """Every deadline is over."""
    switch: int = 0
    """An operator asks for a switchover, calls it off, or wants other counts."""
    pause: int = 0
    """An operator pauses the group."""
    gone: int = 0
    """A person terminates a cluster by hand."""
    blind: int = 0
    """A round cannot see the clusters, one of them, the targets, or the members."""
    doubt: int = 0
    """A lost member looks suspect only."""
    work: int = 0
    """A batch begins to run on a member, so that it is not idle."""
    refuse: int = 0
    """AWS refuses a launch for good."""
    stranger: int = 0
    """Somebody registers an address that nobody knows."""
    restore: int = 0
    """The store is restored from its first copy."""


class Start(StrEnum):
    """Where a walk begins."""

    RUNNING = "running"
    EMPTY = "empty"
    FOREIGN = "foreign"
    """Empty, but a cluster that is none of ours serves behind the balancer."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One walk.

    Attributes:
        bounded: A call starts only if the lease outlasts its deadline.
        scale: Wanted counts that an operator may set, each change costing one `switch`.
        ending: A terminated cluster stays a while in TERMINATING, where it may still answer.
        count_attempts: Keep the number of candidates spent in the state (otherwise it is unlimited and forgotten).
        count_launches: Keep the launches of the day in the state.
        compare_and_set: False plants "the last writer wins".
        lease_in_document: False plants "taking the lease does not touch the document".
        act_first: True plants "effects before the save".
    """

    wanted: Wanted = ACTIVE_PASSIVE
    budget: Budget = field(default_factory=Budget)
    start: Start = Start.RUNNING
    bounded: bool = True
    controllers: int = 2
    policy: Policy = POLICY
    decide: Decide = decide
    scale: tuple[Wanted, ...] = ()
    ending: bool = False
    count_attempts: bool = False
    count_launches: bool = False
    compare_and_set: bool = True
    lease_in_document: bool = True
    act_first: bool = False
    limit: int = 3_000_000
