"""Calls that come while the disk is busy are done in one transaction, and each is whole or nothing by itself."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from emr_dr.errors import ConflictError, PermanentError
from emr_dr.stores.database import Database, many

Call = Callable[[sqlite3.Connection], object]
ADD = "INSERT INTO counters (name, value) VALUES (?, 1)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(tmp_path / "emr-dr.db")
    yield found
    await found.close()


class Held:
    """A first call that keeps the one connection busy until it is let go."""

    def __init__(self) -> None:
        self._let_go = threading.Event()
        self.begun = threading.Event()

    def __call__(self, _: sqlite3.Connection) -> None:
        self.begun.set()
        self._let_go.wait(10)

    def let_go(self) -> None:
        self._let_go.set()


def names(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in many(connection, "SELECT name FROM counters")}


async def behind(database: Database, held: Held, *works: Call) -> list[object]:
    """Have calls wait behind one that is under way, then let it go; return what came of each."""
    first = asyncio.ensure_future(database.write(held))
    await asyncio.to_thread(held.begun.wait, 10)
    waiting = [asyncio.ensure_future(database.write(each)) for each in works]
    await asyncio.sleep(0)  # each is in line now
    held.let_go()
    await first
    return list(await asyncio.gather(*waiting, return_exceptions=True))


def adds(name: str) -> Call:
    return lambda connection: connection.execute(ADD, (name,)).close()


async def test_calls_that_waited_are_kept_by_one_commit(database: Database, tmp_path: Path) -> None:
    def looks_from_outside(connection: sqlite3.Connection) -> tuple[set[str], set[str]]:
        with closing(sqlite3.connect(tmp_path / "emr-dr.db")) as another:
            return names(connection), names(another)

    told = await behind(database, Held(), adds("a"), adds("b"), looks_from_outside)
    assert told[-1] == ({"a", "b"}, set())
    assert await database.read(names) == {"a", "b"}


async def test_one_that_is_refused_takes_nothing_of_the_others_with_it(database: Database) -> None:
    def refused(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, ("half",)).close()
        raise ConflictError("somebody else was first")

    told = await behind(database, Held(), adds("a"), refused, adds("b"))
    assert (told[0], type(told[1]), told[2]) == (None, ConflictError, None)
    assert await database.read(names) == {"a", "b"}


@pytest.mark.parametrize("spoiler", ["\ud800", "a"], ids=["a text that no store can hold", "an error of SQLite"])
async def test_where_sqlite_is_in_the_way_of_one_the_others_are_kept_without_it(
    database: Database, spoiler: str
) -> None:
    told = await behind(database, Held(), adds("a"), adds(spoiler), adds("b"))
    assert (told[0], type(told[1]), told[2]) == (None, PermanentError, None)
    assert await database.read(names) == {"a", "b"}


async def test_one_that_nobody_waits_for_any_more_is_not_done(database: Database) -> None:
    held = Held()
    first = asyncio.ensure_future(database.write(held))
    await asyncio.to_thread(held.begun.wait, 10)
    given_up = asyncio.ensure_future(database.write(adds("a")))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    held.let_go()
    await first
    await database.write(adds("b"))
    assert await database.read(names) == {"b"}
