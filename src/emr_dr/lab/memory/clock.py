"""Virtual time: it stands still while anybody works, and jumps when everybody sleeps."""

import asyncio
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class VirtualClock:
    """A `Clock` whose seconds cost nothing and whose order is always the same.

    Sleepers wake one at a time, by time and then in the order in which they lay down; the next one wakes only when all
    who take part sleep again. A single sleeper needs no ceremony; several take part by `taking_part`.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._taking_part = 0
        self._order = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> float:
        """Seconds of the epoch."""
        return self._now

    def steady(self) -> float:
        """Seconds that nobody sets: here the same."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until virtual time has passed; always lets others run."""
        self._order += 1
        woken = asyncio.get_running_loop().create_future()
        entry = (self._now + max(seconds, 0.0), self._order, woken)
        heapq.heappush(self._sleepers, entry)
        try:
            await asyncio.sleep(0)  # those who begin together take part before time passes
            self._pass()
            await woken
        finally:
            if entry in self._sleepers:  # cancelled
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Have something happen when time passes `when`."""
        self._order += 1
        heapq.heappush(self._events, (when, self._order, do))

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """While inside, time passes only when this one sleeps too."""
        self._taking_part += 1
        try:
            yield
        finally:
            self._taking_part -= 1
            self._pass()

    def _pass(self) -> None:
        while self._sleepers and len(self._sleepers) >= max(self._taking_part, 1):
            wake_at, _, woken = heapq.heappop(self._sleepers)
            self._go_to(wake_at)
            if not woken.done():
                woken.set_result(None)

    def _go_to(self, when: float) -> None:
        while self._events and self._events[0][0] <= when:
            at, _, do = heapq.heappop(self._events)
            self._now = max(self._now, at)
            do()
        self._now = max(self._now, when)


class OwnClock:
    """One machine's wall clock over the time that all share: it may be set, and time passes all the same.

    Attributes:
        ahead: Seconds by which it differs.
    """

    def __init__(self, time: VirtualClock, ahead: float = 0.0) -> None:
        self._time = time
        self.ahead = ahead

    def now(self) -> float:
        """Seconds of the epoch, as this machine has them."""
        return self._time.now() + self.ahead

    def steady(self) -> float:
        """Seconds that nobody sets."""
        return self._time.steady()

    async def sleep(self, seconds: float) -> None:
        """Wait until virtual time has passed."""
        await self._time.sleep(seconds)
