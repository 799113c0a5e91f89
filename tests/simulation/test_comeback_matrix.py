"""The fault matrix of those that come back, that do not let themselves be ended, and that a person ends."""

import math
from dataclasses import replace

import pytest

from emr_dr.core.group import ENTITLED, Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.core.world import EmrState
from emr_dr.errors import PermanentError, ThrottledError
from emr_dr.lab.memory import MemoryClusters
from simulation.acts import (
    HOUR,
    MINUTE,
    carried_out,
    go_on,
    led,
    left,
    live,
    newest,
    reach,
    remembered,
    say,
    serves,
    stands,
    state,
    verdicts,
    why,
)
from simulation.harness import DELAYS, POLICY, Scene

COOLING = replace(POLICY, cooldown=HOUR)


async def entitled(scene: Scene) -> list[object]:
    """Who was entitled, one after another."""
    return [e.detail["entitled"] for e in await scene.events("entitlement_moved")]


# Row 33, before the switch
@pytest.mark.parametrize("stage", [Stage.LAUNCHING, Stage.BOOTING, Stage.PROVING])
async def test_an_old_one_that_is_back_before_the_switch_goes_on_and_the_candidate_is_given_up(stage: Stage) -> None:
    scene, member, controller = await led()
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, stage))
    scene.cloud.heal(member.id)
    assert (await reach(controller, lambda done: done.converged)).converged
    assert live(scene) == [1]
    assert scene.cloud.targets == {member.address}
    assert await entitled(scene) == [[member.id]]
    assert state(scene, newest(scene)) is EmrState.ENDED


# Row 33, while a cooldown keeps the proven candidate waiting
async def test_an_old_one_that_is_back_while_the_candidate_stands_by_goes_on_and_the_candidate_is_given_up() -> None:
    scene, member, controller = await led(scene=Scene(policy=COOLING))
    await say(scene, lambda group: replace(group, recovered_at=scene.clock.now()))
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, Stage.STANDBY))
    scene.cloud.heal(member.id)
    assert (await reach(controller, lambda done: done.converged)).converged
    assert left(scene) == ([1], {member.address})


# Row 33, after the switch
@pytest.mark.parametrize("stage", [Stage.ADMITTING, Stage.SERVING])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with a batch"])
async def test_an_old_one_that_is_back_after_the_switch_stays_fenced_and_is_ended_once_it_is_idle(
    stage: Stage, *, busy: bool
) -> None:
    scene, member, controller = await led()
    if busy:
        scene.cloud.begin_job(member.id, "etl-nightly")
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, stage))
    scene.cloud.heal(member.id)
    await go_on(controller, 10 * MINUTE)
    assert live(scene) == ([1, 2] if busy else [2])
    assert scene.cloud.targets == {newest(scene).address}
    if busy:
        scene.cloud.finish_job(member.id, "etl-nightly")
    assert (await reach(controller, lambda done: done.converged)).converged
    assert live(scene) == [2]
    assert await entitled(scene) == [[member.id], [newest(scene).id]]


# Row 34
@pytest.mark.parametrize("call", ["protect", "terminate"])
async def test_an_old_one_that_is_back_after_it_was_decided_to_end_it_is_ended_and_never_admitted_again(
    call: str,
) -> None:
    scene, member, controller = await led(scene=Scene(policy=replace(POLICY, retire_unconfirmed_after=MINUTE)))
    scene.cloud.freeze(member.id)
    await reach(controller, serves(2))
    scene.cloud.faults.fail(call, ThrottledError("slow down"), times=20)
    await reach(controller, stands(1, Stage.RETIRING))
    scene.cloud.heal(member.id)
    scene.cloud.freeze(newest(scene).id)  # there is nobody else to serve, and it is not taken back all the same
    await reach(controller, stands(3, Stage.LAUNCHING))
    assert stands(1, Stage.RETIRING)(await go_on(controller, 0)), "it is well, and still there to be taken back"
    assert state(scene, member) is EmrState.UP
    await reach(controller, serves(3))
    await reach(controller, lambda _: state(scene, member) is EmrState.ENDED)
    assert await entitled(scene) == [[member.id], ["j-0000000000002"], ["j-0000000000003"]]


PROBATION = replace(POLICY, probation=10 * MINUTE)


# Row 35
async def test_within_a_probation_nothing_is_ended_and_after_it_the_old_one_is() -> None:
    scene, member, controller = await led(scene=Scene(policy=PROBATION))
    scene.cloud.stop_service(member.id, "livy")
    await reach(controller, serves(2))
    since = scene.clock.now()
    await go_on(controller, PROBATION.probation - 10)
    assert state(scene, member) is EmrState.UP
    assert (await remembered(scene)).at(Stage.FENCING)
    assert (await reach(controller, lambda done: done.converged, seconds=MINUTE)).converged
    assert scene.clock.now() - since >= PROBATION.probation
    assert live(scene) == [2]


# Row 35
async def test_when_the_new_one_dies_in_its_probation_the_old_one_is_taken_back_if_it_is_well() -> None:
    scene, member, controller = await led(scene=Scene(policy=PROBATION))
    scene.cloud.stop_service(member.id, "livy")
    await reach(controller, serves(2))
    scene.cloud.heal(member.id)
    await go_on(controller, MINUTE)
    scene.cloud.kill("j-0000000000002")
    await reach(controller, serves(1))
    assert scene.cloud.targets == {member.address}
    assert len(scene.cloud.machines) == 2, "nobody else was launched"
    assert await entitled(scene) == [[member.id], ["j-0000000000002"], [member.id]]
    assert (await reach(controller, lambda done: done.converged)).converged
    assert live(scene) == [1]


# Row 35
async def test_when_the_new_one_dies_in_its_probation_and_the_old_one_is_not_well_the_next_one_serves() -> None:
    scene, member, controller = await led(scene=Scene(policy=PROBATION))
    scene.cloud.stop_service(member.id, "livy")
    await reach(controller, serves(2))
    scene.cloud.kill("j-0000000000002")
    await reach(controller, serves(3))
    assert state(scene, member) is EmrState.UP, "the old one is kept through the new probation"
    assert (await reach(controller, lambda done: done.converged)).converged
    assert live(scene) == [3]


class Guarded(MemoryClusters):
    """Somebody switches the protection on again each time it was switched off, for a while."""

    times = 5

    async def protect(self, cluster_id: str, *, on: bool) -> None:
        await super().protect(cluster_id, on=on)
        if not on and self.times:
            self.times -= 1
            await super().protect(cluster_id, on=True)


# Row 36
@pytest.mark.parametrize("trouble", ["protected again and again", "refused", "throttled", "ends slowly"])
async def test_an_end_that_does_not_come_about_leaves_the_service_alone_and_is_completed_later(trouble: str) -> None:
    delays = replace(DELAYS, ending=5 * MINUTE, emr_notices=math.inf, ec2_notices=5)
    scene, member, controller = await led(scene=Scene(delays=delays))
    if trouble == "protected again and again":
        controller.actor = replace(controller.actor, clusters=Guarded(scene.cloud))
    if trouble == "refused":
        scene.cloud.faults.fail("terminate", PermanentError("the cluster is protected from termination"), times=5)
    if trouble == "throttled":
        scene.cloud.faults.fail("terminate", ThrottledError("slow down"), times=5)
    scene.cloud.kill(member.id)
    await reach(controller, stands(1, Stage.RETIRING))
    serving = newest(scene)
    begun = scene.clock.now()
    asked = [state(scene, member)]
    while state(scene, member) is not EmrState.ENDED:
        done = await go_on(controller, 10)
        assert scene.cloud.targets == {serving.address}
        assert done.observation is not None
        assert done.observation.verdicts[serving.id].name is VerdictName.HEALTHY
        asked.append(state(scene, member))
    assert EmrState.ENDING in asked
    assert scene.clock.now() - begun >= 5 * MINUTE
    assert (await reach(controller, lambda done: done.converged)).converged
    assert live(scene) == [2]


# Row 37
@pytest.mark.parametrize("wanted", [Wanted(1), Wanted(1, 1), Wanted(2)], ids=["1+0", "1+1", "2+0"])
async def test_a_serving_cluster_that_a_person_ends_is_replaced_at_once_by_emrs_own_word(wanted: Wanted) -> None:
    scene, member, controller = await led(wanted)
    since = scene.clock.now()
    scene.cloud.terminate_by_hand(member.id)
    done = await go_on(controller, 0)
    assert (await verdicts(scene, member))[0] == VerdictName.MEMBER_LOST
    assert "EMR says that the cluster is ending" in await why(scene, member, VerdictName.MEMBER_LOST)
    assert member.id not in {m.cluster for m in done.group.entitled}
    assert [m.number for m in done.group.at(Stage.LAUNCHING)] == [wanted.serving + wanted.standby + 1]
    assert (await reach(controller, lambda done: done.converged)).converged
    assert member.address not in scene.cloud.targets
    assert len(scene.cloud.targets) == wanted.serving
    assert len(scene.cloud.live) == wanted.serving + wanted.standby
    assert (await carried_out(scene, since)).count("LaunchCluster") == 1


# Row 37, in the middle of a failover
@pytest.mark.parametrize("stage", [Stage.BOOTING, Stage.PROVING, Stage.ADMITTING, Stage.SERVING])
async def test_a_candidate_that_a_person_ends_is_replaced_too(stage: Stage) -> None:
    scene, member, controller = await led()
    scene.cloud.kill(member.id)
    await reach(controller, stands(2, stage))
    scene.cloud.terminate_by_hand("j-0000000000002")
    assert (await reach(controller, lambda done: done.converged)).converged
    assert live(scene) == [3]
    assert scene.cloud.targets == {newest(scene).address}
    assert not any(m.stage in ENTITLED for m in (await remembered(scene)).members if m.number < 3)
