"""What must cause nothing causes nothing, and what goes wrong on the way is made good, all in virtual time."""

import asyncio
from dataclasses import replace

import pytest

from emr_dr.core.group import Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.core.world import EmrState
from emr_dr.errors import ConflictError, EmrDrError, PermanentError, ThrottledError, TransientError
from emr_dr.lab.memory import MemoryBalancer
from simulation.acts import HOUR, live, serving, verdicts, watched
from simulation.harness import DELAYS, POLICY, Scene


async def test_one_lost_probe_in_an_hour_causes_nothing() -> None:
    scene, member = await serving()
    start = scene.clock.now()
    scene.clock.at(start + 1800, lambda: scene.cloud.freeze(member.id))
    scene.clock.at(start + 1804, lambda: scene.cloud.heal(member.id))
    effects, done = await watched(scene, HOUR)
    assert effects == []
    assert done.converged
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.HEALTHY]


async def test_a_livy_restart_within_the_window_causes_nothing() -> None:
    scene, member = await serving()
    start = scene.clock.now()
    scene.clock.at(start + 60, lambda: scene.cloud.stop_service(member.id, "livy"))
    scene.clock.at(start + 90, lambda: scene.cloud.heal(member.id, "livy"))
    effects, done = await watched(scene, 600)
    assert effects == []
    assert done.converged


async def test_a_broken_path_of_our_own_probes_causes_nothing_and_is_said() -> None:
    scene, member = await serving()
    scene.cloud.unreachable.add(member.address)
    effects, _ = await watched(scene, HOUR)
    assert effects == []
    assert VerdictName.PROBE_PATH_BROKEN in await verdicts(scene, member)
    assert VerdictName.MEMBER_LOST not in await verdicts(scene, member)


async def test_a_controller_that_aws_does_not_answer_does_nothing() -> None:
    scene, member = await serving()
    scene.cloud.faults.aws_down = True
    scene.cloud.kill(member.id)
    effects, _ = await watched(scene, 600)
    assert effects == []


async def test_a_controller_that_was_away_for_long_begins_to_count_anew() -> None:
    scene, member = await serving()
    scene.cloud.freeze(member.id)
    await watched(scene, 10)
    await scene.clock.sleep(HOUR)
    scene.cloud.heal(member.id)
    scene.cloud.freeze(member.id)
    effects, _ = await watched(scene, 10)
    assert effects == []


async def test_one_dead_service_is_reason_enough_when_the_balancer_agrees() -> None:
    scene, member = await serving()
    scene.cloud.freeze(member.id, "livy")
    done = await scene.converge()
    assert done.converged
    assert live(scene) == [2]
    assert VerdictName.SERVICE_DOWN in await verdicts(scene, member)


async def test_a_lost_zone_is_answered_in_the_other_one() -> None:
    scene, _ = await serving()
    scene.cloud.kill_az("az-a")
    assert (await scene.converge()).converged
    assert [m.placement.az for m in scene.cloud.live] == ["az-b"]


async def test_a_frozen_member_is_replaced_at_once_and_ended_only_after_the_long_wait() -> None:
    scene, member = await serving()
    scene.cloud.freeze(member.id)
    await watched(scene, 900)
    assert live(scene) == [1, 2]
    assert scene.cloud.targets == {scene.cloud.live[1].address}
    scene.policy = replace(POLICY, retire_unconfirmed_after=1200)
    assert (await scene.converge()).converged
    assert live(scene) == [2]


async def test_a_member_that_comes_back_with_a_batch_is_kept_until_the_batch_has_ended() -> None:
    scene, member = await serving()
    scene.cloud.begin_job(member.id, "etl-nightly")
    scene.cloud.freeze(member.id)
    await scene.until(lambda done: bool(done.group.at(Stage.FENCING)))
    scene.cloud.heal(member.id)
    await watched(scene, 600)
    assert live(scene) == [1, 2]
    scene.cloud.finish_job(member.id, "etl-nightly")
    assert (await scene.converge()).converged
    assert live(scene) == [2]


async def test_a_lost_one_that_comes_back_before_the_switch_goes_on_serving() -> None:
    scene, member = await serving()
    scene.cloud.freeze(member.id)
    await scene.until(lambda done: bool(done.group.at(Stage.BOOTING)))
    scene.cloud.heal(member.id)
    assert (await scene.converge()).converged
    assert live(scene) == [1]
    assert scene.cloud.targets == {member.address}


async def test_a_lost_reply_makes_one_cluster() -> None:
    scene = Scene()
    await scene.declare()
    scene.cloud.faults.lose_reply("launch")
    assert (await scene.converge()).converged
    assert live(scene) == [1]


async def test_a_lost_reply_and_a_list_that_lags_make_one_cluster() -> None:
    scene = Scene(delays=replace(DELAYS, listed=15))
    await scene.declare()
    scene.cloud.faults.lose_reply("launch")
    assert (await scene.converge()).converged
    assert len(scene.cloud.machines) == 1


async def test_a_throttled_launch_is_made_again_once_the_list_has_settled() -> None:
    scene = Scene()
    await scene.declare()
    scene.cloud.faults.fail("launch", ThrottledError("slow down"))
    assert (await scene.converge()).converged
    assert live(scene) == [1]


async def test_a_refused_launch_is_tried_in_the_other_zone() -> None:
    scene = Scene()
    await scene.declare()
    scene.cloud.faults.fail("launch", PermanentError("the subnet has no free address"))
    assert (await scene.converge()).converged
    assert [(m.number, m.placement.az) for m in scene.cloud.live] == [(2, "az-b")]


async def test_a_candidate_that_fails_its_proof_is_ended_and_never_serves() -> None:
    scene = Scene()
    scene.cloud.next_unfit = 1
    await scene.declare()
    assert (await scene.converge()).converged
    unfit, fit = scene.cloud.machines.values()
    assert unfit.state(scene.clock.now()) is EmrState.ENDED
    assert scene.cloud.targets == {fit.address}


async def test_candidates_that_never_come_up_end_in_a_hold_and_not_in_more_launches() -> None:
    scene, member = await serving()
    scene.cloud.next_fails_to_boot = 100
    scene.cloud.freeze(member.id)
    done = await scene.until(lambda done: bool(done.group.held))
    assert done.group.held
    await watched(scene, HOUR)
    assert len(scene.cloud.machines) == 3, "the same cause in a second placement is not the placement's"


async def test_a_standby_that_dies_while_a_cooldown_keeps_it_waiting_is_replaced() -> None:
    """No balancer checks it, so no second witness will ever agree that it is lost."""
    scene, member = await serving(scene=Scene(policy=replace(POLICY, cooldown=900)))
    scene.cloud.freeze(member.id)
    done = await scene.until(lambda done: [m.number for m in done.group.at(Stage.SERVING)] == [2])
    scene.cloud.freeze(done.group.at(Stage.SERVING)[0].cluster or "")
    done = await scene.until(lambda done: bool(done.group.at(Stage.STANDBY)))
    scene.cloud.freeze(done.group.at(Stage.STANDBY)[0].cluster or "")
    done = await scene.until(lambda done: [m.number for m in done.group.at(Stage.SERVING)] == [4])
    assert [m.number for m in done.group.at(Stage.SERVING)] == [4]


async def test_one_effect_that_fails_is_asked_for_again() -> None:
    scene, member = await serving()
    for call in ("prove", "register", "deregister", "terminate", "protect"):
        scene.cloud.faults.fail(call, TransientError("no answer"), times=2)
    scene.cloud.kill(member.id)
    assert (await scene.converge()).converged
    assert live(scene) == [2]


@pytest.mark.parametrize("error", [PermanentError("not allowed"), ConflictError("not our tag")])
async def test_a_balancer_that_may_not_be_described_delays_an_admission_and_ends_no_controller(
    error: EmrDrError,
) -> None:
    scene = Scene()
    await scene.declare()
    scene.cloud.faults.fail("address", error, times=5)
    async with asyncio.timeout(20):
        assert (await scene.converge()).converged


async def test_an_address_that_was_given_on_to_the_serving_member_is_not_taken_out_for_its_former_owner() -> None:
    scene, member = await serving()
    former = scene.cloud.create(member.number, scene.group.origin, POLICY.placements[0])
    former.address, former.terminated_at = member.address, scene.clock.now()
    former.delays = replace(DELAYS, ending=300)
    effects, done = await watched(scene, 600)
    assert "deregister" not in effects
    assert done.converged


async def test_a_cluster_of_another_store_is_never_touched() -> None:
    scene, member = await serving()
    foreign = scene.cloud.create(9, "another-store", POLICY.placements[0])
    scene.cloud.kill(member.id)
    await scene.converge()
    assert foreign.state(scene.clock.now()) is EmrState.UP


async def test_a_target_of_another_store_is_never_taken_out_and_is_said() -> None:
    """Else two stores behind one balancer would take each other's serving members out for ever."""
    scene, _ = await serving()
    foreign = scene.cloud.create(1, "another-store", POLICY.placements[0])
    await scene.clock.sleep(DELAYS.boot)
    await MemoryBalancer(scene.cloud).register(foreign.address)
    effects, done = await watched(scene, 300)
    assert effects == []
    assert any(foreign.address in refusal for refusal in done.group.refusals)


@pytest.mark.parametrize("wanted", [Wanted(1), Wanted(1, 1), Wanted(2)], ids=["1+0", "1+1", "2+0"])
async def test_two_controllers_do_what_one_would(wanted: Wanted) -> None:
    scene, member = await serving(wanted)
    scene.cloud.kill(member.id)
    end = scene.clock.now() + 600

    async def take_part() -> None:
        with scene.clock.taking_part():
            await scene.controller().run(lambda _: scene.clock.now() >= end)

    await asyncio.gather(take_part(), take_part())
    assert len(scene.cloud.machines) == wanted.serving + wanted.standby + 1
    assert len(scene.cloud.targets) == wanted.serving
    assert member.address not in scene.cloud.targets
