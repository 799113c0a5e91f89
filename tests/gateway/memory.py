"""`Batches` in memory: no member, no ledger; whatever is submitted is `starting` until a test says otherwise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from emr_dr.core.batch import Batch, NewBatch, RescueClass, ShownState
from emr_dr.core.view import MemberView
from emr_dr.gateway.calls import Caller, Page, RefusedError, Shown, Situation, Submission, UnavailableError
from emr_dr.gateway.livy.answers import duplicate_name
from emr_dr.ports import BatchLog, LogPage
from emr_dr.ports.ledger import LogTail

FIRST_LINES = ("stdout: ", "\nstderr: ")


@dataclass
class MemoryBatches:
    """Batches that tests put there, or submit.

    Attributes:
        forgotten: Numbers that `recall` does not know, as after a restart; `find` does.
        away: Whether nothing can be recorded or looked up.
        refuses: What every submission is answered with.
        seen: What was submitted, and by whom.
    """

    shown: dict[int, Shown] = field(default_factory=dict)
    forgotten: set[int] = field(default_factory=set)
    away: bool = False
    refuses: RefusedError | None = None
    seen: list[tuple[Submission, Caller]] = field(default_factory=list)
    deleted: list[tuple[int, Caller]] = field(default_factory=list)
    logs: dict[int, BatchLog] = field(default_factory=dict)
    told: Situation = field(default_factory=lambda: Situation("etl", "gateway-1"))
    views: tuple[MemberView, ...] = ()
    next_id: int = 1
    born: ShownState = ShownState.STARTING
    first_lines: tuple[str, ...] = FIRST_LINES

    anybody: Caller = field(default_factory=Caller)

    def add(self, new: Shown) -> Shown:
        """Put a batch there."""
        self.shown[new.batch.id] = new
        self.next_id = max(self.next_id, new.batch.id + 1)
        return new

    def show(self, batch_id: int, state: ShownState, *log: str) -> None:
        """Show another state of a batch, and perhaps its log."""
        old = self.shown[batch_id]
        batch = replace(old.batch, shown=state, ended_at=1.0 if state.terminal else None)
        self.shown[batch_id] = Shown(batch, log or old.log)

    def recall(self, batch_id: int) -> Shown | None:
        """From memory."""
        return None if batch_id in self.forgotten else self.shown.get(batch_id)

    async def submit(self, submission: Submission, caller: Caller) -> Shown:
        """Take it, unless its name is taken."""
        self._answer()
        self.seen.append((submission, caller))
        if self.refuses is not None:
            raise self.refuses
        number, self.next_id = self.next_id, self.next_id + 1
        name = submission.name
        if name is not None and any(s.batch.name == name and s.batch.listed for s in self.shown.values()):
            raise duplicate_name(name, number)
        new = NewBatch(
            "token",
            json.dumps(submission.request),
            1.0,
            owner=caller.user or None,
            proxy_user=submission.proxy_user,
            name=name,
            rescue=submission.rescue or RescueClass.NEVER,
            key=submission.key,
            cluster_id="j-A",
            epoch=1,
            sent=True,
        )
        return self.add(Shown(replace(new.numbered(number), shown=self.born), self.first_lines))

    async def find(self, batch: str) -> Shown | None:
        """By number or name."""
        self._answer()
        if batch.isdecimal():
            found = self.shown.get(int(batch))
            return found if found is not None and found.batch.listed else None
        return next((s for s in self.shown.values() if s.batch.name == batch and s.batch.listed), None)

    async def page(self, start: int, size: int, caller: Caller) -> Page:
        """By number."""
        self._answer()
        listed = [s for _, s in sorted(self.shown.items()) if s.batch.listed]
        mine = [s for s in listed if caller.sees_all or s.batch.owner == caller.user]
        return Page(start, len(mine), tuple(mine[start : start + size]))

    async def log(self, batch: Batch, start: int, size: int) -> LogPage:
        """As told, or what is shown."""
        lines = self.shown[batch.id].log
        kept = self.logs.get(batch.id) or BatchLog((LogTail(1, len(lines), lines),))
        return kept.page(start, size)

    async def delete(self, batch: Batch, caller: Caller) -> None:
        """Make it a tombstone."""
        self._answer()
        self.deleted.append((batch.id, caller))
        self.shown[batch.id] = Shown(batch.deleted())

    def situation(self) -> Situation:
        """As told."""
        return self.told

    def sessions_member(self) -> MemberView | None:
        """None."""
        return None

    def members(self) -> Sequence[MemberView]:
        """As told."""
        return self.views

    def _answer(self) -> None:
        if self.away:
            raise UnavailableError("the ledger is out of reach", 7)
