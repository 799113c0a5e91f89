"""Services on the loopback that answer as recorded, or misbehave as real ones do when they are in trouble."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from emr_dr.probes.http import Endpoint

CAPTURES = Path(__file__).parent / "captures"
"""Verbatim answers of real services: Livy 0.7.1, YARN and HDFS of Hadoop 3.3.6 (`livy071-…`, `yarn-…`, `hdfs-…`)."""


@dataclass
class Asked:
    """One request as a service got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answering = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Service:
    """A running service: where it is, and what it was asked."""

    endpoint: Endpoint
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def serving(answer: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """Run a service on a free port until the block ends; one that hangs is ended with it."""
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        service.connections += 1
        try:
            while True:
                asked = await _read(reader)
                service.asked.append(asked)
                await answer(asked, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    service = Service(Endpoint(server.sockets[0].getsockname()[1]))
    try:
        yield service
    finally:
        server.close()
        for each in handlers:
            each.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.splitlines()
    method, path, _ = first.split()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def http(status: str, body: bytes, *more: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def always(answer: bytes) -> Answering:
    async def send(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return send


def json_of(value: object) -> Answering:
    return always(http("200 OK", json.dumps(value).encode()))


def captured(*names: str) -> Answering:
    """Answer by method and path as recorded, with the status and the body verbatim; 404 where nothing was recorded."""
    answers: dict[str, bytes] = {}
    for name in names:
        record = json.loads((CAPTURES / f"{name}.json").read_text())
        response = record["response"]
        answers[f"{record['request']['method']} {record['request']['path']}"] = http(
            f"{response['status']} X",
            response["body_verbatim"].encode(),
            kind=response["headers"].get("Content-Type", "text/plain"),
        )

    async def send(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get(f"{asked.method} {asked.path}") or http("404 Not Found", b"{}"))

    return send


def body_of(name: str) -> bytes:
    text: str = json.loads((CAPTURES / f"{name}.json").read_text())["response"]["body_verbatim"]
    return text.encode()


async def silent(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Accept and never answer, as a frozen process does."""
    await asyncio.Event().wait()
    writer.close()


async def dripping(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


def a_byte_a_second(answer: bytes) -> Answering:
    """Send a good answer, but so slowly that nobody can wait for it."""

    async def drip(_: Asked, writer: asyncio.StreamWriter) -> None:
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)

    return drip


async def echoing(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer with a page that shows the whole request, as debugging proxies do."""
    shown = f"<html>{' '.join(f'{name}: {value}' for name, value in sorted(asked.headers.items()))}</html>"
    writer.write(http("200 OK", shown.encode(), kind="text/html"))


async def dripping_head(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Send header after header, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flooding(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Send as much as is taken, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


async def flooding_head(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Send headers as fast as they are taken, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n" * 1000)
        await writer.drain()


async def hanging_up(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Close without an answer, as a balancer without a healthy target does."""
    writer.close()
    raise ConnectionError


async def breaking_off(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Close in the middle of the answer."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"clus')
    await writer.drain()
    raise ConnectionError
