"""Time, as a port: production waits on the wall clock, tests on a virtual one."""

from typing import Protocol


class Clock(Protocol):
    """The time and the way to wait for it."""

    def now(self) -> float:
        """Seconds of the epoch, by the wall clock: stamps are compared between machines."""

    def steady(self) -> float:
        """Seconds of a clock that only goes forward, that nobody sets, and that counts while the machine sleeps."""

    async def sleep(self, seconds: float) -> None:
        """Wait; returns early when the process was asked to stop."""
