"""How members stand against what is wanted: the questions that every part of a decision asks."""

from collections.abc import Sequence
from dataclasses import replace

from emr_dr.core.group import COMING, ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.world import TargetState, World

NOT_PROVEN_AGAIN = "served before, and was not proven again: "
"""How the reason begins for which one that came back was fenced once more: it is not tried again."""


def overdue(member: Member, world: World, policy: Policy) -> bool:
    """Whether the member has been in its stage for longer than the stage may take."""
    limits = {
        Stage.BOOTING: policy.boot,
        Stage.PROVING: policy.prove,
        Stage.ADMITTING: policy.admit,
    }
    limit = limits.get(member.stage)
    return limit is not None and world.at - member.since >= limit


def failing(member: Member, world: World, policy: Policy) -> bool:
    """Whether somebody else has to be found for it. Earlier stages count until they are given up."""
    judged = member.stage is Stage.STANDBY or member.stage in ENTITLED
    return (judged and world.lost(member)) or (member.stage is Stage.ADMITTING and overdue(member, world, policy))


def served(group: Group, world: World) -> bool:
    """Whether as many healthy members serve as are wanted."""
    return sum(world.healthy(m) for m in group.at(Stage.SERVING)) >= group.wanted.serving


def reached(group: Group, world: World) -> bool:
    """Whether enough healthy members serve, and none of them is seen to be out of the balancer's service."""
    words = [seen.target for m in group.at(Stage.SERVING) if (seen := world.of(m)) is not None and seen.healthy]
    known_well = (TargetState.IN_SERVICE, TargetState.UNSEEN)  # what could not be read says nothing against it
    return sum(word in known_well for word in words) >= group.wanted.serving


def complete(group: Group, world: World) -> bool:
    """Whether the group has all it wants, and nothing is being built or handed over."""
    standby = sum(world.healthy(m) for m in group.at(Stage.STANDBY))
    building = group.at(Stage.LAUNCHING, Stage.BOOTING, Stage.PROVING)
    return served(group, world) and standby >= group.wanted.standby and not building and group.leaving is None


def converged(group: Group, world: World) -> bool:
    """Whether nothing is outstanding: wanted numbers are reached and stand by, all healthy, and no others exist."""
    resting = group.at(Stage.SERVING, Stage.STANDBY)
    settled = complete(group, world) and reached(group, world)
    return settled and len(resting) == len(group.members) and all(world.healthy(m) for m in resting)


def missing(group: Group, world: World, policy: Policy) -> int:
    """How many candidates are wanted beyond those there are; negative when there are too many."""
    usable = [m for m in (*group.at(*COMING), *group.entitled) if not failing(m, world, policy)]
    handing_over = any(m.number == group.leaving for m in usable)
    total = group.wanted.serving + max(group.wanted.standby, 1 if handing_over else 0)
    return total - len(usable)


def begun_anew(group: Group, at: float) -> Group:
    """Return the group with all stages entered just now, for whoever cannot compare its stamps with the time.

    Deadlines begin once more: too late to give up costs less than to end what is well.
    """
    members = tuple(replace(m, since=at) for m in group.members)
    launches = tuple(min(launched_at, at) for launched_at in group.launches)
    recovered_at = None if group.recovered_at is None else min(group.recovered_at, at)
    return replace(group, members=members, launches=launches, recovered_at=recovered_at)


def move(
    members: tuple[Member, ...], which: Sequence[Member], stage: Stage, at: float, *, epoch: int = 0, reason: str = ""
) -> tuple[Member, ...]:
    """Return `members` with those of `which` in another stage; a new epoch is stamped on them if one is given."""
    chosen = {(m.number, m.cluster) for m in which}
    return tuple(
        replace(m.to(stage, at, reason), epoch=epoch or m.epoch) if (m.number, m.cluster) in chosen else m
        for m in members
    )
