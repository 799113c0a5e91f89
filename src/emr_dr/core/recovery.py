"""One recovery machine for every strategy: from what is saved and what is seen, what to save and what to ensure.

The shell around it does, in this order and for ever:
read the document -> observe -> `decide` -> save it, conditionally, renewing the lease -> carry out the effects.

Rules the shell relies on:

* Nothing is carried out before the save that asked for it has succeeded; a refused save throws its effects away.
* The effects of one round are independent: any order, any subset, any repetition. Order comes from *seeing* the first
  thing done before the second is asked for, never from the order of a list.
* `LaunchCluster` is the exception to repetition: one save licenses one call.
* A member is *entitled* (may be in the balancer) by its saved stage alone. An entitlement moves in one save.
* Only a cluster saved as Retiring or Condemned is ever terminated, and neither stage is ever left for another.
"""

from collections.abc import Sequence
from dataclasses import replace

from emr_dr.core.advance import advance, condemn_orphans
from emr_dr.core.death import deny_roles
from emr_dr.core.effects import Effect
from emr_dr.core.ensure import outstanding
from emr_dr.core.entitlement import hand_over, move_entitlement
from emr_dr.core.group import Group, Policy
from emr_dr.core.placement import forget
from emr_dr.core.staffing import retire, staff, troubled_zones
from emr_dr.core.world import World


def decide(group: Group, world: World, policy: Policy) -> tuple[Group, Sequence[Effect]]:
    """Return the group as it should be remembered, and what to ensure because of it. `world.at` is the time."""
    before = group
    paused = group.pause is not None and world.at < group.pause.until
    group = replace(forget(group, world.at, policy), pause=group.pause if paused else None, refusals=())
    if older := _older_than(world, group):  # whoever is fenced in this memory may serve by now: nothing is touched
        return replace(group, refusals=(older,)), ()
    # Each part sees the result of the ones before, so that one save holds a consistent step.
    group = condemn_orphans(group, world)
    group = advance(group, world, policy, paused=paused)
    obstacle = _obstacle(group, world, paused=paused)
    if obstacle:
        group = replace(group, refusals=(*group.refusals, obstacle))
    else:
        group = move_entitlement(group, world, policy)
        group = hand_over(group, world, policy)
        group = staff(group, world, policy)
        group = retire(group, world, policy)
        group = deny_roles(group, world, policy, trouble=len(troubled_zones(group, world)) > 1)
    return group, tuple(outstanding(before, group, world, policy, paused=paused))


def _obstacle(group: Group, world: World, *, paused: bool) -> str:
    """Why nothing may begin or end this round; empty when nothing is in the way."""
    if paused and group.pause is not None:
        return f"paused: {group.pause.reason}"
    if world.blind:
        return "blind: " + ", ".join(sorted(world.blind))
    if world.foreign:
        return f"another store's cluster is a target of this balancer: {', '.join(world.foreign)}"
    return ""


def _older_than(world: World, group: Group) -> str:
    """Why nothing at all may be done: whatever we decided on would be a past that others have left behind."""
    newest = max((c.number for c in world.clusters), default=0)
    if newest <= group.launched:
        return ""
    unknown = ", ".join(c.id for c in world.clusters if c.number > group.launched)
    told = f"the store is older than the world: it gave out launch {group.launched}, launch {newest} exists"
    return f"{told}; restore the newest copy of the store; if there is none, nothing is done until {unknown} has ended"
