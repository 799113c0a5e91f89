"""The right to act, as one process may trust it: its lease by two clocks, and a standstill after a clock was set."""

from dataclasses import dataclass, field

from emr_dr.core.document import Document, Lease
from emr_dr.ports import Clock

LEASE_SECONDS = 60.0
CLOCK_SKEW = 5.0
"""Seconds by which the clocks of two controllers may differ: so much after its end a lease is taken from its holder."""
CLOCK_JUMP = 5.0
"""Seconds that the wall clock may gain or lose on the steady one between two looks; more, and somebody has set it."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """A lease that was just saved, and when it ends by a clock that nobody sets.

    A process that was stopped, or whose wall clock was set back meanwhile, must not believe that it has time left.
    """

    lease: Lease
    ends: float

    def left(self, clock: Clock) -> float:
        """Seconds that remain, by whichever clock says less."""
        return min(self.lease.expires_at - clock.now(), self.ends - clock.steady())


def free(lease: Lease | None, holder: str, now: float) -> bool:
    """Whether `holder` may take or go on with this lease: nobody's, its own, given back, or run out long enough."""
    if lease is None or lease.holder == holder or lease.expires_at == 0.0:
        return True
    return lease.expires_at + CLOCK_SKEW <= now


def extended(document: Document, holder: str, now: float) -> Lease:
    """The lease that a save of this holder writes; a change of holder is a new term."""
    lease = document.lease
    ours = lease is not None and lease.holder == holder
    return Lease(holder, (lease.term if lease else 0) + (0 if ours else 1), now + LEASE_SECONDS)


@dataclass(slots=True)
class Standstill:
    """Notices that the wall clock was set, and keeps its process still for one lease's length after it.

    Stamps of before mean nothing by the new time: windows would seem filled, deadlines over, leases free.
    """

    clock: Clock
    _seen: tuple[float, float] | None = None
    _until: float = field(default=0.0)
    _jump: float = 0.0

    def look(self) -> str:
        """Why nothing may be done now; empty when the clocks agree."""
        wall, steady = self.clock.now(), self.clock.steady()
        before, self._seen = self._seen, (wall, steady)
        if before is not None:
            jump = (wall - before[0]) - (steady - before[1])
            if abs(jump) > CLOCK_JUMP:
                self._jump, self._until = jump, steady + LEASE_SECONDS
        if steady < self._until:
            return f"the clock was set by {self._jump:+.0f} s: nothing is done for {self._until - steady:.0f} s more"
        return ""
