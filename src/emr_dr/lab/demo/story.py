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
from emr_dr.lab.demo.declaring import declared_by_conf, declared_by_header
from emr_dr.lab.demo.moment import Run, may_strike, runs_in
from emr_dr.lab.demo.places import Attempt, ByAttempts, ByNumber, Places
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
    places: Places = field(default_factory=ByNumber)
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
        url, sources = f"http://{address}:8998", self.plot.sources
        client = Client(url, self.scene.payload, self._of_client, sources=sources)
        if self.plot.gateways:
            await self._begin_gateways(url)
            client = Client(
                url, declared_by_conf(self.scene.payload), self._of_client, headers=declared_by_header, reconnects=True
            )
        canaries = [Canary(url, source, PERIOD if len(sources) == 1 else 1.0) for source in sources]
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

    async def _begin_gateways(self, url: str) -> None:
        """Run gateways as Fargate would, and wait until the balancer sends clients there."""
        self.places = ByAttempts(url)
        count = str(self.plot.gateways)
        await self.scene.verb("lab", "gateways", count, "--spec", str(self.scene.spec), "--json", seconds=120)
        self.note("gateways_serve", "demo", gateways=self.plot.gateways)

    async def _victim(self, client: Client) -> Mapping[str, Any]:
        """Wait until all goes well and every member that serves has had work; return one that runs some."""
        self.places.remember(await self.scene.all_serving())
        what = "a batch that succeeded, and another that runs"
        await self._until(lambda: self._steady(client), client, what)
        serving = await self.scene.all_serving()
        found: list[Mapping[str, Any]] = []

        def some_runs() -> bool:
            found[:] = self._struck_on(serving, client)
            return bool(found)

        await self._until(some_runs, client, "a batch that has just begun")
        return found[0]

    def _struck_on(self, serving: Sequence[Mapping[str, Any]], client: Client) -> Sequence[Mapping[str, Any]]:
        """The members that run what the disaster may strike now."""
        struck = self._struck(client)
        return [m for m in serving if any(self.places.on(b, str(m["number"])) for b in struck)]

    def _steady(self, client: Client) -> bool:
        """Whether all goes well, every member has had work, and a batch runs in Spark for the disaster to interrupt."""
        batches = client.tally.batches
        if not all(self.places.accepted(batches).values()):
            return False
        return any(b.fate is Fate.SUCCEEDED for b in batches) and any(b.unfinished and b.runs for b in batches)

    def _struck(self, client: Client) -> Sequence[Batch]:
        """The batches that run, at a moment at which the disaster may strike; none at any other."""
        unfinished = {b.key: b for b in client.tally.batches if b.unfinished}
        runs = self._runs(client)
        if not may_strike(unfinished, runs, time.time(), lasts=JOB_SECONDS):
            return ()
        return [unfinished[run.key] for run in runs if run.key in unfinished]

    def _runs(self, client: Client) -> Sequence[Run]:
        """What runs, by the marks of jobs; stand-ins leave none, so there by what clients were told."""
        if not self.scene.stand_in:
            return runs_in(self.scene.folder / "marks")
        return [Run(b.key, b.runs_since, completed=not b.unfinished) for b in client.tally.batches if b.runs_since]

    async def _kill(self, client: Client, serving: Mapping[str, Any]) -> None:
        """Kill the AZ of a serving member while its batches run."""
        self.killed_cluster = serving["cluster"]
        done = json.loads(await self.scene.verb("lab", "kill-az", serving["az"], "--json", seconds=60))
        self.killed_at = done["at"]
        member = str(serving["number"])
        interrupted = client.interrupt(lambda batch: self.places.on(batch, member))
        self.note(
            "az_killed",
            "demo",
            at=self.killed_at,
            az=serving["az"],
            cluster=self.killed_cluster,
            interrupted=interrupted,
        )
        if self.plot.gateways:
            for each in (b for b in client.tally.batches if b.interrupted):
                self.note("batch_interrupted", "client", detail=each.key)
            client.widen()  # somebody has new work while the others wait

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
                self.places.remember(serving)
                self.note(
                    "converged",
                    "demo",
                    cluster=", ".join(m["cluster"] for m in serving),
                    az=", ".join(m["az"] for m in serving),
                )
                return
            await asyncio.sleep(1)
        raise PermanentError("the recovery did not converge in time", where="demo", remedy=f"see {self.scene.folder}")

    async def _until(self, met: Callable[[], bool], client: Client, what: str, seconds: float = 0.0) -> None:
        seconds = seconds or self.plot.begin_seconds
        until = time.monotonic() + seconds
        while True:
            await self.places.look([b for b in client.tally.batches if b.unfinished])
            if met():
                return
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
        good = "a good answer at the address"
        await self._until(lambda: all(c.last_good > after for c in canaries), client, good, seconds=30)
        await self.places.look(client.tally.batches)
        attempts = self.places.attempts if isinstance(self.places, ByAttempts) else {}
        self._note_rescues(client, attempts)
        seen = Evidence(
            plot=self.plot,
            killed_at=self.killed_at,
            killed_cluster=self.killed_cluster,
            timeline=sorted(self.timeline, key=lambda e: e.at),
            outage=_longest(canaries, since=after),
            longest=_longest(canaries, since=0),
            accepted_by_member=self.places.accepted(client.tally.batches),
            tally=client.tally,
            marks=self.scene.marks(),
            clusters=await self.scene.clusters(),
            left_running=await self.scene.running(),
            targets=await self.scene.targets(),
            shortened=self.scene.shortened,
            attempts=attempts,
        )
        return report(seen)

    def _note_rescues(self, client: Client, attempts: Mapping[int, Sequence[Attempt]]) -> None:
        """Put on the timeline when a batch was sent again; its client knows nothing of it."""
        for batch in client.tally.batches:
            for number in batch.numbers:
                for again in attempts.get(number, ())[1:]:
                    if again.sent_at is not None:
                        self.note("batch_rescued", "client", at=again.sent_at, detail=batch.key)


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
        async with open_scene(folder, stand_in=stand_in, strategy=plot.strategy, mode=plot.mode) as scene:
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
