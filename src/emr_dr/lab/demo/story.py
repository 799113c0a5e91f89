"""The story of every demo: serve, lose an Availability Zone that serves, recover, and go on; told as it happens."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emr_dr.errors import PermanentError
from emr_dr.lab.demo.canary import PERIOD, Canary
from emr_dr.lab.demo.client import Batch, Client, Fate
from emr_dr.lab.demo.moment import may_strike, runs_in
from emr_dr.lab.demo.plots import Plot
from emr_dr.lab.demo.processes import end, read_events, start_watch
from emr_dr.lab.demo.report import Event, Evidence, report
from emr_dr.lab.demo.scene import JOB_SECONDS, Scene, open_scene

RECOVERY_PATIENCE = 240.0
LAST_BATCHES = 120.0

Told = Callable[[Event], None]


@dataclass
class Story:
    """One run of the demo in a scene that is already up.

    Attributes:
        told: Is told each event as it happens, for whoever shows them.
    """

    plot: Plot
    scene: Scene
    told: Told
    timeline: list[Event] = field(default_factory=list)
    served: dict[str, range] = field(default_factory=dict)
    killed_at: float = 0.0
    killed_cluster: str = ""

    def note(self, event: str, source: str, **detail: object) -> None:
        """Put an event on the timeline, at the time at which it was told if it brings one."""
        at = detail.pop("at", None)
        noted = Event(at if isinstance(at, float) else time.time(), event, source, detail)
        self.timeline.append(noted)
        self.told(noted)

    async def run(self) -> dict[str, Any]:
        """Play the story and return its report."""
        self.note("apply_started", "demo")
        await self.scene.verb("apply", "--spec", str(self.scene.spec), "--json", seconds=180)
        address = await self.scene.address()
        self.note("first_member_serves", "demo", address=address)
        sources = self.plot.sources
        client = Client(f"http://{address}:8998", self.scene.payload, self._of_client, sources=sources)
        canaries = [
            Canary(f"http://{address}:8998", source, PERIOD if len(sources) == 1 else 1.0) for source in sources
        ]
        async with self._watching(), _background(*(canary.run() for canary in canaries)):
            working = asyncio.create_task(client.run())
            try:
                await self._kill(client, await self._victim(client))
                await self._until_converged(client)
                client.stop()
                async with asyncio.timeout(LAST_BATCHES):
                    await working
            finally:
                working.cancel()
            return await self._report(client, canaries)

    async def _victim(self, client: Client) -> Mapping[str, Any]:
        """Wait until all goes well and every member that serves has had work; return one that runs some."""
        self._remember(await self.scene.all_serving())
        what = "a batch that succeeded, and another that runs"
        await self._until(lambda: _steady(client, self.served.values()), self.plot.begin_seconds, what)
        serving = await self.scene.all_serving()
        await self._until(lambda: bool(self._struck(client)), self.plot.begin_seconds, "a batch that has just begun")
        struck = self._struck(client)
        return next((m for m in serving if any(b.on(self.served[str(m["number"])]) for b in struck)), serving[0])

    def _struck(self, client: Client) -> Sequence[Batch]:
        """The batches that run, at a moment at which the disaster may strike; none at any other."""
        unfinished = {b.key: b for b in client.tally.batches if b.unfinished}
        runs = runs_in(self.scene.folder / "marks")
        if not may_strike(unfinished, runs, time.time(), lasts=JOB_SECONDS):
            return ()
        return [unfinished[run.key] for run in runs if run.key in unfinished]

    def _remember(self, members: Iterable[Mapping[str, Any]]) -> None:
        """Keep the batch numbers of members that serve."""
        for each in members:
            first, last = each["batch_ids"]
            self.served[str(each["number"])] = range(first, last + 1)

    async def _kill(self, client: Client, serving: Mapping[str, Any]) -> None:
        """Kill the AZ of a serving member while its batches run."""
        self.killed_cluster = serving["cluster"]
        done = json.loads(await self.scene.verb("lab", "kill-az", serving["az"], "--json", seconds=60))
        self.killed_at = done["at"]
        interrupted = client.interrupt(self.served[str(serving["number"])])
        self.note(
            "az_killed",
            "demo",
            at=self.killed_at,
            az=serving["az"],
            cluster=self.killed_cluster,
            interrupted=interrupted,
        )

    async def _until_converged(self, client: Client) -> None:
        """Wait until all that is wanted is there without the old one, that has ended, and a batch succeeded since."""
        done_before = sum(b.fate == "succeeded" for b in client.tally.batches)
        until = time.monotonic() + RECOVERY_PATIENCE
        while time.monotonic() < until:
            status = await self.scene.status()
            members = status["members"]
            resumed = sum(b.fate == "succeeded" for b in client.tally.batches) > done_before
            if (
                resumed
                and sorted(m["stage"] for m in members) == self.plot.stages
                and self.killed_cluster not in {m["cluster"] for m in members}
                and status["answer"] == "healthy"
                and await self.scene.running() == self.plot.wanted
            ):
                serving = [m for m in members if m["stage"] == "serving"]
                self._remember(serving)
                self.note(
                    "converged",
                    "demo",
                    cluster=", ".join(m["cluster"] for m in serving),
                    az=", ".join(m["az"] for m in serving),
                )
                return
            await asyncio.sleep(1)
        raise PermanentError("the recovery did not converge in time", where="demo", remedy=f"see {self.scene.folder}")

    async def _until(self, met: Callable[[], bool], seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while not met():
            if time.monotonic() > until:
                raise PermanentError(
                    f"{what}: not within {seconds:g} s", where="demo", remedy=f"see {self.scene.folder}"
                )
            await asyncio.sleep(0.5)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Run `emr-dr watch` beside the story, its events on the timeline."""
        process = await start_watch(str(self.scene.spec), env=self.scene.env)
        reading = asyncio.create_task(read_events(process, self._of_watch))
        try:
            yield
        finally:
            await end(process)
            await reading

    def _of_client(self, event: str, detail: str) -> None:
        self.note(event, "client", detail=detail)

    def _of_watch(self, told: Mapping[str, Any]) -> None:
        # Its own stamp is of when it began to look; a verdict counts from when it is there to be read.
        detail = {k: v for k, v in told.items() if k not in ("event", "level", "timestamp", "group", "at")}
        self.note(str(told["event"]), "watch", **detail)

    async def _report(self, client: Client, canaries: Sequence[Canary]) -> dict[str, Any]:
        after = self.killed_at
        await self._until(lambda: all(c.last_good > after for c in canaries), 30, "a good answer at the address")
        seen = Evidence(
            plot=self.plot,
            killed_at=self.killed_at,
            killed_cluster=self.killed_cluster,
            timeline=sorted(self.timeline, key=lambda e: e.at),
            outage=_longest(canaries, since=after),
            longest=_longest(canaries, since=0),
            served=self.served,
            tally=client.tally,
            marks=self.scene.marks(),
            clusters=await self.scene.clusters(),
            left_running=await self.scene.running(),
            targets=await self.scene.targets(),
            shortened=self.scene.shortened,
        )
        return report(seen)


def _steady(client: Client, members: Iterable[range]) -> bool:
    """Whether all goes well, every member has had work, and a batch runs in Spark for the disaster to interrupt."""
    batches = client.tally.batches
    given = all(any(b.on(member) for b in batches) for member in members)
    return given and any(b.fate is Fate.SUCCEEDED for b in batches) and any(b.unfinished and b.runs for b in batches)


def _longest(canaries: Iterable[Canary], since: float) -> tuple[float, float] | None:
    """The longest silence that any of them met and that ended after `since`."""
    met = [gap for canary in canaries if (gap := canary.outage(since)) is not None]
    return max(met, key=lambda gap: gap[1] - gap[0], default=None)


@asynccontextmanager
async def _background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def play(plot: Plot, told: Told, *, stand_in: bool = False, keep: bool = False) -> dict[str, Any]:
    """Bring a lab up, play the story in it, and take everything down again, also when it fails or is stopped.

    Raises:
        PermanentError: The story did not come to its end; the message says where, and the folder is kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="emr-dr-demo-"))
    begun = time.monotonic()
    try:
        async with open_scene(folder, stand_in=stand_in, strategy=plot.strategy) as scene:
            outcome = await Story(plot, scene, told).run()
    except asyncio.CancelledError:  # stopped by a person: there is nothing to look into
        shutil.rmtree(folder, ignore_errors=True)
        raise
    outcome["total_seconds"] = round(time.monotonic() - begun, 1)
    if outcome["ok"] and not keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        outcome["folder"] = str(folder)
        (folder / "report.json").write_text(json.dumps(outcome, indent=2))
    return outcome
