"""What is due when in a stand-in: carried out late but in order, each thing at its own time, when somebody looks."""

import heapq
import itertools
import time
from collections.abc import Callable

_WALL = time.time() - time.monotonic()


def wall() -> float:
    """Return seconds of the epoch that never jump while this process runs."""
    return _WALL + time.monotonic()


class Agenda:
    """The timer of one stand-in machine. It needs no task of its own: whoever reads anything catches up first."""

    def __init__(self, clock: Callable[[], float] = wall) -> None:
        """`clock` in seconds of the epoch; a test may give one that it moves by hand."""
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._counted = itertools.count()
        self._at: float | None = None

    @property
    def now(self) -> float:
        """The time of what is being carried out, else the clock's."""
        return self._clock() if self._at is None else self._at

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done; what is due at once is done at the next look, never within this call."""
        heapq.heappush(self._due, (self.now + seconds, next(self._counted), act))

    def catch_up(self) -> None:
        """Do everything that is due by now, and what that makes due."""
        if self._at is not None:
            return
        now = self._clock()
        try:
            while self._due and self._due[0][0] <= now:
                self._at, _, act = heapq.heappop(self._due)
                act()
        finally:
            self._at = None
