"""Answers of a session's member, as its client gets them."""

from http import HTTPStatus

import structlog

from emr_dr.core.session import Session
from emr_dr.errors import TransientError
from emr_dr.gateway.calls import UnavailableError
from emr_dr.gateway.http import BrokenOffError, Send
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.sessions import views
from emr_dr.gateway.sessions.asking import Told
from emr_dr.ports import Reply

log = structlog.get_logger("emr_dr.gateway")

AWAY = "the session's cluster does not answer just now"
_PASSED_OUT = ("content-type", "content-length", "content-encoding", "cache-control", "allow")


async def stream(session: Session, reply: Reply, send: Send) -> None:
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


def refuse_not_livys(session: Session, status: int) -> None:
    """Refuse answers that are for the gateway and not for its client: nothing was carried out.

    Raises:
        UnavailableError: It is one.
    """
    if status == HTTPStatus.UNAUTHORIZED or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        log.error("member_does_not_take_the_gateway", session=session.id, cluster=session.cluster_id, status=status)
        raise UnavailableError(AWAY)


def created(session: Session, body: bytes) -> Answer:
    """Tell that a session was begun."""
    return Answer(HTTPStatus.CREATED, body, headers=(("location", f"/sessions/{session.id}"),))


def in_our_words(session: Session, told: Told) -> Answer:
    """Tell what Livy told, with our number in the place of its name."""
    content_type = told.headers.get("content-type", answers.JSON)
    allow = (("allow", told.headers["allow"]),) if "allow" in told.headers else ()
    return Answer(told.status, views.renamed(session, told.body), content_type, allow)
