"""Requests about sessions passed on to a member's Livy, piece by piece in both directions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from emr_dr.core.view import MemberView
from emr_dr.errors import OutcomeUnknownError, TransientError, UnreachedError
from emr_dr.ports.sessions import Question, Reply
from emr_dr.upstream.line import Access, in_words, open_session

AT_ONCE = 64
"""Connections to one member's Livy, kept and not kept each."""

FORGOTTEN_SECONDS = 600.0
"""Connections to a member that nobody asked for so long are let go: it has ended."""

CONNECT_SECONDS = 3.0

LONGEST_SECONDS = 600.0
"""How long an answer may take as a whole, once it has begun: nobody waits longer for one that drips."""

_SAFE = ("GET", "HEAD")
_PIECE = 1 << 16
_REPLACED = frozenset({"authorization", "host", "x-requested-by", "connection", "transfer-encoding", "cookie"})


@dataclass(slots=True)
class _Stage:
    """How far a request got."""

    connected: bool = False
    begun: bool = False
    """Whether the answer has begun, so that nothing has to be waited for here any more."""
    failure: Exception | None = None
    """What came instead of the body's next piece: the client's doing, not the member's."""

    def wait(self, deadline: asyncio.Timeout, until: float | None) -> None:
        """Move the deadline."""
        if not self.begun and not deadline.expired():
            deadline.reschedule(until)


@dataclass(slots=True)
class _Connections:
    kept: aiohttp.ClientSession
    single: aiohttp.ClientSession
    under_way: int = 0
    asked_at: float = 0.0

    async def close(self) -> None:
        await self.kept.close()
        await self.single.close()


@dataclass(slots=True)
class MemberPassage:
    """The `Passage` of a gateway. Each member has connections of its own, so one that hangs delays no other.

    Attributes:
        access: How Livy is spoken to, on every member.
    """

    access: Access = field(default_factory=Access)
    connect: float = CONNECT_SECONDS
    longest: float = LONGEST_SECONDS
    _members: dict[str, _Connections] = field(default_factory=dict)

    @asynccontextmanager
    async def passed(self, member: MemberView, question: Question) -> AsyncIterator[Reply]:
        """Ask, and give the answer as it comes."""
        where = f"{question.method} {member.livy_url}{question.path.partition('?')[0]}"
        connections = await self._of(member)
        connections.under_way += 1
        try:
            response = await self._begun(connections, member, question, where)
            async with response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                yield Reply(response.status, headers, _pieces(response, question.seconds, self.longest, where))
        finally:
            connections.under_way -= 1
            connections.asked_at = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Let all connections go."""
        while self._members:
            await self._members.popitem()[1].close()

    async def _begun(
        self, connections: _Connections, member: MemberView, question: Question, where: str
    ) -> aiohttp.ClientResponse:
        """Send the request and return the answer once it has begun."""
        session = connections.kept if question.method in _SAFE else connections.single
        headers = {name: value for name, value in question.headers.items() if name.lower() not in _REPLACED}
        stage = _Stage()
        try:
            async with asyncio.timeout(question.seconds) as deadline:
                response = await session.request(
                    question.method,
                    URL(member.livy_url.rstrip("/") + question.path, encoded=True),
                    data=_watched(question, deadline, stage),
                    headers=headers,
                    ssl=self.access.tls if self.access.tls is not None else True,
                    allow_redirects=False,
                    trace_request_ctx=stage,
                )
                stage.begun = True
                return response
        except TimeoutError:
            failure = f"no answer within {question.seconds:g} s" if stage.connected else "no connection in time"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = in_words(error)
        if stage.failure is not None:
            raise stage.failure
        # Raised out here to leave the original behind: some of aiohttp's errors carry the request, credentials and all.
        if not stage.connected:
            raise UnreachedError(failure, where=where)
        raise (TransientError if question.method in _SAFE else OutcomeUnknownError)(failure, where=where)

    async def _of(self, member: MemberView) -> _Connections:
        now = asyncio.get_running_loop().time()
        for url, each in list(self._members.items()):
            if url != member.livy_url and not each.under_way and now - each.asked_at > FORGOTTEN_SECONDS:
                await self._members.pop(url).close()
        connections = self._members.get(member.livy_url)
        if connections is None:
            kept = open_session(self.access, self.connect, AT_ONCE)
            single = open_session(self.access, self.connect, AT_ONCE, keep=False)
            connections = self._members[member.livy_url] = _Connections(kept, single)
        connections.asked_at = now
        return connections


def _watched(question: Question, deadline: asyncio.Timeout, stage: _Stage) -> AsyncIterator[bytes] | bytes | None:
    """Return the body, with the deadline moved on by each piece: the member has to take it, its sender has time."""
    if question.body is None or isinstance(question.body, bytes):
        return question.body
    return _moving(question.body, question.seconds, deadline, stage)


async def _moving(
    body: AsyncIterator[bytes], seconds: float, deadline: asyncio.Timeout, stage: _Stage
) -> AsyncIterator[bytes]:
    now = asyncio.get_running_loop().time
    try:
        while True:
            stage.wait(deadline, None)
            piece = await anext(body, None)
            stage.wait(deadline, now() + seconds)
            if piece is None:
                return
            yield piece
    except Exception as error:
        stage.failure = error
        stage.wait(deadline, now() + seconds)
        raise


async def _pieces(response: aiohttp.ClientResponse, seconds: float, longest: float, where: str) -> AsyncIterator[bytes]:
    """Yield the answer's body as it comes.

    Raises:
        TransientError: It broke off, or the next piece did not come in time.
    """
    now = asyncio.get_running_loop().time
    end = now() + longest
    while True:
        try:
            async with asyncio.timeout(min(seconds, end - now())):
                piece = await response.content.read(_PIECE)
        except TimeoutError:
            failure = f"the answer stopped for {seconds:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = in_words(error)
        else:
            if not piece:
                return
            yield piece
            continue
        raise TransientError(failure, where=where)
