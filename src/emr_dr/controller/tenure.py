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
class Unrenewed:
    """Notices that a lease of somebody else is not renewed, by our own steady clock, whatever its stamp says.

    Its holder's wall clock may have been ahead: then the lease would outlive its holder by as much.
    """

    clock: Clock
    _lease: Lease | None = None
    _since: float = 0.0

    def look(self, lease: Lease) -> bool:
        """Whether this very lease has stood for longer than a holder that lives would leave it."""
        if lease != self._lease:
            self._lease, self._since = lease, self.clock.steady()
        return self.clock.steady() - self._since > LEASE_SECONDS + CLOCK_SKEW


@dataclass(slots=True)
class Standstill:
    """Notices that the wall clock was set, and keeps its process still for one lease's length after it.

    Stamps of before mean nothing by the new time: windows would seem filled, deadlines over, leases free. Nor does a
    deadline mean anything that passed while nobody could see what became of it.

    Attributes:
        passed: What was stamped before cannot be compared with the time, and has not been stamped anew since.
    """

    clock: Clock
    passed: bool = False
    _seen: tuple[float, float] | None = None
    _until: float = field(default=0.0)
    _jump: float = 0.0
    _saw_all: float | None = None

    def look(self) -> str:
        """Why nothing may be done now; empty when the clocks agree."""
        wall, steady = self.clock.now(), self.clock.steady()
        before, self._seen = self._seen, (wall, steady)
        if before is not None:
            jump = (wall - before[0]) - (steady - before[1])
            if abs(jump) > CLOCK_JUMP:
                self._jump, self._until, self.passed = jump, steady + LEASE_SECONDS, True
        if steady < self._until:
            return f"the clock was set by {self._jump:+.0f} s: nothing is done for {self._until - steady:.0f} s more"
        return ""

    def saw(self, *, all_there_is: bool) -> None:
        """Note what a leader's round saw; after a lease's length of blindness, stamps are not trusted."""
        if all_there_is:
            before, self._saw_all = self._saw_all, self.clock.steady()
            self.passed |= before is not None and self._saw_all - before > LEASE_SECONDS

    def rest(self) -> None:
        """Note that somebody else leads, and looks."""
        self._saw_all = None
