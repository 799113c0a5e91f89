"""What must hold of a group that is held, of what holds it, and of a loss that a proven standby can answer."""

from collections.abc import Iterator

from emr_dr.core.group import Group, Member, Policy, Stage
from emr_dr.core.world import EmrState, ProvingResult, World
from walk.setup import OVERDUE

CANDIDATES = (Stage.LAUNCHING, Stage.BOOTING, Stage.PROVING)


def of_hold(before: Group, after: Group, world: World, policy: Policy) -> Iterator[str]:
    """What is wrong with a decision as far as holds go."""
    if before.held:
        yield from _of_launches_while_held(before, after)
    if not _hindered(before, world, policy) and _leaves_a_loss_unanswered(after, world):
        yield "H2 a loss is left unanswered though a proven standby could take over"
    failed = [m for m in before.at(*CANDIDATES) if _fails_by_itself(m, after, world)]
    alike = failed_alike(after)
    if alike and not after.held:
        yield "H3 candidates failed alike in two places, and the group is not held"
    if after.held and not before.held and after.attempts < policy.attempts and not (alike and failed):
        yield "H4 held though the candidates did not fail alike"
    known = {a.subnet for a in after.avoid if a.cause}
    if any(m.placement and m.placement.subnet not in known for m in failed if not _overdue(m, world)):
        yield "H3 forgot at once why a candidate failed"


def failed_alike(group: Group) -> bool:
    """Whether one cause is remembered of two places."""
    places = {(a.cause, a.subnet) for a in group.avoid if a.cause}
    return len(places) > len({cause for cause, _ in places})


def _of_launches_while_held(before: Group, after: Group) -> Iterator[str]:
    """What is under way goes on: a call whose outcome was lost may be made again for its launch number."""
    numbers = {m.number for m in before.members}
    if any(m.number not in numbers for m in after.at(Stage.LAUNCHING)):
        yield "H1 launched while held"


def _hindered(group: Group, world: World, policy: Policy) -> bool:
    """Whether something forbids to answer a loss in this round."""
    paused = group.pause is not None and world.at < group.pause.until
    older = any(c.number > group.launched for c in world.clusters)
    cooling = policy.cooldown > 0 and group.recovered_at is not None
    return paused or older or cooling or bool(world.blind)


def _leaves_a_loss_unanswered(group: Group, world: World) -> bool:
    able = sum(not world.lost(m) for m in group.entitled)
    return able < group.wanted.serving and any(world.healthy(m) for m in group.at(Stage.STANDBY))


def _fails_by_itself(m: Member, after: Group, world: World) -> bool:
    """Whether a candidate ends here for a cause that it would meet anywhere: not for want of room, nor in silence."""
    if m.stage is Stage.LAUNCHING:
        return any(r.number == m.number for r in world.refused) and all(o.number != m.number for o in after.members)
    seen = world.of(m)
    condemned = any(o.cluster == m.cluster for o in after.at(Stage.CONDEMNED))
    if seen is None or not condemned or seen.no_room or seen.emr is EmrState.STARTING:
        return False
    unproven = m.stage is Stage.PROVING and (bool(seen.differs) or seen.proving is ProvingResult.FAILED)
    return seen.gone or unproven or _overdue(m, world)


def _overdue(m: Member, world: World) -> bool:
    return m.stage in CANDIDATES and world.at >= OVERDUE
