"""What stories do to a scene with a controller that stays, and what they ask of it afterwards."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from emr_dr.controller.loop import Controller, Round
from emr_dr.core.group import Group, Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.core.world import EmrState
from emr_dr.lab.memory import Machine
from emr_dr.ports import JournalEntry
from emr_dr.ports.store import JsonValue
from emr_dr.stores.memory import MemoryStore
from simulation.harness import GROUP, PATIENCE, Life, Scene

MINUTE, HOUR = 60.0, 3600.0

Until = Callable[[Round], bool]


async def serving(wanted: Wanted | None = None, scene: Scene | None = None) -> tuple[Scene, Machine]:
    """A group that has all it wants, and its first cluster."""
    scene = scene or Scene(wanted)
    await scene.declare()
    assert (await scene.converge()).converged
    return scene, next(iter(scene.cloud.machines.values()))


async def led(wanted: Wanted | None = None, scene: Scene | None = None) -> tuple[Scene, Machine, Controller]:
    """A group that has all it wants, its first cluster, and the controller that made it and goes on leading."""
    scene = scene or Scene(wanted)
    await scene.declare()
    controller = scene.controller()
    assert (await controller.run(lambda done: done.converged)).converged
    return scene, next(iter(scene.cloud.machines.values())), controller


async def watched(scene: Scene, seconds: float) -> tuple[list[str], Round]:
    """What a new controller does to the world in this time, saves aside."""
    life, end = Life(), scene.clock.now() + seconds
    done = await scene.until(lambda _: scene.clock.now() >= end, life)
    return [p.removeprefix("after ") for p in life.points if p.startswith("after ") and p != "after save"], done


async def go_on(controller: Controller, seconds: float) -> Round:
    """Let the controller do its rounds for so long; what it cannot get over by then is raised."""
    end = controller.clock.steady() + seconds
    controller.stopping = lambda: controller.clock.steady() >= end
    return await controller.run(lambda _: False)


async def reach(controller: Controller, stop: Until, seconds: float = PATIENCE) -> Round:
    """Let the controller do its rounds until `stop` says so, which must be soon enough."""
    end = controller.clock.steady() + seconds
    controller.stopping = lambda: controller.clock.steady() >= end
    done = await controller.run(stop)
    assert stop(done), f"not reached within {seconds:g} s: {done.group}, {done.still}"
    return done


async def together(scene: Scene, seconds: float, *controllers: Controller) -> list[Round]:
    """Let several controllers do their rounds side by side for so long."""

    async def take_part(controller: Controller) -> Round:
        with scene.clock.taking_part():
            return await go_on(controller, seconds)

    return await asyncio.gather(*(take_part(c) for c in controllers))


def serves(*numbers: int) -> Until:
    """Whether exactly these members serve, and nobody else is entitled."""
    return lambda done: [(m.number, m.stage) for m in done.group.entitled] == [(n, Stage.SERVING) for n in numbers]


def stands(number: int, *stages: Stage) -> Until:
    """Whether the member is in one of these stages."""
    return lambda done: any(m.number == number and m.stage in stages for m in done.group.members)


def held(done: Round) -> bool:
    """Whether the group has stopped itself."""
    return bool(done.group.held)


async def verdicts(scene: Scene, member: Machine) -> list[JsonValue]:
    """What was told of a cluster since it was first found healthy, in its order."""
    told = [e.detail["to"] for e in await scene.events("verdict_changed") if e.detail["cluster"] == member.id]
    return told[told.index(VerdictName.HEALTHY) + 1 :]


async def why(scene: Scene, member: Machine, verdict: VerdictName) -> str:
    """In whose words a cluster was last given this verdict; empty if it never was."""
    told = [e.detail for e in await scene.events("verdict_changed") if e.detail["cluster"] == member.id]
    return next((str(detail["why"]) for detail in reversed(told) if detail["to"] == verdict), "")


async def carried_out(scene: Scene, since: float = 0.0) -> list[JsonValue]:
    """The effects that were carried out from then on."""
    return [e.detail["effect"] for e in await scene.events("effect_done") if e.at >= since]


async def refusals(scene: Scene) -> list[str]:
    """What the journal was told to have been refused."""
    return [str(e.detail["reason"]) for e in await scene.events("refused")]


async def switches(scene: Scene) -> Sequence[JournalEntry]:
    """When the entitlement moved to another member."""
    return [e for e in await scene.events("entitlement_moved") if e.detail["entitled"]]


async def remembered(scene: Scene) -> Group:
    """The group as saved."""
    document = await scene.store.load(GROUP)
    assert document is not None
    return document.group


async def say(scene: Scene, change: Callable[[Group], Group]) -> None:
    """Change what is saved, as a person's word does."""
    document = await scene.store.load(GROUP)
    assert document is not None
    await MemoryStore.save(scene.store, replace(document, group=change(document.group)))


def live(scene: Scene) -> list[int]:
    """The launch numbers of the clusters that EMR does not call ending or ended."""
    return [m.number for m in scene.cloud.live]


def left(scene: Scene) -> tuple[list[int], set[str]]:
    """Who is still alive, and who is a target."""
    return live(scene), set(scene.cloud.targets)


def state(scene: Scene, machine: Machine) -> EmrState:
    """EMR's word on a cluster."""
    return machine.state(scene.clock.now())


def first(scene: Scene) -> Machine:
    """The cluster that was launched first."""
    return next(iter(scene.cloud.machines.values()))


def newest(scene: Scene) -> Machine:
    """The cluster that was launched last."""
    return list(scene.cloud.machines.values())[-1]
