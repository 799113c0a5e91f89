"""Promises of the shell around the decisions: what it leaves behind when it stops, and when something fails inside."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from emr_dr.controller.loop import Controller
from emr_dr.core.group import Wanted
from emr_dr.errors import ConflictError, TransientError
from emr_dr.lab.memory import MemoryBalancer, MemoryClusters, Moment
from emr_dr.ports import ClusterFacts
from simulation.harness import GROUP, POLICY, Life, Scene


async def told_to_gateways(scene: Scene) -> list[str]:
    published = await scene.store.views(GROUP)
    return [view.cluster_id for view in published.views] if published else []


async def test_giving_the_lease_back_leaves_gateways_what_they_were_told() -> None:
    scene = Scene()
    await scene.declare()
    controller = scene.controller()
    await controller.run(lambda done: done.converged)
    before = await told_to_gateways(scene)
    assert before
    await controller.release()
    assert await told_to_gateways(scene) == before


class SlowBalancer(MemoryBalancer):
    """One whose calls take their time."""

    async def register(self, address: str) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await super().register(address)


class LockedOnce(Life):
    """A life in which the journal cannot be written after the first member was protected."""

    def pass_point(self, moment: Moment, call: str) -> None:
        if call == "append" and self.points[-1:] == ["after protect"]:
            self.points.append("locked")
            raise TransientError("the store is locked")
        super().pass_point(moment, call)


class StoppedWhileLooking(MemoryClusters):
    """As if the process were stopped in the middle of its look, for an hour."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.cloud)
        self._clock = scene.clock

    async def find(self) -> Sequence[ClusterFacts]:
        seen = await super().find()
        await self._clock.sleep(3600)
        return seen


async def test_what_was_seen_an_hour_ago_is_not_acted_on() -> None:
    scene = Scene()
    await scene.declare()
    controller = scene.controller()
    controller.observer = replace(controller.observer, clusters=StoppedWhileLooking(scene))
    with pytest.raises(ConflictError, match="too old"):
        await controller.round()
    assert not scene.cloud.machines
    document = await scene.store.load(GROUP)
    assert document is not None
    assert document.version == 1


async def rounds_until_it_raises(controller: Controller) -> None:
    while True:
        await controller.round()
        await controller.clock.sleep(5)


async def test_a_round_ends_only_when_all_its_effects_have() -> None:
    """Else a call of this round could land after the next one decided otherwise."""
    scene = Scene()
    await scene.declare()
    controller = scene.controller(LockedOnce())
    controller.actor = replace(controller.actor, balancer=SlowBalancer(scene.cloud))
    with pytest.raises(TransientError):
        await rounds_until_it_raises(controller)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("wanted", [Wanted(1), Wanted(1, 1), Wanted(2)], ids=["1+0", "1+1", "2+0"])
async def test_a_dead_member_that_is_kept_hurries_nobody(wanted: Wanted) -> None:
    scene = Scene(wanted, policy=replace(POLICY, retire_unconfirmed_after=86400))
    await scene.declare()
    await scene.converge()
    scene.cloud.freeze(next(iter(scene.cloud.machines)))
    switched = scene.clock.now() + 900
    await scene.until(lambda _: scene.clock.now() >= switched)
    rounds, hour = list[float](), scene.clock.now() + 3600
    await scene.controller().run(lambda _: scene.clock.now() >= hour, lambda _: rounds.append(scene.clock.now()))
    assert len(rounds) <= 3600 / scene.detection.interval + 5
