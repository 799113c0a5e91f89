"""Saves of what has happened: somebody else may save first, and the ledger may be away, before the save or after it."""

from dataclasses import replace

import pytest

from emr_dr.core.batch import Batch, NewBatch, SubmitState
from emr_dr.errors import ConflictError, TransientError
from emr_dr.gateway.board import Board
from emr_dr.gateway.books import Books
from emr_dr.stores import MemoryLedger
from gateway.odd import Away
from gateway.virtual import LoopClock, virtually


class Desk:
    """Books over a ledger that others write, too."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.away = Away(self.ledger)
        clock = LoopClock()
        self.books = Books(self.away, Board(clock), clock)

    async def sent(self) -> Batch:
        new = NewBatch("abc", '{"file":"x"}', 900.0, cluster_id="j-1", epoch=1, sent=True)
        return (await self.books.create(new)).batch

    async def others_save(self, batch: Batch, submit: SubmitState) -> Batch:
        return await self.ledger.save(batch.with_last(replace(batch.last, submit=submit, livy_id=3)))


def confirmed(held: Batch) -> Batch | None:
    if held.last.submit is SubmitState.CONFIRMED:
        return None
    return held.with_last(replace(held.last, submit=SubmitState.CONFIRMED, livy_id=3))


def test_a_change_is_made_to_what_others_saved_meanwhile() -> None:
    async def story() -> None:
        desk = Desk()
        batch = await desk.sent()
        await desk.others_save(batch, SubmitState.UNKNOWN)
        assert (await desk.books.change(batch, confirmed)).last.submit is SubmitState.CONFIRMED

    virtually(story())


def test_a_change_that_others_made_is_not_made_again() -> None:
    async def story() -> None:
        desk = Desk()
        batch = await desk.sent()
        theirs = await desk.others_save(batch, SubmitState.CONFIRMED)
        assert (await desk.books.change(batch, confirmed)).version == theirs.version

    virtually(story())


@pytest.mark.parametrize("away", [True, False])
def test_a_change_is_made_once_however_the_ledger_fails(*, away: bool) -> None:
    async def story() -> None:
        desk = Desk()
        batch = await desk.sent()
        if away:
            desk.away.fails = 3
        else:
            desk.away.loses.append("save")
        kept = await desk.books.change(batch, confirmed)
        assert (kept.last.submit, kept.version) == (SubmitState.CONFIRMED, 2)
        assert not desk.books.trouble

    virtually(story())


def test_a_save_that_comes_too_late_shows_what_was_saved() -> None:
    async def story() -> None:
        desk = Desk()
        batch = await desk.sent()
        theirs = await desk.others_save(batch, SubmitState.UNKNOWN)
        with pytest.raises(ConflictError):
            await desk.books.save(batch.deleted())
        entry = desk.books.board.entry(batch.id)
        assert entry is not None
        assert entry.saved == theirs

    virtually(story())


def test_a_ledger_that_is_away_is_remembered_until_it_answers() -> None:
    async def story() -> None:
        desk = Desk()
        desk.away.away = True
        with pytest.raises(TransientError):
            await desk.books.read(1)
        assert desk.books.trouble
        desk.away.away = False
        assert await desk.books.read(1) is None
        assert not desk.books.trouble

    virtually(story())
