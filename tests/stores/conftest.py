"""A SQLite store to open as often as one likes, and one that has been used already."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from contracts.values import document, view
from emr_dr.ports import JournalEntry
from emr_dr.stores import SqliteStore

OpenStore = Callable[..., SqliteStore]


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    opened: list[SqliteStore] = []

    def opener(path: Path = tmp_path / "emr-dr.db", *, deadline: float = 5.0, pages: int | None = None) -> SqliteStore:
        opened.append(SqliteStore(path, deadline=deadline, max_pages=pages))
        return opened[-1]

    yield opener
    for store in opened:
        await store.close()


@pytest.fixture
async def path(tmp_path: Path, open_store: OpenStore) -> Path:
    """A store that has been used and closed."""
    store = open_store()
    await store.save(document(), views=[view()], entries=[JournalEntry(1.0, "saved")])
    await store.close()
    return tmp_path / "emr-dr.db"
