"""Livy's /sessions and everything below: each session stays on the member it began on, and is passed on to it there.

An ASGI application. A session's member is always asked by a name that no other session has, never by Livy's number:
a Livy that lost its store gives its numbers to other sessions, but it does not know the name.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson
import structlog

from emr_dr.core.session import Session
from emr_dr.core.view import MemberView
from emr_dr.errors import OutcomeUnknownError, TransientError, UnreachedError
from emr_dr.gateway import audit
from emr_dr.gateway.calls import Caller, UnavailableError
from emr_dr.gateway.http import BrokenOffError, GoneError, Receive, Scope, Send, header, read_body, send_answer
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.livy.numbers import NotANumberError
from emr_dr.gateway.livy.paging import parameters
from emr_dr.gateway.relaying import CALLER
from emr_dr.gateway.sessions import views
from emr_dr.gateway.sessions.asked import read_session
from emr_dr.gateway.sessions.asking import Told, ask, read_whole
from emr_dr.gateway.sessions.listing import Listing
from emr_dr.gateway.sessions.paths import LOOK_SECONDS, WORK_SECONDS, Part, SessionPath, passed_query, read_path
from emr_dr.gateway.sessions.register import Register
from emr_dr.ports import Passage, Question, Reply

log = structlog.get_logger("emr_dr.gateway")

_LARGEST_REQUEST = 64 << 20
"""Bytes of a POST /sessions; the gateway's own limit, which is smaller, was applied before."""
_PASSED_IN = (b"accept", b"content-type", b"content-encoding", b"content-length")
_PASSED_OUT = ("content-type", "content-length", "content-encoding", "cache-control", "allow")
_TOKEN_BYTES = 6
_AWAY = "the session's cluster does not answer just now"


@dataclass(frozen=True, slots=True)
class _Request:
    """One request about one session or all, and the way to answer it."""

    path: SessionPath
    scope: Scope
    receive: Receive
    send: Send

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def caller(self) -> Caller:
        caller: Caller = self.scope[CALLER]
        return caller

    @property
    def query(self) -> dict[str, str]:
        return parameters(self.scope["query_string"])

    @property
    def ends_it(self) -> bool:
        """Whether the session is to end."""
        part = self.path.part
        return (self.method, part) in (("DELETE", Part.VIEW), ("POST", Part.STOP))

    def question(self, session: Session, seconds: float) -> Question:
        """Return it as it is passed on: by the session's unique name, and without what is not for the member."""
        given = self.scope["headers"]
        headers = {key.decode("ascii"): value.decode("latin-1") for key, value in given if key in _PASSED_IN}
        path = f"/sessions/{session.unique_name}{self.path.rest}{passed_query(self.query)}"
        return Question(self.method, path, seconds, headers, _body(self.receive) if _has_body(self.scope) else None)

    def tell(self, what: str, outcome: str, **about: object) -> None:
        """Log what somebody changed."""
        audit.tell(what, self.scope, self.caller, outcome=outcome, about=about)


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
            answer = await self._answer(_Request(path, scope, receive, send)) if path else answers.NO_SUCH_PATH_BELOW
        except NotANumberError as error:
            answer = answers.not_a_number(error.text)
        if answer is not None:
            await send_answer(scope, send, answer)

    async def _answer(self, request: _Request) -> Answer | None:
        """Return the answer; None if it was passed on piece by piece."""
        if request.path.session:
            return await self._one(request)
        if request.method == "POST":
            return await self._create(request)
        if request.method in ("GET", "HEAD"):
            return await self.listing.answer(request.query, request.caller)
        return answers.wrong_method(("GET", "HEAD", "POST"))

    async def _create(self, request: _Request) -> Answer:
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
            raise UnavailableError(_AWAY) from error
        except TransientError as error:
            log.warning("session_outcome_unknown", session=session.id, error=str(error))
            return await self._found_out(session, member)
        if told.status in (HTTPStatus.CREATED, HTTPStatus.OK):
            return _created(session, await self._noted(session, told.body))
        await self.register.drop(session)
        return _in_our_words(session, told)

    async def _found_out(self, session: Session, member: MemberView) -> Answer:
        """Ask whether a session has begun whose answer was lost; it may still begin, so it is `starting` until then."""
        question = Question("GET", f"/sessions/{session.unique_name}", self.look, {})
        try:
            told = await ask(self.passage, member, question)
            if told.status == HTTPStatus.OK:
                return _created(session, await self._noted(session, told.body))
        except TransientError as error:
            log.warning("session_not_found_out", session=session.id, error=str(error))
        return _created(session, answers.rendered(views.own_view(session, "starting")))

    async def _one(self, request: _Request) -> Answer | None:
        session = await self.register.find(request.path.session, request.caller)
        if session is None:
            return views.not_found(request.path.session)
        member = self.register.member(session) if session.dead_at is None else None
        if member is None or member.death is not None:
            return await self._of_a_dead_one(session, member, request)
        try:
            return await self._passed(session, member, request)
        except UnreachedError as error:
            raise UnavailableError(_AWAY) from error
        except TransientError as error:
            log.warning("session_request_failed", session=session.id, error=str(error))
            if isinstance(error, OutcomeUnknownError) and not request.path.harmless_again(request.method):
                return views.NOT_KNOWN_WHETHER
            raise UnavailableError(_AWAY) from error

    async def _of_a_dead_one(self, session: Session, member: MemberView | None, request: _Request) -> Answer:
        session = await self.register.bury(session, views.why_dead(member))
        if request.ends_it:
            await self._ended(session, request)
            return answers.DELETED
        return views.of_a_dead_one(session, request.path.part, request.query)

    async def _passed(self, session: Session, member: MemberView, request: _Request) -> Answer | None:
        seconds = self.look if request.method in ("GET", "HEAD") else self.work
        async with self.passage.passed(member, request.question(session, seconds)) as reply:
            if reply.status < HTTPStatus.BAD_REQUEST and not request.path.part.numbered:
                await _stream(session, reply, request.send)
                if request.ends_it:
                    await self._ended(session, request)
                return None
            told = await read_whole(reply)
        if views.says_gone(session, told.status, told.body):
            return await self._gone(session, request)
        if request.ends_it and told.status < HTTPStatus.BAD_REQUEST:
            await self._ended(session, request)
        elif told.status == HTTPStatus.OK:
            told = replace(told, body=await self._noted(session, told.body))
        return _in_our_words(session, told)

    async def _noted(self, session: Session, body: bytes) -> bytes:
        """Return a view of the session as clients are shown it, after remembering what is new in it."""
        try:
            view = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        app_id = view.get("appId") if isinstance(view, dict) else None
        await self.register.seen(session, app_id if isinstance(app_id, str) else "")
        return views.translated(session, body)

    async def _gone(self, session: Session, request: _Request) -> Answer:
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

    async def _ended(self, session: Session, request: _Request) -> None:
        """Forget a session that its client has ended."""
        await self.register.drop(session)
        request.tell("session_deleted", "done", session=session.id)


async def _stream(session: Session, reply: Reply, send: Send) -> None:
    """Pass an answer on piece by piece.

    Raises:
        BrokenOffError: It broke off.
    """
    headers = [(key.encode(), reply.headers[key].encode()) for key in _PASSED_OUT if key in reply.headers]
    location = reply.headers.get("location")
    if location is not None:  # Livy tells its own number there, before what was made
        headers.append((b"location", f"/sessions/{session.id}/statements/{location.rpartition('/')[2]}".encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    try:
        async for piece in reply.body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TransientError as error:
        log.warning("session_answer_broke_off", session=session.id, error=str(error))
        raise BrokenOffError from error
    await send({"type": "http.response.body", "body": b""})


def _created(session: Session, body: bytes) -> Answer:
    return Answer(HTTPStatus.CREATED, body, headers=(("location", f"/sessions/{session.id}"),))


def _in_our_words(session: Session, told: Told) -> Answer:
    content_type = told.headers.get("content-type", answers.JSON)
    allow = (("allow", told.headers["allow"]),) if "allow" in told.headers else ()
    return Answer(told.status, views.renamed(session, told.body), content_type, allow)


def _has_body(scope: Scope) -> bool:
    return header(scope, b"transfer-encoding") is not None or (header(scope, b"content-length") or b"0") != b"0"


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the request's body as it comes.

    Raises:
        GoneError: The client left before it had sent all.
    """
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            return
