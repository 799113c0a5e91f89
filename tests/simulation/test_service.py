"""The service functions, over memory and virtual time: what each does, refuses, and leaves alone."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.core.document import Document
from emr_dr.core.group import Placement
from emr_dr.errors import ConflictError, PermanentError, TransientError, UsageError
from emr_dr.lab.memory import OwnClock
from emr_dr.provision.change import Change
from emr_dr.service import Answer, Site
from emr_dr.stores.memory import MemoryStore
from provision.memory_account import MemoryAccount, Subnet
from simulation.acts import HOUR
from simulation.harness import GROUP, Scene, site
from simulation.odd_ports import FailingStore


async def apply(found: Site) -> list[Change]:
    return list(await service.apply(found, lambda _: None, changed=lambda _: None))


async def test_to_apply_makes_a_first_member_that_serves_and_to_apply_again_changes_nothing() -> None:
    scene, account = Scene(), MemoryAccount()
    assert await apply(site(scene, account))
    serving = scene.cloud.targets
    assert len(serving) == len(scene.cloud.machines) == 1
    assert await apply(site(scene, account)) == []
    assert (scene.cloud.targets, len(scene.cloud.machines)) == (serving, 1)


async def test_a_new_store_does_not_begin_where_clusters_of_another_one_run() -> None:
    scene, account = Scene(), MemoryAccount()
    scene.cloud.create(1, "another-origin", Placement("subnet-a", "az-a"))
    with pytest.raises(ConflictError, match="unknown to this store"):
        await apply(site(scene, account))
    assert await scene.store.load(GROUP) is None
    assert account.parts == {}, "it refused before it made anything"


async def test_a_held_group_says_so_and_to_apply_again_gives_it_new_attempts() -> None:
    scene = Scene()
    scene.cloud.faults.fail("launch", PermanentError("not enough rights"), times=3)
    with pytest.raises(PermanentError, match="stopped itself"):
        await apply(site(scene))
    assert scene.cloud.machines == {}
    await apply(site(scene))
    assert len(scene.cloud.machines) == 1


async def test_status_and_check_tell_healthy_not_healthy_and_could_not_tell_apart() -> None:
    scene = Scene()
    await apply(site(scene))
    assert (await service.status(site(scene))).answer is Answer.HEALTHY
    (cluster,) = scene.cloud.machines
    scene.cloud.stop_service(cluster, "livy")
    await scene.clock.sleep(1)
    assert (await service.status(site(scene))).answer is Answer.NOT_HEALTHY
    scene.cloud.faults.aws_down = True
    assert (await service.status(site(scene))).answer is Answer.COULD_NOT_TELL


async def test_status_changes_nothing() -> None:
    scene = Scene()
    await apply(site(scene))
    before = await scene.store.load(GROUP)
    await service.status(site(scene))
    assert await scene.store.load(GROUP) == before


@pytest.mark.parametrize(
    "verb",
    [
        service.status,
        lambda found: service.watch(found, lambda _: None),
        lambda found: service.tick(found, 50, lambda _: None),
    ],
    ids=["status", "watch", "tick"],
)
async def test_a_group_that_was_never_applied_is_not_looked_after(verb: Callable[[Site], Awaitable[object]]) -> None:
    with pytest.raises((UsageError, PermanentError), match="emr-dr apply"):
        await verb(site(Scene()))


async def test_a_tick_ends_when_nothing_is_outstanding_and_gives_the_lease_back() -> None:
    scene = Scene()
    await apply(site(scene))
    began = scene.clock.now()
    done = await service.tick(site(scene), 50, lambda _: None)
    assert done.converged
    assert scene.clock.now() - began < 50
    document = await scene.store.load(GROUP)
    assert document is not None
    assert document.lease is not None
    assert document.lease.expires_at <= scene.clock.now()


# Row 21, for schedulers: a tick that never ended would hold up the ones after it
@pytest.mark.parametrize("set_back", [0.0, -HOUR], ids=["clock untouched", "clock set back meanwhile"])
async def test_a_tick_ends_in_its_time_though_its_store_is_out_of_reach(set_back: float) -> None:
    scene, store = Scene(), FailingStore()
    scene.store = store
    await apply(site(scene))
    clock = OwnClock(scene.clock)
    found = replace(site(scene), clock=clock, controller=scene.controller(clock=clock))
    store.down = True
    scene.clock.at(scene.clock.now() + 20, lambda: setattr(clock, "ahead", set_back))
    began = scene.clock.steady()
    async with asyncio.timeout(2):
        with pytest.raises(TransientError, match="out of reach"):
            await service.tick(found, 50, lambda _: None)
    assert scene.clock.steady() - began < 60


async def test_a_tick_does_nothing_while_another_controller_leads() -> None:
    scene = Scene()
    await apply(site(scene))
    leader = scene.controller()
    await leader.round()
    seen = await service.tick(site(scene), 50, lambda _: None)
    assert (seen.observation, seen.leader) == (None, leader.holder)


async def test_a_watch_that_is_asked_to_stop_ends_with_the_round_and_gives_the_lease_back() -> None:
    scene = Scene()
    await apply(site(scene))
    found = site(scene)
    found = replace(found, controller=replace(found.controller, stopping=lambda: True))
    await service.watch(found, lambda _: None)
    document = await scene.store.load(GROUP)
    assert document is not None
    assert document.lease is not None
    assert document.lease.expires_at <= scene.clock.now()


class BusyAccount(MemoryAccount):
    """While it is asked, a controller saves a round: one that sees something failing does so every few seconds."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self.store = store

    async def subnets(self, ids: Collection[str]) -> Mapping[str, Subnet]:
        document = await self.store.load(GROUP)
        assert document is not None
        await self.store.save(document)
        return await super().subnets(ids)


async def test_a_hold_is_released_beside_a_controller_that_saves_meanwhile() -> None:
    scene = Scene()
    await MemoryStore.save(scene.store, Document(replace(scene.group, held="3 candidates spent", attempts=3)))
    busy = site(scene, BusyAccount(scene.store))
    await service.apply(busy, lambda _: None, changed=lambda _: None, wait=False)
    document = await scene.store.load(GROUP)
    assert document is not None
    assert (document.group.held, document.group.attempts) == ("", 0)


async def test_a_status_brings_as_many_entries_as_it_is_asked_for() -> None:
    scene = Scene()
    await scene.declare()
    await scene.converge()
    for count in (0, 1, 3):
        assert len((await service.status(site(scene), recent=count)).recent) == count
