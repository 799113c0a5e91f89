"""Asks the stable address for a good answer again and again: recovery time is measured where clients stand."""

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp

PERIOD = 0.25
DEADLINE = aiohttp.ClientTimeout(total=2)


@dataclass
class Canary:
    """One request a period, each on a connection of its own, and when the answers were good (seconds of the epoch).

    Attributes:
        source: The address that it asks from; empty for any.
    """

    url: str
    source: str = ""
    period: float = PERIOD
    last_good: float = 0.0
    failures: int = 0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """(last good, next good answer) for each silence longer than two seconds."""

    async def run(self) -> None:
        """Ask until cancelled."""
        local = (self.source, 0) if self.source else None
        connector = aiohttp.TCPConnector(force_close=True, local_addr=local)
        async with aiohttp.ClientSession(timeout=DEADLINE, connector=connector) as session:
            while True:
                if await self._good(session):
                    now = time.time()
                    if self.last_good and now - self.last_good > DEADLINE.total:  # type: ignore[operator]
                        self.gaps.append((self.last_good, now))
                    self.last_good = now
                else:
                    self.failures += 1
                await asyncio.sleep(self.period)

    def outage(self, since: float) -> tuple[float, float] | None:
        """The longest silence that ended after `since`, as (last good, first good), if there was one."""
        return max((g for g in self.gaps if g[1] >= since), key=lambda g: g[1] - g[0], default=None)

    async def _good(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/batches?size=1") as answer:
                return answer.status == HTTPStatus.OK and "total" in await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False
