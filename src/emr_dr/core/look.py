"""One look at an attempt: what Livy and YARN of its member say of it, or since when they say nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class LivyRecord(Protocol):
    """The attempt as Livy tells it, found by its unique name; `ports.LivyBatch` is one."""

    @property
    def id(self) -> int:
        """Livy's own number."""

    @property
    def state(self) -> str:
        """Livy's own word."""

    @property
    def app_id(self) -> str:
        """Empty while Livy knows of no application."""

    @property
    def driver_log_url(self) -> str:
        """Empty until it is known."""

    @property
    def spark_ui_url(self) -> str:
        """Empty until it is known."""

    @property
    def log(self) -> Sequence[str]:
        """Its last lines."""


class Application(Protocol):
    """The attempt as YARN tells it, found by its tag; `ports.YarnApplication` is one."""

    @property
    def id(self) -> str:
        """YARN's id."""

    @property
    def state(self) -> str:
        """YarnApplicationState."""

    @property
    def final_status(self) -> str:
        """FinalApplicationStatus."""

    @property
    def diagnostics(self) -> str:
        """Why it failed, if it did."""

    @property
    def ended(self) -> bool:
        """Whether it can do nothing any more."""


@dataclass(frozen=True, slots=True)
class Absent:
    """It was in none of the whole lists since `since`, and no answer failed in between; the last was asked at `at`."""

    since: float
    at: float


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one attempt at one moment; None where there was no good answer.

    Attributes:
        dead_since: When Livy was first heard to say that it ended badly.
        recovered: Whether Livy has restarted since it was sent, and found it in its store: the process that would have
            submitted it ended with the Livy before.
        yarn_began: When this ResourceManager began, by the member's clock; 0 if that is not known.
    """

    at: float
    livy: LivyRecord | Absent | None = None
    yarn: Application | Absent | None = None
    dead_since: float = 0.0
    recovered: bool = False
    yarn_began: float = 0.0
