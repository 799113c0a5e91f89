"""Sends what waits: queued batches, rescued ones, and intents that somebody left behind. Every gateway does."""

from collections import Counter
from zlib import crc32

import structlog

from emr_dr.core.batch import Batch, SubmitState
from emr_dr.core.routing import Wish
from emr_dr.core.view import MemberView
from emr_dr.errors import ConflictError, TransientError
from emr_dr.gateway.board import QUEUED, Entry
from emr_dr.gateway.books import Books
from emr_dr.gateway.dressing import queue_of
from emr_dr.gateway.later import Later
from emr_dr.gateway.roster import Roster
from emr_dr.gateway.sending import Came, Sender, not_sent, refused, taken_for
from emr_dr.ports import Clock
from emr_dr.spec.gateway import Limits

INTERVAL = 0.25
ABANDONED = 5.0
"""Seconds after which an intent for a certain member is taken over: whoever made it was about to send it at once."""

AT_ONCE = 8
"""Submissions under way to one member: Livy takes them one by one."""

WINDOW = 64
"""Batches that wait are sent in order, but within so many each gateway has an order of its own, or all would race."""

log = structlog.get_logger("emr_dr.gateway")


class Dispatcher:
    """Takes what waits by compare-and-set: whoever saves `sent` sends."""

    def __init__(
        self, gateway: str, books: Books, roster: Roster, sender: Sender, later: Later, *, limits: Limits, clock: Clock
    ) -> None:
        self._gateway = gateway
        self._books = books
        self._roster = roster
        self._sender = sender
        self._later = later
        self._limits = limits
        self._clock = clock
        self._under_way: dict[int, str] = {}
        self._seen: dict[int, tuple[int, float]] = {}

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._fill()
            await self._clock.sleep(INTERVAL)

    def _fill(self) -> None:
        """Begin with as many as there is room for."""
        if self._books.trouble or not self._roster.views.fresh:
            return
        busy = Counter(self._under_way.values())
        for entry in self._in_order():
            if self._aged(entry.saved):
                self._start(entry.saved, None)
                continue
            full = [cluster for cluster, count in busy.items() if count >= AT_ONCE]
            # What is known of members may be older than what is known of the batch: not where it is proven dead.
            dead = [a.cluster_id for a in entry.saved.attempts if a.proof is not None]
            members = self._roster.choose(self._wish(entry.saved), but=[*full, *dead])
            if members:
                self._start(entry.saved, members[0])
                busy[members[0].cluster_id] += 1
            elif not self._roster.choose(Wish(""), but=full):
                return  # nobody takes anything more

    def _in_order(self) -> list[Entry]:
        now = self._clock.steady()
        waiting = [e for e in self._books.board.waiting() if e.saved.id not in self._under_way and self._due(e, now)]
        if len(self._seen) > 2 * len(waiting) + 1000:
            held = {e.saved.id for e in waiting}
            self._seen = {n: seen for n, seen in self._seen.items() if n in held}
        return sorted(waiting, key=lambda e: (e.saved.id // WINDOW, crc32(f"{self._gateway}/{e.saved.id}".encode())))

    def _due(self, entry: Entry, now: float) -> bool:
        batch = entry.saved
        if batch.last.cluster_id == QUEUED or not batch.listed:
            return True
        version, since = self._seen.setdefault(batch.id, (batch.version, now))
        if version != batch.version:
            self._seen[batch.id] = (batch.version, now)
            return False
        return now - since >= ABANDONED

    def _aged(self, batch: Batch) -> bool:
        """Whether nobody waits for it any more."""
        return not batch.listed or self._clock.now() - batch.last.at > self._limits.queued_for

    def _wish(self, batch: Batch) -> Wish:
        return Wish(batch.last.unique_name, queue_of(batch), batch.owner or "", batch.name or "")

    def _start(self, batch: Batch, member: MemberView | None) -> None:
        self._under_way[batch.id] = member.cluster_id if member is not None else QUEUED
        work = self._sent(batch, member) if member is not None else self._given_up(batch)
        task = self._later.start(work, "dispatch")
        task.add_done_callback(lambda _: self._done(batch.id))

    def _done(self, batch_id: int) -> None:
        self._under_way.pop(batch_id, None)
        self._fill()

    async def _sent(self, batch: Batch, member: MemberView) -> None:
        try:
            batch = await self._books.save(taken_for(batch, member, self._clock.now()))
        except (ConflictError, TransientError):
            return  # another gateway has it; or the ledger is away, and it is tried again
        sent = await self._sender.send(batch, member)
        log.info(
            "batch_dispatched", batch=batch.id, attempt=batch.last.number, cluster=member.cluster_id, came=sent.came
        )
        at = self._clock.now()
        if sent.came is Came.NOT_THERE:
            self._roster.unreached(member.cluster_id, sent.why)
            await self._books.change(batch, lambda held: not_sent(held, batch, sent.why, at))
        elif sent.came is Came.DECLINED:
            await self._books.change(batch, lambda held: refused(held, sent.why, at) if _unsent(held, batch) else None)

    async def _given_up(self, batch: Batch) -> None:
        why = f"no member took it for {self._limits.queued_for:g} s" if batch.listed else "deleted before it was sent"
        log.warning("batch_given_up", batch=batch.id, reason=why)
        try:
            await self._books.save(refused(batch, why, self._clock.now()))
        except (ConflictError, TransientError):
            return


def _unsent(held: Batch, sent: Batch) -> bool:
    """Whether it is still as it was when it was to be sent."""
    return held.unfinished and held.last.number == sent.last.number and held.last.submit is SubmitState.SENT
