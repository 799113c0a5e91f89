"""The right to rescue: a named lease, as the process that took it may trust it."""

from dataclasses import dataclass, field

from emr_dr.core.document import Lease
from emr_dr.ports import Clock, Store

LEASE_SECONDS = 30.0
ASK_SECONDS = 5.0
"""Between two tries to take it from somebody else."""
MARGIN = 10.0
"""So much must be left to begin a save: by how much the clocks of two gateways may differ, and a save's deadline."""


@dataclass(slots=True)
class Turn:
    """Whose turn it is.

    The lease bounds the rate of rescues and spares work. That no batch is attempted twice at once is for the ledger's
    compare-and-set, which holds though two believed in their lease.

    Attributes:
        term: Of the lease when it was last ours; it grows with each change of holder.
    """

    name: str
    holder: str
    store: Store
    clock: Clock
    term: int = 0
    _lease: Lease | None = field(default=None)
    _ends: float = field(default=0.0)
    _asked: float | None = field(default=None)

    @property
    def left(self) -> float:
        """Seconds that remain, by whichever clock says less: a wall clock may be set, a process may be stopped."""
        if self._lease is None:
            return 0.0
        return min(self._lease.expires_at - self.clock.now(), self._ends - self.clock.steady())

    @property
    def ours(self) -> bool:
        """Whether enough is left to begin something."""
        return self.left > MARGIN

    async def hold(self) -> bool:
        """Take the lease, or renew it when it is half spent, and say whether it is ours.

        Raises:
            TransientError: The store is out of reach.
        """
        if self.left > LEASE_SECONDS / 2:
            return True
        steady = self.clock.steady()  # before the call: it may take long
        if self._lease is None and self._asked is not None and steady - self._asked < ASK_SECONDS:
            return False
        self._asked = steady
        lease = await self.store.take_lease(self.name, self.holder, now=self.clock.now(), seconds=LEASE_SECONDS)
        self._lease, self._ends = lease, steady + LEASE_SECONDS
        if lease is not None:
            self.term = lease.term
        return self.ours

    async def give_back(self) -> None:
        """Let another gateway have it at once; a no-op if it is not ours."""
        self._lease = None
        await self.store.drop_lease(self.name, self.holder)
