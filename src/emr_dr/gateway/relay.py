"""Livy's /sessions and everything below: each session stays on the member it began on, and is passed on to it there.

An ASGI application. A session's member is always asked by a name that no other session has, never by Livy's number:
a Livy that lost its store gives its numbers to other sessions, but it does not know the name.
"""

import secrets
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson
import structlog

from emr_dr.core.session import Session
from emr_dr.core.view import MemberView
from emr_dr.errors import OutcomeUnknownError, TransientError, UnreachedError
from emr_dr.gateway.calls import UnavailableError
from emr_dr.gateway.http import Receive, Scope, Send, read_body, send_answer
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.livy.numbers import NotANumberError
from emr_dr.gateway.sessions import views
from emr_dr.gateway.sessions.asked import read_session
from emr_dr.gateway.sessions.asking import Told, ask, read_whole
from emr_dr.gateway.sessions.listing import Listing
from emr_dr.gateway.sessions.passing import AWAY, created, in_our_words, refuse_not_livys, stream
from emr_dr.gateway.sessions.paths import LOOK_SECONDS, WORK_SECONDS, read_path
from emr_dr.gateway.sessions.register import Register
from emr_dr.gateway.sessions.request import Request
from emr_dr.ports import Passage, Question

log = structlog.get_logger("emr_dr.gateway")

_LARGEST_REQUEST = 64 << 20
"""Bytes of a POST /sessions; the gateway's own limit, which is smaller, was applied before."""
_TOKEN_BYTES = 6
_LIVYS_OWN = HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(slots=True)
class Relay:
    """Answers requests about sessions.

    Attributes:
        passage: To the members' Livys.
    """

    register: Register
    listing: Listing
    passage: Passage
    look: float = LOOK_SECONDS
    work: float = WORK_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            RefusedError, UnavailableError, TransientError: Nothing of an answer was sent yet; or the answer broke off.
        """
        path = read_path(scope["raw_path"])
        try:
            answer = await self._answer(Request(path, scope, receive, send)) if path else answers.NO_SUCH_PATH_BELOW
        except NotANumberError as error:
            answer = answers.not_a_number(error.text)
        if answer is not None:
            await send_answer(scope, send, answer)

    async def _answer(self, request: Request) -> Answer | None:
        """Return the answer; None if it was passed on piece by piece."""
        if request.path.session:
            return await self._one(request)
        if request.method == "POST":
            return await self._create(request)
        if request.method in ("GET", "HEAD"):
            return await self.listing.answer(request.query, request.caller)
        return answers.wrong_method(("GET", "HEAD", "POST"))

    async def _create(self, request: Request) -> Answer:
        """Begin a session on a member that takes work; recorded first, so that it is never nobody's."""
        body = await read_body(request.scope, request.receive, _LARGEST_REQUEST)
        asked = read_session(body, request.query.get("doAs", ""), request.caller)
        taken = await self.register.named(asked.name) if asked.name is not None else None
        if taken is not None:
            raise answers.duplicate_name(taken.name or "", taken.id + 1)
        member = self.register.batches.sessions_member()
        if member is None:
            raise UnavailableError("no cluster takes a session just now")
        now = self.register.clock.now()
        session = await self.register.create(
            asked.new(secrets.token_hex(_TOKEN_BYTES), member.cluster_id, now, request.caller)
        )
        answer = await self._begin(session, member, asked.sent(session))
        outcome = "done" if answer.status == HTTPStatus.CREATED else "refused"
        request.tell(
            "session_created", outcome, session=session.id, cluster=member.cluster_id, status=int(answer.status)
        )
        return answer

    async def _begin(self, session: Session, member: MemberView, body: bytes) -> Answer:
        question = Question("POST", "/sessions", self.work, {"content-type": "application/json"}, body)
        try:
            told = await ask(self.passage, member, question)
        except UnreachedError as error:
            await self.register.drop(session)
            raise UnavailableError(AWAY) from error
        except TransientError as error:
            log.warning("session_outcome_unknown", session=session.id, error=str(error))
            return await self._found_out(session, member)
        if told.status in (HTTPStatus.CREATED, HTTPStatus.OK):
            return created(session, await self._noted(session, told.body))
        if told.status >= HTTPStatus.INTERNAL_SERVER_ERROR and told.status != HTTPStatus.SERVICE_UNAVAILABLE:
            # Livy failed over it, perhaps halfway; or whoever is in front of Livy lost sight of it.
            return await self._found_out(session, member, told if told.status == _LIVYS_OWN else None)
        await self.register.drop(session)
        refuse_not_livys(session, told.status)
        return in_our_words(session, told)

    async def _found_out(self, session: Session, member: MemberView, failed: Told | None = None) -> Answer:
        """Ask whether it has begun; unless Livy `failed` over it, it may still begin, and is `starting` until then."""
        question = Question("GET", f"/sessions/{session.unique_name}", self.look, {})
        try:
            told = await ask(self.passage, member, question)
            if told.status == HTTPStatus.OK:
                return created(session, await self._noted(session, told.body))
            if failed is not None and views.says_gone(session, told.status, told.body):
                await self.register.drop(session)
                return in_our_words(session, failed)
        except TransientError as error:
            log.warning("session_not_found_out", session=session.id, error=str(error))
        return created(session, answers.rendered(views.own_view(session, "starting")))

    async def _one(self, request: Request) -> Answer | None:
        session = await self.register.find(request.path.session, request.caller)
        if session is None:
            return views.not_found(request.path.session)
        member = self.register.member(session) if session.dead_at is None else None
        if member is None or member.death is not None:
            return await self._of_a_dead_one(session, member, request)
        try:
            return await self._passed(session, member, request)
        except UnreachedError as error:
            raise UnavailableError(AWAY) from error
        except TransientError as error:
            log.warning("session_request_failed", session=session.id, error=str(error))
            if isinstance(error, OutcomeUnknownError) and not request.path.harmless_again(request.method):
                return views.NOT_KNOWN_WHETHER
            raise UnavailableError(AWAY) from error

    async def _of_a_dead_one(self, session: Session, member: MemberView | None, request: Request) -> Answer:
        session = await self.register.bury(session, views.why_dead(member))
        if request.ends_it:
            await self._ended(session, request)
            return answers.DELETED
        return views.of_a_dead_one(session, request.path.part, request.query)

    async def _passed(self, session: Session, member: MemberView, request: Request) -> Answer | None:
        looks = request.path.part.numbered and request.method in ("GET", "HEAD")
        seconds = self.look if looks else self.work
        async with self.passage.passed(member, request.question(session, seconds)) as reply:
            refuse_not_livys(session, reply.status)
            if reply.status < HTTPStatus.BAD_REQUEST and not request.path.part.numbered:
                await stream(session, reply, request.send)
                if request.ends_it:
                    await self._ended(session, request)
                return None
            told = await read_whole(reply, seconds)
        if views.says_gone(session, told.status, told.body):
            return await self._gone(session, request)
        if request.ends_it and told.status < HTTPStatus.BAD_REQUEST:
            await self._ended(session, request)
        elif told.status == HTTPStatus.OK:
            told = replace(told, body=await self._noted(session, told.body))
        return in_our_words(session, told)

    async def _noted(self, session: Session, body: bytes) -> bytes:
        """Return a view of the session as clients are shown it, after remembering what is new in it."""
        try:
            view = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        app_id = view.get("appId") if isinstance(view, dict) else None
        await self.register.seen(session, app_id if isinstance(app_id, str) else "")
        return views.translated(session, body)

    async def _gone(self, session: Session, request: Request) -> Answer:
        """Answer of a session that its Livy does not know: it expired, was deleted, or Livy lost its store."""
        left = await self.register.missed(session)
        if left is None:
            return views.not_found(request.path.session)
        if left.dead_at is not None:
            return await self._of_a_dead_one(left, None, request)
        answer = views.of_one_to_come(left, request.path.part) if request.method == "GET" else None
        if answer is None:
            raise UnavailableError("the session has not begun yet")
        return answer

    async def _ended(self, session: Session, request: Request) -> None:
        """Forget a session that its client has ended."""
        await self.register.drop(session)
        request.tell("session_deleted", "done", session=session.id)
