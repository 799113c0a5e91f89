"""The connections to one service of one member: a deadline and a size limit on everything, and failures in words."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from ssl import SSLContext
from types import SimpleNamespace

import aiohttp
import orjson
from yarl import URL

from emr_dr.errors import OutcomeUnknownError, TransientError, UnreachedError
from emr_dr.spec.login import Login

KEPT_SECONDS = 10.0
"""How long an idle connection is kept: less than Jetty keeps one (30 s), so that ours is the first to close it."""

_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Access:
    """How a service is spoken to on whatever member, besides its URL.

    Attributes:
        tls: What to trust with https; None means the system's authorities.
        login: User and password for HTTP basic authentication.
    """

    tls: SSLContext | None = field(default=None, repr=False)
    login: Login | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request carries; Livy refuses to change anything without X-Requested-By where CSRF is on."""
        said = {"Accept": "application/json", "Accept-Encoding": "identity", "X-Requested-By": "emr-dr"}
        if self.login is not None:
            said["Authorization"] = aiohttp.encode_basic_auth(self.login.user, self.login.password)
        return said

    def veiled(self, text: str) -> str:
        """Return a text without our credentials: a service may echo what it was sent."""
        if self.login is None:
            return text
        basic = aiohttp.encode_basic_auth(self.login.user, self.login.password).removeprefix("Basic ")
        for word in (self.login.password, basic):
            text = text.replace(word, "[hidden]") if word else text
        return text


@dataclass(frozen=True, slots=True)
class Times:
    """Deadlines in seconds, from asking for a connection to the last byte of the answer.

    Attributes:
        connect: To be connected.
        look: A question about one thing.
        list: A list of everything.
        submit: One submission: Livy takes them one by one, and each starts a process.
        delete: Livy waits until the application is killed.
    """

    connect: float = 3.0
    look: float = 5.0
    list: float = 10.0
    submit: float = 20.0
    delete: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, of any status."""

    where: str
    status: int
    body: bytes
    content_type: str
    quoted: str
    """The beginning of the body, fit for one line of a message."""

    def json(self) -> object:
        """Return the body of a 200 as JSON.

        Raises:
            TransientError: The status is another, or it is no JSON.
        """
        if self.status != HTTPStatus.OK:
            raise TransientError(f"HTTP {self.status} {self.quoted}", where=self.where)
        return self.parsed()

    def parsed(self) -> object:
        """Return the body as JSON, whatever the status.

        Raises:
            TransientError: It is no JSON.
        """
        try:
            value: object = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise TransientError(f"not JSON but {self.quoted}", where=self.where) from None
        return value


class TooMuchError(TransientError):
    """The answer is larger than what was to be read of it."""


class Line:
    """The connections to one service. Those kept are for questions; what may be done only once gets one of its own.

    A server may close a kept connection at the very moment in which it is used again, and then nobody knows whether the
    request was read: for a submission that would cost minutes of looking. On a new connection only real failures are
    left.
    """

    def __init__(self, base: str, access: Access, *, connect: float, at_once: int) -> None:
        self._base = base.rstrip("/")
        self._access = access
        self._kept = open_session(access, connect, at_once)
        self._single = open_session(access, connect, at_once, keep=False)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        largest: int,
        body: bytes | None = None,
        once: bool = False,
    ) -> Answer:
        """Make one request, follow no redirect, and return the whole answer, whatever its status.

        Args:
            method: Of HTTP.
            path: With its query, encoded.
            seconds: The deadline.
            largest: Bytes of the answer's body.
            body: JSON.
            once: Whether it must not be repeated: it goes over a connection of its own, and where it may have arrived
                that is said by `OutcomeUnknownError`.

        Raises:
            UnreachedError: No connection was made.
            TransientError: No whole answer in time; `what` says why in words.
        """
        where = f"{method} {self._base}{path.partition('?')[0]}"
        stage = SimpleNamespace(connected=False, too_much=False)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(method, path, where, body=body, largest=largest, once=once, stage=stage)
        except TimeoutError:
            failure = (
                f"connected, but no whole answer within {seconds:g} s" if stage.connected else "no connection in time"
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = in_words(error)
        # Raised out here to leave the original behind: some of aiohttp's errors carry the request, credentials and all.
        if not stage.connected:
            raise UnreachedError(failure, where=where)
        if once:
            raise OutcomeUnknownError(failure, where=where)
        raise (TooMuchError if stage.too_much else TransientError)(failure, where=where)

    async def close(self) -> None:
        """Close all connections; may be repeated."""
        await self._kept.close()
        await self._single.close()

    async def _exchange(
        self,
        method: str,
        path: str,
        where: str,
        *,
        body: bytes | None,
        largest: int,
        once: bool,
        stage: SimpleNamespace,
    ) -> Answer:
        async with (self._single if once else self._kept).request(
            method,
            URL(self._base + path, encoded=True),
            data=body,
            headers={"Content-Type": "application/json"} if body is not None else None,
            ssl=self._access.tls if self._access.tls is not None else True,
            allow_redirects=False,
            trace_request_ctx=stage,
        ) as response:
            chunks: list[bytes] = []
            left = largest
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                left -= len(chunk)
                if left < 0:
                    stage.too_much = True
                    raise ValueError(f"an answer of more than {largest} bytes")
            content = b"".join(chunks)
            kind = response.headers.get("Content-Type", "")
            return Answer(where, response.status, content, kind, self._quoted(content))

    def _quoted(self, body: bytes) -> str:
        text = self._access.veiled(body[: 8 * _SHOWN].decode("utf-8", "replace"))
        start = " ".join(text[:_SHOWN].encode("ascii", "replace").decode().split())
        return repr(start) if start else "an empty answer"


def open_session(access: Access, connect: float, at_once: int, *, keep: bool = True) -> aiohttp.ClientSession:
    """Return connections to one service, which are kept or not; `trace_request_ctx.connected` tells of each request."""
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(_connected)
    tracing.on_connection_reuseconn.append(_connected)
    kept = KEPT_SECONDS if keep else None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once, force_close=not keep, keepalive_timeout=kept),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
        headers=access.headers,
        auto_decompress=False,  # a small answer must not grow large here
        trace_configs=[tracing],
        trust_env=False,  # members are asked directly, never through a proxy
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def _connected(
    _: aiohttp.ClientSession,
    context: SimpleNamespace,
    __: aiohttp.TraceConnectionCreateEndParams | aiohttp.TraceConnectionReuseconnParams,
) -> None:
    context.trace_request_ctx.connected = True


# In this order: aiohttp's errors are related to each other.
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the name is not known"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not trusted"),
    (aiohttp.ClientSSLError, "no TLS"),
    (aiohttp.ServerDisconnectedError, "connected, but closed without an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ClientResponseError, "not HTTP"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
)


def in_words(error: Exception) -> str:
    """Say what became of a request, as far as aiohttp knows."""
    cause = error.os_error if type(error) is aiohttp.ClientConnectorError else error
    words = next((words for kind, words in _WORDS if isinstance(cause, kind)), None)
    return words or f"no answer ({getattr(cause, 'strerror', None) or cause})"
