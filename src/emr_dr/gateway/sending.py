"""Gives a batch whose attempt is saved as sent to its member, once, and records what came of it."""

from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from emr_dr.core.batch import Attempt, Batch, ShownState, SubmitState
from emr_dr.core.view import MemberView
from emr_dr.errors import TransientError, UnreachedError
from emr_dr.gateway.board import QUEUED
from emr_dr.gateway.books import Books
from emr_dr.gateway.dressing import dressed
from emr_dr.gateway.later import Later
from emr_dr.ports import Accepted, Clock, Declined, LivyBatch, Upstream

PROMPT = 30.0
"""Seconds after the save of `sent` in which it is sent. A process that was stopped in between must not send it hours
later, when it was long given up as never sent, and another attempt runs."""

log = structlog.get_logger("emr_dr.gateway")


class Came(StrEnum):
    """What came of sending."""

    TAKEN = "taken"
    UNKNOWN = "unknown"
    """It may have arrived: trackers find out."""
    NOT_THERE = "not-there"
    """Nothing was sent, or the member is busy: another may be tried."""
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it, and the batch as it is shown now."""

    came: Came
    batch: Batch
    declined: Declined | None = None
    why: str = ""


class Sender:
    """Sends, for whoever saved `sent`. Nobody else may."""

    def __init__(self, group: str, books: Books, upstream: Upstream, clock: Clock, later: Later) -> None:
        self._group = group
        self._books = books
        self._upstream = upstream
        self._clock = clock
        self._later = later

    async def send(self, batch: Batch, member: MemberView) -> Sent:
        """Send; what was learned is saved after the return, by a task that outlives the caller."""
        try:
            self._refuse_if_late(batch)
            answer = await self._upstream.submit(member, dressed(batch, self._group))
        except UnreachedError as error:
            return Sent(Came.NOT_THERE, batch, why=str(error))
        except TransientError as error:
            return self._unknown(batch, str(error))
        if isinstance(answer, Accepted):
            return self._taken(batch, answer.batch)
        if answer.busy:
            return Sent(Came.NOT_THERE, batch, why=f"HTTP {answer.status}: busy")
        if batch.last.unique_name.encode() in answer.body and b"uplicate session name" in answer.body:
            # It was there before: what a Livy took over a connection that seemed refused.
            return self._unknown(batch, "Livy knows this very attempt already")
        return Sent(Came.DECLINED, batch, answer, f"Livy declined it: HTTP {answer.status} {answer.body[:300]!r}")

    def _refuse_if_late(self, batch: Batch) -> None:
        """Send nothing that others may have given up as never sent.

        Raises:
            UnreachedError: This process stood still after the save.
        """
        late = self._clock.now() - (batch.last.sent_at or 0.0)
        if late > PROMPT:
            log.warning("sending_too_late", batch=batch.id, attempt=batch.last.number, seconds=late)
            raise UnreachedError(f"this gateway stood still for {late:.0f} s before it sent it", where="the gateway")

    def _taken(self, batch: Batch, livy: LivyBatch) -> Sent:
        shown = batch.with_last(_confirmed(batch.last, livy))
        self._books.board.show(shown)
        number = batch.last.number

        def change(held: Batch) -> Batch | None:
            if not _still(held, number, SubmitState.SENT, SubmitState.UNKNOWN):
                return None
            return held.with_last(_confirmed(held.last, livy))

        self._later.start(self._books.change(batch, change), "confirm")
        return Sent(Came.TAKEN, shown)

    def _unknown(self, batch: Batch, why: str) -> Sent:
        log.warning("submission_unknown", batch=batch.id, cluster=batch.last.cluster_id, reason=why)
        number = batch.last.number

        def change(held: Batch) -> Batch | None:
            if not _still(held, number, SubmitState.SENT):
                return None
            return held.with_last(replace(held.last, submit=SubmitState.UNKNOWN, why=why))

        self._later.start(self._books.change(batch, change), "unknown")
        return Sent(Came.UNKNOWN, batch, why=why)


def taken_for(batch: Batch, member: MemberView, at: float) -> Batch:
    """Return a batch with an intent as whoever saves it sends it."""
    last = batch.last
    intended = replace(last, cluster_id=member.cluster_id, epoch=member.epoch, submit=SubmitState.SENT, sent_at=at)
    return batch.with_last(intended).showing(ShownState.STARTING, at)


def given_back(batch: Batch, why: str, member: MemberView | None = None) -> Batch:
    """Return a batch whose attempt was saved as sent, and was not, as an intent for another member or for the queue."""
    cluster, epoch = (member.cluster_id, member.epoch) if member else (QUEUED, 0)
    intent = replace(batch.last, submit=SubmitState.INTENT, cluster_id=cluster, epoch=epoch, sent_at=None, why=why)
    return batch.with_last(intent)


def not_sent(held: Batch, sent: Batch, why: str, at: float) -> Batch | None:
    """Return what is held of a batch as it is after it was not sent: back in the queue, or over if nobody wants it.

    None if others have changed it meanwhile, so that there is nothing to give back.
    """
    if not _still(held, sent.last.number, SubmitState.SENT) or held.last.cluster_id != sent.last.cluster_id:
        return None
    return given_back(held, why) if held.listed else refused(held, why, at)


def refused(batch: Batch, why: str, at: float) -> Batch:
    """Return a batch whose attempt ran nowhere and never will, ended."""
    return batch.with_last(replace(batch.last, submit=SubmitState.FAILED, why=why)).showing(ShownState.DEAD, at, why)


def _confirmed(attempt: Attempt, livy: LivyBatch) -> Attempt:
    return replace(
        attempt,
        submit=SubmitState.CONFIRMED,
        livy_id=livy.id if attempt.livy_id in (None, livy.id) else None,
        livy_state=livy.state,
        app_id=attempt.app_id or livy.app_id,
        why="",
    )


def _still(batch: Batch, number: int, *submits: SubmitState) -> bool:
    return batch.unfinished and batch.last.number == number and batch.last.live and batch.last.submit in submits
