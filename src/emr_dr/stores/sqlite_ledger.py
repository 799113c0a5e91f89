"""The ledger in a SQLite file: the default where all gateways run on one machine."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from emr_dr.core.batch import MAX_BATCH_ID, Batch, NewBatch
from emr_dr.core.view import Load
from emr_dr.ports.ledger import BatchLog, BatchPage, Changes, Creation, LogTail
from emr_dr.stores import codec
from emr_dr.stores.database import Database, count_up, many, one
from emr_dr.stores.rules import changed, checked_id, read_cursor, refuse_taken_name
from emr_dr.stores.sqlite_sessions import SqliteSessions

_NEWEST_OF_NAME = "name = ? AND listed ORDER BY id DESC LIMIT 1"


class SqliteLedger(SqliteSessions):
    """A `Ledger` of one group in one file, which any number of processes of one machine may use at once.

    The file may hold the ledgers of other groups, each with numbers of its own, and a store.
    """

    def __init__(self, path: Path | str, group: str, *, deadline: float = 5.0, max_pages: int | None = None) -> None:
        super().__init__(Database(path, deadline=deadline, max_pages=max_pages), group)

    async def create(self, new: NewBatch) -> Creation:
        """Give the submission a number, or the batch that has its token or key."""

        def work(connection: sqlite3.Connection) -> Creation:
            known = self._known(connection, new)
            if known is not None:
                return Creation(known, created=False)
            if new.name is not None:
                refuse_taken_name(self._selected(connection, _NEWEST_OF_NAME, new.name), new, self._where("ledger"))
            batch_id = count_up(connection, f"batch/{self._group}")
            batch = new.numbered(checked_id(batch_id, self._where("ledger")))
            sql = """INSERT INTO batches
                     (listed, unfinished, cluster_id, version, batch, change, group_name, id, token, owner, key, name)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
            lasting = (self._group, batch.id, batch.token, batch.owner or "", batch.key, batch.name)
            connection.execute(sql, (*self._row(connection, batch), *lasting))
            return Creation(batch, created=True)

        return await self._database.write(work)

    async def read(self, batch_id: int) -> Batch | None:
        """The batch, deleted or not, or None."""
        return await self._database.read(lambda c: self._read(c, batch_id))

    async def find(self, name: str) -> Batch | None:
        """The newest listed batch of that name, or None."""
        found = await self._select(_NEWEST_OF_NAME, name)
        return found[0] if found else None

    async def save(self, batch: Batch) -> Batch:
        """Save the batch if nobody else saved first and the change is allowed."""

        def work(connection: sqlite3.Connection) -> Batch:
            saved = changed(self._read(connection, batch.id), batch, self._where(f"batch {batch.id}"))
            sql = """UPDATE batches SET listed = ?, unfinished = ?, cluster_id = ?, version = ?, batch = ?, change = ?
                     WHERE group_name = ? AND id = ?"""
            connection.execute(sql, (*self._row(connection, saved), self._group, batch.id))
            return saved

        return await self._database.write(work)

    async def page(self, start: int, size: int) -> BatchPage:
        """Up to `size` listed batches by number, after skipping `start`."""

        def work(connection: sqlite3.Connection) -> BatchPage:
            counted = many(connection, "SELECT count(*) FROM batches WHERE group_name = ? AND listed", self._group)
            tail = "listed ORDER BY id LIMIT ? OFFSET ?"
            batches = self._selected(connection, tail, _within_limits(size), _within_limits(start))
            return BatchPage(start, counted[0][0], tuple(batches))

        return await self._database.read(work)

    async def unfinished(self, cluster_id: str | None = None) -> Sequence[Batch]:
        """The unfinished batches of a cluster, the queued ones, or all."""
        if cluster_id is None:
            return await self._select("unfinished ORDER BY id")
        return await self._select("unfinished AND cluster_id = ? ORDER BY id", cluster_id)

    async def backlog(self) -> Mapping[str, int]:
        """How many unfinished batches each cluster has; the index on them holds all it takes."""
        sql = "SELECT cluster_id, count(*) FROM batches WHERE group_name = ? AND unfinished GROUP BY cluster_id"
        return dict(await self._database.read(lambda c: many(c, sql, self._group)))

    async def changes(self, cursor: str | None = None) -> Changes:
        """What was created or saved since `cursor`: a counter gives every write its turn."""
        counter, since = self._changes, None if cursor is None else read_cursor(cursor, self._where("ledger"))

        def work(connection: sqlite3.Connection) -> Changes:
            row = one(connection, "SELECT value FROM counters WHERE name = ?", counter)
            now = str(row[0] if row else 0)
            if since is None:
                return Changes(now)
            return Changes(now, tuple(self._selected(connection, "change > ? ORDER BY change", since)))

        return await self._database.read(work)

    async def keep_log(self, batch_id: int, tail: LogTail) -> None:
        """Keep an attempt's tail unless more of it is known already."""

        def work(connection: sqlite3.Connection) -> None:
            held = self._log(connection, batch_id)
            log = held.keeping(tail)
            if log != held:
                text = codec.LOG.encode(log, self._where(f"log of batch {batch_id}"))
                sql = "REPLACE INTO logs (group_name, batch_id, log) VALUES (?, ?, ?)"
                connection.execute(sql, (self._group, batch_id, text))

        await self._database.write(work)

    async def logs(self, batch_ids: Sequence[int]) -> Mapping[int, BatchLog]:
        """The logs of these batches."""
        return await self._database.read(lambda c: {n: self._log(c, n) for n in batch_ids})

    async def report_loads(self, gateway: str, loads: Sequence[Load]) -> None:
        """Replace what this gateway reported before."""
        text = codec.LOADS.encode(tuple(loads), self._where(f"loads of {gateway}"))
        sql = "REPLACE INTO loads (group_name, gateway, loads) VALUES (?, ?, ?)"
        await self._database.write(lambda c: c.execute(sql, (self._group, gateway, text)).close())

    async def loads(self) -> Mapping[str, Sequence[Load]]:
        """What each gateway reported last."""
        sql = "SELECT gateway, loads FROM loads WHERE group_name = ?"
        rows = await self._database.read(lambda c: many(c, sql, self._group))
        return {name: codec.LOADS.decode(text, self._where(f"loads of {name}")) for name, text in rows}

    async def drop_loads(self, gateway: str) -> None:
        """Forget a gateway that is gone."""
        sql = "DELETE FROM loads WHERE group_name = ? AND gateway = ?"
        await self._database.write(lambda c: c.execute(sql, (self._group, gateway)).close())

    async def close(self) -> None:
        """Release the file."""
        await self._database.close()

    @property
    def _changes(self) -> str:
        return f"change/{self._group}"

    def _row(self, connection: sqlite3.Connection, batch: Batch) -> tuple[object, ...]:
        """The columns that change: what batches are looked up by, version, the text that holds it all, and its turn."""
        text = codec.BATCH.encode(batch, self._where(f"batch {batch.id}"))
        turn = count_up(connection, self._changes)
        return batch.listed, batch.unfinished, batch.last.cluster_id, batch.version, text, turn

    def _known(self, connection: sqlite3.Connection, new: NewBatch) -> Batch | None:
        found = self._selected(connection, "token = ?", new.token)
        if not found and new.key is not None:
            found = self._selected(connection, "owner = ? AND key = ?", new.owner or "", new.key)
        return found[0] if found else None

    def _read(self, connection: sqlite3.Connection, batch_id: int) -> Batch | None:
        found = self._selected(connection, "id = ?", _within_limits(batch_id))
        return found[0] if found else None

    def _log(self, connection: sqlite3.Connection, batch_id: int) -> BatchLog:
        sql = "SELECT log FROM logs WHERE group_name = ? AND batch_id = ?"
        row = one(connection, sql, self._group, batch_id)
        return codec.LOG.decode(row[0], self._where(f"log of batch {batch_id}")) if row else BatchLog()

    async def _select(self, tail: str, *values: object) -> list[Batch]:
        return await self._database.read(lambda c: self._selected(c, tail, *values))

    def _selected(self, connection: sqlite3.Connection, tail: str, *values: object) -> list[Batch]:
        # `tail` is SQL of this module; whatever came from outside is in `values`.
        sql = f"SELECT id, batch FROM batches WHERE group_name = ? AND {tail}"  # noqa: S608
        rows = many(connection, sql, self._group, *values)
        return [codec.BATCH.decode(text, self._where(f"batch {batch_id}")) for batch_id, text in rows]


def _within_limits(number: int) -> int:
    """Return what SQLite can take in place of a number that a client made up."""
    return min(max(number, 0), MAX_BATCH_ID + 1)
