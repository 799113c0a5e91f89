"""The logs of batches: from their members while those know them, and what was kept of them ever after."""

import asyncio

import structlog

from emr_dr.core.batch import Attempt, Batch
from emr_dr.core.look import Absent
from emr_dr.core.view import MemberView
from emr_dr.errors import TransientError
from emr_dr.gateway.books import Books
from emr_dr.gateway.later import Later
from emr_dr.ports import BatchLog, Clock, LivyBatch, LogPage, LogTail, Upstream

KEPT_EVERY = 30.0
"""Seconds between two keepings of the log of one run that goes on."""

KEPT_A_SECOND = 20
"""Most keepings of logs of runs that go on: with very many the ledger has more important things to do."""

AT_ONCE = 4

log = structlog.get_logger("emr_dr.gateway")


class Logs:
    """Reads and keeps logs."""

    def __init__(self, books: Books, upstream: Upstream, clock: Clock, later: Later) -> None:
        self._books = books
        self._board = books.board
        self._upstream = upstream
        self._clock = clock
        self._later = later
        self._kept: dict[int, float] = {}
        self._due: dict[int, tuple[MemberView, int, LivyBatch]] = {}
        self._looked = 0.0
        self._places = asyncio.Semaphore(AT_ONCE)

    async def page(
        self, member: MemberView | None, record: LivyBatch | None, batch: Batch, part: tuple[int, int]
    ) -> LogPage:
        """Lines of the whole log: `start` and `size` as Livy takes them. What cannot be had is left out."""
        start, size = part
        kept = await self._of_ledger(batch)
        if member is not None and record is not None:
            tail = await self._of_livy(member, record, batch.last.number)
            kept = _with(kept, tail) if tail is not None else kept
        if not kept.tails:
            shown = self._board.recall(batch.id)
            lines = shown.log if shown is not None else ()
            kept = BatchLog((LogTail(batch.last.number, len(lines), lines),))
        return kept.page(start, size)

    def changed(self, member: MemberView, batch: Batch, record: LivyBatch) -> None:
        """A run that goes on has new lines, as Livy's list shows: its log is kept now and then."""
        self._due[batch.id] = (member, batch.last.number, record)

    def keep_due(self) -> None:
        """Keep what is due of runs that go on; called over and over."""
        now = self._clock.steady()
        if self._books.trouble or not self._due or now - self._looked < 1:
            return
        self._looked = now
        due = [n for n in self._due if now - self._kept.get(n, -KEPT_EVERY) >= KEPT_EVERY]
        for number in due[:KEPT_A_SECOND]:
            self._kept[number] = now
            self._later.start(self._keep_so_far(number, *self._due.pop(number)), "keep_log")
        if len(self._kept) > 50_000:  # noqa: PLR2004 - they only save work
            self._kept.clear()

    async def _keep_so_far(self, number: int, member: MemberView, attempt: int, record: LivyBatch) -> None:
        async with self._places:
            tail = await self._of_livy(member, record, attempt)
            await self._books.keep_log(number, tail or LogTail(attempt, len(record.log), record.log))

    async def keep_end(self, member: MemberView, batch: Batch, attempt: Attempt) -> None:
        """Keep the whole log of an attempt that has ended, while Livy still knows it.

        Raises:
            TransientError: It could not be kept.
        """
        self._due.pop(batch.id, None)
        async with self._places:
            tail = await self._whole(member, attempt)
            if tail is None and (entry := self._board.entry(batch.id)) is not None and entry.log:
                tail = LogTail(attempt.number, len(entry.log), entry.log)
            if tail is not None:
                await self._books.keep_log(batch.id, tail)

    async def _whole(self, member: MemberView, attempt: Attempt) -> LogTail | None:
        """All that Livy has of an attempt; None if it does not answer, or has forgotten it."""
        try:
            record = await self._upstream.batch(member, attempt.unique_name)
        except TransientError as error:
            log.info("log_not_read", cluster=member.cluster_id, reason=str(error))
            return None
        return await self._of_livy(member, record, attempt.number) if record is not None else None

    async def _of_ledger(self, batch: Batch) -> BatchLog:
        try:
            return (await self._books.asked(self._books.ledger.logs([batch.id])))[batch.id]
        except TransientError as error:
            log.info("log_not_read", batch=batch.id, reason=str(error))
            return BatchLog()

    async def _of_livy(self, member: MemberView, record: LivyBatch, attempt: int) -> LogTail | None:
        try:
            page = await self._upstream.log(member, record.id, 0, -1)
        except TransientError as error:
            log.info("log_not_read", cluster=member.cluster_id, reason=str(error))
            return None
        return None if page is None else LogTail(attempt, max(page.total, len(page.lines)), page.lines)


def _with(kept: BatchLog, tail: LogTail) -> BatchLog:
    """The log with what Livy still knows of an attempt, all of it, unless more was known before."""
    if any(t.total > tail.total for t in kept.tails if t.attempt == tail.attempt):
        return kept
    others = (t for t in kept.tails if t.attempt != tail.attempt)
    return BatchLog(tuple(sorted((*others, tail), key=lambda t: t.attempt)))


def known(found: LivyBatch | Absent | None) -> LivyBatch | None:
    """The record, if Livy has one now."""
    return None if isinstance(found, Absent) else found
