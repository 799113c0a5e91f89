"""The fakes themselves: virtual time has one order, and the balancer and EMR take the time that they take."""

import asyncio

import pytest

from emr_dr.core.group import Placement
from emr_dr.core.world import EmrState
from emr_dr.errors import OutcomeUnknownError, PermanentError
from emr_dr.lab.memory import Delays, MemoryBalancer, MemoryCloud, MemoryClusters, MemoryProbes, VirtualClock
from emr_dr.lab.memory.cloud import FRONT
from emr_dr.ports import TargetHealth

HERE = Placement("subnet-a", "az-a")
DELAYS = Delays(boot=100, ending=10, emr_notices=50, healthy=20, unhealthy=15, draining=5)


async def test_sleepers_wake_one_at_a_time_in_the_order_of_their_times() -> None:
    clock, told = VirtualClock(start=0), list[tuple[float, str]]()

    async def sleeper(name: str, *naps: float) -> None:
        with clock.taking_part():
            for nap in naps:
                await clock.sleep(nap)
                told.append((clock.now(), name))

    await asyncio.gather(sleeper("a", 10, 10), sleeper("b", 5, 5, 5), sleeper("c", 10))
    assert told == [(5, "b"), (10, "a"), (10, "c"), (10, "b"), (15, "b"), (20, "a")]


async def test_what_is_due_happens_before_anybody_wakes_who_slept_past_it() -> None:
    clock, told = VirtualClock(start=0), list[float]()
    clock.at(7, lambda: told.append(clock.now()))
    clock.at(20, lambda: told.append(clock.now()))
    await clock.sleep(10)
    assert told == [7]


async def test_a_cancelled_sleeper_holds_nobody_up() -> None:
    clock = VirtualClock(start=0)
    with clock.taking_part():
        sleeper = asyncio.create_task(clock.sleep(5))  # does not take part, and yet sleeps
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        await clock.sleep(60)
    assert clock.now() == 60


async def served() -> tuple[MemoryCloud, str, str]:
    """A clock, a cluster that is up and a target for as long as it takes to be called healthy."""
    cloud = MemoryCloud(VirtualClock(start=0), delays=DELAYS)
    cluster = await MemoryClusters(cloud).launch(1, "0a1b", HERE)
    await cloud.clock.sleep(DELAYS.boot)
    address = cloud.machines[cluster].address
    await MemoryBalancer(cloud).register(address)
    await cloud.clock.sleep(DELAYS.healthy)
    return cloud, cluster, address


async def health(cloud: MemoryCloud) -> set[TargetHealth]:
    return {t.health for t in await MemoryBalancer(cloud).targets()}


async def test_a_target_is_initial_then_healthy_then_draining_then_gone() -> None:
    cloud, _, address = await served()
    assert await health(cloud) == {TargetHealth.HEALTHY}
    await MemoryBalancer(cloud).deregister(address)
    assert await health(cloud) == {TargetHealth.DRAINING}
    await MemoryBalancer(cloud).register(address)
    assert await health(cloud) == {TargetHealth.INITIAL}
    await MemoryBalancer(cloud).deregister(address)
    await cloud.clock.sleep(DELAYS.draining)
    assert await health(cloud) == set()


async def test_the_balancer_notices_a_frozen_member_before_emr_does() -> None:
    cloud, cluster, address = await served()
    cloud.kill(cluster)
    assert not any(r.ok for r in await MemoryProbes(cloud).check(address))
    assert await health(cloud) == {TargetHealth.HEALTHY}
    await cloud.clock.sleep(DELAYS.unhealthy)
    assert await health(cloud) == {TargetHealth.UNHEALTHY}
    assert (await MemoryClusters(cloud).describe(cluster)).state is EmrState.UP
    await cloud.clock.sleep(DELAYS.emr_notices)
    assert (await MemoryClusters(cloud).describe(cluster)).state is EmrState.ENDED


async def test_the_name_of_the_balancer_leads_to_its_target() -> None:
    cloud, cluster, _ = await served()
    assert await MemoryProbes(cloud).identity(FRONT) == cluster


async def test_a_protected_cluster_is_not_terminated_and_an_ending_one_still_answers() -> None:
    cloud, cluster, address = await served()
    clusters = MemoryClusters(cloud)
    await clusters.protect(cluster, on=True)
    with pytest.raises(PermanentError):
        await clusters.terminate(cluster)
    await clusters.protect(cluster, on=False)
    await clusters.terminate(cluster)
    assert (await clusters.describe(cluster)).state is EmrState.ENDING
    assert all(r.ok for r in await MemoryProbes(cloud).check(address))
    await cloud.clock.sleep(DELAYS.ending)
    assert await clusters.find() == []


async def test_a_lost_reply_is_of_a_call_that_was_carried_out() -> None:
    cloud = MemoryCloud(VirtualClock())
    cloud.faults.lose_reply("launch")
    with pytest.raises(OutcomeUnknownError):
        await MemoryClusters(cloud).launch(1, "0a1b", HERE)
    assert [f.number for f in await MemoryClusters(cloud).find()] == [1]
