"""All sessions of a group at once, and seeing to those that nobody asks for: by lists, which keep no session alive."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import structlog

from emr_dr.core.session import Session
from emr_dr.core.view import MemberView
from emr_dr.errors import TransientError
from emr_dr.gateway.calls import Caller, UnavailableError
from emr_dr.gateway.livy.answers import Answer, rendered
from emr_dr.gateway.livy.paging import part_of_list
from emr_dr.gateway.sessions import views
from emr_dr.gateway.sessions.asking import LARGEST_LIST, ask
from emr_dr.gateway.sessions.register import Register, may_see
from emr_dr.gateway.sessions.views import why_dead
from emr_dr.ports import Passage, Question

log = structlog.get_logger("emr_dr.gateway")

TEND_SECONDS = 60.0
LIST_SECONDS = 5.0
_PAGE = 10_000
View = Mapping[str, object]


@dataclass(slots=True)
class Listing:
    """Lists sessions. A member that does not answer costs its sessions' freshness, not the list."""

    register: Register
    passage: Passage
    seconds: float = LIST_SECONDS
    living: Mapping[str, int] = field(default_factory=dict)
    """How many sessions each cluster had when all were looked at last."""
    _last: dict[int, View] = field(default_factory=dict)
    """What was told last of each, for as long as its member does not answer."""

    async def answer(self, query: dict[str, str], caller: Caller) -> Answer:
        """GET /sessions.

        Raises:
            UnavailableError: The ledger cannot be asked.
            NotANumberError: The query has no numbers where they belong.
        """
        part = part_of_list(query)
        visible = [(session, view) for session, view in await self.look() if may_see(caller, session)]
        shown = [view for _, view in visible[part.start : part.start + part.size]]
        return Answer(200, rendered({"from": part.said, "total": len(visible), "sessions": shown}))

    async def look(self) -> Sequence[tuple[Session, View]]:
        """Every session with its view, once what was found of each has been recorded.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        sessions = await self.register.all()
        members = {session.cluster_id: member for session in sessions if (member := self._living(session))}
        told = dict(zip(members, await asyncio.gather(*map(self._told, members.values())), strict=True))
        found = [await self._found(session, told.get(session.cluster_id)) for session in sessions]
        shown = [each for each in found if each is not None]
        self._last = {session.id: view for session, view in shown}
        self.living = Counter(session.cluster_id for session, _ in shown if session.dead_at is None)
        return shown

    async def run(self) -> None:
        """See to sessions that nobody asks for, over and over: what Livy has forgotten is dropped, for one."""
        while True:
            try:
                await self.tend()
            except UnavailableError as error:
                log.info("sessions_not_tended", why=error.why)
            await self.register.clock.sleep(TEND_SECONDS)

    async def tend(self) -> None:
        """Look at all sessions, and drop those that died long ago.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        await self.look()
        await self.register.forget()

    def _living(self, session: Session) -> MemberView | None:
        """The member that may have it; None also where that is not known."""
        if session.dead_at is not None:
            return None
        try:
            member = self.register.member(session)
        except UnavailableError:
            return None
        return member if member is not None and member.death is None else None

    async def _told(self, member: MemberView) -> Mapping[str, View] | None:
        """What a member's Livy tells of its sessions, by the names that it knows them by; None without an answer."""
        question = Question("GET", f"/sessions?from=0&size={_PAGE}", self.seconds, {"accept": "application/json"})
        try:
            answer = await ask(self.passage, member, question, LARGEST_LIST)
            return {str(each.get("name")): each for each in orjson.loads(answer.body)["sessions"]}
        except (TransientError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("sessions_not_listed", cluster=member.cluster_id, error=str(error))
            return None

    async def _found(self, session: Session, told: Mapping[str, View] | None) -> tuple[Session, View] | None:
        if told is not None:
            view = told.get(session.unique_name)
            if view is not None:
                app_id = view.get("appId")
                session = await self.register.seen(session, app_id if isinstance(app_id, str) else "")
                return session, views.known_as(session, view)
            left = await self.register.missed(session)
            if left is None:
                return None
            session = left
        elif session.dead_at is None:
            session = await self._buried(session)
        if session.dead_at is not None:
            return session, views.own_view(session, "dead", [session.why])
        return session, self._last.get(session.id) or views.own_view(session, "starting")

    async def _buried(self, session: Session) -> Session:
        """Return it dead if its member is, else as it is."""
        try:
            member = self.register.member(session)
        except UnavailableError:
            return session
        if member is None or member.death is not None:
            return await self.register.bury(session, why_dead(member))
        return session
