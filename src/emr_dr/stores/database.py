"""One SQLite file, used off the event loop: transactions that are whole or nothing, within a deadline."""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from emr_dr.errors import EmrDrError, OutcomeUnknownError, PermanentError, TransientError
from emr_dr.stores.schema import prepare
from emr_dr.stores.sqlite_errors import is_busy, translated

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""What is done within one transaction. It may be repeated as a whole, so it touches nothing but the file."""

PAUSE = 0.01
"""Seconds between two tries where SQLite says 'busy' at once instead of waiting itself (first opening, recovery)."""

TOGETHER = 64
"""Calls that are done in one transaction at most; other processes wait for so long."""

GRACE = 0.5
"""Seconds beyond the deadline after which a call is given up though the disk has not answered."""


class Database:
    """The file, with one connection for reading and one for writing: who waits to write does not keep readers waiting.

    Any number of processes may use the file. Nothing is touched before the first call.
    """

    def __init__(self, path: Path | str, *, deadline: float = 5.0, max_pages: int | None = None) -> None:
        file = _File(Path(path).absolute())
        self.where = str(file.path)
        self._reader = _Lane(file, "BEGIN", deadline, max_pages)
        self._writer = _Lane(file, "BEGIN IMMEDIATE", deadline, max_pages)

    async def read(self, work: Work[T]) -> T:
        """Do the work on one moment's view of the file."""
        return await self._reader.run(work)

    async def write(self, work: Work[T]) -> T:
        """Do the work while nobody else writes, and keep all of it, or nothing if it raises."""
        return await self._writer.run(work)

    async def close(self) -> None:
        """Close both connections. May be repeated."""
        await self._reader.close()
        await self._writer.close()


def one(connection: sqlite3.Connection, sql: str, *values: object) -> tuple[Any, ...] | None:
    """Return the first row, or None."""
    with closing(connection.execute(sql, values)) as rows:
        row: tuple[Any, ...] | None = rows.fetchone()
    return row


def many(connection: sqlite3.Connection, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Return all rows."""
    with closing(connection.execute(sql, values)) as rows:
        return rows.fetchall()


def count_up(connection: sqlite3.Connection, counter: str, by: int = 1) -> int:
    """Return the counter's new value. Within a write, so that no number is given out twice or seen out of order."""
    sql = """INSERT INTO counters (name, value) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value"""
    return int(many(connection, sql, counter, by)[0][0])


@dataclass(slots=True)
class _Job:
    """One call that waits in line; `until` by the monotonic clock."""

    work: Work[Any]
    until: float
    done: Future[Any]


class _Lane:
    """One connection and the one thread that it lives on; calls wait in line.

    Calls that have come while the disk was busy are done together, within one transaction: every commit waits for the
    disk, so a hundred saves would wait a hundred times. Each is whole or nothing by itself all the same.
    """

    def __init__(self, file: "_File", begin: str, deadline: float, max_pages: int | None) -> None:
        self._file = file
        self._begin = begin
        self._deadline = deadline
        self._max_pages = max_pages
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, "emr-dr-store")
        self._waiting: deque[_Job] = deque()
        self._closed = False

    async def run(self, work: Work[T]) -> T:
        done: Future[T] = Future()
        self._waiting.append(_Job(work, time.monotonic() + self._deadline, done))
        self._executor.submit(self._serve)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), self._deadline + GRACE)
        except TimeoutError as error:
            what = f"the disk has not answered within {self._deadline + GRACE:g} s"
            raise OutcomeUnknownError(
                what, where=str(self._file.path), remedy="look at the disk, then try again"
            ) from error

    def _serve(self) -> None:
        """Do what waits in line; nothing, where a turn before did this turn's work too."""
        jobs: list[_Job] = []
        while self._waiting and len(jobs) < TOGETHER:
            job = self._waiting.popleft()
            if job.done.set_running_or_notify_cancel():
                jobs.append(job)
        if len(jobs) > 1 and self._together(jobs):
            return
        for job in jobs:
            try:
                result = self._whole(job.work, job.until)
            except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                job.done.set_exception(error)
            else:
                job.done.set_result(result)

    def _together(self, jobs: list[_Job]) -> bool:
        """Do the work of all in one transaction; False, with nothing done, where SQLite or the file is in the way."""
        until = min(time.monotonic() + self._deadline / 2, *(job.until for job in jobs))
        try:
            found = self._once(lambda connection: [_apart(connection, job.work) for job in jobs], until)
        except (sqlite3.Error, UnicodeEncodeError, EmrDrError):
            return False  # each alone has its own deadline, and its own error
        for job, (result, error) in zip(jobs, found, strict=True):
            if error is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(error)
        return True

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            done = self._executor.submit(self._disconnect)
            self._executor.shutdown(wait=False)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(done), self._deadline + GRACE)

    def _whole(self, work: Work[T], until: float) -> T:
        """Do the work in one transaction, again and again while others are in the way and time is left."""
        try:
            while True:
                try:
                    return self._once(work, until)
                except sqlite3.OperationalError as error:
                    if not is_busy(error) or time.monotonic() + PAUSE >= until:
                        raise
                time.sleep(PAUSE)
        except UnicodeEncodeError as error:
            raise PermanentError(f"no store can hold this text: {error}", where=str(self._file.path)) from error
        except sqlite3.Error as error:
            if not is_busy(error):
                self._disconnect()
            raise translated(error, self._file.path, self._deadline) from error

    def _once(self, work: Work[T], until: float) -> T:
        connection = self._connected(until)
        connection.execute(f"PRAGMA busy_timeout = {self._left(until)}")
        connection.execute(self._begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
        return result

    def _left(self, until: float) -> int:
        left = until - time.monotonic()
        if left <= 0:
            what = f"no turn within {self._deadline:g} s: too many calls wait in line"
            raise TransientError(what, where=str(self._file.path), remedy="try again")
        return int(left * 1000)

    def _connected(self, until: float) -> sqlite3.Connection:
        self._file.check()
        if self._connection is None:
            self._connection = self._connect(until)
            self._file.remember()
        return self._connection

    def _connect(self, until: float) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file.path, timeout=self._left(until) / 1000, isolation_level=None)
        try:
            prepare(connection, self._file.path)
            if self._max_pages is not None:
                connection.execute(f"PRAGMA max_page_count = {self._max_pages}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _apart(connection: sqlite3.Connection, work: Work[Any]) -> tuple[Any, Exception | None]:
    """Do one call's work within a transaction of several: what it wrote before it raised is taken back.

    Raises:
        sqlite3.Error: SQLite or the disk is in the way, which ends the whole transaction.
        UnicodeEncodeError: No store can hold the text.
    """
    connection.execute("SAVEPOINT one")
    try:
        result, failure = work(connection), None
    except (sqlite3.Error, UnicodeEncodeError):
        raise
    except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
        connection.execute("ROLLBACK TO one")
        result, failure = None, error
    connection.execute("RELEASE one")
    return result, failure


class _File:
    """The file's name, and which file had it: SQLite would go on with one that lost its name, and lose every save."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[int, int] | None = None

    def remember(self) -> None:
        self._known = self._seen()

    def check(self) -> None:
        if self._known not in (None, self._seen()):
            what = "the store was removed or replaced while in use"
            remedy = "end every emr-dr process that uses it, put the store back, and start them again"
            raise PermanentError(what, where=str(self.path), remedy=remedy)

    def _seen(self) -> tuple[int, int]:
        with suppress(OSError):
            found = self.path.stat()
            return found.st_dev, found.st_ino
        return 0, 0
