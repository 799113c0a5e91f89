"""A client that behaves as Airflow's stock LivyOperator with one retry: a failed poll makes it submit once more."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

import aiohttp

ENDED = {"success": True, "dead": False, "killed": False, "error": False}
"""Livy's terminal batch states, and whether they are good (Livy docs, REST API, Session State)."""
DEADLINE = aiohttp.ClientTimeout(total=5)


class Fate(StrEnum):
    """What became of one batch, as its client knows it."""

    WAITING = "waiting"
    """Never accepted yet."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    """Accepted, and then neither ended nor accepted again."""


@dataclass
class Batch:
    """One unit of work, which its client may have to submit twice."""

    key: str
    fate: Fate = Fate.WAITING
    accepted: int = 0
    interrupted: bool = False
    runs: bool = False
    """Livy said `running` at the last poll."""
    source: str = ""
    """The address that its client stands at; empty for any."""
    numbers: list[int] = field(default_factory=list)
    """What Livy called it, each time it was accepted."""
    runs_since: float = 0.0
    """When a poll said `running` first since it was last accepted (seconds of the epoch)."""

    @property
    def unfinished(self) -> bool:
        """Accepted, and not known to have ended."""
        return self.fate is Fate.RUNNING

    def on(self, member: range | None) -> bool:
        """Whether the member whose Livy gives out these numbers took it last; None stands for whichever there is."""
        return bool(self.numbers) and (member is None or self.numbers[-1] in member)


@dataclass
class Tally:
    """What the client counted."""

    attempted: int = 0
    refused: int = 0
    reconnected: int = 0
    wrong_answers: int = 0
    batches: list[Batch] = field(default_factory=list)


class FailedPollError(Exception):
    """A poll that the stock operator takes for the end of its attempt."""


class BrokenPollError(FailedPollError):
    """A poll that got no answer: its connection broke, or nothing came in time."""


@dataclass
class Client:
    """Keeps `width` batches going through one address until it is told to stop.

    Attributes:
        sources: The addresses that batches are submitted and polled from, in turn; empty for any.
        payload: Makes the body of POST /batches for a batch's key.
        told: Is told what happens, as (event, detail).
        headers: Makes the headers of POST /batches for a batch's key.
        reconnects: Whether it asks again where its connection broke, and gives up only at a bad answer.
    """

    url: str
    payload: Callable[[str], dict[str, object]]
    told: Callable[[str, str], None]
    width: int = 2
    patience: float = 240.0
    sources: Sequence[str] = ("",)
    tally: Tally = field(default_factory=Tally)
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}
    reconnects: bool = False
    _stopping: bool = False
    _workers: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Submit and poll until `stop`; then finish what was begun."""
        async with asyncio.TaskGroup() as workers:
            self._workers = workers
            for _ in range(self.width):
                workers.create_task(self._work())

    def widen(self) -> None:
        """Keep one more batch going, while `run` does."""
        if self._workers is not None:
            self._workers.create_task(self._work())
            self.width += 1

    def stop(self) -> None:
        """Begin no more batches."""
        self._stopping = True

    def interrupt(self, lost: Callable[[Batch], bool] = lambda _: True) -> int:
        """Note which batches are unfinished now, as the disaster strikes; returns how many.

        Where several members serve, `lost` says which were on the one that is lost.
        """
        unfinished = [b for b in self.tally.batches if b.unfinished and lost(b)]
        for batch in unfinished:
            batch.interrupted = True
        return len(unfinished)

    async def _work(self) -> None:
        while not self._stopping:
            begun = len(self.tally.batches)
            batch = Batch(f"batch-{begun + 1:02d}", source=self.sources[begun % len(self.sources)])
            self.tally.batches.append(batch)
            await self._carry(batch)

    async def _carry(self, batch: Batch) -> None:
        for _attempt in range(2):  # Airflow's retries=1
            number = await self._submit(batch)
            if number is None:
                batch.fate = Fate.LOST if batch.accepted else Fate.WAITING
                return
            batch.accepted += 1
            batch.numbers.append(number)
            batch.fate, batch.runs, batch.runs_since = Fate.RUNNING, False, 0.0
            self.told(
                "batch_resubmitted" if batch.accepted > 1 else "batch_accepted", f"{batch.key} is number {number}"
            )
            try:
                good = await self._poll(batch, number)
            except FailedPollError as error:
                self.told("poll_failed", f"{batch.key}: {error}")
                continue
            batch.fate = Fate.SUCCEEDED if good else Fate.FAILED
            self.told(f"batch_{batch.fate}", batch.key)
            return
        batch.fate = Fate.FAILED  # its one retry is spent, as Airflow would say

    async def _submit(self, batch: Batch) -> int | None:
        """Return the number that Livy gave, trying each second while nobody accepts; None when patience ends."""
        until = time.monotonic() + self.patience
        while time.monotonic() < until and not (self._stopping and not batch.accepted):
            self.tally.attempted += 1
            try:
                async with (
                    _session(batch) as session,
                    session.post(
                        f"{self.url}/batches", json=self.payload(batch.key), headers=self.headers(batch.key)
                    ) as answer,
                ):
                    if answer.status == HTTPStatus.CREATED:
                        return int((await answer.json())["id"])
                self.tally.refused += 1
            except (aiohttp.ClientError, TimeoutError, OSError):  # what the client is here to suffer
                self.tally.reconnected += self.reconnects
                self.tally.refused += not self.reconnects
            await asyncio.sleep(1)
        return None

    async def _poll(self, batch: Batch, number: int) -> bool:
        until = time.monotonic() + self.patience
        while True:
            try:
                return await self._poll_on_one_connection(batch, number)
            except BrokenPollError:
                if not self.reconnects or time.monotonic() > until:
                    raise
                self.tally.reconnected += 1

    async def _poll_on_one_connection(self, batch: Batch, number: int) -> bool:
        async with _session(batch) as session:  # one connection for the whole task, as Airflow's hook
            while True:
                await asyncio.sleep(1)
                try:
                    async with session.get(f"{self.url}/batches/{number}") as answer:
                        if answer.status != HTTPStatus.OK:
                            raise FailedPollError(f"HTTP {answer.status}")
                        body = await answer.json()
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    raise BrokenPollError(str(error) or type(error).__name__) from error
                if body.get("name") != batch.key:
                    self.tally.wrong_answers += 1
                    raise FailedPollError(f"number {number} is another job's: {body.get('name')}")
                batch.runs = body.get("state") == "running"
                if batch.runs and not batch.runs_since:
                    batch.runs_since = time.time()
                if body.get("state") in ENDED:
                    return ENDED[body["state"]]


def _session(batch: Batch) -> aiohttp.ClientSession:
    local = (batch.source, 0) if batch.source else None
    return aiohttp.ClientSession(timeout=DEADLINE, connector=aiohttp.TCPConnector(local_addr=local))
