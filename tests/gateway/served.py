"""A gateway that serves a test over a real socket of 127.0.0.1, and a client that sends bytes as they are."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from emr_dr.gateway.access import Access, Everybody
from emr_dr.gateway.app import GatewayApp
from emr_dr.gateway.calls import Batches
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.http import App
from emr_dr.gateway.listener import Listener, bound
from emr_dr.gateway.metrics import Metrics
from emr_dr.gateway.pages import Pages
from emr_dr.spec.gateway import Limits

HOST = "127.0.0.1"
PATIENCE = 10.0


@dataclass(frozen=True)
class Reply:
    """One response, read to its end."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Wire:
    """A connection of a test's client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, method: str = "GET") -> Reply:
        """Read one response."""
        async with asyncio.timeout(PATIENCE):
            line = await self.reader.readuntil(b"\r\n")
            _, status, reason = line.decode().rstrip("\r\n").split(" ", 2)
            headers: dict[str, str] = {}
            while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                assert name.lower() not in headers, f"{name} twice"
                headers[name.lower()] = value
            size = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
            body = await self.reader.readexactly(size)
        return Reply(int(status), reason, headers, body)

    async def ended(self) -> bytes:
        """Read until the other side has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def close(self) -> None:
        """Close it."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


@dataclass
class Served:
    """A gateway that is being served."""

    port: int
    app: GatewayApp
    listener: Listener
    counters: Counters
    pages: Pages
    tls: ssl.SSLContext | None = None
    _open: list[Wire] = field(default_factory=list)

    async def connect(self) -> Wire:
        """Open a connection; it is closed with the gateway."""
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=self.tls)
        wire = Wire(reader, writer)
        self._open.append(wire)
        return wire

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask once, on a connection of its own."""
        wire = await self.connect()
        await wire.send(request(method, path, body, headers))
        reply = await wire.reply(method)
        await wire.close()
        return reply

    async def close(self) -> None:
        """Close all connections of the test's clients."""
        for wire in self._open:
            await wire.close()


def request(method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a plain request."""
    given = {"Host": f"{HOST}:8998", "Accept": "application/json", **(headers or {})}
    if body is not None:
        given = {"Content-Type": "application/json", **given, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b"")


def make_app(
    batches: Batches,
    counters: Counters,
    *,
    limits: Limits,
    access: Access | None = None,
    relay: App | None = None,
    now: float = 1000.0,
) -> tuple[GatewayApp, Pages]:
    """The application over these batches, and its own pages."""
    metrics = Metrics(batches, counters, lambda: now)
    pages = Pages(batches, queued=limits.queued, metrics=metrics.answer, now=lambda: now)
    who = access or Everybody()
    return GatewayApp(batches, access=who, limits=limits, pages=pages, counters=counters, relay=relay), pages


@asynccontextmanager
async def served(
    batches: Batches,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    relay: App | None = None,
    now: float = 1000.0,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Served]:
    """Serve these batches at a free port for as long as the block lasts."""
    limits = limits or Limits()
    counters = Counters()
    app, pages = make_app(batches, counters, limits=limits, access=access, relay=relay, now=now)
    listener = Listener(app, counters=counters, limits=limits, tls=server_tls)
    listening = bound(HOST, 0)
    await listener.start(listening)
    watch = asyncio.create_task(listener.look_after())
    serving = Served(listening.getsockname()[1], app, listener, counters, pages, client_tls)
    try:
        yield serving
    finally:
        await serving.close()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await listener.stop(2)
