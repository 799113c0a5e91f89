"""`decide` put together from the product's own parts, so that a planted fault can replace one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from emr_dr.core import advance, death, ensure, entitlement, placement, staffing
from emr_dr.core.effects import Effect
from emr_dr.core.group import Group, Policy
from emr_dr.core.world import World


class Advance(Protocol):
    """The part that looks at one member alone."""

    def __call__(self, group: Group, world: World, policy: Policy, *, paused: bool) -> Group: ...


class DenyRoles(Protocol):
    """The part that says whose role is denied."""

    def __call__(self, group: Group, world: World, policy: Policy, *, trouble: bool) -> Group: ...


class Outstanding(Protocol):
    """The part that says what to ensure."""

    def __call__(
        self, before: Group, group: Group, world: World, policy: Policy, *, paused: bool
    ) -> Iterable[Effect]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a decision, in their order. A test shows that, nothing replaced, they are the product's `decide`."""

    condemn_orphans: Callable[[Group, World], Group] = advance.condemn_orphans
    advance: Advance = advance.advance
    move_entitlement: Callable[[Group, World, Policy], Group] = entitlement.move_entitlement
    hand_over: Callable[[Group, World, Policy], Group] = entitlement.hand_over
    staff: Callable[[Group, World, Policy], Group] = staffing.staff
    retire: Callable[[Group, World, Policy], Group] = staffing.retire
    deny_roles: DenyRoles = death.deny_roles
    outstanding: Outstanding = ensure.outstanding
    heeds_blindness: bool = True

    def decide(self, group: Group, world: World, policy: Policy) -> tuple[Group, Sequence[Effect]]:
        """The same as `emr_dr.core.recovery.decide`, as far as the walk keeps what it returns."""
        before = group
        paused = group.pause is not None and world.at < group.pause.until
        group = replace(placement.forget(group, world.at, policy), pause=group.pause if paused else None, refusals=())
        if any(c.number > group.launched for c in world.clusters):
            return replace(group, refusals=("the store is older than the world",)), ()
        group = self.condemn_orphans(group, world)
        group = self.advance(group, world, policy, paused=paused)
        if not (paused or world.foreign or (world.blind and self.heeds_blindness)):
            group = self.move_entitlement(group, world, policy)
            group = self.hand_over(group, world, policy)
            group = self.staff(group, world, policy)
            group = self.retire(group, world, policy)
            group = self.deny_roles(group, world, policy, trouble=len(staffing.troubled_zones(group, world)) > 1)
        return group, tuple(self.outstanding(before, group, world, policy, paused=paused))
