"""The end of a world: troubles stop, what waits for a person gets one, and the group has to converge."""

import asyncio

from emr_dr.core.group import Group, Stage
from emr_dr.core.staffing import DAY
from emr_dr.core.world import EmrState
from simulation.worlds import people
from simulation.worlds.disturbances import MOST_AHEAD
from simulation.worlds.ground import Ground
from simulation.worlds.nature import Weather

LOOK = 10.0
"""Seconds between two looks at whether it has converged."""
RELEASES = 3
"""Holds after the end of all troubles that a person may have to release."""
SLACK = 900.0
LOOKED = 90.0
"""Seconds in which a controller has looked again, even if it waits for a lease first."""


def heal(ground: Ground) -> None:
    """End all troubles. What died stays dead, and what was refused or is unfit stays so."""
    ground.story.tell("world", "ALL TROUBLES END")
    ground.calm, ground.weather, nature = True, Weather(), ground.nature
    nature.dark.clear()
    nature.unrouted.clear()
    nature.impaired.clear()
    nature.front_leads_to = ""
    nature.next_fails_to_boot = nature.next_unfit = nature.next_without_room = 0
    nature.next_differ = nature.next_hang = 0
    nature.full.clear()
    for machine in nature.machines.values():
        nature.heal(machine.id)
        if machine.origin != ground.origin:
            nature.deregister_by_hand(machine.address)
    for host in ground.hosts:
        host.isolated = host.cut_from_aws = host.clock_wrong = host.down = False
        host.hidden.clear()
        host.clock.ahead = host.plan.ahead
        if host.life is not None:
            host.life.calm()


async def converge(ground: Ground, seconds: float) -> str:
    """Wait until the group has converged; why it has not, if it takes longer than this."""
    until, calm, releases, jumps = ground.clock.now() + seconds, 0, 0, 0
    while not ground.monitor.wrong:
        await asyncio.sleep(LOOK)
        why = _outstanding(ground)
        calm = 0 if why else calm + 1
        if calm > 1:
            ground.story.tell("world", "CONVERGED")
            return ""
        group = ground.store.kept.group if ground.store.kept is not None else None
        if group is not None and group.held and releases < RELEASES:
            releases += 1
            people.release(ground)
        elif group is not None and why and (rest := _waits(group, ground)) and jumps < 4 * RELEASES:
            jumps += 1
            until += rest
            await _jump(ground, rest)
        elif ground.clock.now() > until:
            return f"after {seconds:.0f} s, {releases} releases and {jumps} jumps: {why}"
    return ""


def patience(ground: Ground) -> float:
    """How long everything may take that has to come after the last trouble, but for what is jumped over.

    What was launched under troubles may fail yet, and what takes its place takes its own time. A clock that was ahead
    left stamps behind, of a lease too, that time has to catch up with.
    """
    p = ground.setting.policy
    candidate = p.boot + p.prove + p.admit + p.settle
    return 2 * candidate + p.probation + p.drain + MOST_AHEAD + SLACK


def _waits(group: Group, ground: Ground) -> float:
    """For how long nothing can happen but that time passes: this much is jumped over."""
    refusals = " ".join(group.refusals)
    if "budget" in refusals:
        return DAY
    if "is kept" in refusals:
        return ground.setting.policy.retire_unconfirmed_after
    return ground.setting.policy.cooldown if "cooldown" in refusals else 0.0


async def _jump(ground: Ground, seconds: float) -> None:
    """Let time pass without anybody looking."""
    ground.story.tell("world", f"{seconds:.0f} s pass")
    for host in ground.hosts:
        host.down = True
        if host.life is not None:
            host.life.stop(seconds)
    await asyncio.sleep(seconds)
    for host in ground.hosts:
        host.down = False
    await asyncio.sleep(LOOKED)


def _outstanding(ground: Ground) -> str:
    """What is not yet as it should be, in truth and by the last round of whoever leads; empty when nothing is."""
    assert ground.store.kept is not None
    group, now = ground.store.kept.group, ground.clock.now()
    told = ", ".join(f"{m.number} {m.stage}" for m in group.members)
    fresh = now - 2 * ground.setting.detection.interval - LOOK
    rounds = [h.seen[1] for h in ground.hosts if h.seen is not None and h.seen[0] >= fresh]
    if not any(done.converged for done in rounds):
        return f"no round converged; {told}; {'; '.join(group.refusals)} {group.held}"
    serving, standby = group.at(Stage.SERVING), group.at(Stage.STANDBY)
    if (len(serving), len(standby)) != (group.wanted.serving, group.wanted.standby):
        return f"{group.wanted} is wanted: {told}"
    if ground.nature.registered() != sorted(m.address for m in serving):
        return f"{ground.nature.registered()} are targets: {told}"
    if {m.id for m in ground.nature.alive(ground.origin)} != {m.cluster for m in group.members}:
        return f"clusters live that are nobody's: {[m.id for m in ground.nature.alive(ground.origin)]}; {told}"
    ended = [m for m in serving if ground.nature.machines[m.cluster or ""].state(now) is not EmrState.UP]
    return f"{ended} serve and are not up" if ended else ""
