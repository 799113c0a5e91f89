"""One client's connection: HTTP as strict as it has to be, deadlines on whoever is slow, and polls answered at once.

uvicorn's protocol does the rest. What it does not do is here: limits of a request's head, of the time that a request
may take to arrive and an answer to be taken, and of connections; refusals of what a proxy in front might read in
another way; and the short cut for polls, which need no task and no queue.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from emr_dr.gateway.counters import Counters
from emr_dr.gateway.framing import ONCE, FaultError, check_head
from emr_dr.gateway.polls import Ready

LONGEST_HEAD = 128 * 1024
"""Bytes of a request's line and headers, as of Livy (`livy.server.request-header.size`)."""
MOST_HEADERS = 100
IDLE_SECONDS = 120.0
"""How long a connection is kept without a request: longer than the usual pauses between two polls of one client."""
SLOWEST = 64 * 1024
"""Bytes in a second at which a body has to arrive, and an answer be taken, besides the time that every request has."""
FRAMING = 16
"""Bytes around one byte of a body that a client may spend on chunks; more is no body but an attack."""

NEVER = float("inf")


class Instant(Protocol):
    """What answers polls from memory."""

    def instant(self, path: bytes, headers: list[tuple[bytes, bytes]]) -> Ready | None:
        """The answer, or None if the request has to go the long way."""


@dataclass(slots=True)
class Floor:
    """What all connections of one listener share.

    Attributes:
        slow: Seconds that a client may take over one request, and over taking an answer.
        most: Connections at once.
        date: The Date header of this second, as a line.
        stopping: Whether no further request is answered on a connection that is kept.
    """

    app: Instant
    counters: Counters
    slow: float
    most: int
    date: bytes = b""
    stopping: bool = False


class Connection(HttpToolsProtocol):
    """A client's connection."""

    def __init__(self, floor: Floor, config: Config, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config=config, server_state=state, app_state={}, _loop=loop)
        self.access_log = False
        self._floor = floor
        self._began = self._until = loop.time()
        self._taken_by = NEVER
        self._in_head = False
        self._fresh = False
        self._arriving = False
        self._answered = False
        self._refused = False
        self._running: RequestResponseCycle | None = None
        self._head_size = self._size = self._body_size = self._unparsed = 0
        self._once: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a client in, if there is room."""
        super().connection_made(transport)
        self._began = self.loop.time()
        self._until = self._began + self._floor.slow
        self._floor.counters.connections = len(self.connections)
        if len(self.connections) > self._floor.most:
            self._floor.counters.cut_off["full"] += 1
            self._turn_away()
        elif self._floor.stopping:  # it was accepted just before we stopped to listen
            self._turn_away()

    def _turn_away(self) -> None:
        self._refused = True
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._floor.counters.connections = len(self.connections)

    def data_received(self, data: bytes) -> None:
        """Read what came, as far as it can be read."""
        if self._refused:
            return
        self._fresh = False
        try:
            self._feed(data)
            self._weigh(len(data))
        except FaultError as error:
            self._refuse(error.status)
        except httptools.HttpParserError as error:
            fault = error.__context__
            self._refuse(fault.status if isinstance(fault, FaultError) else 400)

    def _feed(self, data: bytes) -> None:
        while data:
            if self._unparsed:
                part, data = data[: self._unparsed], data[self._unparsed :]
                self._unparsed -= len(part)
                self.on_body(part)
                if not self._unparsed:
                    self.on_message_complete()
                continue
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Whatever it asked to become, we speak HTTP/1.1 on. What follows is its body, then other requests.
                data = data[upgrade.args[0] :]
            else:
                return

    def _weigh(self, size: int) -> None:
        """Bound what a request costs before, and besides, its body: the parser itself keeps a header of any length."""
        if not self._arriving or self._fresh:
            return
        self._size += size
        allowed = LONGEST_HEAD if self._in_head else LONGEST_HEAD + FRAMING * self._body_size
        if self._size > allowed:
            raise FaultError(431)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._began = self.loop.time()
        self._until = self._began + self._floor.slow
        self._arriving = self._in_head = self._fresh = True
        self._answered = False
        self._head_size = self._size = self._body_size = 0
        self._once = {}

    def on_url(self, url: bytes) -> None:
        """Read (a part of) its address."""
        self._count(len(url), 414)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read one header, or what comes after a body in chunks and means nothing here."""
        self._count(len(name) + len(value), 431)
        if not self._in_head:
            return
        if len(self.headers) >= MOST_HEADERS:
            raise FaultError(431)
        name, value = name.lower(), value.strip(b" \t")
        if name in ONCE:
            if name in self._once:
                raise FaultError(400)
            self._once[name] = value
            if name == b"expect":
                self.expect_100_continue = value.lower() == b"100-continue"
        self.headers.append((name, value))

    def _count(self, size: int, status: int) -> None:
        self._head_size += size
        if self._head_size > LONGEST_HEAD:
            raise FaultError(status)

    def on_headers_complete(self) -> None:
        """Answer a poll at once; give everything else to the application."""
        version = self.parser.get_http_version()
        check_head(version, self.parser.get_method(), self._once)
        if self.parser.should_upgrade() and self._has_body:
            # The parser now takes the body for what it was asked to become.
            if b"transfer-encoding" in self._once:
                raise FaultError(400)
            self._unparsed = int(self._once[b"content-length"])
        if self._idle and self.parser.get_method() == b"GET" and not self._has_body:
            ready = self._floor.app.instant(self.url, self.headers)
            if ready is not None:
                self._in_head = False
                self._answer(ready, keep=version == "1.1" and self.parser.should_keep_alive())
                return
        super().on_headers_complete()
        self._in_head = False
        if self._floor.stopping:
            self.cycle.keep_alive = False

    @property
    def _idle(self) -> bool:
        """Whether nothing is under way here, so that an answer may be sent at once."""
        return self._done and not self.flow.write_paused and not self._floor.stopping

    @property
    def _done(self) -> bool:
        """Whether all requests that were read have their answers; one that is being read is none of them."""
        return not self.pipeline and (self._running is None or self._running.response_complete)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def _has_body(self) -> bool:
        return b"transfer-encoding" in self._once or self._once.get(b"content-length", b"0") != b"0"

    def _answer(self, ready: Ready, *, keep: bool) -> None:
        self._answered = True
        self.server_state.total_requests += 1
        line = b"HTTP/1.1 200 OK\r\n" if keep else b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
        self.transport.write(line + self._floor.date + ready.head + ready.body)
        if not keep:
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        """Give a part of the body on, and time for the rest."""
        self._body_size += len(body)
        self._until = self._began + self._floor.slow + self._body_size / SLOWEST
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has arrived."""
        if self._unparsed:
            return
        self._arriving = False
        now = self.loop.time()
        self._until = now + IDLE_SECONDS
        if self._answered:
            return
        super().on_message_complete()
        if not self.cycle.response_complete:
            self._until = NEVER  # from here on it is we who take our time

    def on_response_complete(self) -> None:
        """The answer was given: go on with the next request, or wait for one."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # one timer a second looks after all connections
        if self._refused and self._done:
            self.transport.close()
        if not self._arriving and self._idle:
            self._until = self.loop.time() + IDLE_SECONDS

    def pause_writing(self) -> None:
        """The client takes its answer slowly."""
        super().pause_writing()
        size = self.transport.get_write_buffer_size()
        self._taken_by = self.loop.time() + self._floor.slow + size / SLOWEST

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        super().resume_writing()
        self._taken_by = NEVER

    def look(self, now: float) -> None:
        """End the connection if its time is up; called about once a second."""
        if self.flow.read_paused:  # the request may well have arrived; it is we who do not read on
            self._until = max(self._until, now + 1)
        if now <= self._until and now <= self._taken_by:
            return
        slow = self._arriving or now > self._taken_by or self._refused
        if not slow and not self.transport.get_write_buffer_size():
            self.transport.close()
            return
        self._floor.counters.cut_off["slow"] += 1
        if self._arriving and not self._refused and self._idle:
            self._refuse(408, count=False)
        else:
            self.transport.abort()

    def _gave_up_body(self) -> bool:
        """Tell the application that the body which it reads breaks off; whether it is the only request under way."""
        if self._answered or not self._arriving or self._in_head or self.cycle.response_started:
            return False
        if self.pipeline:
            self.pipeline.popleft()  # it waits behind others and was not begun
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def _refuse(self, status: int, *, count: bool = True) -> None:
        """Say that the request cannot be read, unless an earlier one is still to be answered, and read no more."""
        self._refused = True
        if count:
            self._floor.counters.cut_off["malformed"] += 1
        if not self._gave_up_body() and not self._idle:
            return  # what is said now would be taken for the answer to an earlier request; see on_response_complete
        head = STATUS_LINE[status] + self._floor.date + b"content-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head)
        self.transport.close()
        self._until = self.loop.time() + 1
