"""The sessions of a ledger that lives in this process, as the text that stores on disk keep."""

from collections.abc import Sequence

from emr_dr.core.session import NewSession, Session
from emr_dr.stores import codec
from emr_dr.stores.rules import changed_session, checked_id


class MemorySessions:
    """A `SessionLedger` without a file."""

    def __init__(self) -> None:
        self._last_session = 0
        self._sessions: dict[int, str] = {}

    async def create_session(self, new: NewSession) -> Session:
        """Give the session a number, or return the one that has its token."""
        for known in await self.sessions():
            if known.token == new.token:
                return known
        session = new.numbered(checked_id(self._last_session + 1, "the ledger"))
        self._sessions[session.id] = codec.SESSION.encode(session, f"session {session.id}")
        self._last_session = session.id
        return session

    async def read_session(self, session_id: int) -> Session | None:
        """The session, or None."""
        text = self._sessions.get(session_id)
        return codec.SESSION.decode(text, f"session {session_id}") if text is not None else None

    async def save_session(self, session: Session) -> Session:
        """Save the session if nobody else saved first and the change is allowed."""
        where = f"session {session.id}"
        saved = changed_session(await self.read_session(session.id), session, where)
        self._sessions[session.id] = codec.SESSION.encode(saved, where)
        return saved

    async def drop_session(self, session_id: int) -> None:
        """Forget it."""
        self._sessions.pop(session_id, None)

    async def sessions(self) -> Sequence[Session]:
        """All, by number."""
        return [codec.SESSION.decode(text, f"session {n}") for n, text in self._sessions.items()]
