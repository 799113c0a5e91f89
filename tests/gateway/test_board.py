"""What a gateway holds in memory, and what it remembers of a service that tells lists."""

from dataclasses import replace

from emr_dr.core.batch import Batch, NewBatch, ShownState, SubmitState
from emr_dr.core.look import Absent
from emr_dr.gateway.board import Board
from emr_dr.gateway.sight import Sight
from gateway.town import ManualClock


def batch(number: int = 1, cluster: str = "j-1") -> Batch:
    return NewBatch(f"t{number}", '{"file":"x"}', 900.0, cluster_id=cluster, epoch=1, sent=True).numbered(number)


def ended(number: int, version: int = 2) -> Batch:
    held = batch(number)
    over = held.with_last(replace(held.last, submit=SubmitState.CONFIRMED, livy_id=1, ended_at=950.0))
    return replace(over.showing(ShownState.SUCCESS, 950.0), version=version)


def board(ended_kept: int = 10) -> Board:
    return Board(ManualClock(), ended_kept=ended_kept)


def test_an_older_version_changes_nothing() -> None:
    held = board()
    held.keep(ended(1))
    held.keep(batch(1))
    shown = held.recall(1)
    assert shown is not None
    assert shown.batch.shown is ShownState.SUCCESS
    assert not held.on("j-1")


def test_what_is_recalled_again_unchanged_is_the_same_object() -> None:
    held = board()
    held.keep(batch(1))
    first, second = held.recall(1), held.recall(1)
    assert first is not None
    assert second is not None
    assert first.batch is second.batch
    assert first.log is second.log


def test_an_end_that_was_only_heard_of_is_not_shown() -> None:
    held = board()
    held.keep(batch(1))
    held.show(replace(ended(1), version=1))
    shown = held.recall(1)
    assert shown is not None
    assert shown.batch.shown is ShownState.STARTING


def test_what_was_heard_is_not_taken_back_by_a_save_that_says_less() -> None:
    held = board()
    held.keep(batch(1))
    held.show(batch(1).showing(ShownState.RUNNING, 910.0))
    held.keep(replace(batch(1), version=2))
    shown = held.recall(1)
    assert shown is not None
    assert shown.batch.shown is ShownState.RUNNING


def test_but_by_a_further_attempt_it_is() -> None:
    held = board()
    entry = held.keep(batch(1))
    entry.log = ("a line",)
    held.show(batch(1).showing(ShownState.RUNNING, 910.0))
    failed = batch(1).with_last(replace(batch(1).last, submit=SubmitState.FAILED))
    held.keep(replace(failed.again(950.0), version=2))
    shown = held.recall(1)
    assert shown is not None
    assert (shown.batch.shown, shown.log) == (ShownState.STARTING, ())
    assert [e.saved.id for e in held.waiting()] == [1]


def test_those_that_ended_and_that_nobody_asks_for_are_dropped_first() -> None:
    held = board(ended_kept=2)
    for number in (1, 2):
        held.keep(ended(number))
    held.recall(1)
    held.keep(ended(3))
    assert [held.recall(n) is not None for n in (1, 2, 3)] == [True, False, True]


def test_an_ended_batch_is_held_without_its_request() -> None:
    assert board().keep(ended(1)).batch.request == ""


def test_a_state_is_as_old_as_its_members_last_answer() -> None:
    held = board()
    held.keep(batch(1))
    held.confirm("j-1", 1234.0)
    shown = held.recall(1)
    assert shown is not None
    assert shown.as_of == 1234.0


def test_what_is_missing_is_missing_since_the_first_list_without_it() -> None:
    sight: Sight[str] = Sight()
    assert sight.of("a") is None, "nobody has answered yet"
    sight.answered([("a", "A"), ("b", "B")], at=10.0)
    assert (sight.of("a"), sight.of("c")) == ("A", Absent(10.0, 10.0))
    sight.answered([("b", "B")], at=20.0)
    sight.answered([("b", "B")], at=30.0)
    assert sight.of("a") == Absent(20.0, 30.0)
    sight.answered([("a", "A")], at=40.0)
    assert sight.of("a") == "A"


def test_a_failure_in_between_begins_the_waiting_anew() -> None:
    sight: Sight[str] = Sight()
    sight.answered([], at=10.0)
    sight.failed("no connection", steady=15.0)
    assert sight.of("a") is None
    assert sight.away_for(18.0) == 3.0
    sight.answered([], at=20.0)
    assert sight.of("a") == Absent(20.0, 20.0)
    assert sight.away_for(25.0) == 0.0


def test_only_the_first_failure_is_news() -> None:
    sight: Sight[str] = Sight()
    sight.answered([], at=10.0)
    assert [sight.failed("away", steady) for steady in (11.0, 12.0)] == [True, False]
