"""A listening socket with its connections: served until asked to stop, and then ended in order."""

import asyncio
import itertools
import resource
import socket
import ssl
import time
from email.utils import formatdate

import structlog
from uvicorn.config import Config
from uvicorn.server import ServerState

from emr_dr.errors import UsageError
from emr_dr.gateway.app import GatewayApp
from emr_dr.gateway.connection import Connection, Floor
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.server_log import take_over
from emr_dr.spec.gateway import Limits

log = structlog.get_logger("emr_dr.gateway")

BACKLOG = 2048
FORGETS_AFTER = 60
"""Seconds without a poll after which an answer is not kept ready any more; twice as many at the most."""
STOP_SECONDS = 4.0
"""What is under way has so long to end once the process is asked to stop."""
SPARE_FILES = 256
"""Open files that are kept for everything but clients: stores, members, logs."""


class Listener:
    """One group's address."""

    def __init__(
        self, app: GatewayApp, *, counters: Counters, limits: Limits, tls: ssl.SSLContext | None = None
    ) -> None:
        self._app = app
        self._floor = Floor(app, counters, limits.slow, limits.connections)
        self._state = ServerState()
        self._tls = tls
        self._handshake = limits.slow if tls is not None else None
        self._config = Config(
            app,
            loop="none",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()
        take_over()
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve on a bound socket."""
        loop = asyncio.get_running_loop()
        self._tick()
        self._server = await loop.create_server(
            lambda: Connection(self._floor, self._config, self._state, loop),
            sock=listening,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake,
            backlog=BACKLOG,
        )

    async def look_after(self) -> None:
        """Keep the time, and end connections that are too slow; until cancelled."""
        for second in itertools.count(1):
            await asyncio.sleep(1)
            self._tick()
            if second % FORGETS_AFTER == 0:
                self._app.forget()
            now = asyncio.get_running_loop().time()
            for connection in list(self._state.connections):
                connection.look(now)  # type: ignore[union-attr]

    def _tick(self) -> None:
        date = formatdate(time.time(), usegmt=True).encode("ascii")
        self._floor.date = b"date: " + date + b"\r\n"
        self._state.default_headers = [(b"date", date)]

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Take nothing new, let what is under way end, and end the rest after so many seconds."""
        self._floor.stopping = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(seconds):
                while self._state.tasks or self._state.connections:  # noqa: ASYNC110 - they tell nobody of their end
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log.warning("requests_broken_off", requests=len(self._state.tasks))
        for connection in list(self._state.connections):
            connection.transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has the address.

    Raises:
        UsageError: It is taken, or none of this machine's.
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, proto)
    except OSError as error:
        raise UsageError(f"cannot listen there: {error.strerror}", where=where, remedy="see --listen") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise UsageError(f"cannot listen there: {error.strerror}", where=where, remedy="see --listen") from error
    listening.setblocking(False)
    return listening


def room_for(connections: int) -> int:
    """Allow this process as many open files as it may have, and return for how many clients that is enough."""
    wanted = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = min(connections, soft - SPARE_FILES)
    if room < connections:
        log.warning("fewer_connections_than_declared", declared=connections, room=room, open_files=hard)
    return room
