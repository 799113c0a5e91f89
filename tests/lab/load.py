"""Clients that submit batches all the time and poll each to its end, every request on a connection of its own."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise

import aiohttp

from emr_dr.lab.demo.client import ENDED

DEADLINE = aiohttp.ClientTimeout(total=2)


@dataclass
class Sent:
    """One batch: when it was accepted, and how its polls were answered. Times in seconds of the epoch."""

    key: str
    number: int
    accepted_at: float
    unanswered: int = 0
    state: str = ""


@dataclass
class Load:
    """What the clients saw; read it when the load has ended, or for what only grows.

    Attributes:
        wrong: Polls that were answered about another job.
        refused: When a submission was not accepted.
    """

    address: str
    body: Mapping[str, object]
    period: float
    width: int
    sent: list[Sent] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def accepted_since(self, at: float) -> list[Sent]:
        """The batches that were accepted from then on."""
        return [s for s in self.sent if s.accepted_at >= at]

    def longest_refusal(self) -> float:
        """Seconds of the longest time in which submissions were tried and none was accepted."""
        accepted = [s.accepted_at for s in self.sent]
        gaps = pairwise(accepted)
        return max((later - at for at, later in gaps if any(at < r < later for r in self.refused)), default=0.0)

    async def run(self) -> None:
        """Submit and poll until told to stop; then see the last ones to their end."""
        connector = aiohttp.TCPConnector(force_close=True)
        room = asyncio.Semaphore(self.width)
        async with (
            aiohttp.ClientSession(timeout=DEADLINE, connector=connector) as session,
            asyncio.TaskGroup() as polls,
        ):
            while not self._stop.is_set():
                await room.acquire()
                sent = await self._submit(session, f"load-{len(self.sent)}-{len(self.refused)}")
                if sent is None:
                    room.release()
                else:
                    polls.create_task(self._poll(session, sent)).add_done_callback(lambda _: room.release())
                await asyncio.sleep(self.period)

    def stop(self) -> None:
        """Submit no more."""
        self._stop.set()

    async def _submit(self, session: aiohttp.ClientSession, key: str) -> Sent | None:
        try:
            async with session.post(f"http://{self.address}:8998/batches", json={**self.body, "name": key}) as answer:
                if answer.status == HTTPStatus.CREATED:
                    self.sent.append(Sent(key, int((await answer.json())["id"]), time.time()))
                    return self.sent[-1]
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # counted below: to be refused is what it is here for
        self.refused.append(time.time())
        return None

    async def _poll(self, session: aiohttp.ClientSession, sent: Sent) -> None:
        """Poll to the end of the batch; one that is not answered five times in a row is given up."""
        in_a_row = 0
        while sent.state not in ENDED and in_a_row < 5:
            await asyncio.sleep(self.period)
            try:
                async with session.get(f"http://{self.address}:8998/batches/{sent.number}") as answer:
                    told = await answer.json() if answer.status == HTTPStatus.OK else None
            except (aiohttp.ClientError, TimeoutError, OSError):
                told = None
            if told is None:
                sent.unanswered, in_a_row = sent.unanswered + 1, in_a_row + 1
                continue
            if told["name"] != sent.key:
                self.wrong += 1
                return
            sent.state, in_a_row = told["state"], 0


@contextmanager
def loading(address: str, body: Mapping[str, object], *, period: float = 0.2, width: int = 20) -> Iterator[Load]:
    """Put the load on an address for the length of the block, on a thread of its own; `width` batches at the most."""
    load = Load(address, body, period, width)
    thread = threading.Thread(target=lambda: asyncio.run(load.run()), name="load", daemon=True)
    thread.start()
    try:
        yield load
    finally:
        load.stop()
        thread.join(120)
        assert not thread.is_alive(), "its last batches never ended"
