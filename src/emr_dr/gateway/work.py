"""Everything of a gateway between its HTTP side and the members, joined."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from emr_dr.core.batch import Batch, ShownState, SubmitState
from emr_dr.core.following import Patience
from emr_dr.core.routing import Wish
from emr_dr.core.view import MemberView
from emr_dr.errors import ConflictError, EmrDrError, PermanentError, TransientError
from emr_dr.gateway.board import Board
from emr_dr.gateway.books import Books
from emr_dr.gateway.calls import Caller, Page, Shown, Situation, Submission, UnavailableError
from emr_dr.gateway.dispatch import Dispatcher
from emr_dr.gateway.ending import Ender
from emr_dr.gateway.intake import Intake, drawn
from emr_dr.gateway.judging import Judge
from emr_dr.gateway.later import Later
from emr_dr.gateway.logs import Logs, known
from emr_dr.gateway.lookup import Lookup
from emr_dr.gateway.roster import Roster
from emr_dr.gateway.sending import Sender
from emr_dr.gateway.tracker import Means, Tracker
from emr_dr.gateway.views import Views
from emr_dr.ports import Clock, Ledger, LogPage, Store, Upstream
from emr_dr.spec.gateway import Gateway

FEED_INTERVAL = 0.4
"""Between two questions to the ledger for what others saved."""

LOADS_INTERVAL = 3.0
FINISH_SECONDS = 5.0
"""How long what is under way may take when the gateway is stopped."""

BEGIN_SECONDS = 5.0
"""How long a submission waits for a gateway that has just been started."""

DELETE_SECONDS = 3.0
"""How long a client waits for its batch to be ended; Livy may take much longer, and it is seen to after the answer."""

_TRIES = 20

log = structlog.get_logger("emr_dr.gateway")


class Work:
    """The `Batches` of one gateway. Any number of them may share a ledger; each may be killed at any moment.

    Args:
        group: The recovery group.
        gateway: This process, by a name of its own.
        store: Where controllers publish the members.
        ledger: The batches.
        upstream: The members' services.
        clock: Time.
        settings: The spec's section.
        settle: Seconds after which what was sent and is known to nobody can no longer come; None: as in `patience`.
        patience: How long is waited for what is not seen.
        token: Draws the token of a submission; tests that are told by a seed draw it from there.
    """

    def __init__(
        self,
        group: str,
        gateway: str,
        *,
        store: Store,
        ledger: Ledger,
        upstream: Upstream,
        clock: Clock,
        settings: Gateway | None = None,
        settle: float | None = None,
        patience: Patience | None = None,
        token: Callable[[], str] = drawn,
    ) -> None:
        self._group, self._gateway, self._clock, self._upstream = group, gateway, clock, upstream
        settings = settings or Gateway()
        self.later = Later()
        self.board = Board(clock)
        self.books = Books(ledger, self.board, clock)
        self._logs = Logs(self.books, upstream, clock, self.later)
        self._ender = Ender(upstream, clock, self.later)
        waits = patience or Patience()
        self._patience = waits if settle is None else replace(waits, settle=settle)
        self._means = Means(group, self.board, ledger, upstream, clock, settings.staleness / 2)
        self.roster = Roster(Views(group, store, clock), settings.routing, clock, self._tracker)
        sender = Sender(group, self.books, upstream, clock, self.later)
        self._intake = Intake(self.books, self.roster, sender, self.later, settings=settings, clock=clock, token=token)
        self._dispatcher = Dispatcher(
            gateway, self.books, self.roster, sender, self.later, limits=settings.limits, clock=clock
        )
        self._lookup = Lookup(self.books, self.board)
        self._cursor: str | None = None
        self._begun = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; then finish what is under way. Raises only what is a bug."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed())
                group.create_task(self.roster.run())
                group.create_task(self._dispatcher.run())
                group.create_task(self._report())
                group.create_task(self.later.watch())
        finally:
            await self.later.finish(FINISH_SECONDS)
            await self._take_leave()

    def recall(self, batch_id: int) -> Shown | None:
        """The batch from memory, deleted ones included."""
        return self.board.recall(batch_id)

    async def submit(self, submission: Submission, caller: Caller) -> Shown:
        """Record it, give it to a member or queue it.

        Raises:
            RefusedError: It is not taken.
            UnavailableError: It cannot be recorded just now.
        """
        if self._cursor is None and not self.books.trouble:
            await self._begin()
        return await self._intake.submit(submission, caller)

    async def _begin(self) -> None:
        """Wait for the first reading of the ledger: a gateway that has just begun makes nobody come again.

        Raises:
            UnavailableError: It takes long.
        """
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._begun.wait()
        except TimeoutError:
            raise UnavailableError("the gateway has not read its ledger yet", 1) from None

    async def find(self, batch: str) -> Shown | None:
        """The listed batch of that number or name.

        Raises:
            UnavailableError: It is not in memory, and the ledger cannot be asked.
        """
        return await self._lookup.find(batch)

    async def page(self, start: int, size: int, caller: Caller) -> Page:
        """The listed batches that the caller sees.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        return await self._lookup.page(start, size, caller)

    async def log(self, batch: Batch, start: int, size: int) -> LogPage:
        """Lines of its log over all its attempts."""
        tracker = self.roster.tracker(batch.last.cluster_id)
        record = known(tracker.livy.of(batch.last.unique_name)) if tracker is not None else None
        return await self._logs.page(tracker.view if tracker is not None else None, record, batch, (start, size))

    async def delete(self, batch: Batch, caller: Caller) -> None:
        """Make it a tombstone, and wait a moment for its run to be ended; the rest is done later.

        Raises:
            UnavailableError: It cannot be recorded.
        """
        buried = await self._buried(batch.id)
        if buried is None:
            return
        log.info("batch_deleted", batch=buried.id, user=caller.user, shown=str(buried.shown))
        tracker = self.roster.tracker(buried.last.cluster_id)
        if tracker is None or buried.live is None:
            return
        ending = self._ender.end(tracker.view, buried)
        if ending is not None:
            await asyncio.wait((ending,), timeout=DELETE_SECONDS)

    def situation(self) -> Situation:
        """What is known now."""
        views = self.roster.views
        troubles = [f"store: {views.trouble}"] if views.trouble else []
        troubles += [f"ledger: {self.books.trouble}"] if self.books.trouble else []
        troubles += ["ledger: not read yet"] if self._cursor is None and not self.books.trouble else []
        return Situation(
            self._group,
            self._gateway,
            members=tuple(self.roster.states()),
            queued=self.board.queued,
            views_at=views.read_at,
            troubles=tuple(troubles),
            counts=self.board.counts(),
        )

    def sessions_member(self) -> MemberView | None:
        """The member with the least to do."""
        chosen = self.roster.choose(Wish(secrets.token_hex(4)))
        return chosen[0] if chosen else None

    def members(self) -> Sequence[MemberView]:
        """The members as published last."""
        return self.roster.views.views

    def _tracker(self, view: MemberView) -> Tracker:
        judge = Judge(self.books, self._logs, self._ender, self._clock, self.later, patience=self._patience)
        return Tracker(view, self._means, judge)

    async def _buried(self, batch_id: int) -> Batch | None:
        """The tombstone; None if it was one before."""
        for _ in range(_TRIES):
            try:
                batch = await self.books.read(batch_id)
                if batch is None or not batch.listed:
                    return None
                return await self.books.save(_tombstone(batch, self._clock.now()))
            except ConflictError:
                continue
            except TransientError as error:
                raise UnavailableError("the ledger is out of reach, so nothing can be recorded") from error
        raise UnavailableError("the batch changes all the time", 1)

    async def _feed(self) -> None:
        """Read what others save; from the beginning, where the ledger does not know our place in it any more."""
        while True:
            try:
                await self._feed_once()
            except TransientError:
                pass  # the books know of it
            except PermanentError as error:
                log.exception("ledger_feed_broken", reason=str(error))
                self._cursor = None
                self.board.forget()
            await self._clock.sleep(FEED_INTERVAL)

    async def _feed_once(self) -> None:
        ledger = self.books.ledger
        if self._cursor is None:
            cursor = (await self.books.asked(ledger.changes())).cursor
            self.board.keep_all(await self.books.asked(ledger.unfinished()))
            self._cursor = cursor
            self._begun.set()
        changes = await self.books.asked(ledger.changes(self._cursor))
        self.board.keep_all(changes.batches)
        self._cursor = changes.cursor

    async def _report(self) -> None:
        while True:
            await self._clock.sleep(LOADS_INTERVAL)
            try:
                loads = self.board.loads(self._clock.now())
                await self.books.asked(self.books.ledger.report_loads(self._gateway, loads))
            except TransientError:
                continue  # the books know of it

    async def _take_leave(self) -> None:
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await self.books.ledger.drop_loads(self._gateway)
        except (EmrDrError, TimeoutError) as error:
            log.info("loads_not_dropped", reason=str(error))


def _tombstone(batch: Batch, at: float) -> Batch:
    """The batch deleted; over at once if nothing of it was ever sent, or nothing can run any more."""
    if batch.last.live and batch.last.submit is SubmitState.INTENT:
        batch = batch.with_last(replace(batch.last, submit=SubmitState.FAILED, why="deleted before it was sent"))
    if not batch.last.live:
        batch = batch.showing(ShownState.KILLED, at, "deleted")
    return batch.deleted()
