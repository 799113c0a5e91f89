"""Who is entitled to traffic: entitlements are taken and given in one save, which is the switch."""

from dataclasses import dataclass, replace

from emr_dr.core.group import Group, Member, Policy, Stage
from emr_dr.core.orders import called_off
from emr_dr.core.standing import failing, move
from emr_dr.core.world import World

FAILED_OVER = "failed over by hand"
"""Why a member was fenced that a person ordered out."""


@dataclass(frozen=True, slots=True)
class _Loss:
    """What becomes of one entitled member: whether it goes, whether a standby takes its place, whether it failed."""

    goes: bool = False
    takes_spare: bool = False
    unplanned: bool = False
    refusal: str = ""
    reason: str = ""


def move_entitlement(group: Group, world: World, policy: Policy) -> Group:
    """Take entitlements away and give them, in one save.

    Nobody who is not gone loses it unless another that is healthy serves or takes over in this same save.
    """
    ready = [m for m in group.at(Stage.STANDBY) if world.healthy(m)]
    spare, kept, revoked, refusals = len(ready), list(group.entitled), list[Member](), list(group.refusals)
    recovered_at = group.recovered_at
    for m in group.entitled:
        loss = _weigh(m, kept, group, world, policy, spare=spare)
        if loss.refusal:
            refusals.append(loss.refusal)
        if not loss.goes:
            continue
        spare -= loss.takes_spare
        recovered_at = world.at if loss.unplanned else recovered_at
        kept.remove(m)
        revoked.append(replace(m, reason=loss.reason))
    admitted = ready[: max(0, group.wanted.serving - len(kept))]
    if not revoked and not admitted:
        return replace(group, refusals=tuple(refusals))
    epoch = group.epoch + 1
    members = group.members
    for m in revoked:
        members = move(members, [m], Stage.FENCING, world.at, epoch=epoch, reason=m.reason)
    members = move(members, admitted, Stage.ADMITTING, world.at, epoch=epoch)
    return replace(group, members=members, epoch=epoch, recovered_at=recovered_at, refusals=tuple(refusals))


def _weigh(m: Member, kept: list[Member], group: Group, world: World, policy: Policy, *, spare: int) -> _Loss:
    seen = world.of(m)
    others = any(o is not m and o.stage is Stage.SERVING and world.healthy(o) for o in kept)
    lost = failing(m, world, policy)
    ready = _ready_to_leave(m, group, world, policy)
    if seen is not None and seen.gone:
        return _Loss(goes=True, unplanned=True, reason="EMR ends it")  # nothing can bring it back: its place is free
    room = len(kept) <= group.wanted.serving  # its place is free for a spare, once it has gone
    ordered = m.number == group.ordered_out  # a person's word, whatever it runs and however it is
    if spare and room and (ordered or (ready and not lost)):
        return _Loss(goes=True, takes_spare=True, reason=FAILED_OVER if ordered else "handed over")
    why = "lost" if world.lost(m) else "not in service in time"
    if lost and others:
        return _Loss(goes=True, unplanned=True, reason=why)
    if lost and spare and _cooling(group, world, policy):
        return _Loss(
            refusal=f"cooldown: member {m.number} is lost, and a switch was made less than {policy.cooldown:g} s ago"
        )
    staying = sum(not failing(o, world, policy) for o in kept if o is not m)
    if lost and spare and (room or staying < group.wanted.serving):  # of too many, all that are lost go in this save
        return _Loss(goes=True, takes_spare=room, unplanned=True, reason=why)
    return _Loss(goes=ready and others and len(kept) > group.wanted.serving, reason="fewer are wanted")


def _ready_to_leave(m: Member, group: Group, world: World, policy: Policy) -> bool:
    """Whether it may hand over as soon as somebody can take over, or because fewer are wanted.

    Where gateways send the work, that of the leaver goes on there and is followed: nothing is waited for.
    """
    if policy.by_gateway:
        return m is _leaver(group) and world.healthy(m) and not group.held
    seen = world.of(m)
    return m.stage is Stage.DRAINING and seen is not None and (seen.idle or _out_of_time(m, group, world, policy))


def _out_of_time(m: Member, group: Group, world: World, policy: Policy) -> bool:
    """Whether its work has been waited for long enough, by whoever asked for the handover or by the policy."""
    asked = group.order.drain if group.order is not None and m.number == group.leaving else None
    return world.at - m.since >= (policy.drain if asked is None else asked)


def _cooling(group: Group, world: World, policy: Policy) -> bool:
    return group.recovered_at is not None and world.at - group.recovered_at < policy.cooldown


def hand_over(group: Group, world: World, policy: Policy) -> Group:
    """Begin or call off a drain, for a switchover or because fewer are wanted; never of the last healthy one."""
    serving = group.at(Stage.SERVING, Stage.DRAINING)
    if group.leaving is not None and group.leaving not in {m.number for m in group.entitled}:
        group = called_off(group)
    surplus = len(group.entitled) > group.wanted.serving
    leaver = _leaver(group)
    successor = any(world.healthy(m) for m in group.at(Stage.STANDBY))
    others = any(m is not leaver and m.stage is Stage.SERVING and world.healthy(m) for m in serving)
    possible = leaver is not None and (others if surplus else successor)  # of too many, nobody takes the leaver's place
    possible = possible and not policy.by_gateway
    serve_on = [m for m in serving if m.stage is Stage.DRAINING and not (possible and m is leaver)]
    members = move(group.members, serve_on, Stage.SERVING, world.at)
    if possible and leaver is not None and leaver.stage is Stage.SERVING and world.healthy(leaver) and not group.held:
        members = move(members, [leaver], Stage.DRAINING, world.at)
    return replace(group, members=members)


def _leaver(group: Group) -> Member | None:
    """Who is to go by plan: the one that a person named, else one of too many; None if everybody stays."""
    serving = group.at(Stage.SERVING, Stage.DRAINING)
    named = next((m for m in serving if m.number == group.leaving), None)
    if named is not None or len(group.entitled) <= group.wanted.serving:
        return named
    return next((m for m in serving if m.stage is Stage.DRAINING), serving[-1] if serving else None)
