"""What a gateway needs of one member: its Livy and its YARN, asked directly over connections that are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from emr_dr.core.view import MemberView
from emr_dr.ports.ledger import LogPage


@dataclass(frozen=True, slots=True)
class LivyBatch:
    """One batch as a member's Livy tells it. `state` is Livy's own word, `recovering` included.

    The number means nothing without the name: a Livy that lost its store gives the same number to another job.
    """

    id: int
    name: str
    state: str
    app_id: str = ""
    driver_log_url: str = ""
    spark_ui_url: str = ""
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class YarnApplication:
    """One application as a member's ResourceManager tells it (YarnApplicationState, FinalApplicationStatus).

    Attributes:
        tags: In lower case, as YARN keeps them.
        started_at: Seconds of the epoch by the member's clock; 0 where it was not said.
    """

    id: str
    name: str
    state: str
    final_status: str
    tags: frozenset[str] = frozenset()
    user: str = ""
    queue: str = ""
    diagnostics: str = ""
    started_at: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether it can do nothing any more."""
        return self.state in ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """How much a member's YARN has to do: applications that run, and those that wait for room.

    Attributes:
        since: When this ResourceManager began (seconds of the epoch by the member's clock): one that began after an
            application was submitted may not know it any more. 0 where it was not said.
    """

    running: int
    pending: int
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """Livy took the submission."""

    batch: LivyBatch


@dataclass(frozen=True, slots=True)
class Declined:
    """Livy answered that it does not take the submission; nothing runs because of it.

    Attributes:
        busy: Whether only for now: too many submissions at once. Another member, or a later moment, may do.
    """

    status: int
    body: bytes
    content_type: str
    busy: bool = False


class Upstream(Protocol):
    """Members' services. Every call has a deadline; nothing is retried here.

    Every method raises `TransientError` for no good answer (silence, garbage, too much, a status that is none of
    Livy's), and its subclass `UnreachedError` where no connection was made, so that nothing was sent. One member that
    hangs delays no call to another.
    """

    async def submit(
        self, member: MemberView, request: Mapping[str, object], *, do_as: str = ""
    ) -> Accepted | Declined:
        """POST /batches, once.

        Raises:
            UnreachedError: Nothing was sent.
            OutcomeUnknownError: It may have arrived, or may still arrive.
        """

    async def batches(self, member: MemberView) -> Sequence[LivyBatch]:
        """Every batch that Livy knows, as of one moment as far as Livy can: one call, unless there are very many."""

    async def batch(self, member: MemberView, name: str) -> LivyBatch | None:
        """The batch of that name, which works like a number since Livy 0.6; None if Livy does not know it."""

    async def log(self, member: MemberView, livy_id: int, start: int, size: int) -> LogPage | None:
        """Lines of a batch's log, as Livy pages them; None if Livy does not know the number. Not a proof of whose."""

    async def delete(self, member: MemberView, livy_id: int) -> None:
        """End the batch and make Livy forget it; a no-op where it is not known. Livy may take long over it."""

    async def applications(self, member: MemberView, tag: str) -> Sequence[YarnApplication]:
        """Every application that carries exactly this tag and that YARN still remembers, ended ones included."""

    async def kill(self, member: MemberView, application_id: str) -> None:
        """Ask YARN to kill one application; reading back that it is killed is the caller's. A no-op if it has ended."""

    async def load(self, member: MemberView) -> QueueLoad:
        """What runs and waits in YARN (its cluster metrics)."""

    async def close(self) -> None:
        """Let all connections go."""
