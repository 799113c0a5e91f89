"""The sessions of a ledger in a SQLite file."""

import sqlite3
from collections.abc import Sequence

from emr_dr.core.batch import MAX_BATCH_ID
from emr_dr.core.session import NewSession, Session
from emr_dr.stores import codec
from emr_dr.stores.database import Database, count_up, many
from emr_dr.stores.rules import changed_session, checked_id


class SqliteSessions:
    """A `SessionLedger` of one group in one file, which any number of processes of one machine may use at once."""

    def __init__(self, database: Database, group: str) -> None:
        self._database = database
        self._group = group

    async def create_session(self, new: NewSession) -> Session:
        """Give the session a number, or return the one that has its token."""

        def work(connection: sqlite3.Connection) -> Session:
            known = self._select_sessions(connection, "token = ?", new.token)
            if known:
                return known[0]
            number = count_up(connection, f"session/{self._group}")
            session = new.numbered(checked_id(number, self._where("ledger")))
            sql = "INSERT INTO sessions (group_name, id, version, token, session) VALUES (?, ?, ?, ?, ?)"
            text = codec.SESSION.encode(session, self._where(f"session {number}"))
            connection.execute(sql, (self._group, session.id, session.version, session.token, text))
            return session

        return await self._database.write(work)

    async def read_session(self, session_id: int) -> Session | None:
        """The session, or None."""
        return await self._database.read(lambda c: self._read_session(c, session_id))

    async def save_session(self, session: Session) -> Session:
        """Save the session if nobody else saved first and the change is allowed."""

        def work(connection: sqlite3.Connection) -> Session:
            where = self._where(f"session {session.id}")
            saved = changed_session(self._read_session(connection, session.id), session, where)
            sql = "UPDATE sessions SET version = ?, session = ? WHERE group_name = ? AND id = ?"
            text = codec.SESSION.encode(saved, where)
            connection.execute(sql, (saved.version, text, self._group, session.id))
            return saved

        return await self._database.write(work)

    async def drop_session(self, session_id: int) -> None:
        """Forget it."""
        sql = "DELETE FROM sessions WHERE group_name = ? AND id = ?"
        await self._database.write(lambda c: c.execute(sql, (self._group, session_id)).close())

    async def sessions(self) -> Sequence[Session]:
        """All, by number."""
        return await self._database.read(lambda c: self._select_sessions(c, "true ORDER BY id"))

    def _where(self, what: str) -> str:
        return f"{self._database.where}: group {self._group}: {what}"

    def _read_session(self, connection: sqlite3.Connection, session_id: int) -> Session | None:
        found = self._select_sessions(connection, "id = ?", min(max(session_id, 0), MAX_BATCH_ID + 1))
        return found[0] if found else None

    def _select_sessions(self, connection: sqlite3.Connection, tail: str, *values: object) -> list[Session]:
        # `tail` is SQL of this module; whatever came from outside is in `values`.
        sql = f"SELECT id, session FROM sessions WHERE group_name = ? AND {tail}"  # noqa: S608
        rows = many(connection, sql, self._group, *values)
        return [codec.SESSION.decode(text, self._where(f"session {number}")) for number, text in rows]
