"""Wanted against have: launch what is missing, give up what is too much, retire what was replaced."""

from collections.abc import Iterator
from dataclasses import replace

from emr_dr.core.group import COMING, Group, Member, Policy, Stage
from emr_dr.core.placement import allowed, choose
from emr_dr.core.standing import NOT_PROVEN_AGAIN, complete, missing, move, served
from emr_dr.core.world import Cluster, EmrState, HostHealth, TargetState, World

DAY = 86400.0


def staff(group: Group, world: World, policy: Policy) -> Group:
    """Take back a fenced one that recovered, launch what is missing, give up what is too much."""
    lacking = missing(group, world, policy)
    if lacking <= 0 and served(group, world):
        return _give_up(group, world, -lacking)
    for m in group.at(Stage.FENCING):
        seen = world.of(m)
        if seen is None or not seen.healthy or m.death or m.reason.startswith(NOT_PROVEN_AGAIN):
            continue
        # Also with all attempts spent, or held: it costs no launch, and left alone it would only seem to be waited for.
        # Nobody is fenced and proven again in one save: that he is no target has to be seen after he was fenced.
        free = seen.target is TargetState.ABSENT and m.denial is None and seen.denied is False
        if lacking > 0 and free and m.since != world.at:
            members = move(group.members, [m], Stage.PROVING, world.at, reason="came back")
            group = replace(group, members=members, attempts=group.attempts + 1)
        lacking -= 1  # also while it is not yet out of the balancer: wait for it rather than launch another
    for _ in range(lacking):
        group, launched = _license(group, world, policy)
        if not launched:
            break
    return group


def _license(group: Group, world: World, policy: Policy) -> tuple[Group, bool]:
    """Add one member in Launching, or say why not."""
    if group.held or group.attempts >= policy.attempts:
        return replace(group, held=group.held or f"{group.attempts} candidates spent without success"), False
    today = tuple(at for at in group.launches if world.at - at < DAY)
    if len(today) >= policy.launches_a_day:
        refusal = f"budget: {len(today)} launches in the last 24 h, {policy.launches_a_day} are allowed"
        return replace(group, refusals=(*group.refusals, refusal)), False
    if not (places := allowed(group, world, policy)):
        refusal = "the role of every placement is denied, until the members are ended for which it was"
        return replace(group, refusals=(*group.refusals, refusal)), False
    place, number = choose(group, world, replace(policy, placements=places)), group.launched + 1
    member = Member(number, Stage.LAUNCHING, world.at, tries=1, placement=place)
    return (
        replace(
            group,
            members=(*group.members, member),
            launched=number,
            launches=(*today, world.at),
            attempts=group.attempts + 1,
        ),
        True,
    )


def _give_up(group: Group, world: World, surplus: int) -> Group:
    """End lost standbys and, of the others, the least far: only ever called while all that is wanted serves."""
    known = group.at(Stage.BOOTING, Stage.PROVING, Stage.STANDBY)
    lost = [m for m in known if world.lost(m)]
    rest = sorted((m for m in known if m not in lost), key=lambda m: (COMING.index(m.stage), -m.number))
    members = group.members
    for m in (*lost, *rest[:surplus]):
        stage = Stage.FENCING if m.epoch else Stage.CONDEMNED
        members = move(members, [m], stage, world.at, reason="not needed")
    return replace(group, members=members, attempts=0 if complete(group, world) else group.attempts)


def retire(group: Group, world: World, policy: Policy) -> Group:
    """The point of no return: only when all that is wanted serves, past its probation, and only on evidence.

    Replacing needs a verdict; ending needs more: EMR's word, or YARN read as running nothing, or a long time. One
    revoked security-group rule must not cost a healthy cluster and its jobs.
    """
    steady = all(world.at - m.since >= policy.probation for m in group.at(Stage.SERVING))
    if not (steady and served(group, world)):
        return group
    total = group.wanted.serving + group.wanted.standby
    short = total > len(group.at(*COMING)) + len(group.entitled)
    replaced = [m for m in group.at(Stage.FENCING) if not (short and world.healthy(m))]
    zones = troubled_zones(group, world)
    spent = [m for m in replaced if _may_end(m, world, policy, spare=len(zones) > 1)]
    trouble = f"RegionTrouble, members are lost in {' and '.join(zones)}" if len(zones) > 1 else ""
    kept = tuple(f"member {m.number} is kept: {trouble or _unproven(m, world)}" for m in replaced if m not in spent)
    members = move(group.members, spent, Stage.RETIRING, world.at)
    return replace(group, members=members, refusals=(*group.refusals, *kept, *_waited_for(group, world, policy)))


def _waited_for(group: Group, world: World, policy: Policy) -> Iterator[str]:
    """Say whose batches cannot be run again because nobody confirms that it has ended, though it is being ended."""
    for m in group.at(Stage.RETIRING) if policy.by_gateway else ():
        seen = world.of(m)
        if m.death is None and seen is not None and seen.unfinished:
            yield f"batches of member {m.number} wait: it is being ended, and nothing proves it dead yet"


def troubled_zones(group: Group, world: World) -> tuple[str, ...]:
    """The AZs in which a member is lost that EMR has not ended; with two of them it is the region's trouble."""
    seen = [(m.placement.az, world.of(m)) for m in group.members if m.placement is not None and m.placement.az]
    return tuple(sorted({az for az, c in seen if c is not None and c.lost and c.emr is not EmrState.ENDED}))


def _may_end(m: Member, world: World, policy: Policy, *, spare: bool) -> bool:
    """Whether the evidence, or a person, allows to end it; `spare` keeps whatever may still be of use."""
    seen = world.of(m)
    if seen is None:
        return False
    if m.released:
        return True
    idle = _runs_nothing(m, seen, world.at, policy) and not spare
    # A machine whose status check fails is not dead by that alone: nothing may answer there either.
    dead = seen.host is HostHealth.GONE or (seen.host is HostHealth.IMPAIRED and seen.lost)
    return seen.gone or idle or dead or world.at - m.since >= policy.retire_unconfirmed_after


def _runs_nothing(m: Member, seen: Cluster, at: float, policy: Policy) -> bool:
    """Whether it runs nothing, and nobody may give it work in the next second, as to a target."""
    left = seen.target is TargetState.ABSENT and (not policy.by_gateway or at - m.since >= policy.views_last)
    return seen.idle and seen.unfinished == 0 and left


def _unproven(m: Member, world: World) -> str:
    """Why a fenced member is not ended."""
    seen = world.of(m)
    if seen is not None and seen.unfinished is None:
        return "nobody could tell which batches are on it"
    if seen is not None and seen.unfinished:
        return "batches on it have not ended"
    return "nothing shows that it ended or runs nothing"
