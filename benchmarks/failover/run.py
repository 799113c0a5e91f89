"""One run: a lab of its own, a client at work, the disaster, and whoever is to bring the service back."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.failover.cases import Case, Contender, Rules
from benchmarks.failover.contenders import Recovery, recovery
from benchmarks.failover.outcome import Look, Requests, Seen
from emr_dr.errors import PermanentError
from emr_dr.lab.demo.canary import Canary
from emr_dr.lab.demo.client import Client, Fate
from emr_dr.lab.demo.moment import may_strike, runs_in
from emr_dr.lab.demo.scene import JOB_SECONDS, Scene, open_scene

DEADLINES = ("boot_deadline", "prove_deadline", "admit_deadline")
"""The lab's spec shortens them for rehearsals; here they are the program's own defaults, for slow cases are slow."""
STEADY_PATIENCE = 150.0
YOUNG_PATIENCE = 20.0
LAST_BATCHES = 60.0
LOOK_PERIOD = 5.0
GOOD = 2.0
"""Seconds after a good answer during which the address counts as answering."""

Told = Callable[[str], None]


@dataclass
class Run:
    """One run in a scene that is up and whose first cluster serves."""

    scene: Scene
    case: Case
    contender: Contender
    rules: Rules
    told: Told
    url: str
    client: Client = field(init=False)
    canary: Canary = field(init=False)
    polls_failed: int = 0
    looks: list[Look] = field(default_factory=list)
    load: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = Client(self.url, self.scene.payload, self._count, patience=self.rules.patience)
        self.canary = Canary(self.url)

    async def play(self, watching: Recovery, first: dict[str, str]) -> Seen:
        """Wait until all goes well, strike, and see what becomes of it."""
        async with background(self.canary.run()), watching.at_work():
            working = asyncio.create_task(self.client.run())
            try:
                await self._until_steady()
                await watching.moment()
                await self._until_young()
                killed_at = await self._strike(first)
                before = self._requests()
                watching.struck(first["cluster"])
                async with background(self._look()):
                    await self._until_finished(watching, killed_at)
                    await self._finish(working)
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            return await self._seen(watching, killed_at, first["cluster"], before)

    async def _until_steady(self) -> None:
        """A batch has succeeded, and another one is under way for the disaster to interrupt."""
        until = time.monotonic() + STEADY_PATIENCE
        batches = self.client.tally.batches
        while not (any(b.fate is Fate.SUCCEEDED for b in batches) and any(b.unfinished for b in batches)):
            if time.monotonic() > until:
                raise PermanentError(
                    f"no batch succeeded within {STEADY_PATIENCE:g} s",
                    where=str(self.scene.folder),
                    remedy="see its logs",
                )
            await asyncio.sleep(0.2)

    async def _until_young(self) -> None:
        """Wait until what runs has just begun, lest it end unknown to its client and be run twice by that alone.

        Not for long: the procedure's next start is 30 s away, and neither contender is to be spared what is left.
        """
        until, marks = time.monotonic() + YOUNG_PATIENCE, self.scene.folder / "marks"
        while time.monotonic() < until and (runs := runs_in(marks)):  # stand-ins run nothing, and leave no marks
            waited_for = {b.key for b in self.client.tally.batches if b.unfinished}
            if may_strike(waited_for, runs, time.time(), lasts=JOB_SECONDS):
                return
            await asyncio.sleep(0.2)

    async def _strike(self, first: dict[str, str]) -> float:
        self.load["killed"] = round(os.getloadavg()[0], 1)
        done = json.loads(await self.scene.verb("lab", "kill-az", first["az"], "--json", seconds=60))
        self.told(f"{first['az']} is dead; {self.client.interrupt()} batches were unfinished")
        return float(done["at"])

    async def _until_finished(self, watching: Recovery, killed_at: float) -> None:
        """Wait until nothing more is to be expected, or patience ends."""
        was = True
        while time.time() < killed_at + self.rules.patience:
            if was != (serves := self._serves()):
                self.told(f"{time.time() - killed_at:.0f} s: the address {'answers' if serves else 'is silent'}")
                was = serves
            if await watching.finished(serves=serves):
                return
            await asyncio.sleep(1)
        self.told(f"given up {self.rules.patience:g} s after the loss")

    async def _finish(self, working: asyncio.Task[None]) -> None:
        """Let the client end what it has begun, as far as there is somebody to end it."""
        self.client.stop()
        await asyncio.wait([working], timeout=LAST_BATCHES if self._serves() else 0)

    def _count(self, event: str, _: str) -> None:
        self.polls_failed += event == "poll_failed"

    def _serves(self) -> bool:
        return time.time() - self.canary.last_good < GOOD

    def _requests(self) -> Requests:
        return Requests(self.client.tally.refused, self.polls_failed, self.canary.failures)

    async def _look(self) -> None:
        while True:
            lines = [line.split() for line in await self.scene.targets()]
            livy = {at.partition(":")[0]: state for _, at, state in lines if at.endswith(":8998")}
            self.looks.append(Look(time.time(), livy))
            await asyncio.sleep(LOOK_PERIOD)

    async def _seen(self, watching: Recovery, killed_at: float, killed: str, before: Requests) -> Seen:
        for batch in self.client.tally.batches:
            if batch.unfinished:
                batch.fate = Fate.LOST
        now = self._requests()
        self.load["ended"] = round(os.getloadavg()[0], 1)
        return Seen(
            contender=self.contender,
            case=self.case.name,
            killed_at=killed_at,
            killed_cluster=killed,
            ended_at=time.time(),
            outage=self.canary.outage(killed_at),
            serves=self._serves(),
            requests=Requests(
                now.submissions - before.submissions, now.polls - before.polls, now.canary - before.canary
            ),
            wrong_answers=self.client.tally.wrong_answers,
            batches=self.client.tally.batches,
            marks=self.scene.marks(),
            clusters=await self.scene.clusters(),
            looks=self.looks,
            starts=watching.starts(killed_at),
            events=watching.events(killed_at),
            load=self.load,
        )


async def play(
    contender: Contender, case: Case, folder: Path, rules: Rules, told: Told, *, stand_in: bool = False
) -> Seen:
    """Bring a lab up, play one run in it, and take the lab down again however it ends."""
    async with open_scene(folder, stand_in=stand_in) as scene:
        _with_default_deadlines(scene.spec)
        await scene.verb("apply", "--spec", str(scene.spec), "--json", seconds=240)
        times = [f"{name}={seconds:g}" for name, seconds in case.times.items()]
        if times:
            await scene.verb("lab", "set", *times, seconds=30)
        first, address = dict(await scene.serving()), await scene.address()
        told(f"cluster {first['cluster']} serves at {address}; load {os.getloadavg()[0]:.1f}")
        run = Run(scene, case, contender, rules, told, f"http://{address}:8998")
        return await run.play(
            recovery(contender, scene, first=first["cluster"], address=address, case=case, rules=rules), first
        )


def _with_default_deadlines(spec: Path) -> None:
    """Leave the deadlines out of the lab's spec."""
    told = yaml.safe_load(spec.read_text())
    for name in DEADLINES:
        del told["recovery"][name]
    spec.write_text(yaml.safe_dump(told, sort_keys=False))


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have something done until the block ends; it must not end, or fail, before."""
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
