"""One HTTP request to a member with a hard deadline, a size limit and a fresh connection, and its failure in words."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ssl import SSLCertVerificationError, SSLContext
from types import SimpleNamespace

import aiohttp
from yarl import URL

from emr_dr.errors import TransientError
from emr_dr.probes.answer import Answer
from emr_dr.spec.login import Login

LARGEST_ANSWER = 1 << 20
"""Bytes. What we ask for is a few KiB; more is not the service we mean, and must not fill our memory."""
_SHOWN = 120
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how a service is spoken to on whatever member.

    Attributes:
        port: TCP port.
        scheme: `http` or `https`.
        prefix: What stands before the service's own paths; empty or beginning with a slash.
        tls: What to trust with https; None means the system's authorities, and a certificate that names the address.
        login: User and password for HTTP basic authentication.
    """

    port: int
    scheme: str = "http"
    prefix: str = ""
    tls: SSLContext | None = field(default=None, repr=False)
    login: Login | None = None

    @property
    def authorization(self) -> str:
        """The header's value with which to sign in; empty if that is not needed."""
        return aiohttp.encode_basic_auth(self.login.user, self.login.password) if self.login else ""

    @property
    def hidden(self) -> tuple[str, ...]:
        """What must never be shown: a service may echo what it was sent."""
        words = (self.login.password, self.authorization.removeprefix("Basic ")) if self.login else ()
        return tuple(word for word in words if word)

    def behind(self, prefix: str) -> "Endpoint":
        """Return the same endpoint with another prefix."""
        return replace(self, prefix=prefix)

    def url(self, address: str, path: str) -> str:
        """Return the URL of `path` at `address`, an IP address or a DNS name."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.prefix.rstrip('/')}{path}"


class Http:
    """The requests of one process to members. Close it to let connections go.

    Args:
        timeout: Seconds for one request, from connecting to the last byte of the answer; a call may say otherwise.
        largest: Bytes of an answer's body; a call may say otherwise.
    """

    def __init__(self, *, timeout: float = 3.0, largest: int = LARGEST_ANSWER) -> None:
        self.timeout = timeout
        self.largest = largest
        self._session: aiohttp.ClientSession | None = None

    async def get(self, endpoint: Endpoint, address: str, path: str, *, largest: int | None = None) -> Answer:
        """GET `path` and return the answer, whose status is 200.

        Raises:
            TransientError: Anything else happened; `what` says it in words.
        """
        answer = await self.request("GET", endpoint, address, path, largest=largest)
        if answer.status != HTTPStatus.OK:
            raise TransientError(f"HTTP {answer.status}", where=answer.where)
        return answer

    async def request(
        self,
        method: str,
        endpoint: Endpoint,
        address: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the deadline is what this module is for
        largest: int | None = None,
    ) -> Answer:
        """Make one request, follow no redirect, and return the whole answer, whatever its status.

        Raises:
            TransientError: No whole answer in time; `what` says why in words.
        """
        url = endpoint.url(address, path)
        where = f"{method} {url}"
        seconds = self.timeout if timeout is None else timeout
        limit = self.largest if largest is None else largest
        stage = SimpleNamespace(reached="no connection")
        try:
            async with asyncio.timeout(seconds):
                status, content = await self._exchange(method, url, endpoint, body=body, limit=limit, stage=stage)
        except TimeoutError:
            raise TransientError(f"{stage.reached} within {seconds:g} s", where=where) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = error
        else:
            if content is None:
                raise TransientError(f"an answer of more than {limit} bytes", where=where)
            return Answer(where, status, content, endpoint.hidden)
        # Raised out here to leave the original behind: some of aiohttp's errors carry the request, credentials and all.
        raise TransientError(in_words(failure), where=where)

    async def close(self) -> None:
        """Close all connections; may be repeated."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(
        self,
        method: str,
        url: str,
        endpoint: Endpoint,
        *,
        body: Mapping[str, object] | None,
        limit: int,
        stage: SimpleNamespace,
    ) -> tuple[int, bytes | None]:
        signed = {"Authorization": endpoint.authorization} if endpoint.login else None
        async with self._opened().request(
            method,
            URL(url, encoded=True),
            json=body,
            headers=signed,
            ssl=endpoint.tls if endpoint.tls is not None else True,
            allow_redirects=False,
            trace_request_ctx=stage,
        ) as response:
            stage.reached = "the answer did not end"
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                content += chunk
                if len(content) > limit:
                    return response.status, None
            return response.status, bytes(content)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # made late, for it belongs to the loop that runs then
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_create_end.append(_connected)
            self._session = aiohttp.ClientSession(
                # A connection for each request: one kept alive could still reach what a new client no longer can.
                connector=aiohttp.TCPConnector(force_close=True, limit=0, use_dns_cache=False),
                timeout=aiohttp.ClientTimeout(total=None),
                # Livy refuses to change anything without X-Requested-By where its CSRF protection is on.
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "X-Requested-By": "emr-dr"},
                auto_decompress=False,  # a small answer must not grow large here
                trace_configs=[tracing],
                trust_env=False,  # members are asked directly, never through a proxy
            )
        return self._session


async def _connected(
    _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceConnectionCreateEndParams
) -> None:
    context.trace_request_ctx.reached = "connected, but no answer"


# In this order: aiohttp's errors are related to each other.
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the name is not known"),
    (aiohttp.ClientSSLError, "no TLS"),
    (aiohttp.ServerDisconnectedError, "connected, but closed without an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ClientResponseError, "not HTTP"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (socket.gaierror, "the name is not known"),
    (UnicodeError, "the name is not known"),
)


def in_words(error: Exception) -> str:
    """Return what a failed connection or request means, in a few words of ours."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate is not trusted{_why(error.certificate_error)}"
    cause = error.os_error if type(error) is aiohttp.ClientConnectorError else error
    words = next((words for kind, words in _WORDS if isinstance(cause, kind)), None)
    return words or f"no answer ({getattr(cause, 'strerror', None) or cause})"


def _why(error: Exception) -> str:
    return f": {error.verify_message}" if isinstance(error, SSLCertVerificationError) else ""
