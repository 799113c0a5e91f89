"""A loop on virtual time: it stands still while anybody works, and jumps when all of them wait."""

import asyncio
import selectors
from collections.abc import Callable

from emr_dr.lab.memory import VirtualClock

EPOCH = 1_800_000_000.0


class _Waits(selectors.SelectSelector):
    """Nothing ever comes from outside, so waiting for it is letting time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that will never happen")
        self.passed += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Also the deadlines of our own code (`asyncio.timeout`) pass in virtual time."""

    def __init__(self) -> None:
        self._waits = _Waits()
        super().__init__(self._waits)

    def time(self) -> float:
        return self._waits.passed


class LoopClock(VirtualClock):
    """The time of the loop, for whoever wants a `VirtualClock`: nobody has to say that he takes part."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(EPOCH)
        self._loop = loop

    def now(self) -> float:
        return EPOCH + self._loop.time()

    def steady(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    def at(self, when: float, do: Callable[[], None]) -> None:
        self._loop.call_at(when - EPOCH, do)
