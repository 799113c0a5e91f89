"""The store that all processes share, watched at each save, and as one process reaches it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from emr_dr.core.document import Document, Lease
from emr_dr.core.evidence import Sighting
from emr_dr.core.view import MemberView
from emr_dr.errors import EmrDrError, TransientError
from emr_dr.ports import JournalEntry, PublishedViews
from emr_dr.stores.memory import MemoryStore
from simulation.worlds.ground import Ground
from simulation.worlds.process import Life

T = TypeVar("T")
Saved = Callable[[Document | None, Document, Life | None, Sequence[JournalEntry]], None]
"""Told of each save: what was kept before, what is kept now, who saved it (None: a person), and what he wrote down."""


class WatchedStore(MemoryStore):
    """A store that tells of each save.

    Attributes:
        kept: The document as last saved.
        writer: Whoever calls next; None is a person.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: Document | None = None
        self.writer: Life | None = None
        self.saved: Saved = lambda *_: None
        self.told: Callable[[Life | None, Sequence[JournalEntry]], None] = lambda *_: None

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        writer, self.writer = self.writer, None
        saved = await super().save(document, views=views, entries=entries)
        before, self.kept = self.kept, saved
        self.saved(before, saved, writer, entries)
        return saved

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        writer, self.writer = self.writer, None
        await super().append(group, entries)
        self.told(writer, entries)

    @property
    def texts(self) -> list[str]:
        """The journals of all groups, line by line."""
        return [line for name in sorted(self._journals) for line in self._journals[name]]


class LineStore:
    """`Store` of one process."""

    def __init__(self, life: Life, ground: Ground, inner: WatchedStore) -> None:
        self._life, self._ground, self._inner = life, ground, inner

    async def load(self, group: str) -> Document | None:
        return await self._ask(lambda: self._inner.load(group))

    async def groups(self) -> Sequence[str]:
        return await self._ask(self._inner.groups)

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        async def do() -> Document:
            self._inner.writer = self._life
            return await self._inner.save(document, views=views, entries=entries)

        await self._life.point("before save")
        saved = await self._ask(do)
        if self._ground.rng.random() < self._ground.weather.locked:
            raise TransientError("the store did not say whether it was kept")
        await self._life.point("after save")
        return saved

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        async def do() -> None:
            self._inner.writer = self._life
            await self._inner.append(group, entries)

        await self._ask(do)

    async def views(self, group: str, *, newer_than: int = 0) -> PublishedViews | None:
        return await self._ask(lambda: self._inner.views(group, newer_than=newer_than))

    async def journal(self, group: str, *, after: int = 0, limit: int = 1000) -> Sequence[JournalEntry]:
        return await self._ask(lambda: self._inner.journal(group, after=after, limit=limit))

    async def newest(self, group: str, count: int, *, without: Collection[str] = ()) -> Sequence[JournalEntry]:
        return await self._ask(lambda: self._inner.newest(group, count, without=without))

    async def tell(self, group: str, sighting: Sighting) -> None:
        await self._ask(lambda: self._inner.tell(group, sighting))

    async def sightings(self, group: str) -> Sequence[Sighting]:
        return await self._ask(lambda: self._inner.sightings(group))

    async def take_lease(self, name: str, holder: str, *, now: float, seconds: float) -> Lease | None:
        return await self._ask(lambda: self._inner.take_lease(name, holder, now=now, seconds=seconds))

    async def drop_lease(self, name: str, holder: str) -> None:
        await self._ask(lambda: self._inner.drop_lease(name, holder))

    async def close(self) -> None:
        await self._inner.close()

    async def _ask(self, do: Callable[[], Awaitable[T]]) -> T:
        """A file or a database near by: it answers at once, or not at all."""
        await self._life.gate()
        weather, rng = self._ground.weather, self._ground.rng
        if weather.slow:
            await asyncio.sleep(rng.uniform(0, 1.0))
        if weather.store_down or (weather.locked and rng.random() < weather.locked):
            await self._life.gate()
            raise TransientError("the store is out of reach")
        try:
            answer = await do()
        except EmrDrError:
            await self._life.gate()
            raise
        await self._life.gate()
        return answer
