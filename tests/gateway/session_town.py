"""Gateways that relay sessions to stand-in members over one ledger, and a client of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from emr_dr.core.view import MemberView, Proof, ProofKind, Role
from emr_dr.gateway.access import Access
from emr_dr.gateway.calls import Caller, Situation
from emr_dr.gateway.relay import Relay
from emr_dr.gateway.sessions.listing import Listing
from emr_dr.gateway.sessions.register import Register
from emr_dr.lab.standin import StandInMember
from emr_dr.ports import SessionLedger
from emr_dr.spec.gateway import Limits
from emr_dr.upstream import MemberPassage
from gateway.members import Clock, Members
from gateway.memory import MemoryBatches
from gateway.served import HOST, served

PROOF = Proof(ProofKind.TERMINATED, 90.0, "EMR says TERMINATED")


@dataclass
class Published(MemoryBatches):
    """The members as a controller publishes them; the first that accepts work takes the next session."""

    clock: Clock = field(default_factory=Clock)

    def sessions_member(self) -> MemberView | None:
        return next((view for view in self.views if view.accepts_new), None)

    def situation(self) -> Situation:
        return replace(self.told, views_at=self.clock())


@dataclass
class TownClock:
    """The members' time as a `Clock`."""

    clock: Clock

    def now(self) -> float:
        return self.clock()

    def steady(self) -> float:
        return self.clock()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.text)


@dataclass
class Gateway:
    """One gateway, and a client of it."""

    url: str
    listing: Listing
    register: Register
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Answer:  # noqa: ANN401
        data = json.dumps(body) if isinstance(body, dict) else body
        async with self.http.request(method, self.url + path, data=data, allow_redirects=False, **more) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def start(self, **asked: Any) -> int:  # noqa: ANN401
        answer = await self.ask("POST", "/sessions", asked)
        assert answer.status == 201, answer
        return int(answer.json["id"])

    async def state(self, session: int) -> str:
        return str((await self.ask("GET", f"/sessions/{session}/state")).json.get("state", "unknown"))

    async def until(self, session: int, state: str, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while await self.state(session) != state:  # noqa: ASYNC110 - the other side of HTTP has no event
                await asyncio.sleep(0.02)


@dataclass
class SessionTown:
    """Members, and gateways before them."""

    members: Members
    ledger: SessionLedger
    published: Published
    stack: AsyncExitStack

    async def member(self, **more: Any) -> StandInMember:  # noqa: ANN401
        """Start a member, and publish it."""
        member = await self.members.start(**more)
        self.publish(*(each.view() for each in self.members.all))
        return member

    def publish(self, *views: MemberView) -> None:
        self.published.views = views

    def dies(self, member: StandInMember) -> None:
        """Publish a proof of its death."""
        views = [v for v in self.published.views if v.cluster_id != member.cluster_id]
        self.publish(*views, member.view(role=Role.FENCED, accepts_new=False, death=PROOF))

    async def gateway(
        self, *, access: Access | None = None, limits: Limits | None = None, look: float = 5.0, work: float = 5.0
    ) -> Gateway:
        """Start one more gateway."""
        passage = MemberPassage(connect=0.5)
        self.stack.push_async_callback(passage.close)
        register = Register(self.ledger, self.published, TownClock(self.members.clock))
        listing = Listing(register, passage, seconds=look)
        relay = Relay(register, listing, passage, look=look, work=work)
        serving = await self.stack.enter_async_context(
            served(self.published, access=access, limits=limits, relay=relay)
        )
        http = await self.stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20), cookie_jar=aiohttp.DummyCookieJar())
        )
        return Gateway(f"http://{HOST}:{serving.port}", listing, register, http)


@asynccontextmanager
async def session_town(members: Members, ledger: SessionLedger) -> AsyncIterator[SessionTown]:
    async with AsyncExitStack() as stack:
        yield SessionTown(members, ledger, Published(clock=members.clock), stack)


class Named:
    """An `Access` in which the Authorization header is the user's name."""

    challenge = "Basic"

    def __init__(self, superusers: Sequence[str] = (), *, share: bool = False) -> None:
        self._superusers = superusers
        self._share = share

    def known(self, authorization: bytes | None) -> Caller | None:
        user = (authorization or b"").decode()
        superuser = user in self._superusers
        return Caller(user, superuser, sees_all=superuser or self._share)

    async def caller(self, authorization: bytes | None) -> Caller:
        return self.known(authorization) or Caller()
