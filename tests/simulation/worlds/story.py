"""What happened in a world, in its order: told in readable lines, and as a digest that two equal worlds share."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from emr_dr.controller.journal import DECIDED
from emr_dr.ports import Clock, JournalEntry
from simulation.worlds.virtual import EPOCH


class Event(NamedTuple):
    """Who did, or suffered, what, in seconds since the world began."""

    at: float
    who: str
    what: str

    def __str__(self) -> str:
        minutes, seconds = divmod(self.at, 60)
        return f"{int(minutes):4d}:{seconds:05.2f}  {self.who:<12} {self.what}"


class Story:
    """All events of one world."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.events: list[Event] = []

    def tell(self, who: str, what: str) -> None:
        self.events.append(Event(self._clock.now() - EPOCH, who, what))

    def entries(self, who: str, entries: Iterable[JournalEntry]) -> None:
        """Tell what somebody wrote into the journal, without the evidence."""
        for entry in entries:
            if entry.event != DECIDED:
                said = ", ".join(f"{k}={v}" for k, v in entry.detail.items() if v not in (None, ""))
                self.tell(who, f"{entry.event}: {said}")

    def lines(self) -> Iterator[str]:
        for event in self.events:
            yield str(event)

    def digest(self, more: Iterable[str] = ()) -> str:
        """One short word for all that happened, and for whatever else is given."""
        told = hashlib.sha256()
        for event in self.events:
            told.update(f"{event.at!r} {event.who} {event.what}\n".encode())
        for line in more:
            told.update(line.encode())
        return told.hexdigest()[:16]
