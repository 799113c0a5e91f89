"""Journals to read: each is what a real controller wrote while the simulation did something to its members."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emr_dr.core.group import Stage, Wanted
from emr_dr.errors import PermanentError
from emr_dr.ports import JournalEntry
from emr_dr.stores import SqliteStore
from simulation.harness import GROUP, POLICY, Scene

START = 1_800_000_000.0
"""When a scene begins."""


async def entries(scene: Scene) -> Sequence[JournalEntry]:
    return await scene.store.journal(GROUP, limit=100_000)


async def declared(scene: Scene) -> Scene:
    await scene.declare()
    return scene


async def first_start() -> Scene:
    scene = await declared(Scene())
    await scene.converge()
    return scene


async def killed(wanted: Wanted | None = None) -> Scene:
    """The oldest member dies for EMR, too, and is replaced."""
    scene = await declared(Scene(wanted))
    await scene.converge()
    scene.cloud.kill(scene.cloud.live[0].id)
    await scene.converge()
    return scene


async def frozen(wanted: Wanted | None = None) -> Scene:
    """The oldest member answers nobody any more; another serves in its place, and it is kept."""
    scene = await declared(Scene(wanted))
    await scene.converge()
    first = scene.cloud.live[0]
    scene.cloud.freeze(first.id)
    await scene.until(lambda done: serves_without(done.group.at(Stage.SERVING), first.id))
    return scene


def serves_without(serving: Sequence[Any], cluster: str) -> bool:
    return bool(serving) and all(m.cluster != cluster for m in serving)


async def came_back() -> Scene:
    """The member is well again before its successor is up."""
    scene = await declared(Scene())
    await scene.converge()
    (first,) = scene.cloud.live
    scene.cloud.freeze(first.id)
    await scene.until(lambda done: bool(done.group.at(Stage.BOOTING)))
    scene.cloud.heal(first.id)
    await scene.converge()
    return scene


async def unfit() -> Scene:
    """The first candidate fails its proof."""
    scene = Scene()
    scene.cloud.next_unfit = 1
    await (await declared(scene)).converge()
    return scene


async def launch_refused() -> Scene:
    scene = await declared(Scene())
    scene.cloud.faults.fail("launch", PermanentError("the subnet has no free address"))
    await scene.converge()
    return scene


async def held() -> Scene:
    """The member is lost, and no candidate ever comes up."""
    scene = await declared(Scene())
    await scene.converge()
    scene.cloud.next_fails_to_boot = 100
    scene.cloud.kill(scene.cloud.live[0].id)
    await scene.until(lambda done: bool(done.group.held))
    return scene


async def cooling_down() -> Scene:
    """The successor is lost, too, so soon that the next switch has to wait."""
    scene = await declared(Scene(policy=replace(POLICY, cooldown=900)))
    await scene.converge()
    for _ in range(2):
        (serving,) = (m for m in scene.cloud.live if m.address in scene.cloud.targets)
        scene.cloud.freeze(serving.id)
        await scene.until(lambda done, lost=serving.id: serves_without(done.group.at(Stage.SERVING), lost))  # type: ignore[misc]
    return scene


async def standby_lost() -> Scene:
    scene = await declared(Scene(Wanted(1, 1)))
    done = await scene.converge()
    scene.cloud.kill(done.group.at(Stage.STANDBY)[0].cluster or "")
    await scene.converge()
    return scene


async def keep(scene: Scene, path: Path) -> None:
    """Copy a scene's group and journal into a file, as a controller would have kept them there."""
    document = await scene.store.load(GROUP)
    assert document is not None
    store = SqliteStore(path)
    await store.save(replace(document, version=0), entries=await entries(scene))
    await store.close()


def earlier() -> list[JournalEntry]:
    """The journal of a recovery as emr-dr 0.1.0 wrote it."""
    file = Path(__file__).parents[1] / "stores" / "schema_1.json"
    lines = [line["value"] for line in json.loads(file.read_text())["journal"]]
    return [JournalEntry(v["at"], v["event"], v["detail"], seq) for seq, v in enumerate(lines, 1)]


def decisions(journal: Sequence[JournalEntry]) -> list[JournalEntry]:
    return [e for e in journal if e.event == "decided"]


def changed(entry: JournalEntry, *path: str | int, to: object) -> JournalEntry:
    """The entry with one value deep inside it changed, or taken out with `to=...`."""
    detail: Any = json.loads(json.dumps(entry.detail))
    place = detail
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return replace(entry, detail=detail)
