"""The ASGI application: Livy's batches, the gateway's own pages, and sessions by the relay."""

import structlog

from emr_dr.errors import TransientError
from emr_dr.gateway.access import Access, NotSignedInError
from emr_dr.gateway.audit import client_of, plain
from emr_dr.gateway.batch_calls import BatchCalls, may_see
from emr_dr.gateway.calls import Batches, Caller, RefusedError, UnavailableError
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.http import App, BrokenOffError, GoneError, Receive, Scope, Send, header, send_answer
from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import Answer
from emr_dr.gateway.livy.routes import Resource, route
from emr_dr.gateway.livy.versions import VENDOR, unknown_version
from emr_dr.gateway.pages import OPEN_PATHS, Pages
from emr_dr.gateway.polls import Polls, Ready
from emr_dr.gateway.relaying import SESSIONS, Relaying
from emr_dr.spec.gateway import Limits

log = structlog.get_logger("emr_dr.gateway")

_UI = (
    b"<!DOCTYPE html><html><head><title>emr-dr gateway</title></head><body><h1>emr-dr gateway</h1>"
    b'<p><a href="/batches">Batches</a> <a href="/gateway/">About this gateway</a></p></body></html>'
)


class GatewayApp:
    """One group's gateway as an ASGI application, and its short cut for polls."""

    def __init__(
        self,
        batches: Batches,
        *,
        access: Access,
        limits: Limits,
        pages: Pages,
        counters: Counters,
        relay: App | None = None,
    ) -> None:
        self._access = access
        self._pages = pages
        self._relaying = Relaying(relay, limits)
        self._counters = counters
        self._calls = BatchCalls(batches, limits, counters)
        self._polls = Polls(batches)

    def instant(self, path: bytes, headers: list[tuple[bytes, bytes]]) -> Ready | None:
        """The answer to a GET without body that is ready in memory; None if it has to go the long way."""
        authorization = None
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif name == b"accept" and value.startswith(VENDOR):
                return None
        caller = self._access.known(authorization)
        if caller is None:
            return None
        ready = self._polls.find(path)
        if ready is None or not (caller.sees_all or may_see(caller, ready.batch)):
            return None
        self._counters.polls += 1
        return ready

    def forget(self) -> None:
        """Let go what is only kept to be quick and was not asked for since this was called last."""
        self._polls.forget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive, send)
        except GoneError:
            return
        except BrokenOffError:
            raise
        except Exception as error:  # noqa: BLE001 - every request has an answer; what nobody foresaw is logged
            answer = self._answer_to(error, scope)
        if answer is not None:
            # The rest of a body that is too large is not read.
            await send_answer(scope, send, answer, close=answer.status in (413, 500))

    def _answer_to(self, error: Exception, scope: Scope) -> Answer:
        """Return what a client is told of an error."""
        match error:
            case RefusedError():
                return Answer(error.status, error.body, error.content_type)
            case UnavailableError():
                return answers.unavailable(error.why, error.retry_after)
            case NotSignedInError():
                self._counters.signed_out += 1
                log.warning("sign_in_refused", user=plain(error.user), client=client_of(scope), why=error.why)
                challenge = (("www-authenticate", self._access.challenge),)
                return Answer(401, answers.rendered({"msg": "sign in"}), headers=challenge)
        self._counters.failed += 1
        log.error("request_failed", path=plain(scope["path"]), method=scope["method"], exc_info=error)
        if isinstance(error, TransientError):
            return answers.unavailable("not available just now", 5)
        return Answer(500, answers.rendered("internal error"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        path: bytes = scope["raw_path"]
        if path in OPEN_PATHS:
            return await self._pages.answer(scope, Caller())
        authorization = header(scope, b"authorization")
        caller = self._access.known(authorization) or await self._access.caller(authorization)
        if path == SESSIONS or path.startswith(SESSIONS + b"/"):
            return await self._relaying.answer(scope, receive, send, caller)
        if self._pages.has(path):
            return await self._pages.answer(scope, caller)
        found = route(scope["method"], path)
        if isinstance(found, Answer):
            return found
        return _always(found.resource, scope) or await self._calls.answer(found, scope, receive, caller)


def _always(resource: Resource, scope: Scope) -> Answer | None:
    """Return the answer that depends on no batch; None if there is none."""
    match resource:
        case Resource.ROOT:
            return answers.redirect(_at_host(scope, "/ui"))
        case Resource.UI:
            return Answer(200, _UI, answers.HTML)
        case Resource.VERSION:
            return answers.VERSION
        case _:
            return unknown_version(header(scope, b"accept"))


def _at_host(scope: Scope, path: str) -> str:
    """Return a path as Livy's redirects have it, with the host by which the client came here."""
    host = (header(scope, b"host") or b"").decode("latin-1")
    if not host or not all(char.isalnum() or char in ".-:[]_" for char in host):
        return path
    return f"{scope['scheme']}://{host}{path}"
