"""A file that an earlier version made: brought up to date where it is, with all that it held."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from contracts.values import sighting, submission
from emr_dr.core.group import Avoidance, Placement, Stage
from emr_dr.stores import SqliteLedger
from emr_dr.stores.schema import APPLICATION_ID, MIGRATIONS
from stores.conftest import OpenStore
from stores.looks import pragma

KEPT: dict[str, Any] = json.loads(Path(__file__).with_name("schema_1.json").read_text())
"""A document, its views and its journal in the very text that emr-dr 0.1.0 wrote, from a simulated recovery."""

TABLES = ("groups", "counters", "journal", "leases", "batches", "logs", "loads")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of schema 1 that holds something in each of its tables."""
    path = tmp_path / "emr-dr.db"
    document, views = json.dumps(KEPT["document"]), json.dumps(KEPT["views"])
    lines = [("etl", seq, json.dumps(entry)) for seq, entry in enumerate(KEPT["journal"], 1)]
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for statement in MIGRATIONS[0]:
            file.execute(statement)
        file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        file.execute("PRAGMA user_version = 1")
        file.execute(
            "INSERT INTO groups VALUES ('etl', ?, ?, ?)", (KEPT["document"]["value"]["version"], document, views)
        )
        file.execute("INSERT INTO counters VALUES ('journal/etl', ?)", (len(lines),))
        file.executemany("INSERT INTO journal VALUES (?, ?, ?)", lines)
        file.execute("INSERT INTO leases VALUES ('rescue/etl', 'me', 7, 50.0)")
        file.execute("INSERT INTO logs VALUES ('etl', 1, '{}')")
        file.execute("INSERT INTO loads VALUES ('etl', 'gateway-1', '{}')")
    return path


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as file:
        return {table: file.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608


async def test_a_store_of_schema_1_gets_its_new_table_and_loses_nothing(old: Path, open_store: OpenStore) -> None:
    before = rows(old)
    store = open_store(old)
    assert await store.sightings("etl") == []
    assert pragma(old, "user_version") == len(MIGRATIONS)
    assert rows(old) == before
    await store.tell("etl", sighting())
    assert await store.sightings("etl") == [sighting()]


async def test_what_schema_1_held_reads_as_values_of_today(old: Path, open_store: OpenStore) -> None:
    store = open_store(old)
    document = await store.load("etl")
    assert document is not None
    (serving, coming), (avoided,) = document.group.members, document.group.avoid
    assert (serving.stage, serving.placement) == (Stage.SERVING, Placement("subnet-b", "az-b"))
    assert coming.stage is Stage.PROVING
    assert avoided == Avoidance("subnet-a", 1800000025.0, "the proof failed")
    assert [run.failures for run in document.runs] == [9, 9, 9]
    published = await store.views("etl")
    assert published is not None
    assert published.version == document.version
    journal = await store.journal("etl")
    assert [e.event for e in journal] == [line["value"]["event"] for line in KEPT["journal"]]
    assert (await store.save(document)).version == document.version + 1
    assert await store.take_lease("rescue/etl", "you", now=60.0, seconds=30.0) is not None


async def test_a_ledger_may_be_the_one_that_brings_the_file_up_to_date(old: Path, open_store: OpenStore) -> None:
    ledger = SqliteLedger(old, "etl")
    assert (await ledger.create(submission())).batch.id == 1
    await ledger.close()
    assert await open_store(old).sightings("etl") == []


async def test_of_many_that_open_an_old_file_at_once_one_brings_it_up_to_date(old: Path, open_store: OpenStore) -> None:
    stores = [open_store(old) for _ in range(8)]
    await asyncio.gather(*(store.tell("etl", sighting(f"site-{n}")) for n, store in enumerate(stores)))
    assert len(await stores[0].sightings("etl")) == 8
    assert pragma(old, "user_version") == len(MIGRATIONS)


async def test_a_process_that_had_the_old_file_open_goes_on_beside_a_newer_one(
    old: Path, open_store: OpenStore
) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as earlier:
        assert earlier.execute("SELECT count(*) FROM groups").fetchone() == (1,)
        await open_store(old).tell("etl", sighting())
        earlier.execute("UPDATE groups SET version = version + 1")
    assert (await open_store(old).views("etl", newer_than=22)) is not None
