"""The stores and ledgers that the contracts are asked of. A further one (DynamoDB) joins by a line in each table."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from emr_dr.ports import Store
from emr_dr.ports.ledger import Ledger
from emr_dr.stores import MemoryLedger, MemoryStore, SqliteLedger, SqliteStore

OpenStore = Callable[[], Store]
"""Opens one more handle on the same store, as another process would."""

OpenLedger = Callable[[str], Ledger]
"""Opens one more handle on the ledger of a group, as another gateway would."""


@asynccontextmanager
async def memory_stores(_: Path) -> AsyncIterator[OpenStore]:
    store = MemoryStore()
    yield lambda: store


@asynccontextmanager
async def sqlite_stores(folder: Path) -> AsyncIterator[OpenStore]:
    opened: list[SqliteStore] = []

    def open_store() -> Store:
        opened.append(SqliteStore(folder / "emr-dr.db"))
        return opened[-1]

    yield open_store
    for store in opened:
        await store.close()


@asynccontextmanager
async def memory_ledgers(_: Path) -> AsyncIterator[OpenLedger]:
    ledgers: dict[str, MemoryLedger] = {}
    yield lambda group: ledgers.setdefault(group, MemoryLedger())


@asynccontextmanager
async def sqlite_ledgers(folder: Path) -> AsyncIterator[OpenLedger]:
    opened: list[SqliteLedger] = []

    def open_ledger(group: str) -> Ledger:
        opened.append(SqliteLedger(folder / "emr-dr.db", group))
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        await ledger.close()


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[OpenStore]]] = {
    "memory": memory_stores,
    "sqlite": sqlite_stores,
}
LEDGERS: dict[str, Callable[[Path], AbstractAsyncContextManager[OpenLedger]]] = {
    "memory": memory_ledgers,
    "sqlite": sqlite_ledgers,
}


@pytest.fixture(params=STORES)
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenStore]:
    async with STORES[request.param](tmp_path) as opener:
        yield opener


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


@pytest.fixture
def other_store(open_store: OpenStore, store: Store) -> Store:  # noqa: ARG001 - the second one, by definition
    return open_store()


@pytest.fixture(params=LEDGERS)
async def open_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLedger]:
    async with LEDGERS[request.param](tmp_path) as opener:
        yield opener


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> Ledger:
    return open_ledger("etl")


@pytest.fixture
def other_ledger(open_ledger: OpenLedger, ledger: Ledger) -> Ledger:  # noqa: ARG001 - the second one, by definition
    return open_ledger("etl")
