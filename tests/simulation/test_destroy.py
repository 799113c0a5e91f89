"""A group is ended whole, wherever its destroyer dies and whoever leads; and nothing comes back by itself."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.controller.loop import Controller
from emr_dr.core.group import Placement, Stage, Wanted
from emr_dr.core.world import EmrState
from emr_dr.errors import ConflictError, PermanentError, TransientError
from emr_dr.history.chronicle import recoveries
from emr_dr.history.recoveries import Kind
from emr_dr.lab.memory import MemoryBalancer
from emr_dr.ports import TargetFact
from emr_dr.provision.change import Change
from emr_dr.service import Answer, Site
from provision.memory_account import KilledError, MemoryAccount
from simulation.harness import GROUP, Crash, Life, Scene, site


class BlindBalancer(MemoryBalancer):
    """A balancer whose target groups somebody deleted."""

    async def targets(self) -> Sequence[TargetFact]:
        raise PermanentError("a target group does not exist")


async def applied(scene: Scene, account: MemoryAccount) -> None:
    await service.apply(site(scene, account), lambda _: None, changed=lambda _: None)


async def destroy(found: Site) -> list[Change]:
    return list(await service.destroy(found, lambda _: None, changed=lambda _: None))


async def until_led_by(scene: Scene, controller: Controller) -> None:
    for _ in range(100):
        document = await scene.store.load(GROUP)
        if document is not None and document.lease is not None and document.lease.holder == controller.holder:
            return
        await scene.clock.sleep(1)
    pytest.fail("it does not lead")


def running(scene: Scene) -> list[str]:
    now = scene.clock.now()
    return [m.id for m in scene.cloud.machines.values() if m.state(now) is not EmrState.ENDED]


async def nothing_is_left(scene: Scene, account: MemoryAccount) -> None:
    assert running(scene) == []
    assert not any((scene.cloud.targets, account.parts, scene.artifacts.files))
    document = await scene.store.load(GROUP)
    assert document is not None
    assert service.destroyed(document.group)


async def test_what_would_go_is_told_with_what_serves_and_nothing_is_touched() -> None:
    scene, account = Scene(Wanted(1, 1)), MemoryAccount()
    await applied(scene, account)
    account.writes.clear()
    before = await scene.store.load(GROUP)
    found = await service.doom(site(scene, account))
    (running_now,) = found.clusters
    assert running_now.serves
    assert running_now.cluster in scene.cloud.machines
    assert found.changes[-1].resource == "file s3://memory/prove.py"
    assert (await scene.store.load(GROUP), account.writes) == (before, [])


async def test_all_of_it_goes_and_the_second_time_there_is_nothing_to_do() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    assert await destroy(site(scene, account))
    await nothing_is_left(scene, account)
    assert not (await service.doom(site(scene, account))).anything
    assert await destroy(site(scene, account)) == []
    assert len(await scene.events("group_destroyed")) == 1


async def test_clusters_end_before_what_they_stand_on_and_are_no_targets_when_they_do() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    ended_when_deleted: list[bool] = []
    found = site(scene, account)
    await service.destroy(found, lambda _: None, changed=lambda _: ended_when_deleted.append(not running(scene)))
    assert ended_when_deleted
    assert all(ended_when_deleted)
    done = [e.detail["effect"] for e in await scene.events("effect_done")][-3:]
    assert done == ["DeregisterTarget", "UnprotectCluster", "TerminateCluster"]


async def test_history_tells_of_no_loss_when_members_end_with_their_group() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    await destroy(site(scene, account))
    told = recoveries(await scene.store.journal(GROUP, limit=100_000))
    assert [each.kind for each in told] == [Kind.FIRST_START]


async def test_wherever_its_destroyer_dies_the_next_one_ends_it_and_nothing_is_launched_again() -> None:
    for dies_at in itertools.count(1):
        scene, account, life = Scene(), MemoryAccount(), Life(dies_at=dies_at)
        await applied(scene, account)
        try:
            await destroy(site(scene, account, life))
        except Crash:
            await destroy(site(scene, account))
            await nothing_is_left(scene, account)
            assert len(scene.cloud.machines) == 1, f"died at {life.points[-1]}"
            continue
        break
    for call in ("save", "deregister", "protect", "terminate"):
        assert {f"before {call}", f"after {call}"} <= set(life.points)


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the call", "after the call"])
async def test_broken_off_at_any_call_to_the_account_the_next_one_goes_on(*, carried_out: bool) -> None:
    for kill_at in itertools.count(1):
        scene, account = Scene(), MemoryAccount()
        await applied(scene, account)
        account.writes.clear()
        account.kill_at, account.killed_after = kill_at, carried_out
        try:
            await destroy(site(scene, account))
        except KilledError:
            account.kill_at = None
            await destroy(site(scene, account))
            await nothing_is_left(scene, account)
            continue
        break
    assert kill_at > 7


async def test_a_watch_beside_it_helps_launches_nothing_and_ends() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    found = site(scene, account)
    watching = asyncio.ensure_future(service.watch(found, lambda _: None))
    await until_led_by(scene, found.controller)
    await destroy(site(scene, account))
    done = await asyncio.wait_for(watching, 2)
    assert service.destroyed(done.group)
    await nothing_is_left(scene, account)
    assert len(scene.cloud.machines) == 1


async def test_a_leader_that_cannot_see_targets_and_so_ends_nobody_is_not_waited_for_for_ever() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    found = site(scene, account)
    observer = replace(found.observer, balancer=BlindBalancer(scene.cloud))
    controller = replace(found.controller, observer=observer)
    watching = asyncio.ensure_future(service.watch(replace(found, controller=controller), lambda _: None))
    await until_led_by(scene, controller)
    with pytest.raises(TransientError, match=r"controller-\d+ leads, and has not ended member 1; stop it"):
        await destroy(site(scene, account))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await destroy(site(scene, account))
    await nothing_is_left(scene, account)


async def test_a_launch_under_way_is_found_and_ended_too() -> None:
    scene, account = Scene(), MemoryAccount()
    found = site(scene, account)
    await service.apply(found, lambda _: None, changed=lambda _: None, wait=False)
    await scene.until(lambda done: bool(done.group.at(Stage.LAUNCHING)))
    await destroy(site(scene, account))
    await nothing_is_left(scene, account)
    assert len(scene.cloud.machines) == 1


async def test_a_pause_does_not_keep_it_from_ending() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    await service.pause(site(scene, account), "upgrade", 10_000)
    await destroy(site(scene, account))
    await nothing_is_left(scene, account)


async def test_clusters_of_another_store_are_refused_and_nothing_is_deleted() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    scene.cloud.create(7, "another-origin", Placement("subnet-a", "az-a"))
    await scene.clock.sleep(600)
    account.writes.clear()
    for act in (service.doom, destroy):
        with pytest.raises(ConflictError, match="this store did not launch"):
            await act(site(scene, account))
    assert account.writes == []
    assert len(running(scene)) == 2


async def test_without_a_store_clusters_that_run_are_refused_and_else_the_rest_goes() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    lost = Scene()
    lost.cloud, lost.clock, lost.artifacts = scene.cloud, scene.clock, scene.artifacts
    with pytest.raises(ConflictError, match="this store did not launch"):
        await destroy(site(lost, account))
    (cluster,) = running(scene)
    scene.cloud.kill(cluster)
    await scene.clock.sleep(100_000)
    assert running(scene) == []
    await destroy(site(lost, account))
    assert (account.parts, scene.artifacts.files) == ({}, {})


async def test_what_aws_refuses_for_good_is_told_and_destroying_again_goes_on() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    scene.cloud.faults.fail("terminate", PermanentError("not allowed: elasticmapreduce:TerminateJobFlows"))
    with pytest.raises(PermanentError, match=r"TerminateJobFlows.*mend that, then destroy again"):
        await destroy(site(scene, account))
    assert account.parts, "what a running cluster stands on is kept"
    await destroy(site(scene, account))
    await nothing_is_left(scene, account)


async def test_stopped_before_its_end_it_says_so() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    found = site(scene, account)
    found.controller.stopping = lambda: True
    with pytest.raises(TransientError, match="stopped before the end of member 1; destroy again"):
        await destroy(found)


async def test_a_destroyed_group_is_not_healthy_and_applying_makes_it_anew() -> None:
    scene, account = Scene(), MemoryAccount()
    await applied(scene, account)
    await destroy(site(scene, account))
    assert (await service.status(site(scene, account))).answer is Answer.NOT_HEALTHY
    planned = [str(each) for each in await service.plan(site(scene, account))]
    assert f"group {GROUP}: serving: 0 -> 1 (declared: strategy active-passive)" in planned
    await applied(scene, account)
    document = await scene.store.load(GROUP)
    assert document is not None
    assert [(m.number, m.stage) for m in document.group.members] == [(2, Stage.SERVING)]
