"""What must hold of each save, by what its decision saw, and of each deed that lands, by what is saved and true then.

The codes are those of the protocol; E1 is its rule that to end needs evidence, B1 that an effect lands within the lease
of whoever asked for it, O1 that nothing of another store is touched, X1 that no controller ends by itself.
"""

from collections.abc import Iterator

from emr_dr.core.group import COMING, ENDING, ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.staffing import DAY
from emr_dr.core.standing import failing
from emr_dr.core.world import Cluster, EmrState, HostHealth, ProvingResult, TargetState, World

LEFT_FOR = {
    Stage.LAUNCHING: {Stage.BOOTING},
    Stage.BOOTING: {Stage.PROVING, Stage.CONDEMNED},
    Stage.PROVING: {Stage.STANDBY, Stage.FENCING, Stage.CONDEMNED},
    Stage.STANDBY: {Stage.ADMITTING, Stage.FENCING, Stage.CONDEMNED},
    Stage.ADMITTING: {Stage.SERVING, Stage.FENCING},
    Stage.SERVING: {Stage.DRAINING, Stage.FENCING},
    Stage.DRAINING: {Stage.SERVING, Stage.FENCING},
    Stage.FENCING: {Stage.PROVING, Stage.RETIRING},
    Stage.RETIRING: set[Stage](),
    Stage.CONDEMNED: set[Stage](),
}
"""The table of stages, as the protocol has it."""
TAKES_OVER = (Stage.SERVING, Stage.ADMITTING)


def of_decision(before: Group, after: Group, world: World, policy: Policy) -> Iterator[str]:
    """What is wrong with one decision, by what it saw."""
    for m in after.members:
        old = as_before(before, m)
        if old is None:
            if m.stage not in (Stage.LAUNCHING, Stage.CONDEMNED):
                yield f"F1 a new member is {m.stage}"
        elif old.stage is not m.stage:
            yield from _of_move(old, m, after, world, policy)
    yield from _of_dropped(before, after, world)
    yield from _of_launches(before, after, world, policy)


def of_save(before: Group, after: Group) -> Iterator[str]:
    """What is wrong with a save, whoever made it."""
    old, new = {(m.number, m.cluster) for m in before.entitled}, {(m.number, m.cluster) for m in after.entitled}
    if old != new and after.epoch <= before.epoch:
        yield "I5 the entitled set changed without a new epoch"
    if new - old and len(new) > after.wanted.serving:
        yield "I2 more are entitled than are wanted to serve"
    if after.epoch < before.epoch or after.launched < before.launched:
        yield "I5 an epoch or a launch number was taken back"
    clusters = [m.cluster for m in after.members if m.cluster is not None]
    if len(clusters) != len(set(clusters)):
        yield "I4a one cluster has two members"


def as_before(before: Group, member: Member) -> Member | None:
    """The member as it was; its cluster may have been found since."""
    same = [m for m in before.members if m.number == member.number]
    known = next((m for m in same if m.cluster == member.cluster), None)
    return known or next((m for m in same if m.cluster is None and member.stage is not Stage.CONDEMNED), None)


def _of_move(old: Member, new: Member, after: Group, world: World, policy: Policy) -> Iterator[str]:
    seen = world.of(new)
    if not _leads(old.stage, new.stage):
        yield f"F1 {old.stage} -> {new.stage}"
    enough = sum(m is not new and world.healthy(m) for m in after.at(Stage.SERVING)) >= after.wanted.serving
    if new.stage is Stage.RETIRING and not enough:
        yield "I1 retired while not enough healthy members serve"
    if new.stage is Stage.RETIRING and not (
        over(old, seen, world, policy) or (only_idle(old, new, world, policy) and not _region(after, world))
    ):
        yield "E1 retired without evidence that nothing runs on it"
    if new.stage is Stage.CONDEMNED and not enough and not _unfit(old, seen, world, policy):
        yield "I1 a fit candidate was condemned while not enough healthy members serve"
    if old.stage in ENTITLED and new.stage not in TAKES_OVER and not (seen is not None and seen.gone):
        allowed = (*TAKES_OVER, Stage.STANDBY) if new.stage is Stage.DRAINING else TAKES_OVER
        if not any(m is not new and world.healthy(m) for m in after.at(*allowed)):
            yield f"I6a {old.stage} -> {new.stage} while no other healthy one serves or takes over"


def _leads(old: Stage, new: Stage) -> bool:
    """Whether one save may hold this move: several steps at once, but nobody is fenced and proven again in one."""
    found, todo = set[Stage](), sorted(LEFT_FOR[old])
    while todo:
        if (reached := todo.pop()) not in found:
            found.add(reached)
            todo += [Stage.RETIRING] if reached is Stage.FENCING else sorted(LEFT_FOR[reached])
    return new in found


def over(old: Member, seen: Cluster | None, world: World, policy: Policy) -> bool:
    """Whether nothing can run there any more, it was kept for as long as one must, or a person said so."""
    if seen is None:
        return False
    dead = seen.host is HostHealth.GONE or (seen.host is HostHealth.IMPAIRED and seen.lost)
    kept = old.stage is Stage.FENCING and world.at - old.since >= policy.retire_unconfirmed_after
    return seen.gone or dead or kept or old.released


def only_idle(old: Member, new: Member, world: World, policy: Policy) -> bool:
    """Whether nothing is known but that it runs nothing, and will be given nothing."""
    seen = world.of(new)
    idle = seen is not None and seen.idle and seen.target is TargetState.ABSENT
    return idle and not over(old, seen, world, policy)


def _region(group: Group, world: World) -> bool:
    """Whether members are lost in more than one zone: then nothing is ended that may still be of use."""
    seen = [(m.placement.az, world.of(m)) for m in group.members if m.placement is not None]
    return len({az for az, c in seen if c is not None and c.lost and c.emr is not EmrState.ENDED}) > 1


def _unfit(old: Member, seen: Cluster | None, world: World, policy: Policy) -> bool:
    limit = {Stage.BOOTING: policy.boot, Stage.PROVING: policy.prove}.get(old.stage)
    late = limit is not None and world.at - old.since >= limit
    failed = seen is not None and (seen.proving is ProvingResult.FAILED or bool(seen.differs))
    never_served = old.stage is Stage.PROVING and not old.epoch
    return late or failed or (seen is not None and (seen.gone or (never_served and seen.lost)))


def _of_dropped(before: Group, after: Group, world: World) -> Iterator[str]:
    kept = {m.cluster for m in after.members}
    for m in before.members:
        if m.cluster is not None and m.cluster not in kept:
            seen = world.of(m)
            if seen is None or seen.emr is not EmrState.ENDED or seen.target is not TargetState.ABSENT:
                yield f"F1 forgot a {m.stage} member of which something is left"


def _of_launches(before: Group, after: Group, world: World, policy: Policy) -> Iterator[str]:
    new = [m for m in after.members if m.stage is Stage.LAUNCHING and as_before(before, m) is None]
    if not new:
        return
    if before.held:
        yield "I3 launched while held"
    if any(m.number <= before.launched for m in new):
        yield "I3 a launch number was given out twice"
    usable = [m for m in (*after.at(*COMING), *after.entitled) if not failing(m, world, policy)]
    handing_over = any(m.number == after.leaving for m in usable)
    if len(usable) > after.wanted.serving + max(after.wanted.standby, 1 if handing_over else 0):
        yield "I3 launched more than is wanted"
    if len(new) + sum(world.at - at < DAY for at in before.launches) > policy.launches_a_day:
        yield "I3 launched more than a day allows"


def of_register(address: str, group: Group) -> Iterator[str]:
    """What is wrong with an address becoming a target now."""
    if address not in {m.address for m in group.entitled}:
        yield f"I4 registered {address}, {_whose(address, group)}"


def of_deregister(address: str, group: Group) -> Iterator[str]:
    """What is wrong with an address being taken out now."""
    if address in {m.address for m in group.entitled}:
        yield f"I6 deregistered {address}, {_whose(address, group)}"


def of_ending(verb: str, cluster: str, group: Group) -> Iterator[str]:
    """What is wrong with a cluster being unprotected, or ended, now."""
    stage = next((m.stage for m in group.members if m.cluster == cluster), None)
    if stage not in ENDING:
        yield f"I1 {verb} of a cluster whose member is {stage or 'not remembered'}"


def of_targets(registered: list[str], group: Group, allowed: int) -> Iterator[str]:
    """What is wrong with who gets new connections; an address that a person registered is not among them."""
    entitled = {m.address: m.epoch for m in group.entitled}
    if len(registered) > allowed:
        yield f"I2 {len(registered)} targets, {allowed} wanted"
    for address in registered:
        if address not in entitled:
            revoked = max((m.epoch for m in group.members if m.address == address), default=0)
            if any(entitled.get(other, -1) >= revoked for other in registered):
                yield f"I2 {address}, {_whose(address, group)}, is a target together with its successor"


def _whose(address: str, group: Group) -> str:
    stages = [f"{m.stage} ({m.number})" for m in group.members if m.address == address]
    return f"the address of {' and '.join(stages)}" if stages else "which is nobody's"
