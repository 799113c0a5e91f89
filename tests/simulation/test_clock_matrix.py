"""The fault matrix of clocks: set by an hour or half a minute in each phase of a failover, or wrong on one machine."""

import math
from dataclasses import replace

import pytest

from emr_dr.controller.loop import Controller
from emr_dr.controller.tenure import CLOCK_JUMP, CLOCK_SKEW, LEASE_SECONDS
from emr_dr.core.group import Stage
from emr_dr.errors import TransientError
from emr_dr.lab.memory import OwnClock
from simulation.acts import (
    HOUR,
    MINUTE,
    Until,
    carried_out,
    first,
    go_on,
    live,
    reach,
    remembered,
    stands,
    together,
)
from simulation.harness import DELAYS, Scene

PHASES: dict[str, Until] = {
    "suspected": lambda done: bool(done.document.runs),
    "launching": stands(2, Stage.LAUNCHING),
    "booting": stands(2, Stage.BOOTING),
    "proving": stands(2, Stage.PROVING),
    "admitting": stands(2, Stage.ADMITTING),
    "serving, the old one fenced": stands(2, Stage.SERVING),
    "retiring": stands(1, Stage.RETIRING),
}
JUMPS = [HOUR, -HOUR, -30.0]
SLOW = replace(DELAYS, boot=150, proof=90, healthy=70, emr_notices=math.inf, ec2_notices=30)
"""Phases that outlast a standstill, so that their deadlines are compared with the new time."""


async def served_by_its_own_clock() -> tuple[Scene, Controller, OwnClock]:
    """A group that is served, and its leader, who has a wall clock of its own; then the member is lost."""
    scene = Scene(delays=SLOW)
    await scene.declare()
    clock = OwnClock(scene.clock)
    leader = scene.controller(clock=clock)
    await reach(leader, lambda done: done.converged)
    scene.cloud.kill(first(scene).id)
    return scene, leader, clock


# Row 20
@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
async def test_a_clock_that_is_set_means_one_leases_standstill_and_a_failover_that_ends_as_well(
    phase: Until, jump: float
) -> None:
    scene, leader, clock = await served_by_its_own_clock()
    await reach(leader, phase)
    clock.ahead, since = jump, scene.clock.steady()
    calls = len(await carried_out(scene))
    still = await go_on(leader, LEASE_SECONDS - 5)
    assert still.still.startswith(f"the clock was set by {jump:+.0f} s")
    assert len(await carried_out(scene)) == calls
    assert (await reach(leader, lambda done: done.converged, seconds=10 * MINUTE)).converged
    assert scene.clock.steady() - since <= LEASE_SECONDS + SLOW.boot + SLOW.proof + SLOW.healthy + 2 * MINUTE
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])


# Row 20, while a call waits to be licensed once more
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_launch_of_which_nothing_came_is_not_waited_for_until_a_set_back_clock_has_caught_up(
    jump: float,
) -> None:
    scene, leader, clock = await served_by_its_own_clock()
    scene.cloud.faults.fail("launch", TransientError("no connection"))
    await reach(leader, PHASES["launching"])
    clock.ahead = jump
    assert (await reach(leader, lambda done: done.converged, seconds=15 * MINUTE)).converged
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])


async def test_a_clock_that_is_slewed_by_less_than_a_jump_is_nothing() -> None:
    _, leader, clock = await served_by_its_own_clock()
    clock.ahead = -0.9 * CLOCK_JUMP
    still = await go_on(leader, 10)
    assert not still.still
    assert (await reach(leader, lambda done: done.converged)).converged


# Row 20: a follower whose clock is an hour ahead takes a lease that is alive
@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_two_controllers_whose_clocks_differ_by_an_hour_are_one_leader_and_make_one_replacement(
    ahead: float,
) -> None:
    scene, leader, _ = await served_by_its_own_clock()
    terms = [e.detail["term"] for e in await scene.events("lease_taken")]
    other = scene.controller(clock=OwnClock(scene.clock, ahead), vantage="there")
    rounds = await together(scene, 20 * MINUTE, leader, other)
    taken = [e for e in await scene.events("lease_taken") if e.detail["term"] not in terms]
    assert [e.detail["holder"] for e in taken] == ([other.holder] if ahead > 0 else [])
    assert {done.leader for done in rounds} == {other.holder if ahead > 0 else leader.holder}
    assert [done.converged for done in rounds].count(True) == 1
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])


# Row 20: the one whose clock is ahead dies, and its lease seems to last for another hour
async def test_a_lease_whose_holder_died_with_its_clock_ahead_is_not_waited_out_by_that_clock() -> None:
    scene = Scene()
    await scene.declare()
    dies = scene.controller(clock=OwnClock(scene.clock, HOUR))
    await reach(dies, lambda done: done.converged)
    successor = scene.controller()
    scene.cloud.kill(first(scene).id)
    done = await reach(successor, lambda done: done.leader == successor.holder, seconds=LEASE_SECONDS + CLOCK_SKEW + 10)
    assert done.leader == successor.holder
    assert (await reach(successor, lambda done: done.converged)).converged


async def test_a_lease_that_is_renewed_is_never_taken_from_a_leader_that_lives() -> None:
    scene, leader, _ = await served_by_its_own_clock()
    other = scene.controller(vantage="there")
    await together(scene, HOUR, leader, other)
    assert {e.detail["holder"] for e in await scene.events("lease_taken")} == {leader.holder}
    assert (await remembered(scene)).launched == 2
