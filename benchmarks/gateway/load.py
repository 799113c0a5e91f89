"""Clients that poll over kept connections, many in one process, and count what they are answered: a program of its own.

    python -m benchmarks.gateway.load '{"host": "127.0.0.1", "port": 8998, "first": 1, "last": 10000}'

It prints one line of JSON. It reads answers itself, because a client library would be the limit of what it measures.
"""

import asyncio
import json
import os
import random
import resource
import sys
import time
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import uvloop

CONNECT_SECONDS = 60.0
ANSWER_SECONDS = 10.0
SPARE_FILES = 64
AT_ONCE = 100
"""Connections made at the same time: fewer than a server's backlog."""
AGAIN_SECONDS = 0.05
"""Until a client whose connection broke makes another one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked, and how long.

    Attributes:
        first, last: The batches, each asked for in turn.
        suffix: Of the path behind the number.
        connections: Clients; each has one connection, and at most one request under way.
        requests: Most requests of all together.
        seconds: Most time.
        every: Seconds between the beginnings of two requests of one client; 0 asks again at once.
        header: One more header, as it is sent.
        core: The core it runs on; None for any.
    """

    host: str
    port: int
    first: int
    last: int
    suffix: str = "/state"
    connections: int = 32
    requests: int = 1_000_000
    seconds: float = 10.0
    every: float = 0.0
    header: str = ""
    core: int | None = None


@dataclass(slots=True)
class Tally:
    """What they were answered.

    Attributes:
        wrong: Answers about another batch.
        refused: Answers by status, other than 200.
        broken: Connections that were lost or not made.
        waits: Seconds of each good answer.
    """

    good: int = 0
    wrong: int = 0
    broken: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    waits: "array[float]" = field(default_factory=lambda: array("d"))

    def report(self, seconds: float) -> dict[str, Any]:
        """The figures."""
        waits = sorted(self.waits)
        at = {f"p{p}_ms": round(1000 * waits[min(len(waits) * p // 100, len(waits) - 1)], 2) for p in (50, 99) if waits}
        counts = {"good": self.good, "wrong": self.wrong, "broken": self.broken, "refused": dict(self.refused)}
        worst = {"worst_ms": round(1000 * waits[-1], 2)} if waits else {}
        return {"per_second": round(self.good / seconds), "seconds": round(seconds, 2), **counts, **at, **worst}


class Client(asyncio.Protocol):
    """One connection, with one request under way at a time."""

    __slots__ = ("_asked_at", "_buffer", "_due", "_expected", "_load", "_transport")

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._due = 0.0
        self._buffer = b""
        self._expected = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the beginning; who comes later, in another's place, asks at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._load.made(self)

    def begin(self, due: float) -> None:
        """Ask from then on."""
        self._due = due
        self._load.loop.call_at(due, self._ask)

    def _ask(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        turn = self._load.turn()
        if turn is None:
            self._transport.close()
            return
        self._expected, request = turn
        self._asked_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take the answer once it is whole."""
        if self._buffer:
            data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < (whole := head + 4 + _length(data[:head])):
            self._buffer = data
            return
        self._buffer = data[whole:]
        tally = self._load.tally
        if not data.startswith(b"HTTP/1.1 200"):
            tally.refused[int(data[9:12])] += 1
        elif data.startswith(self._expected, head + 4):
            tally.good += 1
            tally.waits.append(time.perf_counter() - self._asked_at)
        else:
            tally.wrong += 1
        if self._load.order.every:
            self.begin(max(self._due + self._load.order.every, self._load.loop.time()))
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Have another client in this one's place, unless all is done."""
        del exc
        self._transport = None
        self._load.lost()


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ValueError(f"an answer without a length: {head!r}")
    end = lower.find(b"\r\n", at)
    return int(lower[at + 15 : end if end > 0 else None])


class Load:
    """All clients together."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.tally = Tally()
        self.loop = asyncio.get_running_loop()
        self._waiting: list[Client] | None = []
        self._done = asyncio.Event()
        self._left = order.requests
        self._ends_at = self._ended_at = float("inf")
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        numbers = list(range(order.first, order.last + 1))
        random.Random(1).shuffle(numbers)  # noqa: S311 - the same order each time
        more = f"Host: {order.host}:{order.port}\r\n" + (f"{order.header}\r\n" if order.header else "")
        self._turns = [
            (b'{"id":%d,' % each, f"GET /batches/{each}{order.suffix} HTTP/1.1\r\n{more}\r\n".encode())
            for each in numbers
        ]
        self._next = 0

    def turn(self) -> tuple[bytes, bytes] | None:
        """How the next answer begins, and what is asked; None once enough was asked."""
        if self._over:
            return None
        self._left -= 1
        self._next = (self._next + 1) % len(self._turns)
        return self._turns[self._next]

    @property
    def _over(self) -> bool:
        return self._left <= 0 or self.loop.time() > self._ends_at

    def made(self, client: Client) -> None:
        """Count a connection; once all have begun, it asks at once."""
        if self._waiting is None:
            client.begin(self.loop.time())
        else:
            self._waiting.append(client)

    def lost(self) -> None:
        """Have another client in the place of one whose connection is gone."""
        self._open -= 1
        if not self._over:
            self.tally.broken += 1
            task = self.loop.create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._open == 0:
            self._ended_at = min(self.loop.time(), self._ends_at)
            self._done.set()

    async def _connect(self) -> None:
        self._open += 1
        while not self._over:
            try:
                await self.loop.create_connection(lambda: Client(self), self.order.host, self.order.port)
            except OSError:
                self.tally.broken += 1
                await asyncio.sleep(AGAIN_SECONDS)  # as a client does whose connection broke
            else:
                return
        self.lost()

    async def run(self) -> dict[str, Any]:
        """Connect all clients, ask all that is to be asked, and return the figures."""
        order = self.order
        async with asyncio.timeout(CONNECT_SECONDS):
            for begin in range(0, order.connections, AT_ONCE):
                await asyncio.gather(*(self._connect() for _ in range(begin, min(begin + AT_ONCE, order.connections))))
        clients, self._waiting = self._waiting or [], None
        begun = self.loop.time()
        self._ends_at = begun + order.seconds
        for number, client in enumerate(clients):
            client.begin(begun + order.every * number / order.connections)
        try:
            await asyncio.wait_for(self._done.wait(), order.seconds + order.every + ANSWER_SECONDS)
        except TimeoutError:  # somebody was never answered
            self.tally.broken += self._open
            self._ended_at = self._ends_at
        return self.tally.report(self._ended_at - begun)


async def _run(order: Order) -> dict[str, Any]:
    return await Load(order).run()


def main() -> None:
    """Carry out the order of the command line."""
    order = Order(**json.loads(sys.argv[1]))
    if order.core is not None:
        os.sched_setaffinity(0, {order.core})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(order.connections + SPARE_FILES, hard)), hard))
    sys.stdout.write(json.dumps({"order": asdict(order), **uvloop.run(_run(order))}) + "\n")


if __name__ == "__main__":
    main()
