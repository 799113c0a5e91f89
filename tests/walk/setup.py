"""What one walk is about: the strategy, the adversary's budget, and the shell's rules that may be broken on purpose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
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
"""Settling, drain, probation, cooldown and pause are over, and what failed in a placement counts no more."""
DAY_LATER = 100_000.0
"""The launches of yesterday count no more, and a member of whose end nothing is known was kept long enough."""
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
    avoid_for=0,
    protect=False,
)
REMEMBERING = replace(POLICY, avoid_for=5)
"""With it a placement that failed a candidate is avoided for a while; without, only alike causes are remembered."""
BY_GATEWAY = replace(POLICY, by_gateway=True, views_last=5)
"""With it gateways send the work."""
DENYING = replace(
    BY_GATEWAY,
    placements=tuple(replace(p, role=f"role-{p.az}") for p in BY_GATEWAY.placements),
    deny_role=True,
    deny_propagation=5,
)
"""With it the roles of lost members are denied, and each place has one of its own."""
LADDER = tuple(
    Placement(f"subnet-{place}", f"az-{place}", rung, (types,))
    for rung, types in enumerate(("m5.xlarge", "m6i.xlarge"))
    for place in "ab"
)
"""Two places, and in each of them an instance type to fall back on."""

Decide = Callable[[Group, World, Policy], tuple[Group, Sequence[Effect]]]


LOOKS = ("stale", "doubt", "blind", "host")
"""What only changes how a round looks is never spent: 1 means as often as one likes."""


class Budget(NamedTuple):
    """How often the adversary may still do each of these; crashes and lost replies cost nothing."""

    fail: int = 0
    """A member stops answering; what runs on it may run on, for its path may only be cut."""
    part: int = 0
    """A member loses one of its services; YARN can still be asked what runs."""
    back: int = 0
    """A failed member answers again."""
    unfit: int = 0
    """A candidate fails to boot, or boots and fails its proof."""
    differ: int = 0
    """A candidate comes up and is not what the spec declares."""
    room: int = 0
    """EMR ends a candidate because EC2 has no room for it."""
    lease: int = 0
    """The lease goes to another controller while its holder sleeps."""
    slow: int = 0
    """Every deadline is over."""
    switch: int = 0
    """An operator asks for a switchover, calls it off, or wants other counts."""
    pause: int = 0
    """An operator pauses the group."""
    void: int = 0
    """All machines of a cluster are terminated, and EMR has not noticed."""
    gone: int = 0
    """A person terminates a cluster by hand."""
    work: int = 0
    """A batch begins to run on a member, so that it is not idle."""
    refuse: int = 0
    """AWS refuses a launch for good."""
    release: int = 0
    """An operator applies again, which releases a hold."""
    destroy: int = 0
    """An operator destroys the group."""
    stranger: int = 0
    """Somebody registers an address that nobody knows."""
    restore: int = 0
    """The store is restored from its first copy."""
    stale: int = 0
    """A new cluster may be missing from the list."""
    doubt: int = 0
    """A lost member may look suspect only."""
    blind: int = 0
    """A round may see no clusters, not one of them, no targets, or no members."""
    host: int = 0
    """EC2 may have a word on a machine that EMR still calls up: impaired, or gone."""


def spent(budget: Budget, what: str) -> Budget:
    """What is left of the budget; what costs nothing takes nothing, and looking is never spent."""
    return budget._replace(**{what: getattr(budget, what) - 1}) if what and what not in LOOKS else budget


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
        held: Automation has stopped itself before the walk begins.
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
    held: bool = False
    compare_and_set: bool = True
    lease_in_document: bool = True
    act_first: bool = False
    limit: int = 3_000_000

    @property
    def alike(self) -> bool:
        """Whether two candidates may fail for one cause; else causes need not be kept in the state."""
        b = self.budget
        overdue = b.slow * (self.wanted.serving + self.wanted.standby)  # as many may be condemned in one look
        failures = b.unfit + b.differ + b.room + b.refuse + b.gone + overdue
        return failures > 1 and len({p.subnet for p in self.policy.placements}) > 1
