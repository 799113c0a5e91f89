"""Turns what a member's services tell into what its batches are: shown at once, and saved where it matters."""

import asyncio
from dataclasses import replace

import structlog

from emr_dr.core.batch import Attempt, Batch, ShownState
from emr_dr.core.following import BAD_ENDS, Patience, Verdict, follow, worth_keeping
from emr_dr.core.look import Absent, Look
from emr_dr.core.rescue import covers
from emr_dr.core.view import MemberView
from emr_dr.errors import ConflictError, EmrDrError, PermanentError, TransientError
from emr_dr.gateway.board import Entry
from emr_dr.gateway.books import Books
from emr_dr.gateway.ending import Ender
from emr_dr.gateway.later import Later
from emr_dr.gateway.logs import Logs
from emr_dr.gateway.sight import Sight
from emr_dr.ports import Clock, LivyBatch, YarnApplication

SAVES_AT_ONCE = 16

TOLD = frozenset({Verdict.FALSE_DEAD, Verdict.NEVER_RAN, Verdict.FORGOTTEN, Verdict.NEVER_CAME, Verdict.LOST_SIGHT})
"""Verdicts that people may want to know of, when they are new."""

_BADLY = (ShownState.DEAD, ShownState.KILLED)

log = structlog.get_logger("emr_dr.gateway")


class Judge:
    """Judges the batches of one member, over and over; those of which nothing new was told cost next to nothing."""

    def __init__(
        self, books: Books, logs: Logs, ender: Ender, clock: Clock, later: Later, *, patience: Patience
    ) -> None:
        self._books = books
        self._board = books.board
        self._logs = logs
        self._ender = ender
        self._clock = clock
        self._later = later
        self._patience = patience
        self._judged: dict[int, tuple[object, object, Batch]] = {}
        self._dead_since: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._recovered: set[str] = set()
        self._verdicts: dict[int, Verdict] = {}
        self._saving: set[int] = set()
        self._refused: dict[int, int] = {}
        self._places = asyncio.Semaphore(SAVES_AT_ONCE)

    def round(
        self, member: MemberView, livy: Sight[LivyBatch], yarn: Sight[YarnApplication], *, yarn_began: float
    ) -> None:
        """Judge every unfinished batch of the member."""
        there = self._board.on(member.cluster_id)
        records = livy.told if not livy.trouble else {}
        applications = yarn.told if not yarn.trouble else {}
        judged = self._judged
        for entry in list(there.values()):
            last = entry.batch.last
            record, application = records.get(last.unique_name), applications.get(last.yarn_tag)
            # Where neither knows it, or Livy alone says that it ended badly, time alone may change the verdict.
            settled = application is not None or (record is not None and record.state not in BAD_ENDS)
            if settled and entry.saved.listed and _same(judged.get(entry.batch.id), record, application, entry.batch):
                continue
            self._judge(member, entry, livy, yarn, yarn_began)
            judged[entry.batch.id] = (record, application, entry.batch)
        self._logs.keep_due()
        if len(judged) > 2 * len(there) + 1000:
            self._forget(livy, yarn)

    def _judge(
        self,
        member: MemberView,
        entry: Entry,
        livy: Sight[LivyBatch],
        yarn: Sight[YarnApplication],
        yarn_began: float,
    ) -> None:
        batch, at, steady = entry.batch, self._clock.now(), self._clock.steady()
        name, ahead = batch.last.unique_name, at - steady
        # Whoever sent it may have another time than we have: nothing is missing before we heard of it.
        seen = self._seen.setdefault(name, steady)
        record = livy.of(name, seen=seen, ahead=ahead)
        if record is not None and not isinstance(record, Absent):
            if record.log != entry.log:
                entry.log = record.log
                self._logs.changed(member, entry.saved, record)
            if record.state == "recovering":
                self._recovered.add(record.name)
            if record.state in BAD_ENDS:
                self._dead_since.setdefault(name, livy.at)
            else:
                self._dead_since.pop(name, None)
        look = Look(
            at,
            livy=record,
            yarn=yarn.of(batch.last.yarn_tag, seen=seen, ahead=ahead),
            dead_since=self._dead_since.get(name, steady) + ahead,
            recovered=name in self._recovered,
            yarn_began=yarn_began,
        )
        found = follow(batch, look, self._patience)
        self._note(batch, found.verdict)
        if found.batch.shown in _BADLY and batch.listed and _dies_with(member, batch):
            return  # it failed because its member was ended or denied: the rescuer says what becomes of it
        if found.batch is not batch and not found.batch.shown.terminal:
            self._board.show(found.batch)
        if worth_keeping(entry.saved, found.batch):
            self._save(member, entry, found.batch)
        if not entry.saved.listed and entry.saved.live is not None and found.batch.unfinished:
            self._ender.end(member, entry.saved)

    def _note(self, batch: Batch, verdict: Verdict) -> None:
        before = self._verdicts.get(batch.id)
        if verdict is before:
            return
        self._verdicts[batch.id] = verdict
        if verdict in TOLD:
            log.warning("batch_judged", batch=batch.id, cluster=batch.last.cluster_id, verdict=str(verdict))

    def _save(self, member: MemberView, entry: Entry, wanted: Batch) -> None:
        saved = entry.saved
        if self._books.trouble:
            return  # a ledger that is away is asked by the feed alone; then the next round saves
        if saved.id in self._saving or self._refused.get(saved.id) == saved.version:
            return
        self._saving.add(saved.id)
        self._later.start(self._saved(member, saved, replace(wanted, version=saved.version)), "follow")

    async def _saved(self, member: MemberView, saved: Batch, wanted: Batch) -> None:
        try:
            async with self._places:
                kept = await self._books.save(wanted)
        except ConflictError:
            return  # what others saved is on the board, and is judged in the next round
        except TransientError:
            return  # the ledger is away, which is known; the next round tries again
        except PermanentError as error:
            self._refused[saved.id] = saved.version
            log.exception("save_refused", batch=saved.id, reason=str(error))
            return
        finally:
            self._saving.discard(saved.id)
            self._judged.pop(saved.id, None)
        ended = _ended(saved, kept)
        if ended is not None:
            log.info("batch_ended", batch=kept.id, attempt=ended.number, shown=str(kept.shown), why=kept.why)
            try:
                await self._logs.keep_end(member, kept, ended)
            except EmrDrError as error:
                log.warning("log_not_kept", batch=kept.id, reason=str(error))

    def _forget(self, livy: Sight[LivyBatch], yarn: Sight[YarnApplication]) -> None:
        """Drop what is remembered of batches that are no longer there."""
        entries = {n: self._board.entry(n) for n in self._judged}
        here = {n: e for n, e in entries.items() if e is not None and e.saved.unfinished}
        self._judged = {n: self._judged[n] for n in here}
        names = {e.saved.last.unique_name for e in here.values()}
        self._dead_since = {name: at for name, at in self._dead_since.items() if name in names}
        self._seen = {name: at for name, at in self._seen.items() if name in names}
        self._recovered &= names
        self._verdicts = {n: verdict for n, verdict in self._verdicts.items() if n in here}
        self._refused = {n: version for n, version in self._refused.items() if n in here}
        livy.forget(e.saved.last.unique_name for e in here.values())
        yarn.forget(e.saved.last.yarn_tag for e in here.values())


def _same(before: tuple[object, object, Batch] | None, record: object, application: object, batch: Batch) -> bool:
    return before is not None and before[0] is record and before[1] is application and before[2] is batch


def _dies_with(member: MemberView, batch: Batch) -> bool:
    return member.death is not None and covers(member.death, batch.last)


def _ended(before: Batch, after: Batch) -> Attempt | None:
    """The attempt that was live and is not any more."""
    attempt = after.attempts[before.last.number - 1]
    return attempt if before.last.live and not attempt.live else None
