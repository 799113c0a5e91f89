"""What must hold, of each decision, of each deed that lands, and of each state; the codes are those of the protocol."""

from collections.abc import Iterable, Iterator

from emr_dr.core.group import COMING, ENDING, ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.staffing import DAY
from emr_dr.core.standing import failing
from emr_dr.core.world import Cluster, EmrState, ProvingResult, TargetState, World
from walk.setup import DAY_LATER, OVERDUE
from walk.state import Deed, Machine, Verb

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
    for m in after.members:
        old = _same(before, m)
        if old is None:
            if m.stage not in (Stage.LAUNCHING, Stage.CONDEMNED):
                bad.append(f"F1 a new member is {m.stage}")
        elif old.stage is not m.stage:
            bad += _of_move(old, m, after, world)
    bad += _of_dropped(before, after, world)
    bad += _of_entitlement(before, after)
    bad += _of_launches(before, after, world, policy)
    return tuple(bad)


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
    if stage is Stage.RETIRING and not _shown_to_be_over(seen, world):
        yield "E1 retired without evidence that nothing runs on it"
    if stage is Stage.CONDEMNED and old.stage in COMING and not enough and seen and _fit(seen) and world.at < OVERDUE:
        yield "I1 gave up a fit candidate while not enough serve"
    if old.stage in ENTITLED and stage not in SERVES_OR_TAKES_OVER and not (seen and seen.gone):
        replaced = (*SERVES_OR_TAKES_OVER, Stage.STANDBY) if stage is Stage.DRAINING else SERVES_OR_TAKES_OVER
        if not any(m.number != new.number and world.healthy(m) for m in after.at(*replaced)):
            yield f"I6a {stage} without another that is healthy"


def _fit(seen: Cluster) -> bool:
    return not seen.lost and seen.proving is not ProvingResult.FAILED


def _shown_to_be_over(seen: Cluster | None, world: World) -> bool:
    """Ended, or kept for long enough, or idle since it left the balancer: while a target it may still be given work."""
    if seen is None:
        return False
    return seen.gone or world.at >= DAY_LATER or (seen.idle and seen.target is TargetState.ABSENT)


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


def of_deed(deed: Deed, machine: Machine, group: Group) -> tuple[str, ...]:
    """What is wrong with a deed that lands on this cluster now, by what is saved now."""
    stage = next((m.stage for m in group.members if m.cluster == machine.id), None)
    whose = f"a cluster whose member is {stage or 'not remembered'}"
    if deed.verb is Verb.TERMINATE and machine.emr is not EmrState.ENDED and stage not in ENDING:
        return (f"I1 terminated {whose}",)
    if deed.verb is Verb.REGISTER and not machine.target and stage not in ENTITLED:
        return (f"I4 registered {whose}",)
    if deed.verb is Verb.DEREGISTER and machine.target and stage in ENTITLED:
        return ("I6 deregistered an entitled member",)
    if deed.verb is Verb.DEREGISTER and machine.target and not machine.number and machine.fit and not group.entitled:
        return ("I6b deregistered a stranger that serves, with nobody to take over",)
    return ()


def of_state(group: Group, machines: Iterable[Machine], most_serving: int) -> tuple[str, ...]:
    """What is wrong with the truth, given what is saved."""
    bad = list[str]()
    members = {m.cluster: m for m in group.members}
    entitled = {m.cluster: m.epoch for m in group.entitled}
    targets = [m.id for m in machines if m.target and m.answers and m.emr in (EmrState.UP, EmrState.ENDING)]
    inside = [entitled[i] for i in targets if i in entitled]
    outside = [members[i].epoch if i in members else 0 for i in targets if i not in entitled]
    if len(targets) > most_serving:
        bad.append("I2 more live targets than wanted")
    if any(new >= old for new in inside for old in outside):
        bad.append("I2 a revoked member and its successor are live targets together")
    numbers = [m.number for m in machines if not m.ended and m.number]
    if len(numbers) != len(set(numbers)):
        bad.append("I3 two live clusters of one launch")
    leaving = {m.cluster for m in group.at(Stage.FENCING, *ENDING)}
    staying = sum(not m.ended and m.id not in leaving for m in machines)
    if staying > 2 * (group.wanted.serving + group.wanted.standby) + 1:
        bad.append("I3 more live clusters than wanted and one candidate for each")
    if len(members.keys() - {None}) != sum(m.cluster is not None for m in group.members):
        bad.append("I4a one cluster has two members")
    return tuple(bad)


def settled(group: Group, machines: Iterable[Machine]) -> bool:
    """Whether the group has converged, or waits for a person: held, or its store is older than the world."""
    machines = tuple(machines)
    live = {m.id: m for m in machines if m.number and not m.ended}
    if group.held or any(m.number > group.launched for m in live.values()):
        return True
    serving, standby = group.at(Stage.SERVING), group.at(Stage.STANDBY)
    serving_ids = {m.cluster for m in serving}
    return (
        len(serving) == group.wanted.serving
        and len(standby) == group.wanted.standby
        and len(group.members) == len(serving) + len(standby)
        and {m.cluster for m in group.members} == live.keys()
        and all(m.fit for m in live.values())
        and {m.id for m in machines if m.target} == serving_ids
    )
