"""Many processes on one SQLite file, and processes that die in the middle."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from contracts.values import document, sighting, submission, view
from emr_dr.core.batch import Batch, SubmitState
from emr_dr.core.document import Lease
from emr_dr.errors import ConflictError
from emr_dr.ports import JournalEntry
from emr_dr.stores import SqliteLedger, SqliteStore

PROCESSES = 4
WINS = 10

# Clean interpreters that import once and then fork: no state of this process, and quick to start.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["emr_dr.stores", "contracts.values"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emr-dr.db"


@contextmanager
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, context) as executor:
        yield executor


def everywhere(work: Callable[[str, str], list[int]], path: Path) -> list[list[int]]:
    """What each of the processes got, all at once on one file."""
    with pool() as executor:
        return list(executor.map(work, [str(path)] * PROCESSES, [f"p{n}" for n in range(PROCESSES)]))


def win_saves(path: str, holder: str) -> list[int]:
    """Save until it was ours so often; return the versions that were."""

    async def work() -> list[int]:
        store = SqliteStore(path, deadline=30.0)
        won: list[int] = []
        while len(won) < WINS:
            kept = await store.load("etl") or document()
            mine = replace(kept, lease=Lease(holder, kept.version + 1, 0.0))
            try:
                saved = await store.save(mine, views=[view()], entries=[JournalEntry(0.0, holder)])
            except ConflictError:
                continue
            won.append(saved.version)
        await store.close()
        return won

    return asyncio.run(work())


def test_no_save_is_lost_and_every_version_has_one_winner(path: Path) -> None:
    won = everywhere(win_saves, path)
    total = PROCESSES * WINS
    assert sorted(version for versions in won for version in versions) == list(range(1, total + 1))

    async def check() -> None:
        store = SqliteStore(path)
        kept = await store.load("etl")
        journal = await store.journal("etl")
        await store.close()
        assert kept is not None
        assert kept.version == total
        assert [entry.seq for entry in journal] == list(range(1, total + 1))
        for entry in journal:
            assert entry.seq in won[int(entry.event[1:])]

    asyncio.run(check())


def tell_and_save(path: str, vantage: str) -> list[int]:
    """Tell so often what was seen while saving, too; return the versions that were ours."""

    async def work() -> list[int]:
        store = SqliteStore(path, deadline=30.0)
        won: list[int] = []
        for n in range(2 * WINS):
            await store.tell("etl", sighting(vantage, float(n)))
            told = {s.vantage: s.at for s in await store.sightings("etl")}
            assert told[vantage] == n
            with suppress(ConflictError):
                won.append((await store.save(await store.load("etl") or document())).version)
        await store.close()
        return won

    return asyncio.run(work())


def test_processes_that_tell_at_once_lose_no_sighting_and_disturb_no_save(path: Path) -> None:
    won = sorted(version for versions in everywhere(tell_and_save, path) for version in versions)

    async def check() -> None:
        store = SqliteStore(path)
        assert await store.sightings("etl") == [sighting(f"p{n}", 2.0 * WINS - 1) for n in range(PROCESSES)]
        kept = await store.load("etl")
        assert kept is not None
        assert won == list(range(1, kept.version + 1))
        await store.close()

    asyncio.run(check())


def create_and_send(path: str, holder: str) -> list[int]:
    """Create batches, some under keys that all use, then send whatever nobody has sent; return what we sent."""

    async def work() -> list[int]:
        ledger = SqliteLedger(path, "etl", deadline=30.0)
        for n in range(8):
            new = submission(token=f"{holder}{n}", key=f"shared-{n}" if n % 2 else None)
            await ledger.create(new)
        sent = [batch.id for batch in await ledger.unfinished() if await _send(ledger, batch)]
        await ledger.close()
        return sent

    return asyncio.run(work())


async def _send(ledger: SqliteLedger, batch: Batch) -> bool:
    try:
        await ledger.save(batch.with_last(replace(batch.last, submit=SubmitState.SENT)))
    except ConflictError:
        return False
    return batch.last.submit is SubmitState.INTENT


def test_gateways_share_a_ledger_and_send_each_batch_once(path: Path) -> None:
    sent = [number for numbers in everywhere(create_and_send, path) for number in numbers]
    assert len(sent) == len(set(sent))
    # Four batches of each process without a key, and one for each of the four keys.
    assert sorted(sent) == list(range(1, 4 * PROCESSES + 4 + 1))


def save_for_ever(path: str, said: Connection) -> None:
    """Save again and again, and say each version once it is saved."""

    async def work() -> None:
        store = SqliteStore(path)
        kept = document()
        while True:
            entry = JournalEntry(0.0, f"v{kept.version + 1}", {"evidence": "x" * 5000})
            kept = await store.save(kept, views=[view(f"j-{kept.version + 1}")], entries=[entry])
            said.send(kept.version)

    asyncio.run(work())


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_process_that_is_killed_amid_saves_leaves_a_whole_store(path: Path, after: int) -> None:
    heard, said = context.Pipe(duplex=False)
    process = context.Process(target=save_for_ever, args=(str(path), said))
    process.start()
    version = 0
    while version < after:
        version = heard.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while heard.poll():
        version = heard.recv()
    heard.close()
    said.close()

    async def check() -> None:
        store = SqliteStore(path)
        kept = await store.load("etl")
        assert kept is not None
        # What was said was kept; at most one save more was under way.
        assert version <= kept.version <= version + 1
        published = await store.views("etl")
        assert published is not None
        assert (published.version, published.views) == (kept.version, (view(f"j-{kept.version}"),))
        assert [entry.event for entry in await store.journal("etl")] == [f"v{n + 1}" for n in range(kept.version)]
        assert (await store.save(kept)).version == kept.version + 1
        await store.close()

    asyncio.run(check())
