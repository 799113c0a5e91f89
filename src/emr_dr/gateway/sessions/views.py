"""What clients are shown of sessions: Livy's words with our numbers, and of a dead session what Livy would say."""

from collections.abc import Mapping, Sequence

import orjson

from emr_dr.core.session import Session
from emr_dr.core.view import MemberView
from emr_dr.gateway.calls import LOG_SHOWN
from emr_dr.gateway.livy.answers import Answer, message, rendered
from emr_dr.gateway.livy.paging import part_of_log
from emr_dr.gateway.sessions.paths import Part

NOT_ACTIVE = message(400, "requirement failed: Session isn't active.")
"""What Livy answers to whatever needs a session that lives."""

NOT_KNOWN_WHETHER = message(
    409,
    "The cluster's answer was lost: this may have been carried out, or not. Look before you send it again; the "
    "gateway does not.",
)
"""Not one of 5xx, which some clients take for leave to send it again."""


def why_dead(member: MemberView | None) -> str:
    """Say why a session's member will never answer again, without saying which it was."""
    if member is None or member.death is None:
        return "The cluster of this session has ended"
    return f"The cluster of this session is lost ({member.death.kind})"


def not_found(session: str) -> Answer:
    """No session of that number or name."""
    return message(404, f"Session '{session}' not found.")


def known_as(session: Session, view: Mapping[str, object]) -> dict[str, object]:
    """Return Livy's view of a session with our number, and with the name and owner that clients know."""
    ours: dict[str, object] = {"id": session.id, "name": session.name}
    if session.owner is not None:
        ours["owner"] = session.owner
    return {key: ours.get(key, value) for key, value in view.items()}


def renamed(session: Session, body: bytes) -> bytes:
    """Return Livy's words with our number in the place of the name that only Livy knows the session by."""
    return body.replace(session.unique_name.encode(), str(session.id).encode())


def translated(session: Session, body: bytes) -> bytes:
    """Return an answer that tells the session's number, with ours; unchanged if it is not as expected."""
    try:
        view = orjson.loads(body)
    except orjson.JSONDecodeError:
        return renamed(session, body)
    return rendered(known_as(session, view)) if isinstance(view, dict) else renamed(session, body)


def says_gone(session: Session, status: int, body: bytes) -> bool:
    """Whether Livy says that it knows no such session, and not that it has no such statement or path."""
    return status == 404 and f"'{session.unique_name}' not found".encode() in body  # noqa: PLR2004  HTTP's own number


def own_view(session: Session, state: str, log: Sequence[str] = ()) -> dict[str, object]:
    """Return the view of a session of which no Livy tells anything."""
    return {
        "id": session.id,
        "name": session.name,
        "appId": session.app_id or None,
        "owner": session.owner,
        "proxyUser": session.proxy_user,
        "state": state,
        "kind": session.kind or "shared",
        "appInfo": {"driverLogUrl": None, "sparkUiUrl": None},
        "log": list(log)[-LOG_SHOWN:],
    }


def of_one_to_come(session: Session, part: Part) -> Answer | None:
    """Return what is told of a session whose creation was not answered, while it may still turn up."""
    if part is Part.VIEW:
        return Answer(200, rendered(own_view(session, "starting")))
    return Answer(200, rendered({"id": session.id, "state": "starting"})) if part is Part.STATE else None


def of_a_dead_one(session: Session, part: Part, query: dict[str, str]) -> Answer:
    """Return what Livy would answer of a session that died: it still tells of it, and nothing runs in it.

    Raises:
        NotANumberError: The query has no numbers where they belong.
    """
    log = [f"{session.why}. What the session had computed is lost, and no code is run again: start a new session."]
    if part is Part.VIEW:
        return Answer(200, rendered(own_view(session, "dead", log)))
    if part is Part.STATE:
        return Answer(200, rendered({"id": session.id, "state": "dead"}))
    if part is Part.LOG:
        start, size = part_of_log(query)
        start = max(0, len(log) - size) if start < 0 <= size else max(start, 0)
        lines = log[start:] if size < 0 else log[start : start + size]
        return Answer(200, rendered({"id": session.id, "from": start, "total": len(log), "log": lines}))
    return NOT_ACTIVE
