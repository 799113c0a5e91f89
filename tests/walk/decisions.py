"""What must hold of each decision, by what it saw; the codes are those of the protocol."""

from collections.abc import Iterator

from emr_dr.core.group import COMING, ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.staffing import DAY
from emr_dr.core.standing import failing
from emr_dr.core.world import Cluster, EmrState, HostHealth, ProvingResult, TargetState, World
from walk.holding import of_hold
from walk.setup import DAY_LATER, OVERDUE

LEADS_TO = {
    Stage.LAUNCHING: (Stage.BOOTING,),
    Stage.BOOTING: (Stage.PROVING, Stage.CONDEMNED),
    Stage.PROVING: (Stage.STANDBY, Stage.FENCING, Stage.CONDEMNED),
    Stage.STANDBY: (Stage.ADMITTING, Stage.FENCING, Stage.CONDEMNED),
    Stage.ADMITTING: (Stage.SERVING, Stage.FENCING),
    Stage.SERVING: (Stage.DRAINING, Stage.FENCING),
    Stage.DRAINING: (Stage.SERVING, Stage.FENCING),
    Stage.FENCING: (Stage.PROVING, Stage.RETIRING),
    Stage.RETIRING: (),
    Stage.CONDEMNED: (),
}
SERVES_OR_TAKES_OVER = (Stage.SERVING, Stage.ADMITTING)


def _reachable(stage: Stage) -> frozenset[Stage]:
    """The stages that one decision may lead to. One that is fenced in it may be retired in it, but not proven again."""
    found, todo = set[Stage](), [*LEADS_TO[stage]]
    while todo:
        if (reached := todo.pop()) not in found:
            found.add(reached)
            todo += (Stage.RETIRING,) if reached is Stage.FENCING else LEADS_TO[reached]
    return frozenset(found)


REACHABLE = {stage: _reachable(stage) for stage in Stage}


def of_decision(before: Group, after: Group, world: World, policy: Policy) -> tuple[str, ...]:
    """What is wrong with one decision, by what it saw."""
    bad = list[str]()
    for old, m in moved(before, after):
        if old is None:
            if m.stage not in (Stage.LAUNCHING, Stage.CONDEMNED):
                bad.append(f"F1 a new member is {m.stage}")
        else:
            bad += _of_move(old, m, after, world)
    bad += _of_dropped(before, after, world)
    bad += _of_entitlement(before, after)
    bad += _of_launches(before, after, world, policy)
    bad += of_hold(before, after, world, policy)
    return tuple(bad)


def moved(before: Group, after: Group) -> Iterator[tuple[Member | None, Member]]:
    """The members in another stage than before, with what they were; None for new ones."""
    for m in after.members:
        old = _same(before, m)
        if old is None or old.stage is not m.stage:
            yield old, m


def _same(before: Group, member: Member) -> Member | None:
    """The member as it was before; its cluster may have been found in this decision."""
    for m in before.members:
        if m.number == member.number and m.cluster == member.cluster:
            return m
    for m in before.members:
        if m.number == member.number and m.cluster is None and member.stage is Stage.BOOTING:
            return m
    return None


def _of_move(old: Member, new: Member, after: Group, world: World) -> Iterator[str]:
    seen, stage = world.of(new), new.stage
    if stage not in REACHABLE[old.stage]:
        yield f"F1 {old.stage} -> {stage}"
    others = sum(m.number != new.number and world.healthy(m) for m in after.at(Stage.SERVING))
    enough = others >= after.wanted.serving
    if stage is Stage.RETIRING and not enough:
        yield "I1 retired before a proven successor serves"
    once_served = stage is Stage.RETIRING or (stage is Stage.CONDEMNED and old.epoch > 0)
    if once_served and not evidence_of_its_end(old, seen, after, world):
        yield f"E1 {stage} without evidence that nothing runs on it"
    if stage is Stage.CONDEMNED and old.stage in COMING and not enough and seen and _fit(seen) and world.at < OVERDUE:
        yield "I1 gave up a fit candidate while not enough serve"
    if old.stage in ENTITLED and stage not in SERVES_OR_TAKES_OVER and not (seen and seen.gone):
        replaced = (*SERVES_OR_TAKES_OVER, Stage.STANDBY) if stage is Stage.DRAINING else SERVES_OR_TAKES_OVER
        if not any(m.number != new.number and world.healthy(m) for m in after.at(*replaced)):
            yield f"I6a {stage} without another that is healthy"


def _fit(seen: Cluster) -> bool:
    return not (seen.lost or seen.differs or seen.proving is ProvingResult.FAILED)


def evidence_of_its_end(old: Member, seen: Cluster | None, after: Group, world: World) -> str:
    """What allows to end a member that once served; empty if nothing does. EC2's "ok" is no evidence of anything.

    Idle counts once it is out of the balancer: while a target it may still be given work. And it does not count while
    members are lost in two AZs: then the region is in trouble, and what still works may be needed.
    """
    words = {
        "EMR's word": seen is not None and seen.gone,
        "EC2's word: gone": seen is not None and seen.host is HostHealth.GONE,
        "EC2's word: impaired, and it is lost": seen is not None and seen.host is HostHealth.IMPAIRED and seen.lost,
        "kept long enough": old.stage is Stage.FENCING and world.at >= DAY_LATER,
        "a person's word": old.released,
        "idle": seen is not None and seen.idle and seen.unfinished == 0 and seen.target is TargetState.ABSENT,
    }
    if region_in_trouble(after, world):
        del words["idle"]
    return next((why for why, holds in words.items() if holds), "")


def region_in_trouble(group: Group, world: World) -> bool:
    """Whether members that EMR has not ended are lost in two AZs."""
    clusters = ((m.placement, world.of(m)) for m in group.members)
    return len({p.az for p, c in clusters if p and c and c.lost and c.emr is not EmrState.ENDED}) > 1


def _of_dropped(before: Group, after: Group, world: World) -> Iterator[str]:
    """A member whose cluster is known is forgotten only when nothing is left of it."""
    kept = {m.cluster for m in after.members}
    for m in before.members:
        if m.cluster is not None and m.cluster not in kept:
            seen = world.of(m)
            if seen is None or seen.emr is not EmrState.ENDED:
                yield f"F1 forgot a {m.stage} member that is not seen ended"


def _of_entitlement(before: Group, after: Group) -> Iterator[str]:
    old = {(m.number, m.cluster) for m in before.entitled}
    new = {(m.number, m.cluster) for m in after.entitled}
    if new - old and len(new) > after.wanted.serving:
        yield "I2 more entitled than wanted"
    if new != old and after.epoch <= before.epoch:
        yield "I5 the entitled set changed without a new epoch"


def _of_launches(before: Group, after: Group, world: World, policy: Policy) -> Iterator[str]:
    launched = sum(m.number > before.launched for m in after.at(Stage.LAUNCHING))
    if not launched:
        return
    usable = [m for m in (*after.at(*COMING), *after.entitled) if not failing(m, world, policy)]
    handing_over = any(m.number == after.leaving for m in usable)
    if len(usable) > after.wanted.serving + max(after.wanted.standby, 1 if handing_over else 0):
        yield "I3 launched more than wanted"
    if launched + sum(world.at - at < DAY for at in before.launches) > policy.launches_a_day:
        yield "I3 launched more than a day allows"
    if any(c.number > before.launched for c in world.clusters):
        yield "I3 launched though the store is older than the world"
