"""The fault matrix of the lease: stopped leaders, and controllers that begin in the same instant."""

import random
from dataclasses import replace

import pytest

from emr_dr.controller.act import Ending
from emr_dr.controller.loop import Controller
from emr_dr.controller.tenure import LEASE_SECONDS
from emr_dr.core.group import Wanted
from emr_dr.lab.memory import OwnClock
from emr_dr.ports.store import JsonValue
from simulation.acts import (
    HOUR,
    MINUTE,
    carried_out,
    first,
    led,
    live,
    reach,
    serves,
    together,
)
from simulation.harness import Scene
from simulation.odd_ports import Pause, SlowBalancer, SlowClusters, StoppedClusters, StoppedStore

STOPPED = 3 * LEASE_SECONDS
SET_BACK = [0.0, -HOUR]
AS_IDS = ["clock untouched", "clock set back meanwhile"]


async def skipped(scene: Scene) -> list[JsonValue]:
    """The effects that were not begun, and why."""
    return [f"{e.detail['effect']}: {e.detail['detail']}" for e in await scene.events("effect_skipped")]


async def stopped_leader(scene: Scene) -> tuple[Controller, OwnClock, Controller]:
    """A leader with a wall clock of its own, and another controller; the group's member is lost."""
    await scene.declare()
    clock = OwnClock(scene.clock)
    leader = scene.controller(clock=clock, vantage="here")
    await reach(leader, lambda done: done.converged)
    scene.cloud.kill(first(scene).id)
    return leader, clock, scene.controller(vantage="there")


def asleep(scene: Scene, clock: OwnClock, ahead: float) -> Pause:
    """The whole process stands still; meanwhile somebody may set its clock."""

    async def pause() -> None:
        clock.ahead += ahead
        await scene.clock.sleep(STOPPED)

    return pause


# Row 17
@pytest.mark.parametrize("ahead", SET_BACK, ids=AS_IDS)
async def test_a_leader_that_is_stopped_between_a_save_and_its_launch_launches_nothing_any_more(ahead: float) -> None:
    scene, store = Scene(), StoppedStore()
    scene.store = store
    leader, clock, other = await stopped_leader(scene)
    store.pause = asleep(scene, clock, ahead)
    _, done = await together(scene, 10 * MINUTE, leader, other)
    assert await skipped(scene) == ["LaunchCluster: the lease is too short for another call"]
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])
    assert done.leader == other.holder


# Row 17
@pytest.mark.parametrize("ahead", SET_BACK, ids=AS_IDS)
async def test_a_leader_that_is_stopped_in_the_look_before_a_launch_launches_nothing_any_more(ahead: float) -> None:
    scene = Scene()
    leader, clock, other = await stopped_leader(scene)
    leader.actor = replace(leader.actor, clusters=StoppedClusters(scene.cloud, asleep(scene, clock, ahead)))
    await together(scene, 10 * MINUTE, leader, other)
    assert await skipped(scene) == ["LaunchCluster: the lease is too short for another call"]
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])


# Row 17
@pytest.mark.parametrize("ahead", SET_BACK, ids=AS_IDS)
@pytest.mark.parametrize("look", [1, 5, 7])
async def test_a_leader_that_is_stopped_while_it_looks_decides_nothing_on_what_it_saw(look: int, ahead: float) -> None:
    scene = Scene()
    leader, clock, other = await stopped_leader(scene)
    clusters = StoppedClusters(scene.cloud, asleep(scene, clock, ahead), at=look)
    leader.observer = replace(leader.observer, clusters=clusters)
    await together(scene, 10 * MINUTE, leader, other)
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])


# Row 17, alone: nobody else has taken the lease meanwhile
@pytest.mark.parametrize("ahead", SET_BACK, ids=AS_IDS)
async def test_a_lone_leader_that_was_stopped_drops_the_late_call_and_makes_it_anew(ahead: float) -> None:
    scene, store = Scene(), StoppedStore()
    scene.store = store
    leader, clock, _ = await stopped_leader(scene)
    store.pause = asleep(scene, clock, ahead)
    await reach(leader, lambda done: any(o.ending is Ending.SKIPPED for o in done.outcomes))
    assert len(scene.cloud.machines) == 1
    await reach(leader, serves(2))
    assert len(scene.cloud.machines) == 2


def slowed(scene: Scene, controller: Controller, seed: int) -> Controller:
    """Have the controller's calls take their time, each another."""
    chance = random.Random(seed)  # noqa: S311 - a story has to be the same each time
    clusters, balancer = SlowClusters(scene.cloud, chance), SlowBalancer(scene.cloud, chance)
    controller.observer = replace(controller.observer, clusters=clusters, balancer=balancer)
    controller.actor = replace(controller.actor, clusters=clusters, balancer=balancer)
    return controller


# Row 18
@pytest.mark.parametrize("wanted", [Wanted(1), Wanted(1, 1), Wanted(2)], ids=["1+0", "1+1", "2+0"])
@pytest.mark.parametrize("seed", [None, *range(5)])
@pytest.mark.parametrize("many", [2, 3])
async def test_controllers_that_start_in_the_same_instant_launch_what_one_would(
    many: int, seed: int | None, wanted: Wanted
) -> None:
    scene = Scene(wanted)
    await scene.declare()
    controllers = [scene.controller(vantage=f"place {n}") for n in range(many)]
    if seed is not None:
        controllers = [slowed(scene, c, 10 * seed + n) for n, c in enumerate(controllers)]
    rounds = await together(scene, 5 * MINUTE, *controllers)
    assert len(scene.cloud.machines) == wanted.serving + wanted.standby
    assert (await carried_out(scene)).count("LaunchCluster") == wanted.serving + wanted.standby
    assert len(scene.cloud.targets) == wanted.serving
    assert [done.converged for done in rounds].count(True) == 1
    assert len({done.leader for done in rounds}) == 1


# Row 18
@pytest.mark.parametrize("seed", range(5))
async def test_controllers_whose_rounds_interleave_replace_a_lost_member_once(seed: int) -> None:
    scene, member, leader = await led()
    others = [scene.controller(vantage=f"place {n}") for n in range(2)]
    controllers = [slowed(scene, c, 10 * seed + n) for n, c in enumerate([leader, *others])]
    await leader.release()
    scene.cloud.kill(member.id)
    await together(scene, 10 * MINUTE, *controllers)
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])
    assert scene.cloud.targets == {scene.cloud.live[0].address}
