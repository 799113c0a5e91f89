"""The one gateway that rescues: of members proven dead, every unfinished batch goes on or ends, with the reason."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from emr_dr.core.batch import Batch
from emr_dr.core.rescue import (
    A_MINUTE,
    Again,
    Close,
    Hold,
    Holding,
    Limits,
    carried_out,
    decide,
    spent_lately,
)
from emr_dr.core.view import MemberView, Role
from emr_dr.errors import ConflictError, EmrDrError, PermanentError, TransientError
from emr_dr.gateway.losses import Loss, RescueCounts
from emr_dr.gateway.turn import Turn
from emr_dr.ports import Clock, JournalEntry, Ledger, LogTail, Store
from emr_dr.spec.gateway import Rescue

PAUSE = 1.0
"""Between looks at the views."""
SURVEY_SECONDS = 10.0
"""Between counts of what waits on members that are out of service and not proven dead."""
CENSUS_SECONDS = 300.0
"""Between looks for batches on members that are not published at all: all of the unfinished are read for it."""
OUT = (Role.FENCED, Role.RETIRED)

log = structlog.get_logger("emr_dr.gateway")


def limits_of(settings: Rescue) -> Limits:
    """The limits as the spec has them."""
    off = settings.mode == "off"
    return Limits(attempts=settings.attempts, a_minute=settings.a_minute, oldest=settings.oldest, off=off)


@dataclass(frozen=True, slots=True)
class _Change:
    """One batch before and after a decision on it."""

    member: MemberView
    before: Batch
    after: Batch
    decision: Close | Again


@dataclass
class Rescuer:
    """One gateway's part in rescue. Every gateway runs one; the lease lets one act, and any may be killed anywhere.

    It writes the ledger only. What it queues, any gateway's dispatcher sends.

    Attributes:
        holder: Who we are in the lease; unique to this process.
        answered: When a member last answered this gateway (seconds of the epoch); 0 if it never did.
    """

    group: str
    holder: str
    store: Store
    ledger: Ledger
    clock: Clock
    settings: Rescue = field(default_factory=Rescue)
    answered: Callable[[str], float] = lambda _: 0.0
    counts: RescueCounts = field(default_factory=RescueCounts)
    _turn: Turn = field(init=False)
    _limits: Limits = field(init=False)
    _views: tuple[MemberView, ...] = ()
    _version: int = 0
    _out_since: dict[str, float] = field(default_factory=dict)
    _spent: deque[float] = field(default_factory=deque)
    _seeded: int = 0
    _due: dict[str, float] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    _cursor: str | None = None
    _in_doubt: dict[int, "_Change"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._turn = Turn(f"rescue/{self.group}", self.holder, self.store, self.clock)
        self._limits = limits_of(self.settings)

    async def run(self) -> None:
        """Look, and look again, until it is cancelled; a store or ledger that is away is waited for."""
        while True:
            try:
                await self.round()
            except EmrDrError as error:
                self._say_once("rescue_interrupted", str(error))
            else:
                self._said.pop("rescue_interrupted", None)
            await self.clock.sleep(PAUSE)

    async def close(self) -> None:
        """Give the lease back, so that another gateway need not wait it out."""
        await self._turn.give_back()

    async def round(self) -> None:
        """Look once, and do what is to be done by now, as far as the lease lasts.

        Raises:
            TransientError: The store or the ledger is out of reach.
            PermanentError: One of them is unreadable.
        """
        await self._look()
        self.counts.holds = await self._turn.hold()
        if not self.counts.holds:
            self.counts.held.clear()
            return
        await self._begin_term()
        await self._clear_doubts()
        await self._measure()
        for member in self._views:
            if member.death is not None:
                await self._rescue_from(member)
        if self._is_due("survey", SURVEY_SECONDS):
            await self._survey()
        if self._version and self._is_due("census", CENSUS_SECONDS):
            await self._take_census()

    async def _look(self) -> None:
        """Read the views, and note since when a member is out: whoever takes the lease later knows it then."""
        published = await self.store.views(self.group, newer_than=self._version)
        if published is None:
            return
        self._version, self._views = published.version, published.views
        out = {m.cluster_id for m in self._views if m.death is not None or m.role in OUT}
        now = self.clock.now()
        self._out_since = {cluster: self._out_since.get(cluster, now) for cluster in sorted(out)}

    async def _begin_term(self) -> None:
        """Know what the former holder spent, as far as the ledger shows: what has ended since is not counted."""
        if self._seeded == self._turn.term:
            return
        unfinished, now, steady = await self.ledger.unfinished(), self.clock.now(), self.clock.steady()
        self._spent = deque(min(steady, steady - (now - at)) for at in spent_lately(unfinished, now))
        self._seeded = self._turn.term
        self._due.clear()
        log.info("rescue_lease_taken", group=self.group, term=self._turn.term, rescued_lately=len(self._spent))

    async def _rescue_from(self, member: MemberView) -> None:
        batches = await self.ledger.unfinished(member.cluster_id)
        held = dict[Holding, list[int]]()
        for batch in sorted(batches, key=lambda b: b.id):
            if not await self._turn.hold():  # what is left lasts for one save; after it another gateway goes on
                return
            decision = await self._settle(batch, member)
            if isinstance(decision, Hold):
                held.setdefault(decision.reason, []).append(batch.id)
                self._say_once(f"rescue_held {member.cluster_id} {decision.reason}", decision.why, batch=batch.id)
        self.counts.held[member.cluster_id] = Counter({reason: len(ids) for reason, ids in held.items()})

    async def _settle(self, batch: Batch, member: MemberView) -> Hold | Close | Again:
        """Decide on one batch as it is saved now, and save what comes of it."""
        while True:
            decision = decide(batch, member, self._limits, self.clock.now(), spent=self._spent_lately())
            if isinstance(decision, Hold):
                return decision
            if self._cursor is None and isinstance(decision, Again):
                self._cursor = (await self.ledger.changes()).cursor
            change = _Change(member, batch, carried_out(batch, decision, self.clock.now()), decision)
            try:
                await self.ledger.save(change.after)
            except ConflictError:
                batch = await self._read(batch.id)
            except TransientError:
                self._in_doubt[batch.id] = change
                raise
            except PermanentError as error:  # the others must not wait for one that the ledger will not have
                self._say_once(f"rescue_refused_by_ledger {batch.id}", str(error), batch=batch.id)
                return Hold(Holding.REFUSED, str(error))
            else:
                await self._saved(change)
                return decision

    async def _read(self, batch_id: int) -> Batch:
        batch = await self.ledger.read(batch_id)
        if batch is None:
            raise PermanentError("the ledger has lost it", where=f"batch {batch_id}")
        return batch

    async def _clear_doubts(self) -> None:
        """Find out which saves were kept though the ledger did not say so."""
        for batch_id, change in list(self._in_doubt.items()):
            now = await self._read(batch_id)
            attempt = next((a for a in now.attempts if a.number == change.before.last.number), None)
            if attempt is not None and attempt.proof == change.after.attempts[attempt.number - 1].proof:
                await self._saved(change)
            del self._in_doubt[batch_id]

    async def _saved(self, change: _Change) -> None:
        """Count it, log it, and tell the client in the batch's log."""
        decision, batch_id = change.decision, change.after.id
        told = {"cluster": change.member.cluster_id, "proof": decision.proof.kind, "why": decision.why}
        self.counts.count(self._loss(change.member), change.after, decision)
        if isinstance(decision, Again):
            self._spent.append(self.clock.steady())
            log.info("batch_rescued", group=self.group, batch=batch_id, attempt=change.after.last.number, **told)
        else:
            log.info("batch_not_rescued", group=self.group, batch=batch_id, reason=decision.reason, **told)
        try:
            await self._add_to_log(change.before, f"emr-dr: {decision.why}")
        except EmrDrError as error:
            log.warning("rescue_not_told_in_log", group=self.group, batch=batch_id, reason=str(error))

    async def _add_to_log(self, batch: Batch, line: str) -> None:
        """Put a line at the end of what is kept of the last attempt's log."""
        number = batch.last.number
        kept = (await self.ledger.logs([batch.id]))[batch.id]
        tail = next((t for t in kept.tails if t.attempt == number), LogTail(number, 0, ()))
        await self.ledger.keep_log(batch.id, LogTail(number, tail.total + 1, (*tail.lines, line)))

    def _loss(self, member: MemberView) -> Loss:
        now = self.clock.now()
        lost_at = self.answered(member.cluster_id) or self._out_since.get(member.cluster_id, now)
        return self.counts.loss(member, lost_at, now)

    def _spent_lately(self) -> int:
        while self._spent and self.clock.steady() - self._spent[0] >= A_MINUTE:
            self._spent.popleft()
        return len(self._spent) + len(self._in_doubt)

    async def _measure(self) -> None:
        """See which further attempts were sent meanwhile, by whichever gateway, and tell of a loss what it came to."""
        if self.counts.waits and self._cursor is not None:
            changes = await self.ledger.changes(self._cursor)
            self._cursor = changes.cursor
            self.counts.saw(changes.batches)
        for loss in self.counts.finished():
            log.info("rescue_finished", group=self.group, **loss.summary())
            entry = JournalEntry(self.clock.now(), "rescue_finished", loss.summary())
            try:
                await self.store.append(self.group, [entry])
            except EmrDrError as error:
                log.warning("journal_not_written", group=self.group, reason=str(error))

    async def _survey(self) -> None:
        """Count what waits on members that are out of service and not proven dead, and say so once."""
        for member in self._views:
            if member.death is None and member.role not in OUT:
                self.counts.held.pop(member.cluster_id, None)
            elif member.death is None:
                why = f"{member.cluster_id} is {member.role}, and nothing proves that it is dead"
                self._waits(member.cluster_id, await self.ledger.unfinished(member.cluster_id), why)

    async def _take_census(self) -> None:
        """Say which batches are on clusters that are no members: nobody can prove these dead but a person."""
        known = {m.cluster_id for m in self._views} | {""}
        self.counts.held = {n: held for n, held in self.counts.held.items() if n in known}
        for cluster in sorted({b.last.cluster_id for b in await self.ledger.unfinished()} - known):
            why = f"{cluster} is not among the members that are published, so nothing can prove that it is dead"
            self._waits(cluster, await self.ledger.unfinished(cluster), why)

    def _waits(self, cluster: str, batches: Iterable[Batch], why: str) -> None:
        self.counts.held[cluster] = Counter(Holding.NO_PROOF for _ in batches)
        if waiting := self.counts.held[cluster].total():
            self._say_once(f"rescue_waits {cluster}", f"{why}: what runs there is not run elsewhere", batches=waiting)

    def _is_due(self, what: str, every: float) -> bool:
        now = self.clock.steady()
        if now < self._due.get(what, now):
            return False
        self._due[what] = now + every
        return True

    def _say_once(self, key: str, why: str, **told: object) -> None:
        """Log it unless it was the last that was said under this key."""
        if self._said.get(key) != why:
            self._said[key] = why
            log.warning(key.split(" ", maxsplit=1)[0], group=self.group, why=why, **told)
