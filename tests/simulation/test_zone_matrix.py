"""The fault matrix where a zone, two zones, or only AWS's word on them is lost; and what the balancer's word hides."""

import math
from dataclasses import replace

from emr_dr import service
from emr_dr.core.group import Placement, Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.core.world import EmrState, TargetState
from emr_dr.lab.memory import MemoryBalancer
from emr_dr.ports import TargetHealth
from emr_dr.service import Answer
from simulation.acts import (
    HOUR,
    MINUTE,
    go_on,
    led,
    live,
    newest,
    reach,
    serves,
    serving,
    stands,
    state,
    verdicts,
    why,
)
from simulation.harness import DELAYS, PLACEMENTS, POLICY, Scene, site
from simulation.odd_ports import MuteBalancer

NEVER = math.inf


# Row 12
async def test_a_lost_zone_is_answered_in_the_other_one_in_time_though_emr_never_notices() -> None:
    scene, member, controller = await led(scene=Scene(delays=replace(DELAYS, emr_notices=NEVER)))
    lost_at = scene.clock.now()
    scene.cloud.kill_az("az-a")
    await reach(controller, serves(2))
    policy, detection = scene.policy, scene.detection
    limits = detection.member_lost + policy.boot + policy.prove + policy.admit
    assert scene.clock.now() - lost_at <= limits
    works = DELAYS.boot + DELAYS.proof + DELAYS.draining + DELAYS.healthy
    assert scene.clock.now() - lost_at <= detection.member_lost + works + 4 * detection.interval
    assert newest(scene).placement.az == "az-b"
    assert scene.cloud.targets == {newest(scene).address}
    assert "the balancer's checks agree" in await why(scene, member, VerdictName.MEMBER_LOST)


# Row 12
async def test_a_lost_zone_is_not_launched_into_though_each_other_one_holds_a_member() -> None:
    scene, _, controller = await led(Wanted(2))
    scene.cloud.kill_az("az-a")
    await reach(controller, lambda done: done.converged)
    assert [m.placement.az for m in scene.cloud.live] == ["az-b", "az-b"]


# Row 12
async def test_the_machine_of_a_lost_zone_is_ended_by_ec2s_word_though_emr_never_notices() -> None:
    scene, member, controller = await led(scene=Scene(delays=replace(DELAYS, emr_notices=NEVER)))
    scene.cloud.kill_az("az-a")
    done = await reach(controller, lambda done: done.converged, seconds=scene.policy.retire_unconfirmed_after / 2)
    assert done.converged
    assert state(scene, member) is EmrState.ENDED


# Row 12, the balancer's word missing
async def test_ec2s_word_is_second_witness_enough_for_a_lost_zone() -> None:
    scene, member, controller = await led(scene=Scene(delays=replace(DELAYS, emr_notices=NEVER, ec2_notices=90)))
    controller.observer = replace(controller.observer, balancer=MuteBalancer(scene.cloud))
    scene.cloud.kill_az("az-a")
    await go_on(controller, 85)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]
    await reach(controller, stands(2, Stage.LAUNCHING), seconds=10)
    assert "EC2 calls its machine impaired" in await why(scene, member, VerdictName.MEMBER_LOST)


# EMR says WAITING and EC2 confirms nothing
async def test_a_member_that_no_one_calls_dead_is_replaced_and_kept_and_the_refusal_says_why() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await led(
        scene=Scene(delays=delays, policy=replace(POLICY, retire_unconfirmed_after=HOUR))
    )
    scene.cloud.kill(member.id)
    await reach(controller, serves(2))
    done = await go_on(controller, HOUR / 2)
    assert state(scene, member) is EmrState.UP
    assert done.group.refusals == ("member 1 is kept: nothing shows that it ended or runs nothing",)
    assert scene.cloud.targets == {newest(scene).address}
    await reach(controller, lambda done: done.converged)
    assert live(scene) == [2]


THREE = (*PLACEMENTS, Placement("subnet-c", "az-c"))


# Row 14
async def test_with_two_zones_in_trouble_nothing_that_may_be_of_use_is_ended() -> None:
    """Their clusters run nothing, so with one zone in trouble they would be ended at once."""
    policy = replace(POLICY, placements=THREE, attempts=6)
    scene, member, controller = await led(scene=Scene(Wanted(2), policy=policy))
    other = newest(scene)
    for harmed in (member, other):
        scene.cloud.say_unwell(harmed.id, "livy", "no session can be made")
    await reach(controller, serves(3, 4))
    done = await go_on(controller, HOUR / 2)
    assert [state(scene, m) for m in (member, other)] == [EmrState.UP, EmrState.UP]
    assert any("RegionTrouble" in refusal and "az-a and az-b" in refusal for refusal in done.group.refusals)
    scene.cloud.heal(member.id)
    await reach(controller, lambda done: done.converged)
    assert live(scene) == [3, 4]


# Row 31
async def test_a_balancer_that_still_leads_to_the_old_one_keeps_an_admission_open() -> None:
    scene, member, controller = await led()
    scene.cloud.begin_job(member.id, "etl-nightly")
    scene.cloud.stop_service(member.id, "name-node")
    await reach(controller, stands(2, Stage.ADMITTING))
    scene.cloud.heal(member.id)
    scene.cloud.front_leads_to, since = member.address, scene.clock.now()
    scene.clock.at(since + 120, lambda: setattr(scene.cloud, "front_leads_to", ""))
    await go_on(controller, 60)
    healthy = {t.health for t in await MemoryBalancer(scene.cloud).targets() if t.address == newest(scene).address}
    assert healthy == {TargetHealth.HEALTHY}, "the balancer's API says that all is well"
    done = await go_on(controller, 55)
    assert [m.stage for m in done.group.entitled] == [Stage.ADMITTING]
    await reach(controller, serves(2), seconds=10)


# Row 32
async def test_a_balancer_that_fails_open_to_an_unhealthy_member_does_not_make_the_group_healthy() -> None:
    scene, member = await serving()
    scene.cloud.cut_from_balancer(member.address)
    await scene.clock.sleep(MINUTE)
    assert scene.cloud.targets == {member.address}
    status = await service.status(site(scene))
    assert status.observation.world.clusters[0].target is TargetState.WAITING
    assert status.answer is Answer.NOT_HEALTHY
    scene.cloud.unrouted.clear()
    await scene.clock.sleep(MINUTE)
    assert (await service.status(site(scene))).answer is Answer.HEALTHY
