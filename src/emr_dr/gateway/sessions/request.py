"""One request about sessions: who asks for what, and how it is passed on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from emr_dr.core.session import Session
from emr_dr.gateway import audit
from emr_dr.gateway.calls import Caller
from emr_dr.gateway.http import GoneError, Receive, Scope, Send, header
from emr_dr.gateway.livy.paging import parameters
from emr_dr.gateway.relaying import CALLER
from emr_dr.gateway.sessions.paths import Part, SessionPath, passed_query
from emr_dr.ports import Question

_PASSED_IN = (b"accept", b"content-type", b"content-encoding", b"content-length")


@dataclass(frozen=True, slots=True)
class Request:
    """One request about one session or all, and the way to answer it."""

    path: SessionPath
    scope: Scope
    receive: Receive
    send: Send

    @property
    def method(self) -> str:
        """Of HTTP."""
        return str(self.scope["method"])

    @property
    def caller(self) -> Caller:
        """Who asks, as the gateway authenticated them."""
        caller: Caller = self.scope[CALLER]
        return caller

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
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
