"""The wall clock, as the controller waits on it."""

import asyncio
import contextlib
import time


class WallClock:
    """Real time; its waits end early once the process was asked to stop."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    def now(self) -> float:
        """Seconds of the epoch."""
        return time.time()

    def steady(self) -> float:
        """Seconds since the machine started, sleep included (CLOCK_BOOTTIME, clock_gettime(2))."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait, or return at once when the process was asked to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    def stop(self) -> None:
        """End all waits, now and from now on."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether the process was asked to stop."""
        return self._stop.is_set()
