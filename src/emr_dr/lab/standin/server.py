"""One HTTP port of a stand-in machine, which can be killed, frozen, or made silent as a lost machine is."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

_BACKLOG = 128
# More than the accept queue of a listener with backlog 0 holds.
_FILLERS = 4
# How long a request may still take when the machine ends; aiohttp takes 0 for "as long as it likes".
_LAST_WORDS = 0.05
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Port:
    """An HTTP server on one address and port, living on the event loop that started it."""

    def __init__(self, address: str, port: int, routes: list[web.RouteDef]) -> None:
        self._place = (address, port)
        self._routes = routes
        self._listening: socket.socket | None = None
        self._hole: list[socket.socket] = []
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._running = asyncio.Event()
        self._running.set()

    @property
    def answers(self) -> bool:
        """Whether a request would be answered now."""
        return self._site is not None and self._running.is_set()

    async def open(self) -> None:
        """Bind and serve."""
        app = web.Application(middlewares=[self._gate])
        app.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_WORDS)
        await self._runner.setup()
        self._listening = socket.create_server(self._place, backlog=_BACKLOG)
        self._site = web.SockSite(self._runner, self._listening, backlog=_BACKLOG)
        await self._site.start()

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Frozen or lost, requests wait here: their connections stay open and nothing is answered."""
        await self._running.wait()
        return await handler(request)

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
            await self._runner.cleanup()
            self._runner = None
