"""The journal in pages, however long it is: forwards to tell all of it, backwards to find the newest of its kind."""

from collections.abc import AsyncIterator, Sequence

from emr_dr.ports import JournalEntry, Store

PAGE = 500
FIRST_PAGE = 50
"""Backwards the first page is small: what is looked for is most often near the end."""


async def forwards(store: Store, group: str, after: int = 0) -> AsyncIterator[Sequence[JournalEntry]]:
    """Pages of entries with a greater `seq`, oldest first."""
    while page := await store.journal(group, after=after, limit=PAGE):
        yield page
        after = page[-1].seq


async def backwards(store: Store, group: str, until: int | None = None) -> AsyncIterator[JournalEntry]:
    """Entries with a `seq` of `until` at the most, or all, newest first."""
    if until is None:
        newest = await store.newest(group, 1)
        until = newest[0].seq if newest else 0
    size = FIRST_PAGE
    while until > 0:
        first = max(until - size, 0)
        for entry in reversed(await store.journal(group, after=first, limit=until - first)):
            yield entry
        until, size = first, PAGE
