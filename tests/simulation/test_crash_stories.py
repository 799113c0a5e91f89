"""A controller dies at each save and each effect of a story other than a loss; the next one tells it to its end."""

import math
from dataclasses import replace

from emr_dr.controller.loop import Round
from emr_dr.core.group import Stage
from emr_dr.core.world import EmrState
from simulation.acts import MINUTE, first, left, live, newest, reach, remembered, say, serves, state
from simulation.harness import DELAYS, POLICY, Crash, Life, Scene
from simulation.test_crashes import each_crash, finish

SHORT = replace(POLICY, boot=60, attempts=2)


async def begun(scene: Scene) -> Scene:
    """A group that is served; whoever made it is gone, and has given its lease back."""
    await scene.declare()
    controller = scene.controller()
    await reach(controller, lambda done: done.converged)
    await controller.release()
    return scene


async def finish_held(scene: Scene, life: Life, why: str) -> Scene:
    """Go on until the group holds itself and nothing of its candidates is left, with another one after a crash."""

    def over(done: Round) -> bool:
        return bool(done.group.held) and not done.group.at(Stage.CONDEMNED)

    try:
        done = await scene.until(over, life)
    except Crash:
        done = await scene.until(over)
    assert over(done), f"not held: {done.group}"
    assert why in done.group.held
    return scene


# Row 16: abort
async def abort(life: Life) -> Scene:
    scene = await begun(Scene())
    scene.cloud.freeze(first(scene).id)
    scene.clock.at(scene.clock.now() + 45, lambda: scene.cloud.heal(first(scene).id))
    return await finish(scene, life)


async def test_a_lost_one_that_comes_back_goes_on_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        assert left(scene) == ([1], {first(scene).address})
        assert len(scene.cloud.machines) <= 2

    points = await each_crash(abort, check)
    assert {"after launch", "after terminate"} <= set(points), "there was a candidate to give up"


# Row 16: switchover
async def switchover(life: Life) -> Scene:
    scene = await begun(Scene())
    scene.cloud.begin_job(first(scene).id, "etl-nightly")
    await say(scene, lambda group: replace(group, leaving=1))
    scene.clock.at(scene.clock.now() + 50, lambda: scene.cloud.finish_job(first(scene).id, "etl-nightly"))
    return await finish(scene, life)


async def test_a_switchover_hands_over_once_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        assert left(scene) == ([2], {newest(scene).address})
        assert len(scene.cloud.machines) == 2

    points = await each_crash(switchover, check)
    assert {"after deregister", "after register", "after protect", "after terminate"} <= set(points)


# Row 16: failback
async def failback(life: Life) -> Scene:
    scene = Scene(policy=replace(POLICY, probation=MINUTE))
    await scene.declare()
    controller = scene.controller()
    await reach(controller, lambda done: done.converged)
    scene.cloud.stop_service(first(scene).id, "livy")
    await reach(controller, serves(2))
    scene.cloud.heal(first(scene).id)
    await controller.release()
    await say(scene, lambda group: replace(group, leaving=2))
    return await finish(scene, life)


async def test_a_failback_returns_to_the_first_one_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        assert left(scene) == ([1], {first(scene).address})
        assert len(scene.cloud.machines) == 2

    await each_crash(failback, check)


# Row 16: first start with a failing candidate
async def bad_start(life: Life) -> Scene:
    scene = Scene()
    scene.cloud.next_unfit = 1
    await scene.declare()
    return await finish(scene, life)


async def test_a_first_start_with_an_unfit_candidate_makes_one_more_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        assert left(scene) == ([2], {newest(scene).address})
        assert len(scene.cloud.machines) == 2

    await each_crash(bad_start, check)


# Row 16: hold
async def spent(life: Life) -> Scene:
    scene = await begun(Scene(policy=SHORT))
    scene.cloud.next_hang = 100
    scene.cloud.freeze(first(scene).id)
    return await finish_held(scene, life, "candidates spent without success")


async def test_a_hold_comes_after_the_same_number_of_candidates_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        # A licence that nobody used is an attempt spent, too.
        assert SHORT.attempts <= len(scene.cloud.machines) <= 1 + SHORT.attempts
        assert left(scene) == ([1], {first(scene).address})

    await each_crash(spent, check)


# Row 16: hold for the same cause
async def failed_alike(life: Life) -> Scene:
    scene = await begun(Scene())
    scene.cloud.next_fails_to_boot = 100
    scene.cloud.freeze(first(scene).id)
    return await finish_held(scene, life, "failed alike")


async def test_a_hold_for_one_cause_comes_after_two_candidates_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        # One that ended before its successor had ever seen it is launched again under its number.
        assert 3 <= len(scene.cloud.machines) <= 4
        assert left(scene) == ([1], {first(scene).address})

    await each_crash(failed_alike, check)


# Row 16: retire by EC2's word
async def retired(life: Life) -> Scene:
    scene = await begun(Scene(delays=replace(DELAYS, emr_notices=math.inf)))
    scene.cloud.kill(first(scene).id)
    return await finish(scene, life)


async def test_one_that_only_ec2_calls_dead_is_replaced_and_ended_once_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        assert scene.cloud.targets == {newest(scene).address}
        assert (len(scene.cloud.machines), len(live(scene))) == (2, 1)
        assert state(scene, first(scene)) is EmrState.ENDED

    points = await each_crash(retired, check)
    assert {"before terminate", "after terminate", "before protect", "after protect"} <= set(points)
    assert (await remembered(await retired(Life()))).launched == 2
