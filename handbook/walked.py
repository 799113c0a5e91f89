"""What members really do: every change of stage that walks meet, and what is asked for in each, by the product's code.

The walks are those of tests/walk: chosen here are few and small ones that pass every step of the table that all walks
are held to. `make walk` shows, over far more states, that no other step is ever taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product

from emr_dr.core.effects import Effect
from emr_dr.core.ensure import outstanding
from emr_dr.core.group import Group, Member, Placement, Policy, Stage, Wanted
from emr_dr.core.recovery import decide
from emr_dr.core.world import Cluster, EmrState, Health, ProvingResult, TargetState, World
from walk.decisions import LEADS_TO, moved
from walk.runs import ONE, adversary, one_az
from walk.search import Walk

GONE = "forgotten"
"""What becomes of a member of which nothing is left."""

WALKS = (
    replace(one_az(ONE), budget=adversary("fail, switch")),
    replace(one_az(ONE), budget=adversary("2 fail, 2 back")),
    replace(one_az(ONE), budget=adversary("gone")),
)


@dataclass(frozen=True, slots=True)
class Lives:
    """What was met.

    Attributes:
        steps: From one stage to the next, in one decision; where it led to is a stage or `GONE`.
    """

    steps: set[tuple[Stage, str]] = field(default_factory=set)

    def decide(self, group: Group, world: World, policy: Policy) -> tuple[Group, Sequence[Effect]]:
        """Decide as the product does, and note what comes of it."""
        after, effects = decide(group, world, policy)
        self.steps.update((old.stage, m.stage) for old, m in moved(group, after) if old is not None)
        kept = {m.number for m in after.members}
        self.steps.update((m.stage, GONE) for m in group.members if m.number not in kept)
        return after, effects

    @property
    def single(self) -> set[tuple[Stage, str]]:
        """The steps from one stage to the very next; the others are two of these in one save."""
        return {(was, now) for was, now in self.steps if now == GONE or now in LEADS_TO[was]}


@cache
def lives() -> Lives:
    """Walk, once for all who ask; a few seconds."""
    met = Lives()
    for setup in WALKS:
        result = Walk(replace(setup, decide=met.decide)).run()
        assert result.exhausted and not result.faults, result.story()  # noqa: S101, PT018 - `make walk` holds them to it
    return met


def asked_for(stage: Stage) -> list[str]:
    """Return the names of all effects that are ever asked for a member in this stage, whatever is seen of it."""
    member = Member(1, stage, 0.0, cluster="c", tries=1, placement=Placement("subnet-a"), address="10.0.0.1")
    group = Group("etl", "0a1b2c3d", Wanted(1), (member,), launched=1)
    unlicensed = replace(group, members=(replace(member, tries=0),))
    found = set[str]()
    for emr, target, proving, protected in product(EmrState, TargetState, ProvingResult, (False, True)):
        seen = Cluster("c", 1, emr, "10.0.0.1", Health.HEALTHY, proving, target, protected)
        effects = outstanding(unlicensed, group, World(1.0, (seen,)), Policy(), paused=False)
        found.update(type(effect).__name__ for effect in effects)
    return sorted(found)
