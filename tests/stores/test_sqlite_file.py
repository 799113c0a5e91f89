"""The SQLite file itself: whose it is, who else holds it, and how calls end that cannot be done."""
# ruff: noqa: ASYNC240 - nothing else runs on a test's loop that a look at a file could delay

import asyncio
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from contracts.values import document, submission, view
from emr_dr.core.batch import MAX_BATCH_ID
from emr_dr.errors import OutcomeUnknownError, PermanentError, TransientError
from emr_dr.ports import JournalEntry
from emr_dr.stores import SqliteLedger
from emr_dr.stores.database import Database
from emr_dr.stores.schema import APPLICATION_ID, MIGRATIONS
from stores.conftest import OpenStore
from stores.looks import pragma, refusal, run_sql


async def test_nothing_is_touched_before_the_first_call(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    assert list(tmp_path.iterdir()) == []
    await store.groups()
    assert (tmp_path / "emr-dr.db").exists()


async def test_the_file_says_whose_it_is(path: Path) -> None:
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "user_version") == len(MIGRATIONS)
    assert pragma(path, "journal_mode") == "wal"


async def test_what_was_saved_outlives_the_process(path: Path, open_store: OpenStore) -> None:
    assert await open_store(path).load("etl") == replace(document(), version=1)


async def test_an_empty_file_becomes_a_store(tmp_path: Path, open_store: OpenStore) -> None:
    (tmp_path / "emr-dr.db").touch()
    assert (await open_store().save(document())).version == 1


async def test_one_file_holds_a_store_and_ledgers(path: Path, open_store: OpenStore) -> None:
    ledgers = [SqliteLedger(path, group) for group in ("etl", "adhoc")]
    assert [(await ledger.create(submission())).batch.id for ledger in ledgers] == [1, 1]
    assert await open_store(path).groups() == ["etl"]
    for ledger in ledgers:
        await ledger.close()


async def test_closing_twice_or_unused_is_fine(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    await store.close()
    await store.close()
    assert list(tmp_path.iterdir()) == []


async def test_the_last_batch_number_is_given_and_no_further_one(path: Path) -> None:
    ledger = SqliteLedger(path, "etl")
    await ledger.create(submission())
    run_sql(path, "UPDATE counters SET value = 2147483646 WHERE name = 'batch/etl'")
    assert (await ledger.create(submission())).batch.id == MAX_BATCH_ID
    for _ in range(2):
        error = await refusal(ledger.create(submission()))
        assert isinstance(error, PermanentError)
        assert "all batch numbers up to 2147483647 were given out" in str(error)
    assert (await ledger.page(0, 10)).total == 2
    await ledger.close()


class TestAFileThatIsLocked:
    async def test_a_save_gives_up_at_its_deadline_and_a_read_does_not_care(
        self, path: Path, open_store: OpenStore
    ) -> None:
        store = open_store(path, deadline=0.3)
        kept = await store.load("etl")
        assert kept is not None
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            error = await refusal(store.save(kept, entries=[JournalEntry(2.0, "lost")]))
            assert type(error) is TransientError
            assert (
                str(error)
                == f"{path}: locked by another process for more than 0.3 s; try again; `fuser {path}` names it"
            )
            assert await store.load("etl") == kept
        assert (await store.save(kept)).version == 2
        assert [entry.event for entry in await store.journal("etl")] == ["saved"]

    async def test_a_file_that_another_keeps_for_itself_is_not_read(self, path: Path, open_store: OpenStore) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN IMMEDIATE")
            other.execute("COMMIT")
            assert type(await refusal(open_store(path, deadline=0.3).load("etl"))) is TransientError
        assert await open_store(path).load("etl") is not None

    async def test_calls_that_wait_in_line_keep_their_deadline_too(self, path: Path, open_store: OpenStore) -> None:
        store = open_store(path, deadline=0.3)
        await store.groups()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            calls = (store.append("etl", [JournalEntry(2.0, "late")]) for _ in range(8))
            errors = await asyncio.gather(*calls, return_exceptions=True)
        assert all(type(error) is TransientError for error in errors)
        assert str(errors[-1]) == f"{path}: no turn within 0.3 s: too many calls wait in line; try again"
        assert len(await store.journal("etl")) == 1


class TestACallThatIsGivenUp:
    async def test_a_disk_that_does_not_answer_holds_nobody_up(self, path: Path) -> None:
        answer = threading.Event()
        database = Database(path, deadline=0.5)
        error = await refusal(database.write(lambda _: answer.wait()))
        assert type(error) is OutcomeUnknownError
        assert "the disk has not answered within" in str(error)
        answer.set()
        await database.close()

    async def test_a_cancelled_save_is_kept_whole_or_not_at_all(self, path: Path, open_store: OpenStore) -> None:
        store = open_store(path)
        kept = await store.load("etl")
        assert kept is not None
        saving = asyncio.create_task(store.save(kept, entries=[JournalEntry(2.0, "again")]))
        await asyncio.sleep(0)
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)
        await store.append("etl", [JournalEntry(3.0, "after")])  # in line behind it
        now = await store.load("etl")
        assert now is not None
        journal = [entry.event for entry in await store.journal("etl")]
        assert (now.version, journal) in [(1, ["saved", "after"]), (2, ["saved", "again", "after"])]


class TestADiskThatIsFull:
    async def test_a_save_that_does_not_fit_keeps_nothing(self, path: Path, open_store: OpenStore) -> None:
        store = open_store(path, pages=30)
        kept = await store.load("etl")
        assert kept is not None
        big = [JournalEntry(2.0, "small"), JournalEntry(2.0, "big", {"evidence": "x" * 200_000})]
        error = await refusal(store.save(kept, views=[], entries=big))
        assert type(error) is TransientError
        assert str(error) == f"{path}: the disk is full; nothing was saved; free some space and try again"
        assert await store.load("etl") == kept
        published = await store.views("etl")
        assert published is not None
        assert published.views == (view(),)
        assert [entry.event for entry in await store.journal("etl")] == ["saved"]
        assert (await store.save(kept, entries=[JournalEntry(3.0, "after")])).version == 2
        assert [(entry.seq, entry.event) for entry in await store.journal("etl")] == [(1, "saved"), (2, "after")]

    async def test_a_store_that_does_not_fit_is_not_half_made(self, tmp_path: Path, open_store: OpenStore) -> None:
        ledger = SqliteLedger(tmp_path / "emr-dr.db", "etl", max_pages=25)
        error = await refusal(ledger.create(submission(request="x" * 200_000)))
        assert type(error) is TransientError
        assert (await ledger.page(0, 10)).total == 0
        assert (await ledger.create(submission())).batch.id == 1
        await ledger.close()
        assert await open_store().groups() == []
