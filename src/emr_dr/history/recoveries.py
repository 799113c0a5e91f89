"""What a recovery was, from its first sign to the end of the member it replaced; and what was refused, how long."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why a recovery began."""

    FIRST_START = "first start"
    UNPLANNED = "unplanned"
    """A member that carried traffic was lost, or never came into service."""
    STANDBY = "standby lost"
    """Traffic was not touched."""
    PLANNED = "planned"
    """Nothing was lost: a handover, or more members are wanted."""


class Result(StrEnum):
    """How a recovery stands."""

    UNDER_WAY = "under way"
    RECOVERED = "recovered"
    GIVEN_UP = "given up"
    """What was lost came back before anybody took its place."""
    HELD = "held"
    """Automation stopped itself and waits for a person."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A member that was found lost, and on what grounds.

    Attributes:
        failing_since: When the failures began that were believed at `at`; None where nobody wrote it down.
    """

    member: int
    cluster: str
    az: str
    at: float
    verdict: str
    why: str
    failing_since: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that was to take a place, with the time of each step it got to.

    Attributes:
        launched: When its launch was licensed; None for one that was there already, or was fenced and taken back.
        up: When EMR called it up.
        failed: When it was given up, and `why`.
    """

    number: int
    cluster: str = ""
    az: str = ""
    launched: float | None = None
    up: float | None = None
    proven: float | None = None
    admitted: float | None = None
    serving: float | None = None
    failed: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """A member that had to give its place up, why, and when it was gone for good."""

    member: int
    cluster: str
    az: str
    at: float
    reason: str
    retired: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was due and not allowed, from when until when; `seq` is the journal entry that began it."""

    reason: str
    at: float
    seq: int
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Everything from the first sign until nothing is outstanding.

    Attributes:
        seq: The journal entry that began it; `emr-dr why --seq` explains it.
        blocked: What was refused before it settled.
        epoch: The newest that it led to; None when nobody's entitlement changed.
        leaders: Who led meanwhile.
        settled: When as many served as are wanted, or it was given up.
        complete: When the rest, such as a new standby, was there too.
    """

    kind: Kind
    begun: float
    seq: int
    result: Result
    losses: tuple[Loss, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    departures: tuple[Departure, ...] = ()
    blocked: tuple[Refusal, ...] = ()
    epoch: int | None = None
    leaders: tuple[str, ...] = ()
    held: str = ""
    settled: float | None = None
    complete: float | None = None

    @property
    def successors(self) -> tuple[Candidate, ...]:
        """Those that were admitted and not given up."""
        return tuple(c for c in self.candidates if c.admitted is not None and c.failed is None)

    @property
    def failed(self) -> tuple[Candidate, ...]:
        """Those that were tried in vain."""
        return tuple(c for c in self.candidates if c.failed is not None)

    @property
    def steps(self) -> tuple[tuple[str, float], ...]:
        """What was reached and when, by time. Of several members the last one counts, and none before all are there."""
        done = self.successors or tuple(c for c in self.candidates if c.failed is None)
        found = [
            ("failing", min((x.failing_since for x in self.losses if x.failing_since is not None), default=None)),
            ("believed", self.begun if self.losses else None),
            ("launched", self._all(c.launched for c in done if c.launched is not None)),
            ("up", self._all(c.up for c in done if c.launched is not None)),
            ("proven", self._all(c.proven for c in done if c.launched is not None)),
            ("switched", self._all(c.admitted for c in self.successors)),
            ("serving", self._all(c.serving for c in self.successors)),
            ("retired", self._all(d.retired for d in self.departures)),
        ]
        return tuple(sorted(((name, at) for name, at in found if at is not None), key=lambda step: step[1]))

    def _all(self, times: Iterable[float | None]) -> float | None:
        """When the last of them was there; None before, and for what was there when the recovery began."""
        known = list(times)
        latest = max((at for at in known if at is not None), default=None)
        return None if None in known or latest is None or latest < self.begun else latest
