"""What gateways keep: batches under numbers of their own, the attempts to run them, their logs, and members' loads.

Every write is an insert-if-absent or a compare-and-set on one batch, so that a key-value table can hold a ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from emr_dr.core.batch import Batch, NewBatch
from emr_dr.core.view import Load
from emr_dr.ports.sessions import SessionLedger

KEPT_LINES = 200
"""Log lines kept of one attempt: as many as Livy itself keeps (`livy.cache-log.size`)."""

KEPT_CHARACTERS = 65_536
"""Characters kept of one attempt's log, so that all of a batch's tails fit into one item of a key-value table."""


@dataclass(frozen=True, slots=True)
class Creation:
    """The batch of a submission, and whether this call made it or found it already there."""

    batch: Batch
    created: bool


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Some of the listed batches, by number, and how many are listed in all."""

    start: int
    total: int
    batches: tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Batches saved since some moment, each at least once and as it is now, and where to go on from.

    Attributes:
        cursor: Opaque; means something to the ledger that gave it, and only there.
    """

    cursor: str
    batches: tuple[Batch, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines from `start` on, as far as they are still kept, and how many there ever were."""

    start: int
    total: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogTail:
    """The end of one attempt's log: its last lines, and how many it had in all."""

    attempt: int
    total: int
    lines: tuple[str, ...]

    def bounded(self) -> "LogTail":
        """Return what is kept of it: the last lines, within the limits, as text that any store can hold."""
        lines: list[str] = []
        left = KEPT_CHARACTERS
        for line in reversed(self.lines[-KEPT_LINES:]):
            if left <= 0:
                break
            lines.append(line[:left].encode("utf-8", "replace").decode())
            left -= len(line)
        return replace(self, total=max(self.total, len(self.lines)), lines=tuple(reversed(lines)))


@dataclass(frozen=True, slots=True)
class BatchLog:
    """The log of a batch: the tails of its attempts, one after the other, as if they were one log."""

    tails: tuple[LogTail, ...] = ()

    @property
    def total(self) -> int:
        """How many lines there ever were; it never shrinks, for clients page by it."""
        return sum(tail.total for tail in self.tails)

    def page(self, start: int = -1, size: int = 100) -> LogPage:
        """Return lines as Livy pages them: a negative `start` asks for the last ones, a negative `size` for all."""
        if size < 0:
            size = self.total
        if start < 0:
            start = max(self.total - size, 0)
        lines: list[str] = []
        begin = 0
        for tail in self.tails:
            first_kept = begin + tail.total - len(tail.lines)
            lines += (t for n, t in enumerate(tail.lines, first_kept) if start <= n < start + size)
            begin += tail.total
        return LogPage(start, self.total, tuple(lines))

    def keeping(self, tail: LogTail) -> "BatchLog":
        """Return the log with this attempt's tail, unless more of the attempt's log is known already."""
        tail = tail.bounded()
        if any(t.attempt == tail.attempt and t.total > tail.total for t in self.tails):
            return self
        others = (t for t in self.tails if t.attempt != tail.attempt)
        return BatchLog(tuple(sorted((*others, tail), key=lambda t: t.attempt)))


class Backlog(Protocol):
    """What a controller asks of a ledger."""

    async def backlog(self) -> Mapping[str, int]:
        """How many unfinished batches, tombstones included, have their last attempt on each cluster that has any.

        The queued ones are under the empty id. Reads no batch, so that it may be asked each round.
        """


class Ledger(Backlog, SessionLedger, Protocol):
    """The batches and sessions of one group's address. Any number of gateways may use one ledger at once.

    Every method raises `TransientError` if the ledger is locked, full or out of reach, and `PermanentError` if it is
    corrupt or was written by a newer version; further errors are said below. After a `TransientError` only a read tells
    whether a write was kept.
    """

    async def create(self, new: NewBatch) -> Creation:
        """Give the submission a number; keep batch and first attempt, all or nothing, before anything is sent.

        Numbers grow from 1 to `MAX_BATCH_ID`, are never given twice, and may leave gaps. A submission whose token, or
        whose key with the same owner, is known already gets the batch that has it, as it is now, even if the two race
        or the batch was deleted; whether the requests are the same is for the caller to compare. May be repeated with
        the same token, and must be after a `TransientError`: whatever was kept will be run.

        Raises:
            ConflictError: Another batch has the name and keeps it (`Batch.keeps_its_name`), whoever owns it: names are
                unique in the ledger, as they are on one Livy. Nothing was kept.
            PermanentError: All numbers were given out.
        """

    async def read(self, batch_id: int) -> Batch | None:
        """The batch, deleted or not; None only if that number was never given out here."""

    async def find(self, name: str) -> Batch | None:
        """The newest listed batch of that name; None if there is none."""

    async def save(self, batch: Batch) -> Batch:
        """Save the batch if the saved version is still `batch.version`; return it with its new version.

        The ledger itself refuses what `core.batch.objections` forbids: a second live attempt, a member changed after
        sending, an end or a tombstone taken back, a proof dropped. After a `TransientError`, read before repeating.

        Raises:
            ConflictError: Somebody else saved first; nothing of this was kept. Read, and decide again.
            PermanentError: The change is forbidden, or the batch was never created here.
        """

    async def page(self, start: int, size: int) -> BatchPage:
        """Up to `size` listed batches by number, after skipping `start`, with the total of the same moment."""

    async def unfinished(self, cluster_id: str | None = None) -> Sequence[Batch]:
        """The unfinished batches, tombstones included, whose last attempt is on that cluster; by number.

        With an empty id the queued ones; without one all.
        """

    async def changes(self, cursor: str | None = None) -> Changes:
        """What was created or saved since `cursor`, deleted ones included; some may be told twice, none is missed.

        Without a cursor nothing is told but the cursor of now: read what there is after asking for it.

        Raises:
            PermanentError: The cursor is not of this ledger.
        """

    async def keep_log(self, batch_id: int, tail: LogTail) -> None:
        """Keep an attempt's tail, bounded, in place of a former one; a no-op if more lines of it were known already."""

    async def logs(self, batch_ids: Sequence[int]) -> Mapping[int, BatchLog]:
        """The logs of these batches; an empty one where none was kept."""

    async def report_loads(self, gateway: str, loads: Sequence[Load]) -> None:
        """Replace what this gateway reported before. Only the gateway itself writes under its name."""

    async def loads(self) -> Mapping[str, Sequence[Load]]:
        """What each gateway reported last; how much an old report is worth is for the reader to judge by its time."""

    async def drop_loads(self, gateway: str) -> None:
        """Forget a gateway that is gone; a no-op if it is not known."""

    async def close(self) -> None:
        """Release files and connections."""
