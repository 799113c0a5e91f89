"""The story of `demo active-passive`: serve, lose the Availability Zone, recover, and go on; told as it happens."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emr_dr.errors import PermanentError
from emr_dr.lab.demo.canary import Canary
from emr_dr.lab.demo.client import Client, Fate
from emr_dr.lab.demo.processes import end, read_events, start_watch
from emr_dr.lab.demo.report import Event, Evidence, report
from emr_dr.lab.demo.scene import Scene, open_scene

RECOVERY_PATIENCE = 240.0
LAST_BATCHES = 120.0

Told = Callable[[Event], None]


@dataclass
class Story:
    """One run of the demo in a scene that is already up.

    Attributes:
        told: Is told each event as it happens, for whoever shows them.
    """

    scene: Scene
    told: Told
    timeline: list[Event] = field(default_factory=list)
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
        client = Client(f"http://{address}:8998", self.scene.payload, self._of_client)
        canary = Canary(f"http://{address}:8998")
        async with self._watching(), _background(canary.run()):
            working = asyncio.create_task(client.run())
            try:
                await self._until(lambda: _steady(client), 150, "a batch that succeeded, and another that runs")
                await self._kill(client)
                await self._until_converged(client)
                client.stop()
                async with asyncio.timeout(LAST_BATCHES):
                    await working
            finally:
                working.cancel()
            return await self._report(client, canary)

    async def _kill(self, client: Client) -> None:
        """Kill the AZ of the serving member while its batches run."""
        serving = await self.scene.serving()
        self.killed_cluster = serving["cluster"]
        done = json.loads(await self.scene.verb("lab", "kill-az", serving["az"], "--json", seconds=60))
        self.killed_at = done["at"]
        interrupted = client.interrupt()
        self.note(
            "az_killed",
            "demo",
            at=self.killed_at,
            az=serving["az"],
            cluster=self.killed_cluster,
            interrupted=interrupted,
        )

    async def _until_converged(self, client: Client) -> None:
        """Wait until one other member serves, the old one has ended, and a batch succeeded since."""
        done_before = sum(b.fate == "succeeded" for b in client.tally.batches)
        until = time.monotonic() + RECOVERY_PATIENCE
        while time.monotonic() < until:
            status = await self.scene.status()
            members = status["members"]
            resumed = sum(b.fate == "succeeded" for b in client.tally.batches) > done_before
            if (
                resumed
                and [m["stage"] for m in members] == ["serving"]
                and members[0]["cluster"] != self.killed_cluster
                and status["answer"] == "healthy"
                and await self.scene.running() == 1
            ):
                self.note("converged", "demo", cluster=members[0]["cluster"], az=members[0]["az"])
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

    async def _report(self, client: Client, canary: Canary) -> dict[str, Any]:
        await self._until(lambda: canary.last_good > self.killed_at, 30, "a good answer at the address")
        seen = Evidence(
            killed_at=self.killed_at,
            killed_cluster=self.killed_cluster,
            timeline=sorted(self.timeline, key=lambda e: e.at),
            outage=canary.outage(self.killed_at),
            tally=client.tally,
            marks=self.scene.marks(),
            clusters=await self.scene.clusters(),
            left_running=await self.scene.running(),
            targets=await self.scene.targets(),
            shortened=self.scene.shortened,
        )
        return report(seen)


def _steady(client: Client) -> bool:
    """Whether all goes well, and a batch runs in Spark for the disaster to interrupt."""
    batches = client.tally.batches
    return any(b.fate is Fate.SUCCEEDED for b in batches) and any(b.unfinished and b.runs for b in batches)


@asynccontextmanager
async def _background(work: Any) -> AsyncIterator[None]:  # noqa: ANN401 - any coroutine
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def play(told: Told, *, stand_in: bool = False, keep: bool = False) -> dict[str, Any]:
    """Bring a lab up, play the story in it, and take everything down again, also when it fails or is stopped.

    Raises:
        PermanentError: The story did not come to its end; the message says where, and the folder is kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="emr-dr-demo-"))
    begun = time.monotonic()
    try:
        async with open_scene(folder, stand_in=stand_in) as scene:
            outcome = await Story(scene, told).run()
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
