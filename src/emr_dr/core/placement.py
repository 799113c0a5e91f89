"""Where to launch next: the declared order, with what just failed us last; and what is not a placement's fault."""

import re
from dataclasses import replace

from emr_dr.core.group import Avoidance, Group, Member, Placement, Policy, Stage
from emr_dr.core.world import World

_ZONE = re.compile(r"\b[a-z]{2}(?:-[a-z]+)+-\d[a-z]?\b")
_ID = re.compile(r"\b(?:i|j|ip|eni|sg|subnet|vpc|vol|ami|s)-[0-9A-Za-z.-]+")
_NUMBER = re.compile(r"\d+")


def choose(group: Group, world: World, policy: Policy) -> Placement:
    """Return the placement to try next.

    First those that failed no candidate lately, and of them those whose AZ holds no lost member; then the one whose
    failure is oldest. Among equals one whose AZ holds no member, then the declared order. Nothing is refused for good:
    each is tried before one that failed is tried again. Where a person named a place for the successor, a switchover
    goes nowhere else, and a failover goes there first.
    """
    wish = group.order.subnet if group.order is not None else ""
    bound = bool(wish) and group.ordered_out is None

    def rank(p: Placement) -> tuple[bool, float, bool, bool, bool, int]:
        other, failed = p.subnet != wish, _failed(p, group, world, policy)
        trouble = _lost(p, group, world), _occupied(p, group)
        return bound and other, failed, bool(wish) and other, *trouble, policy.placements.index(p)

    return min(policy.placements, key=rank)


def allowed(group: Group, world: World, policy: Policy) -> tuple[Placement, ...]:
    """The placements whose role may be used: one that is denied for a member, or that we cannot read, may not."""
    denied = {m.placement.role for m in group.members if m.placement is not None and _may_be_denied(m, world)}
    denied |= {role for role, _ in world.stray_denials}
    return tuple(p for p in policy.placements if not p.role or p.role not in denied)


def _may_be_denied(m: Member, world: World) -> bool:
    seen = world.of(m)
    return m.denial is not None or (seen is not None and seen.denied is not False)


def avoid(group: Group, avoidance: Avoidance) -> Group:
    """Remember that a placement failed a candidate; the latest failure of one kind there replaces the one before.

    The same cause in a second placement is not the placements' fault: more launches would fail alike, so the group is
    held for a person.
    """
    others = tuple(a for a in group.avoid if (a.subnet, a.instance_type) != (avoidance.subnet, avoidance.instance_type))
    after = replace(group, avoid=(*others, avoidance))
    twin = next((a for a in others if a.cause and a.cause == avoidance.cause and a.subnet != avoidance.subnet), None)
    if twin is None or group.held:
        return after
    places = f"{twin.subnet} and {avoidance.subnet}"
    return replace(after, held=f"candidates in {places} failed alike, so it is not the place: {avoidance.reason}")


def cause_of(reason: str) -> str:
    """Return a reason without what differs from launch to launch: ids, AZs, numbers."""
    return _NUMBER.sub("#", _ID.sub("#", _ZONE.sub("#", reason)))


def forget(group: Group, at: float, policy: Policy) -> Group:
    """Drop what was remembered for long enough; causes stay as long as candidates of the same recovery are tried."""
    kept = tuple(a for a in group.avoid if _fresh(a, at, policy) or (a.cause and group.attempts))
    return replace(group, avoid=kept)


def _fresh(avoidance: Avoidance, at: float, policy: Policy) -> bool:
    return at - avoidance.at < policy.avoid_for


def _failed(placement: Placement, group: Group, world: World, policy: Policy) -> float:
    """When the placement last failed a candidate, as far as it is remembered; 0 for never."""
    failures = [a.at for a in group.avoid if _speaks_of(a, placement) and _fresh(a, world.at, policy)]
    return max(failures, default=0.0)


def _lost(placement: Placement, group: Group, world: World) -> bool:
    """Whether its AZ holds a lost member; what failed a candidate is remembered, and may speak of one type only."""
    members = (m for m in group.members if m.stage is not Stage.CONDEMNED)
    return any(_same_az(m.placement, placement) and world.lost(m) for m in members)


def _speaks_of(avoidance: Avoidance, placement: Placement) -> bool:
    """Whether a failure is a reason to avoid this placement: another instance type may find room in the same subnet."""
    if avoidance.subnet != placement.subnet:
        return False
    return not (avoidance.instance_type and placement.types) or avoidance.instance_type in placement.types


def _occupied(placement: Placement, group: Group) -> bool:
    return any(_same_az(m.placement, placement) for m in group.members)


def _same_az(one: Placement | None, other: Placement) -> bool:
    return one is not None and (one.subnet == other.subnet or (one.az == other.az != ""))
