"""One HTTP port of a stand-in machine, which can be killed, frozen, or made silent as a lost machine is."""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from emr_dr.lab.standin.faults import Does, Fault

_BACKLOG = 1024
# More than the accept queue of a listener with backlog 0 holds.
_FILLERS = 4
# How long a request may still take when the machine ends; aiohttp takes 0 for "as long as it likes".
_LAST_WORDS = 0.05
_LARGEST_BODY = 1 << 30
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Port:
    """An HTTP server on one address and port, living on the event loop that started it.

    Attributes:
        faults: The first that takes a request decides what becomes of it.
        requests: How many came, by method and route: `GET /batches/{id}/state`.
        watch: Shown the headers of each, for tests of what is passed on.
    """

    def __init__(
        self,
        address: str,
        port: int,
        routes: Sequence[web.RouteDef],
        *,
        before: Callable[[], None] = lambda: None,
        around: Sequence[Middleware] = (),
    ) -> None:
        """`before` is called before each request is carried out; `around` wraps all that are."""
        self._place = (address, port)
        self._routes = routes
        self._before = before
        self._around = around
        self._listening: socket.socket | None = None
        self._hole: list[socket.socket] = []
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._running = asyncio.Event()
        self._running.set()
        self.faults: list[Fault] = []
        self.requests: Counter[str] = Counter()
        self.watch: Callable[[Mapping[str, str]], None] | None = None

    @property
    def answers(self) -> bool:
        """Whether a request would be answered now."""
        return self._site is not None and self._running.is_set()

    async def open(self) -> None:
        """Bind and serve; a no-op while it does."""
        if self._runner is not None:
            return
        app = web.Application(middlewares=[self._gate, *self._around], client_max_size=_LARGEST_BODY)
        app.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_WORDS)
        await self._runner.setup()
        self._listening = socket.create_server(self._place, backlog=_BACKLOG)
        self._site = web.SockSite(self._runner, self._listening, backlog=_BACKLOG)
        await self._site.start()

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Frozen or lost, requests wait here: their connections stay open and nothing is answered."""
        resource = request.match_info.route.resource
        self.requests[f"{request.method} {resource.canonical if resource else request.path}"] += 1
        if self.watch is not None:
            self.watch(request.headers)
        if not self._running.is_set():
            await self._running.wait()
        for fault in self.faults:
            if fault.takes(request):
                return await self._spoiled(fault, request, handler)
        self._before()
        return await handler(request)

    async def _spoiled(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()  # as a whole, so that nothing of it is left to the next request
        match fault.does:
            case Does.HANG:
                return await _never()
            case Does.CLOSE:
                return _cut(request)
            case Does.GARBAGE:
                return web.Response(text="<html><body>It works!", content_type="text/html")
            case Does.REFUSE:
                return web.Response(status=fault.status, text="try again later")
            case Does.LATE:
                await asyncio.sleep(fault.seconds)
        return await self._carried_out(fault, request, handler)

    async def _carried_out(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._before()
        answer = await handler(request)
        match fault.does:
            case Does.SLOW:
                await asyncio.sleep(fault.seconds)
            case Does.LOSE_REPLY:
                return _cut(request)
            case Does.HOLD_REPLY:
                return await _never()
        return answer

    def freeze(self) -> None:
        """Accept, and answer nothing."""
        self._running.clear()

    def thaw(self) -> None:
        """Answer again, also what has waited."""
        self._running.set()

    async def vanish(self) -> None:
        """Be silent: open connections hang, new ones time out. Nothing is refused at any moment.

        Linux drops the first packet of a connection when the listener's accept queue is full. The listening socket
        stays open by its duplicate while the server stops accepting from it.
        """
        self.freeze()
        if self._site is None or self._listening is None:
            return
        hole = self._listening.dup()
        self._hole.append(hole)
        await self._site.stop()
        self._site = None
        hole.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            self._hole.append(filler)
            filler.setblocking(False)
            filler.connect_ex(self._place)

    async def open_again(self) -> None:
        """Serve as if nothing had been, whatever has become of the port."""
        await self.close()
        self.thaw()
        await self.open()

    async def close(self) -> None:
        """End it: connections are cut and the port refuses. Safe to repeat."""
        while self._hole:
            self._hole.pop().close()
        self._site = None
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()


async def _never() -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
