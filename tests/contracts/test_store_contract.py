"""What every `Store` promises, whatever it is made of."""

import asyncio
from dataclasses import replace

import pytest

from contracts.values import document, sighting, view
from emr_dr.core.document import Document, Lease
from emr_dr.core.evidence import Sighting
from emr_dr.errors import ConflictError, PermanentError
from emr_dr.ports import JournalEntry, Store

NAN = float("nan")


def entries(*events: str) -> list[JournalEntry]:
    return [JournalEntry(1.0, event, {"member": 1}) for event in events]


async def events(store: Store, group: str = "etl", *, after: int = 0) -> list[str]:
    return [entry.event for entry in await store.journal(group, after=after)]


async def test_a_group_that_was_never_saved_is_none(store: Store) -> None:
    assert await store.load("etl") is None
    assert await store.views("etl") is None
    assert await store.journal("etl") == []
    assert await store.groups() == []


async def test_what_was_saved_is_loaded_under_its_new_version(store: Store, other_store: Store) -> None:
    first = await store.save(document())
    assert first == replace(document(), version=1)
    assert await other_store.load("etl") == first
    second = await store.save(replace(first, lease=Lease("me", 1, 60.0)))
    assert second.version == 2
    assert await other_store.load("etl") == second


async def test_groups_are_listed_by_name_and_kept_apart(store: Store) -> None:
    await store.save(document("etl"), entries=entries("etl_saved"))
    await store.save(document("adhoc"), entries=entries("adhoc_saved"))
    assert await store.groups() == ["adhoc", "etl"]
    assert await events(store, "etl") == ["etl_saved"]
    assert await events(store, "adhoc") == ["adhoc_saved"]


async def test_a_group_is_created_only_once(store: Store, other_store: Store) -> None:
    await store.save(document())
    with pytest.raises(ConflictError, match=r"etl.*saved here already"):
        await other_store.save(document(held="second"))


async def test_a_save_over_a_group_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(ConflictError, match="not saved here"):
        await store.save(replace(document(), version=3))
    assert await store.load("etl") is None


async def test_a_late_save_is_refused_and_keeps_nothing(store: Store, other_store: Store) -> None:
    first = await store.save(document())
    won = await store.save(replace(first, lease=Lease("winner", 1, 60.0)), views=[view()], entries=entries("won"))
    with pytest.raises(ConflictError, match="somebody else saved first: version 2 is kept"):
        await other_store.save(replace(first, lease=Lease("loser", 1, 60.0)), entries=entries("lost"))
    assert await store.load("etl") == won
    assert await store.views("etl", newer_than=2) is None
    assert await events(store) == ["won"]


async def test_of_saves_at_once_over_one_version_one_wins(store: Store, other_store: Store) -> None:
    first = await store.save(document())

    async def save(by: Store, holder: str) -> Document | None:
        try:
            return await by.save(replace(first, lease=Lease(holder, 1, 60.0)), entries=entries(holder))
        except ConflictError:
            return None

    results = await asyncio.gather(*(save(by, f"h{n}") for n, by in enumerate([store, other_store] * 4)))
    winner = [saved for saved in results if saved is not None]
    assert len(winner) == 1
    assert await store.load("etl") == winner[0]
    assert winner[0].lease is not None
    assert await events(store) == [winner[0].lease.holder]


@pytest.mark.parametrize(
    "bad",
    [
        {"document": replace(document(), group=replace(document().group, recovered_at=NAN))},
        {"document": document(), "views": [replace(view(), az="\ud800")]},
        {"document": document(), "entries": [*entries("fine"), JournalEntry(1.0, "bad", {"at": NAN})]},
    ],
    ids=["document", "views", "entries"],
)
async def test_what_would_not_read_back_is_refused_whole(store: Store, bad: dict[str, object]) -> None:
    with pytest.raises(PermanentError, match="group etl"):
        await store.save(**bad)  # type: ignore[arg-type]
    assert await store.load("etl") is None
    assert await events(store) == []


async def test_views_are_those_of_the_last_save(store: Store, other_store: Store) -> None:
    first = await store.save(document(), views=[view("j-1")])
    published = await other_store.views("etl")
    assert published is not None
    assert (published.version, published.views) == (1, (view("j-1"),))
    assert await other_store.views("etl", newer_than=1) is None
    await store.save(first, views=[view("j-1"), view("j-2")])
    published = await other_store.views("etl", newer_than=1)
    assert published is not None
    assert (published.version, published.views) == (2, (view("j-1"), view("j-2")))
    await store.save(replace(first, version=2))
    published = await other_store.views("etl", newer_than=2)
    assert published is not None
    assert published.views == ()


async def test_the_journal_is_numbered_from_one_over_saves_and_appends(store: Store, other_store: Store) -> None:
    await store.save(document(), entries=entries("a", "b"))
    await other_store.append("etl", entries("c"))
    await store.append("etl", [])
    kept = await store.journal("etl")
    assert [(entry.seq, entry.event, entry.detail) for entry in kept] == [
        (1, "a", {"member": 1}),
        (2, "b", {"member": 1}),
        (3, "c", {"member": 1}),
    ]


async def test_the_journal_is_read_in_pieces(store: Store) -> None:
    await store.append("etl", entries("a", "b", "c", "d"))
    assert [e.event for e in await store.journal("etl", limit=2)] == ["a", "b"]
    assert [e.event for e in await store.journal("etl", after=2, limit=1)] == ["c"]
    assert await store.journal("etl", after=4) == []
    assert await store.journal("etl", limit=0) == []


async def test_the_newest_of_the_journal_leave_out_what_is_not_wanted(store: Store) -> None:
    await store.append("etl", entries("a", "decided", "b", "decided", "c", "decided"))
    assert [e.event for e in await store.newest("etl", 2, without=["decided"])] == ["b", "c"]
    assert [e.event for e in await store.newest("etl", 2)] == ["c", "decided"]
    assert len(await store.newest("etl", 100)) == 6
    assert await store.newest("etl", 0) == []
    assert await store.newest("other", 5) == []


async def test_a_reader_that_follows_the_journal_misses_nothing(store: Store, other_store: Store) -> None:
    async def write(by: Store, name: str) -> None:
        for n in range(10):
            await by.append("etl", entries(f"{name}{n}"))

    writing = asyncio.gather(write(store, "a"), write(other_store, "b"))
    read: list[JournalEntry] = []
    while not writing.done() or len(read) < 20:
        read += await store.journal("etl", after=read[-1].seq if read else 0)
        await asyncio.sleep(0)
    assert [entry.seq for entry in read] == list(range(1, 21))
    assert [e.event for e in read if e.event[0] == "a"] == [f"a{n}" for n in range(10)]


async def test_a_sighting_takes_the_place_of_what_its_vantage_told_before(store: Store, other_store: Store) -> None:
    assert await store.sightings("etl") == []
    await store.tell("etl", sighting("site-b"))
    await other_store.tell("etl", sighting("site-a", ok=False))
    assert await store.sightings("etl") == [sighting("site-a", ok=False), sighting("site-b")]
    await store.tell("etl", sighting("site-a", 105.0))
    assert await other_store.sightings("etl") == [sighting("site-a", 105.0), sighting("site-b")]


async def test_sightings_of_groups_are_kept_apart_and_by_the_names_of_their_vantages(store: Store) -> None:
    for vantage in ("z", "", "Ä", "a", "\U0001f30d", "\uffee"):
        await store.tell("etl", sighting(vantage))
    await store.tell("adhoc", sighting("b"))
    assert [s.vantage for s in await store.sightings("etl")] == sorted(("z", "", "Ä", "a", "\U0001f30d", "\uffee"))
    assert [s.vantage for s in await store.sightings("adhoc")] == ["b"]


async def test_to_tell_touches_no_document_and_makes_no_save_stale(store: Store, other_store: Store) -> None:
    first = await store.save(document(), views=[view()], entries=entries("saved"))
    await other_store.tell("etl", sighting())
    assert await store.load("etl") == first
    assert await events(store) == ["saved"]
    assert (await store.save(first)).version == 2
    assert await store.sightings("etl") == [sighting()]


async def test_of_many_that_tell_at_once_each_vantage_is_kept_as_it_told_last(store: Store, other_store: Store) -> None:
    async def tell(by: Store, vantage: str) -> None:
        for n in range(5):
            await by.tell("etl", sighting(vantage, float(n)))

    await asyncio.gather(*(tell(by, f"site-{n}") for n, by in enumerate([store, other_store] * 3)))
    assert await store.sightings("etl") == [sighting(f"site-{n}", 4.0) for n in range(6)]


@pytest.mark.parametrize("bad", [replace(sighting(), at=NAN), replace(sighting(), vantage="\ud800")])
async def test_a_sighting_that_would_not_read_back_is_refused(store: Store, bad: Sighting) -> None:
    await store.tell("etl", sighting())
    with pytest.raises(PermanentError, match=r"group etl: the sighting cannot be kept"):
        await store.tell("etl", bad)
    assert await store.sightings("etl") == [sighting()]


async def test_a_named_lease_has_one_holder(store: Store, other_store: Store) -> None:
    assert await store.take_lease("rescue/etl", "a", now=100.0, seconds=30.0) == Lease("a", 1, 130.0)
    assert await other_store.take_lease("rescue/etl", "b", now=129.9, seconds=30.0) is None
    assert await other_store.take_lease("rescue/adhoc", "b", now=100.0, seconds=30.0) == Lease("b", 1, 130.0)


async def test_a_renewed_lease_keeps_its_term(store: Store, other_store: Store) -> None:
    await store.take_lease("rescue/etl", "a", now=100.0, seconds=30.0)
    assert await store.take_lease("rescue/etl", "a", now=120.0, seconds=30.0) == Lease("a", 1, 150.0)
    assert await other_store.take_lease("rescue/etl", "b", now=140.0, seconds=30.0) is None


async def test_an_expired_lease_goes_to_the_next_holder_under_a_new_term(store: Store, other_store: Store) -> None:
    await store.take_lease("rescue/etl", "a", now=100.0, seconds=30.0)
    assert await other_store.take_lease("rescue/etl", "b", now=130.0, seconds=30.0) == Lease("b", 2, 160.0)
    assert await store.take_lease("rescue/etl", "a", now=131.0, seconds=30.0) is None


async def test_a_dropped_lease_is_free_at_once_and_its_term_still_grows(store: Store, other_store: Store) -> None:
    await store.take_lease("rescue/etl", "a", now=100.0, seconds=30.0)
    await store.drop_lease("rescue/etl", "a")
    assert await other_store.take_lease("rescue/etl", "b", now=101.0, seconds=30.0) == Lease("b", 2, 131.0)
    await store.drop_lease("rescue/etl", "a")
    assert await store.take_lease("rescue/etl", "a", now=102.0, seconds=30.0) is None


async def test_of_two_that_take_a_free_lease_at_once_one_gets_it(store: Store, other_store: Store) -> None:
    taken = await asyncio.gather(
        *(by.take_lease("rescue/etl", f"h{n}", now=1.0, seconds=9.0) for n, by in enumerate([store, other_store] * 4))
    )
    assert len([lease for lease in taken if lease is not None]) == 1
