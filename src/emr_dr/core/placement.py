"""Where to launch next: the declared order, with AZs that just failed us last."""

from dataclasses import replace

from emr_dr.core.group import Avoidance, Group, Placement, Policy
from emr_dr.core.world import World


def choose(group: Group, world: World, policy: Policy) -> Placement:
    """Return the placement to try next.

    First those that neither failed a candidate lately nor hold a lost member, then the one whose failure is oldest;
    among equals one whose AZ holds no member, then the declared order. Nothing is refused for good: with every
    placement in trouble the least recent trouble is still tried.
    """
    return min(
        policy.placements,
        key=lambda p: (_trouble(p, group, world, policy), _occupied(p, group), policy.placements.index(p)),
    )


def avoid(group: Group, subnet: str, at: float, reason: str) -> Group:
    """Remember that a placement failed a candidate; the latest failure of a subnet replaces the one before."""
    others = tuple(a for a in group.avoid if a.subnet != subnet)
    return replace(group, avoid=(*others, Avoidance(subnet, at, reason)))


def forget(group: Group, at: float, policy: Policy) -> Group:
    """Drop what was remembered for long enough."""
    return replace(group, avoid=tuple(a for a in group.avoid if at - a.at < policy.avoid_for))


def _trouble(placement: Placement, group: Group, world: World, policy: Policy) -> float:
    """When the placement last gave trouble; 0 for never. An AZ that holds a lost member is in trouble now."""
    if any(_same_az(m.placement, placement) and world.lost(m) for m in group.members):
        return world.at
    failures = [a.at for a in group.avoid if a.subnet == placement.subnet and world.at - a.at < policy.avoid_for]
    return max(failures, default=0.0)


def _occupied(placement: Placement, group: Group) -> bool:
    return any(_same_az(m.placement, placement) for m in group.members)


def _same_az(one: Placement | None, other: Placement) -> bool:
    return one is not None and (one.subnet == other.subnet or (one.az == other.az != ""))
