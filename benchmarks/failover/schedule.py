"""A schedule that starts the post's procedure each minute, as cron does: whether or not the one before has ended."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.failover.cases import Rules
from emr_dr.errors import UsageError
from emr_dr.lab.demo.processes import end

PROCEDURE = Path(__file__).parents[2] / "tests" / "lab" / "blog-procedure.sh"
NEEDS = ("bash", "jq", "curl")


@dataclass
class Start:
    """One start of the procedure; times in seconds of the epoch."""

    at: float
    output: Path
    process: asyncio.subprocess.Process
    ended_at: float | None = None

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self.process.returncode is None

    def said(self) -> list[str]:
        """The lines that it has printed."""
        return self.output.read_text(errors="replace").splitlines()

    @property
    def found_healthy(self) -> bool:
        """It has ended, having found nothing to do."""
        return not self.running and any(line.endswith("is healthy") for line in self.said())

    @property
    def done(self) -> bool:
        """It has ended, and says that a new cluster serves."""
        return not self.running and any(line.startswith("done:") for line in self.said())


@dataclass
class Schedule:
    """Starts `command` every `period` seconds, in a process group of its own each time.

    Attributes:
        folder: Where the output of each start is kept.
    """

    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    period: float
    starts: list[Start] = field(default_factory=list)
    _left: int | None = None
    _next: float = 0.0
    _waiting: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> None:
        """Start on every tick until the starts are used up; cancelled, end what still runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._next = time.monotonic()
        try:
            while self._left is None or self._left > 0:
                await self._start()
                self._left = None if self._left is None else self._left - 1
                self._next += self.period
                await asyncio.sleep(self._next - time.monotonic())
            await asyncio.gather(*self._waiting)
        finally:
            await asyncio.gather(*(end(each.process) for each in self.starts))
            await asyncio.gather(*self._waiting)

    def only(self, starts: int) -> None:
        """Start no more than so many times from now on."""
        self._left = starts

    @property
    def used_up(self) -> bool:
        """Nothing will be started any more."""
        return self._left == 0

    @property
    def running(self) -> int:
        """How many of its processes run."""
        return sum(each.running for each in self.starts)

    async def until_before_next(self, seconds: float) -> None:
        """Wait for the moment that is so many seconds before a start."""
        ahead = self._next - seconds - time.monotonic()
        await asyncio.sleep(ahead if ahead >= 0 else ahead + self.period)

    async def _start(self) -> None:
        output = self.folder / f"start-{len(self.starts) + 1:02d}.log"
        with output.open("wb") as written:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                env=self.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=written,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        start = Start(time.time(), output, process)
        self.starts.append(start)
        self._waiting.append(asyncio.create_task(_note_end(start)))


async def _note_end(start: Start) -> None:
    await start.process.wait()
    start.ended_at = time.time()


def of_procedure(cluster: str, address: str, env: Mapping[str, str], *, folder: Path, rules: Rules) -> Schedule:
    """Return the schedule that a user of the post would set up: each minute, with the first cluster's id.

    Raises:
        UsageError: This machine lacks a tool that the procedure needs.
    """
    missing = [tool for tool in NEEDS if shutil.which(tool) is None]
    if missing:
        raise UsageError(f"the post's procedure needs {', '.join(missing)}", remedy="install them, or use --only ours")
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # where the aws command line is
        "REGION": env["AWS_DEFAULT_REGION"],
        "NLB_DNS": address,
        "WAIT": rules.wait,
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return Schedule((str(shutil.which("bash")), str(PROCEDURE), cluster), {**clean, **env, **own}, folder, rules.period)
