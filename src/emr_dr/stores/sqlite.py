"""The store in a SQLite file: the default where all controllers and gateways run on one machine."""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from emr_dr.core.document import Document, Lease
from emr_dr.core.evidence import Sighting
from emr_dr.core.view import MemberView
from emr_dr.ports import JournalEntry, PublishedViews
from emr_dr.stores import codec
from emr_dr.stores.database import Database, count_up, many, one
from emr_dr.stores.rules import stale, taken


class SqliteStore:
    """A `Store` in one file, which any number of processes of one machine may use at once.

    The file is made when it is first needed; its folder has to exist. It may hold ledgers too.
    """

    def __init__(self, path: Path | str, *, deadline: float = 5.0, max_pages: int | None = None) -> None:
        self._database = Database(path, deadline=deadline, max_pages=max_pages)

    async def load(self, group: str) -> Document | None:
        """The document as last saved, or None."""
        row = await self._database.read(lambda c: one(c, "SELECT document FROM groups WHERE name = ?", group))
        return codec.DOCUMENT.decode(row[0], self._where(group)) if row else None

    async def groups(self) -> Sequence[str]:
        """The names of all groups saved here."""
        rows = await self._database.read(lambda c: many(c, "SELECT name FROM groups ORDER BY name"))
        return [name for (name,) in rows]

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        """Save all or nothing, if nobody else saved first."""
        group, where = document.group.name, self._where(document.group.name)
        saved = replace(document, version=document.version + 1)
        texts = (codec.DOCUMENT.encode(saved, where), codec.VIEWS.encode(tuple(views), where))
        lines = [codec.encode_entry(entry, where) for entry in entries]

        def work(connection: sqlite3.Connection) -> None:
            row = one(connection, "SELECT version FROM groups WHERE name = ?", group)
            held = row[0] if row else 0
            if held != document.version:
                raise stale(where, document.version, held)
            sql = "REPLACE INTO groups (name, version, document, views) VALUES (?, ?, ?, ?)"
            connection.execute(sql, (group, saved.version, *texts))
            _write_lines(connection, group, lines)

        await self._database.write(work)
        return saved

    async def views(self, group: str, *, newer_than: int = 0) -> PublishedViews | None:
        """The views of the last save, or None if they are not newer than asked."""
        sql = "SELECT version, views FROM groups WHERE name = ? AND version > ?"
        row = await self._database.read(lambda c: one(c, sql, group, newer_than))
        return PublishedViews(row[0], codec.VIEWS.decode(row[1], self._where(group))) if row else None

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        """Add to the journal."""
        lines = [codec.encode_entry(entry, self._where(group)) for entry in entries]
        if lines:
            await self._database.write(lambda c: _write_lines(c, group, lines))

    async def journal(self, group: str, *, after: int = 0, limit: int = 1000) -> Sequence[JournalEntry]:
        """Entries with a greater `seq`, oldest first."""
        sql = "SELECT entry, seq FROM journal WHERE group_name = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = await self._database.read(lambda c: many(c, sql, group, after, max(limit, 0)))
        return [codec.decode_entry(entry, seq, self._where(group)) for entry, seq in rows]

    async def newest(self, group: str, count: int, *, without: Collection[str] = ()) -> Sequence[JournalEntry]:
        """The last entries but those of some events, oldest first."""
        sql = "SELECT entry, seq FROM journal WHERE group_name = ? ORDER BY seq DESC"

        def work(connection: sqlite3.Connection) -> list[JournalEntry]:
            with closing(connection.execute(sql, (group,))) as rows:
                entries = (codec.decode_entry(entry, seq, self._where(group)) for entry, seq in rows)
                return list(islice((e for e in entries if e.event not in without), max(count, 0)))[::-1]

        return await self._database.read(work)

    async def tell(self, group: str, sighting: Sighting) -> None:
        """Keep what one vantage saw, in the place of what it told before."""
        text = codec.SIGHTING.encode(sighting, self._where(group))
        sql = "REPLACE INTO sightings (group_name, vantage, sighting) VALUES (?, ?, ?)"
        await self._database.write(lambda c: c.execute(sql, (group, sighting.vantage, text)).close())

    async def sightings(self, group: str) -> Sequence[Sighting]:
        """What each vantage told last, by the vantages' names."""
        sql = "SELECT sighting FROM sightings WHERE group_name = ? ORDER BY vantage"
        rows = await self._database.read(lambda c: many(c, sql, group))
        return [codec.SIGHTING.decode(text, self._where(group)) for (text,) in rows]

    async def take_lease(self, name: str, holder: str, *, now: float, seconds: float) -> Lease | None:
        """Take or renew a named lease; None while another holder's has not expired."""

        def work(connection: sqlite3.Connection) -> Lease | None:
            row = one(connection, "SELECT holder, term, expires_at FROM leases WHERE name = ?", name)
            lease = taken(Lease(*row) if row else None, holder, now, seconds)
            if lease is not None:
                sql = "REPLACE INTO leases (name, holder, term, expires_at) VALUES (?, ?, ?, ?)"
                connection.execute(sql, (name, lease.holder, lease.term, lease.expires_at))
            return lease

        return await self._database.write(work)

    async def drop_lease(self, name: str, holder: str) -> None:
        """Give a named lease back; its term stays, so that the next holder's is greater."""
        sql = "UPDATE leases SET holder = '', expires_at = 0 WHERE name = ? AND holder = ?"
        await self._database.write(lambda c: c.execute(sql, (name, holder)).close())

    async def close(self) -> None:
        """Release the file."""
        await self._database.close()

    def _where(self, group: str) -> str:
        return f"{self._database.where}: group {group}"


def _write_lines(connection: sqlite3.Connection, group: str, lines: Sequence[str]) -> None:
    if lines:
        first = count_up(connection, f"journal/{group}", len(lines)) - len(lines) + 1
        numbered = [(group, seq, line) for seq, line in enumerate(lines, first)]
        connection.executemany("INSERT INTO journal (group_name, seq, entry) VALUES (?, ?, ?)", numbered)
