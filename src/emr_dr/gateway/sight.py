"""What one of a member's two services told last, since when it tells without a gap, and what is missing since when."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from emr_dr.core.look import Absent

T = TypeVar("T")


@dataclass(slots=True)
class Sight(Generic[T]):
    """The lists of one service, one after the other. Times are those of a steady clock: walls' clocks are set.

    Attributes:
        trouble: Why the last one was no good answer; empty if it was.
        told: What was in the last good one, by unique name or tag.
        at: When the last good one was asked for.
        since: When the first good one after the last failure was asked for.
        failed_since: When the first failure after the last good one was.
    """

    trouble: str = "not asked yet"
    told: dict[str, T] = field(default_factory=dict)
    at: float = 0.0
    since: float = 0.0
    failed_since: float | None = None
    _gone: dict[str, float] = field(default_factory=dict)

    def answered(self, told: Iterable[tuple[str, T]], at: float) -> None:
        """Take in a whole list that was asked for at `at`."""
        if self.trouble:
            self.since = at
            self._gone.clear()
        before, self.told = self.told, dict(told)
        if before.keys() != self.told.keys():
            for name in before.keys() - self.told.keys():
                self._gone[name] = at
            for name in self.told.keys() & self._gone.keys():
                del self._gone[name]
        self.trouble, self.at, self.failed_since = "", at, None

    def failed(self, why: str, steady: float) -> bool:
        """Note that there was no good answer; return whether that is news."""
        news = not self.trouble or self.at == 0
        self.trouble = why
        if self.failed_since is None:
            self.failed_since = steady
        return news

    def away_for(self, steady: float) -> float:
        """Seconds since it last answered; 0 while it does."""
        return 0.0 if self.failed_since is None else steady - self.failed_since

    def of(self, name: str, *, seen: float = 0.0, ahead: float = 0.0) -> T | Absent | None:
        """What it says of one attempt; None if it does not answer.

        Args:
            name: Unique name, or tag.
            seen: Since when the attempt is known here: what is missing is missing since then at the earliest.
            ahead: What makes seconds of the epoch of the steady clock's.
        """
        if self.trouble:
            return None
        found = self.told.get(name)
        if found is not None:
            return found
        since = max(self.since, self._gone.get(name, 0.0), seen)
        return Absent(since + ahead, self.at + ahead)

    def forget(self, wanted: Iterable[str]) -> None:
        """Drop what is remembered as missing, but for those still asked about."""
        self._gone = {name: self._gone[name] for name in wanted if name in self._gone}
