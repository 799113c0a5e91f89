"""Takes a submission in: into the ledger first, to a member second, or into the queue."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

import orjson

from emr_dr.core.batch import Batch, NewBatch, SubmitState
from emr_dr.core.matching import declared_class
from emr_dr.core.routing import Wish
from emr_dr.core.view import MemberView
from emr_dr.errors import ConflictError, PermanentError, TransientError
from emr_dr.gateway.books import PAUSE, Books
from emr_dr.gateway.calls import Caller, RefusedError, Shown, Submission, UnavailableError
from emr_dr.gateway.dressing import written
from emr_dr.gateway.later import Later
from emr_dr.gateway.roster import Roster
from emr_dr.gateway.sending import Came, Sender, given_back, not_sent, refused, taken_for
from emr_dr.ports import Clock, Creation, Declined
from emr_dr.spec.gateway import Gateway

TRIES = 3
"""Members that one submission is brought to before it is queued: its client waits."""

DECLINED_SECONDS = 2.0
"""How long a client that is refused waits for the ledger to know it."""

_RETRY_QUEUE = 15


def drawn() -> str:
    """Draw the token of one submission."""
    return secrets.token_hex(6)


class Intake:
    """Takes submissions in. What was begun is carried through, even if the client goes."""

    def __init__(
        self,
        books: Books,
        roster: Roster,
        sender: Sender,
        later: Later,
        *,
        settings: Gateway,
        clock: Clock,
        token: Callable[[], str] = drawn,
    ) -> None:
        self._token = token
        self._books = books
        self._roster = roster
        self._sender = sender
        self._later = later
        self._settings = settings
        self._clock = clock

    async def submit(self, submission: Submission, caller: Caller) -> Shown:
        """Record it, give it to a member or queue it.

        Raises:
            RefusedError: It is not taken.
            UnavailableError: It cannot be recorded just now; nothing was done.
        """
        self._refuse_if_blind()
        task = self._later.start(self._taken_in(submission, caller), "submit", answered=True)
        return await asyncio.shield(task)

    def _refuse_if_blind(self) -> None:
        if self._books.trouble:
            raise UnavailableError("the ledger is out of reach, so nothing can be recorded")
        if not self._roster.views.fresh:
            raise UnavailableError("the members' state could not be read lately")

    async def _taken_in(self, submission: Submission, caller: Caller) -> Shown:
        new = self._new(submission, caller)
        wish = Wish(new.token, submission.queue, caller.user, submission.name or "")
        members = self._roster.choose(wish)[:TRIES]
        if not members and self._books.board.queued >= self._settings.limits.queued:
            raise UnavailableError("no member takes work now, and as many batches wait as may", _RETRY_QUEUE)
        if members:
            new = replace(new, cluster_id=members[0].cluster_id, epoch=members[0].epoch, sent=True)
        creation = await self._created(new)
        batch = creation.batch
        if batch.token != new.token:
            return self._known(batch, new)
        if not members or batch.last.submit is not SubmitState.SENT:
            return self._shown(batch)
        return await self._brought(batch, members)

    def _new(self, submission: Submission, caller: Caller) -> NewBatch:
        rescue = declared_class(
            submission.rescue,
            self._settings.rescue.rules,
            queue=submission.queue,
            user=caller.user,
            name=submission.name or "",
        )
        return NewBatch(
            token=self._token(),
            request=_text(submission.request),
            at=self._clock.now(),
            owner=caller.user or None,
            proxy_user=submission.proxy_user,
            name=submission.name,
            rescue=rescue,
            key=submission.key,
        )

    async def _created(self, new: NewBatch) -> Creation:
        try:
            try:
                return await self._books.create(new)
            except TransientError:
                await self._clock.sleep(PAUSE)
                return await self._books.create(new)
        except ConflictError as error:
            raise await self._name_taken(new, error) from None
        except TransientError as error:
            if new.key is None:
                self._later.start(self._withdrawn(new), "withdraw")
            raise UnavailableError("the ledger is out of reach, so nothing can be recorded") from error
        except PermanentError as error:
            raise UnavailableError("the ledger takes nothing more") from error

    async def _withdrawn(self, new: NewBatch) -> None:
        """See to it that a submission whose client was told that nothing was done is not carried out after all.

        With an idempotency key it is left alone: whoever repeats it gets what was kept.
        """
        while True:
            await self._clock.sleep(PAUSE)
            try:
                creation = await self._books.create(new)
            except TransientError:
                continue
            except ConflictError:
                return
            await self._books.change(creation.batch, lambda held: self._given_up(held, "it could not be recorded"))
            return

    def _given_up(self, held: Batch, why: str) -> Batch | None:
        if not held.listed:
            return None
        if held.last.submit in (SubmitState.INTENT, SubmitState.SENT):
            held = refused(held, why, self._clock.now())
        return held.deleted()

    async def _name_taken(self, new: NewBatch, error: ConflictError) -> RefusedError | UnavailableError:
        try:
            holder = await self._books.asked(self._books.ledger.find(new.name or ""))
        except TransientError:
            return UnavailableError("the ledger is out of reach, so nothing can be recorded")
        number = holder.id if holder is not None else 0
        if new.name is None:
            raise error
        return _refusal(HTTPStatus.BAD_REQUEST, f"Duplicate session name: Some({new.name}) for session {number}")

    def _known(self, batch: Batch, new: NewBatch) -> Shown:
        """The batch that has the idempotency key, if it was asked for in the same words."""
        if not batch.listed:
            what = f"The batch {batch.id} of this idempotency key was deleted"
            raise _refusal(HTTPStatus.CONFLICT, what)
        if (batch.request, batch.name, batch.proxy_user) != (new.request, new.name, new.proxy_user):
            what = f"The idempotency key belongs to batch {batch.id}, whose request was another"
            raise _refusal(HTTPStatus.CONFLICT, what)
        return self._shown(batch)

    async def _brought(self, batch: Batch, members: list[MemberView]) -> Shown:
        """Send it, to the next member where one is not reached; at last it waits for one."""
        why = ""
        for n, member in enumerate(members):
            moved = await self._moved(batch, why, member) if n > 0 else batch
            if moved is None:
                return self._shown(batch)
            batch = moved
            sent = await self._sender.send(batch, member)
            if sent.came is Came.DECLINED and sent.declined is not None:
                raise await self._declined(batch, sent.declined, sent.why)
            if sent.came is not Came.NOT_THERE:
                return self._shown(sent.batch)
            why = sent.why
            self._roster.unreached(member.cluster_id, why)
        await self._moved(batch, why, None)
        return self._shown(batch)

    async def _moved(self, batch: Batch, why: str, member: MemberView | None) -> Batch | None:
        """Give what was not sent to another member, or to the queue; None if others have it, or the ledger is away."""
        try:
            batch = await self._books.save(given_back(batch, why, member))
            return await self._books.save(taken_for(batch, member, self._clock.now())) if member is not None else batch
        except ConflictError:
            return None
        except TransientError:
            self._later.start(
                self._books.change(batch, lambda held: not_sent(held, batch, why, self._clock.now())), "give_back"
            )
            return None

    async def _declined(self, batch: Batch, declined: Declined, why: str) -> RefusedError:
        task = self._later.start(self._books.change(batch, lambda held: self._given_up(held, why)), "declined")
        await asyncio.wait((task,), timeout=DECLINED_SECONDS)
        return RefusedError(declined.status, declined.body, declined.content_type)

    def _shown(self, batch: Batch) -> Shown:
        return self._books.board.recall(batch.id) or Shown(batch, as_of=self._clock.now())


def _text(request: Mapping[str, object]) -> str:
    try:
        return written(request)
    except TypeError:  # a number beyond 64 bits, or half a surrogate pair
        raise _refusal(HTTPStatus.BAD_REQUEST, "The request holds what JSON cannot pass on") from None


def _refusal(status: HTTPStatus, what: str) -> RefusedError:
    return RefusedError(status.value, orjson.dumps({"msg": what}))
