"""One group's gateway as it runs: its loops, its address, and the order in which it ends."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from emr_dr.gateway.listener import Listener
from emr_dr.gateway.pages import Pages

log = structlog.get_logger("emr_dr.gateway")

Loop = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Serving:
    """What one group's gateway is made of.

    Attributes:
        url: Where clients come, for people.
        loops: What runs as long as the gateway does; one that fails ends the process, which is then started again.
    """

    group: str
    name: str
    url: str
    listener: Listener
    listening: socket.socket
    pages: Pages
    loops: Sequence[Loop]

    async def run(self, asked_to_stop: asyncio.Event) -> None:
        """Serve until the process is asked to stop; requests under way end before what they stand on does."""
        tasks = [asyncio.ensure_future(loop()) for loop in (*self.loops, self.listener.look_after)]
        stop = asyncio.ensure_future(asked_to_stop.wait())
        try:
            await self.listener.start(self.listening)
            log.info("gateway_listens", group=self.group, gateway=self.name, url=self.url)
            await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
            log.info("gateway_stops", group=self.group, gateway=self.name)
        finally:
            self.pages.stopping = True
            await self.listener.stop()
            for task in (stop, *tasks):
                task.cancel()
            ended = await asyncio.gather(stop, *tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                raise each
