"""How a stand-in's batch will go, as its own arguments say: `seconds=5 outcome=fail appears=130`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

_TIMES = ("seconds", "starting", "appears")
_NOWHERE = "/nonexistent/"


class Outcome(StrEnum):
    """How a batch ends if nobody interferes."""

    SUCCESS = "success"
    FAIL = "fail"
    """The application ends as FAILED."""
    KILLED = "killed"
    """Somebody kills it in YARN."""
    REFUSED = "refused"
    """spark-submit fails, as for a file that is not there: YARN never hears of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The life of one batch, in seconds.

    Attributes:
        seconds: From submission to end, if there is room at once.
        starting: How much of that it is ACCEPTED.
        appears: From Livy's answer until YARN knows the application.
        lines: Log lines that it has from the beginning.
    """

    seconds: float = 1.0
    starting: float = 0.2
    appears: float = 0.0
    outcome: Outcome = Outcome.SUCCESS
    lines: int = 0

    @property
    def running(self) -> float:
        """How long it runs."""
        return max(self.seconds - self.accepted, 0.0)

    @property
    def accepted(self) -> float:
        """How long it is ACCEPTED at least."""
        return min(self.starting, self.seconds / 2)

    def of(self, file: str, args: Iterable[str]) -> "Plan":
        """Return what a batch's own arguments make of this; arguments that say nothing here are passed over."""
        plan = replace(self, outcome=Outcome.REFUSED) if _NOWHERE in file else self
        for arg in args:
            key, _, value = arg.partition("=")
            if key == "outcome" and value in {each.value for each in Outcome}:
                plan = replace(plan, outcome=Outcome(value))
            elif key == "lines" and value.isdecimal():
                plan = replace(plan, lines=int(value))
            elif key in _TIMES and _is_number(value):
                times: dict[str, Any] = {key: float(value)}
                plan = replace(plan, **times)
        return plan


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()
