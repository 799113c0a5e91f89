"""Follows the members as controllers publish them, and knows how old that knowledge is."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from emr_dr.core.view import VIEW_SECONDS, MemberView
from emr_dr.errors import TransientError
from emr_dr.ports import Clock, Store

INTERVAL = 0.5

log = structlog.get_logger("emr_dr.gateway")


@dataclass(slots=True)
class Views:
    """The members' views.

    Attributes:
        views: As read last; kept while the store is away.
        read_at: When the store last answered (seconds of the epoch); 0 if it never did.
        trouble: Why it did not answer the last time; empty while it does.
    """

    group: str
    store: Store
    clock: Clock
    views: Sequence[MemberView] = ()
    read_at: float = 0.0
    trouble: str = "not read yet"
    _version: int = 0
    _read_steady: float | None = None

    @property
    def fresh(self) -> bool:
        """Whether new work may be given out by them."""
        return self._read_steady is not None and self.clock.steady() - self._read_steady <= VIEW_SECONDS

    async def read(self) -> bool:
        """Read them if there are newer ones; return whether there were."""
        began, began_steady = self.clock.now(), self.clock.steady()
        try:
            published = await self.store.views(self.group, newer_than=self._version)
        except TransientError as error:
            if not self.trouble:
                log.warning("store_away", reason=str(error))
            self.trouble = str(error)
            return False
        self.read_at, self._read_steady, self.trouble = began, began_steady, ""
        if published is None:
            return False
        self._version, self.views = published.version, published.views
        return True
