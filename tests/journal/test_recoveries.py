"""Recoveries, told from the journals of a controller that lived through them."""

from collections.abc import Sequence

from emr_dr.core.group import Wanted
from emr_dr.history.chronicle import Chronicle, recoveries
from emr_dr.history.recoveries import Kind, Recovery, Result
from emr_dr.ports import JournalEntry
from journal import scenes
from simulation.harness import Scene


async def told(scene: Scene) -> tuple[Recovery, ...]:
    return recoveries(await scenes.entries(scene))


def steps(recovery: Recovery) -> dict[str, float]:
    """Seconds from its beginning to each step, in the order in which they were reached."""
    return {name: at - recovery.begun for name, at in recovery.steps}


async def test_a_first_start_has_one_candidate_that_gets_through_every_step() -> None:
    (start,) = await told(await scenes.first_start())
    assert (start.kind, start.result, start.epoch) == (Kind.FIRST_START, Result.RECOVERED, 1)
    assert list(steps(start)) == ["launched", "up", "proven", "switched", "serving"]
    assert [(c.number, c.cluster, c.az, c.failed) for c in start.candidates] == [(1, "j-0000000000001", "az-a", None)]
    assert start.settled == start.complete == start.begun + steps(start)["serving"]
    assert start.leaders == ("controller-1",)
    assert not start.losses


async def test_a_loss_names_its_grounds_and_since_when_it_failed_and_who_took_over() -> None:
    _, loss = await told(await scenes.frozen())
    assert (loss.kind, loss.result, loss.epoch) == (Kind.UNPLANNED, Result.RECOVERED, 2)
    (lost,) = loss.losses
    assert (lost.member, lost.az, lost.verdict) == (1, "az-a", "MemberLost")
    assert "the balancer's checks agree" in lost.why
    assert lost.failing_since == loss.begun - 20
    assert [c.number for c in loss.successors] == [2]
    assert list(steps(loss)) == ["failing", "believed", "launched", "up", "proven", "switched", "serving"]
    assert [(d.member, d.reason, d.retired) for d in loss.departures] == [(1, "lost", None)]
    assert loss.leaders == ("controller-2",)


async def test_the_end_of_a_lost_member_is_told_where_it_was_lost() -> None:
    _, loss = await told(await scenes.killed())
    (departure,) = loss.departures
    assert departure.reason == "EMR ends it"
    assert departure.retired is not None
    assert "retired" in steps(loss)
    assert loss.result is Result.RECOVERED


async def test_a_standby_takes_over_at_once_and_the_next_one_is_built_in_the_same_recovery() -> None:
    _, loss = await told(await scenes.killed(Wanted(1, 1)))
    assert (loss.kind, loss.result) == (Kind.UNPLANNED, Result.RECOVERED)
    assert [c.number for c in loss.successors] == [2]
    assert steps(loss)["switched"] == 0
    assert "launched" not in steps(loss), "it was there already"
    (standby,) = (c for c in loss.candidates if c.number == 3)
    assert standby.proven is not None
    assert loss.settled is not None
    assert loss.complete is not None
    assert loss.settled < loss.complete


async def test_of_two_that_serve_the_one_that_is_lost_is_replaced() -> None:
    start, loss = await told(await scenes.killed(Wanted(2)))
    assert [c.number for c in start.successors] == [1, 2]
    assert [c.number for c in loss.successors] == [3]
    assert loss.result is Result.RECOVERED


async def test_what_came_back_in_time_is_given_up_and_its_candidate_was_not_needed() -> None:
    _, loss = await told(await scenes.came_back())
    assert (loss.kind, loss.result, loss.epoch) == (Kind.UNPLANNED, Result.GIVEN_UP, None)
    assert [(c.number, c.why) for c in loss.failed] == [(2, "not needed")]
    assert (loss.successors, loss.departures) == ((), ())
    assert loss.complete is not None


async def test_a_candidate_that_fails_is_told_with_its_reason_and_another_one_follows() -> None:
    (start,) = await told(await scenes.unfit())
    assert start.result is Result.RECOVERED
    assert [(c.number, c.why) for c in start.failed] == [(1, "the proof failed")]
    assert [c.number for c in start.successors] == [2]


async def test_a_launch_that_aws_refused_is_a_candidate_that_failed() -> None:
    (start,) = await told(await scenes.launch_refused())
    assert [(c.number, c.cluster, c.why) for c in start.failed] == [(1, "", "the subnet has no free address")]
    assert start.complete is not None


async def test_a_recovery_that_automation_gave_up_is_held_until_a_person_says_so() -> None:
    scene = await scenes.held()
    _, loss = await told(scene)
    assert loss.result is Result.HELD
    assert "failed alike" in loss.held
    assert len(loss.failed) == 2
    assert all("a bootstrap action failed" in c.why for c in loss.failed)
    released = [*(await scenes.entries(scene)), JournalEntry(scene.clock.now(), "hold_released", {"was": loss.held})]
    assert recoveries(released)[-1].result is Result.UNDER_WAY


async def test_a_cooldown_is_in_the_way_of_the_second_recovery_for_as_long_as_it_lasts() -> None:
    _, first, second = await told(await scenes.cooling_down())
    assert first.blocked == ()
    assert second.result is Result.RECOVERED
    (cooldown,) = second.blocked
    assert cooldown.reason.startswith("cooldown: member 2 is lost")
    assert cooldown.ended is not None
    assert cooldown.ended - cooldown.at > 700
    assert steps(second)["switched"] - steps(second)["proven"] > 700
    assert second.candidates[0].number == 3


async def test_a_lost_standby_is_replaced_and_no_traffic_moves() -> None:
    _, loss = await told(await scenes.standby_lost())
    assert (loss.kind, loss.result, loss.epoch) == (Kind.STANDBY, Result.RECOVERED, None)
    assert [x.member for x in loss.losses] == [2]
    assert [c.number for c in loss.candidates] == [3]
    assert loss.successors == ()


async def test_a_journal_that_ends_in_the_middle_tells_a_recovery_under_way() -> None:
    journal = await scenes.entries(await scenes.frozen())
    moved = next(n for n, e in enumerate(journal) if e.event == "entitlement_moved" and e.detail["epoch"] == 2)
    for end in range(len(journal)):
        told_so_far = recoveries(journal[:end])
        assert all(r.result is Result.RECOVERED for r in told_so_far[:-1])
    *_, cut = recoveries(journal[: moved - 3])
    assert (cut.result, cut.settled) == (Result.UNDER_WAY, None)
    assert "switched" not in steps(cut)


async def test_to_tell_a_journal_in_pieces_tells_the_same() -> None:
    journal = await scenes.entries(await scenes.cooling_down())
    chronicle = Chronicle()
    for entry in journal:
        chronicle.add(entry)
        assert isinstance(chronicle.recoveries, Sequence)
    assert chronicle.recoveries == recoveries(journal)


async def test_refusals_outside_a_recovery_are_kept_apart_from_those_in_its_way() -> None:
    scene = await scenes.frozen()
    end = scene.clock.now() + 300
    await scene.until(lambda _: scene.clock.now() > end)
    chronicle = Chronicle()
    for entry in await scenes.entries(scene):
        chronicle.add(entry)
    (kept,) = chronicle.refusals
    assert kept.reason.startswith("member 1 is kept")
    assert kept.ended is None
    assert all(r.blocked == () for r in chronicle.recoveries)


def test_the_journal_of_an_older_version_is_told_as_far_as_it_goes() -> None:
    start, loss = recoveries(scenes.earlier())
    assert (start.kind, start.result) == (Kind.FIRST_START, Result.RECOVERED)
    assert [(c.number, c.why) for c in start.failed] == [(1, "the proof failed")]
    assert (loss.kind, loss.result) == (Kind.UNPLANNED, Result.UNDER_WAY)
    assert [x.failing_since for x in loss.losses] == [None]
    assert [c.number for c in loss.candidates] == [3]


def test_a_refusal_of_an_older_version_ends_with_the_first_decision_without_it() -> None:
    journal = [e for e in scenes.earlier() if e.event == "decided"][:3]
    for n, refusals in enumerate(([], ["blind: targets"], [])):
        journal[n] = scenes.changed(journal[n], "before", "refusals", to=refusals)
    chronicle = Chronicle()
    for entry in (JournalEntry(journal[0].at, "refused", {"reason": "blind: targets"}, 1), *journal):
        chronicle.add(entry)
    assert [(r.at, r.ended) for r in chronicle.refusals] == [(journal[0].at, journal[2].at)]
