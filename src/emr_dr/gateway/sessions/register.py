"""The ledger's sessions as a gateway uses them: read through a short memory, and never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from emr_dr.core.session import MAY_ARRIVE_SECONDS, NewSession, Session
from emr_dr.core.view import MemberView
from emr_dr.errors import ConflictError, TransientError
from emr_dr.gateway.calls import Batches, Caller, UnavailableError
from emr_dr.gateway.livy.numbers import is_number, whole
from emr_dr.ports import Clock, SessionLedger

log = structlog.get_logger("emr_dr.gateway")

REMEMBERED_SECONDS = 2.0
"""How old what a request is answered by may be: other gateways change sessions too."""
FRESH_SECONDS = 10.0
"""How old the members' views may be for a member's absence from them to mean anything."""
SETTLED_SECONDS = 60.0
"""By how much they must be younger than the session, for clocks of machines differ."""
_MOST = 10_000
_AWAY = "the sessions' ledger cannot be asked just now"
_NEVER_CAME = "The cluster never answered to the request for this session, and does not know it"


@dataclass(slots=True)
class Register:
    """Which sessions there are, and where.

    Attributes:
        batches: Tells the members.
    """

    ledger: SessionLedger
    batches: Batches
    clock: Clock
    _known: dict[int, tuple[float, Session]] = field(default_factory=dict)

    async def create(self, new: NewSession) -> Session:
        """Give a new session its number.

        Raises:
            UnavailableError: It cannot be recorded; nothing was sent.
        """
        try:
            return self._remember(await self.ledger.create_session(new))
        except TransientError as error:
            log.warning("session_not_recorded", error=str(error))
            raise UnavailableError(_AWAY) from error

    async def find(self, asked: str, caller: Caller) -> Session | None:
        """The session of that number or name, if the caller may see it; None only if there is none.

        Raises:
            UnavailableError: It is not remembered, and the ledger cannot be asked.
            NotANumberError: The number is none that fits into an int32.
        """
        if is_number(asked):
            found = await self._numbered(whole(asked))
        else:
            named = [each for each in await self.all() if each.name == asked]
            found = named[-1] if named else None
        if found is None or found.forgotten(self.clock.now()) or not may_see(caller, found):
            return None
        return found

    async def named(self, name: str) -> Session | None:
        """The newest session that lives and that its client calls so.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        found = [each for each in await self.all() if each.name == name and each.dead_at is None]
        return found[-1] if found else None

    async def all(self) -> Sequence[Session]:
        """All that are shown, by number.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        return [each for each in await self._read_all() if not each.forgotten(self.clock.now())]

    def member(self, session: Session) -> MemberView | None:
        """The member that has it; None if there is none any more.

        Raises:
            UnavailableError: The members' views are too old to tell.
        """
        views = self.batches.members()
        found = next((view for view in views if view.cluster_id == session.cluster_id), None)
        if found is None:
            read_at = self.batches.situation().views_at
            fresh = self.clock.now() - read_at < FRESH_SECONDS and read_at - session.created_at > SETTLED_SECONDS
            if not views or not fresh:
                raise UnavailableError("it is not known just now where the session is")
        return found

    async def seen(self, session: Session, app_id: str = "") -> Session:
        """Remember that its Livy knows it, and under which application."""
        if session.seen and (not app_id or app_id == session.app_id):
            return session
        return await self._save(replace(session, seen=True, app_id=app_id or session.app_id))

    async def bury(self, session: Session, why: str) -> Session:
        """Record that it can never be reached again, and why; what was said first stays."""
        if session.dead_at is not None:
            return session
        return await self._save(replace(session, dead_at=self.clock.now(), why=why))

    async def missed(self, session: Session) -> Session | None:
        """Return what is left of a session that its Livy does not know: one that may still come, is dead, or None."""
        if not session.seen:
            age = self.clock.now() - session.created_at
            return session if age < MAY_ARRIVE_SECONDS else await self.bury(session, _NEVER_CAME)
        await self.drop(session)
        return None

    async def drop(self, session: Session) -> None:
        """Forget it; if the ledger cannot be asked, it is dropped when it is missed the next time."""
        self._known.pop(session.id, None)
        try:
            await self.ledger.drop_session(session.id)
        except TransientError as error:
            log.warning("session_not_dropped", session=session.id, error=str(error))

    async def forget(self) -> None:
        """Drop those that died long ago.

        Raises:
            UnavailableError: The ledger cannot be asked.
        """
        for session in await self._read_all():
            if session.forgotten(self.clock.now()):
                await self.drop(session)

    async def _numbered(self, number: int) -> Session | None:
        now = self.clock.now()
        read_at, known = self._known.get(number, (0.0, None))
        if known is not None and now - read_at < REMEMBERED_SECONDS:
            return known
        try:
            found = await self.ledger.read_session(number)
        except TransientError as error:
            if known is not None:
                return known
            log.warning("session_not_read", session=number, error=str(error))
            raise UnavailableError(_AWAY) from error
        if found is None:
            self._known.pop(number, None)
            return None
        return self._remember(found)

    async def _read_all(self) -> Sequence[Session]:
        try:
            return await self.ledger.sessions()
        except TransientError as error:
            log.warning("sessions_not_read", error=str(error))
            raise UnavailableError(_AWAY) from error

    async def _save(self, changed: Session) -> Session:
        """Save it if nobody else did; what is true of it is true whether or not it could be saved."""
        try:
            changed = await self.ledger.save_session(changed)
        except (ConflictError, TransientError) as error:
            log.info("session_not_saved", session=changed.id, error=str(error))
            return changed
        return self._remember(changed)

    def _remember(self, session: Session) -> Session:
        if len(self._known) >= _MOST:
            self._known.pop(next(iter(self._known)))
        self._known[session.id] = (self.clock.now(), session)
        return session


def may_see(caller: Caller, session: Session) -> bool:
    """Whether a caller may use and end a session; what they may not is not there for them."""
    return caller.sees_all or (session.owner is not None and session.owner == caller.user)
