"""What every `Ledger` promises, whatever it is made of."""

import asyncio
from dataclasses import replace

import pytest

from contracts.conftest import OpenLedger
from contracts.values import (
    change_last,
    confirmed,
    created,
    ended,
    live_attempts,
    proven_dead,
    saved,
    sent,
    submission,
)
from emr_dr.core.batch import NAME_KEPT_SECONDS, Batch, Desired, RescueClass, ShownState, SubmitState
from emr_dr.core.view import Load
from emr_dr.errors import ConflictError, PermanentError
from emr_dr.ports.ledger import BatchLog, Ledger, LogTail


class TestCreating:
    async def test_numbers_begin_at_one_and_grow(self, ledger: Ledger, other_ledger: Ledger) -> None:
        ids = [(await created(by)).id for by in (ledger, other_ledger, ledger)]
        assert ids[0] == 1
        assert ids == sorted(set(ids))

    async def test_groups_number_their_batches_apart(self, open_ledger: OpenLedger) -> None:
        assert (await created(open_ledger("etl"), name="a")).id == 1
        adhoc = open_ledger("adhoc")
        assert await adhoc.read(1) is None
        assert (await created(adhoc)).id == 1
        assert await adhoc.find("a") is None
        assert (await adhoc.page(0, 10)).total == 1

    async def test_a_new_batch_has_an_attempt_of_which_nothing_was_sent(
        self, ledger: Ledger, other_ledger: Ledger
    ) -> None:
        new = submission(owner="ann", proxy_user="etl", name="daily", rescue=RescueClass.ATOMIC, key="run-1")
        creation = await ledger.create(new)
        batch = creation.batch
        assert creation.created
        assert (batch.owner, batch.proxy_user, batch.name, batch.key) == ("ann", "etl", "daily", "run-1")
        assert (batch.request, batch.rescue, batch.created_at) == (new.request, RescueClass.ATOMIC, 50.0)
        assert (batch.shown, batch.desired) == (ShownState.STARTING, Desired.RUN)
        assert len(batch.attempts) == 1
        assert (batch.last.number, batch.last.submit, batch.last.cluster_id) == (1, SubmitState.INTENT, "j-1")
        assert await other_ledger.read(batch.id) == batch

    async def test_without_a_member_a_new_batch_is_queued(self, ledger: Ledger) -> None:
        batch = await created(ledger, cluster_id="")
        assert batch.shown is ShownState.NOT_STARTED
        assert await ledger.unfinished("") == [batch]

    async def test_names_and_tags_tell_batches_attempts_and_lost_ledgers_apart(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        batch = await created(ledger)
        again = proven_dead(batch).again(60.0, cluster_id="j-2")
        same_number_elsewhere = await created(open_ledger("adhoc"))
        names = [a.yarn_tag for b in (again, same_number_elsewhere) for a in b.attempts]
        assert len(set(names)) == 3
        assert not any(name in (batch.yarn_tag, same_number_elsewhere.yarn_tag) for name in names)

    async def test_a_creation_repeated_after_a_lost_reply_makes_no_second_batch(
        self, ledger: Ledger, other_ledger: Ledger
    ) -> None:
        new = submission()
        first = await ledger.create(new)
        second = await other_ledger.create(new)
        assert (second.batch, second.created) == (first.batch, False)
        assert (await ledger.page(0, 10)).total == 1

    async def test_the_same_key_gives_the_same_batch_as_it_is_now(self, ledger: Ledger) -> None:
        batch = await created(ledger, owner="ann", key="run-1")
        running = await ledger.save(sent(batch))
        second = await ledger.create(submission(owner="ann", key="run-1"))
        assert (second.batch, second.created) == (running, False)

    async def test_a_key_is_its_owners_alone(self, ledger: Ledger) -> None:
        ids = [(await created(ledger, owner=owner, key="run-1")).id for owner in ("ann", "ben", None, "ann", None)]
        assert ids[3:] == [ids[0], ids[2]]
        assert len(set(ids)) == 3

    async def test_a_deleted_batch_keeps_its_key(self, ledger: Ledger) -> None:
        batch = await ledger.save((await created(ledger, key="run-1")).deleted())
        assert (await ledger.create(submission(key="run-1"))).batch == batch

    async def test_of_creations_at_once_with_one_key_one_makes_the_batch(
        self, ledger: Ledger, other_ledger: Ledger
    ) -> None:
        both = [ledger, other_ledger] * 4
        creations = await asyncio.gather(*(by.create(submission(key="run-1")) for by in both))
        assert len({creation.batch.id for creation in creations}) == 1
        assert [creation.created for creation in creations].count(True) == 1

    async def test_creations_at_once_get_numbers_of_their_own(self, ledger: Ledger, other_ledger: Ledger) -> None:
        batches = await asyncio.gather(*(created(by) for by in [ledger, other_ledger] * 10))
        assert len({batch.id for batch in batches}) == 20

    async def test_a_request_that_cannot_be_kept_leaves_nothing(self, ledger: Ledger) -> None:
        with pytest.raises(PermanentError):
            await ledger.create(submission(name="\ud800"))
        assert (await ledger.page(0, 10)).total == 0

    async def test_an_attempt_may_begin_as_sent_and_says_when(self, ledger: Ledger) -> None:
        batch = await created(ledger, sent=True)
        assert (batch.last.submit, batch.last.sent_at) == (SubmitState.SENT, 50.0)
        assert (await ledger.save(confirmed(batch))).last.submit is SubmitState.CONFIRMED

    async def test_a_queued_batch_is_never_created_as_sent(self, ledger: Ledger) -> None:
        batch = await created(ledger, sent=True, cluster_id="")
        assert batch.last.submit is SubmitState.INTENT

    async def test_a_name_is_taken_until_its_batch_has_ended_a_while_ago(
        self, ledger: Ledger, other_ledger: Ledger
    ) -> None:
        batch = await created(ledger, name="daily", owner="ann")
        with pytest.raises(ConflictError, match="daily"):
            await created(other_ledger, name="daily", owner="ben")
        await ledger.save(ended(batch))  # at 80
        with pytest.raises(ConflictError):
            await created(other_ledger, name="daily", at=80.0 + NAME_KEPT_SECONDS - 1)
        later = await created(other_ledger, name="daily", at=80.0 + NAME_KEPT_SECONDS)
        assert await ledger.find("daily") == later

    async def test_the_name_of_a_deleted_batch_is_free(self, ledger: Ledger) -> None:
        await ledger.save((await created(ledger, name="daily")).deleted())
        assert (await created(ledger, name="daily")).name == "daily"

    async def test_a_creation_repeated_with_its_token_does_not_meet_its_own_name(self, ledger: Ledger) -> None:
        new = submission(name="daily", key="run-1")
        first = await ledger.create(new)
        assert (await ledger.create(new)).batch == first.batch
        assert (await ledger.create(submission(name="daily", key="run-1"))).batch == first.batch

    async def test_of_creations_at_once_with_one_name_one_is_kept(self, ledger: Ledger, other_ledger: Ledger) -> None:
        both = [ledger, other_ledger] * 4
        results = await asyncio.gather(*(created(by, name="daily") for by in both), return_exceptions=True)
        assert len([r for r in results if isinstance(r, Batch)]) == 1
        assert len([r for r in results if isinstance(r, ConflictError)]) == 7


class TestChanges:
    async def test_without_a_cursor_nothing_is_told(self, ledger: Ledger) -> None:
        await created(ledger)
        assert (await ledger.changes()).batches == ()

    async def test_everything_created_or_saved_since_is_told_as_it_is_now(
        self, ledger: Ledger, other_ledger: Ledger
    ) -> None:
        old, saved, deleted = [await created(ledger) for _ in range(3)]
        since = (await other_ledger.changes()).cursor
        now = [
            await ledger.save(ended(saved)),
            await ledger.save(deleted.deleted()),
            await created(other_ledger),
        ]
        changes = await other_ledger.changes(since)
        assert {b.id: b for b in changes.batches} == {b.id: b for b in now}
        assert old.id not in {b.id for b in changes.batches}
        assert (await ledger.changes(changes.cursor)).batches == ()

    async def test_each_group_has_changes_of_its_own(self, open_ledger: OpenLedger) -> None:
        etl, adhoc = open_ledger("etl"), open_ledger("adhoc")
        since = (await etl.changes()).cursor
        await created(adhoc)
        assert (await etl.changes(since)).batches == ()

    async def test_a_cursor_of_somebody_else_is_refused(self, ledger: Ledger) -> None:
        with pytest.raises(PermanentError, match="cursor"):
            await ledger.changes("yesterday")


class TestSaving:
    async def test_a_save_is_read_under_its_new_version(self, ledger: Ledger, other_ledger: Ledger) -> None:
        batch = await created(ledger)
        kept = await ledger.save(sent(batch))
        assert kept == replace(sent(batch), version=batch.version + 1)
        assert await other_ledger.read(batch.id) == kept

    async def test_of_gateways_that_want_to_send_one_may(self, ledger: Ledger, other_ledger: Ledger) -> None:
        batch = await created(ledger)
        both = [ledger, other_ledger] * 4
        results = await asyncio.gather(*(by.save(sent(batch)) for by in both), return_exceptions=True)
        assert len([r for r in results if isinstance(r, Batch)]) == 1
        assert len([r for r in results if isinstance(r, ConflictError)]) == 7

    async def test_a_batch_that_was_never_created_is_not_saved(self, ledger: Ledger) -> None:
        stray = submission().numbered(7)
        with pytest.raises(PermanentError, match="batch 7"):
            await ledger.save(stray)

    @pytest.mark.parametrize("number", [0, -1, 8, 2**31, 2**80])
    async def test_an_unknown_number_is_none(self, ledger: Ledger, number: int) -> None:
        await created(ledger)
        assert await ledger.read(number) is None

    async def test_a_submission_goes_all_the_way(self, ledger: Ledger) -> None:
        batch = await created(ledger)
        unknown = change_last(sent(batch), submit=SubmitState.UNKNOWN)
        found = change_last(unknown, submit=SubmitState.CONFIRMED, app_id="application_1_0001")
        running = found.showing(ShownState.RUNNING, 60.0)
        kept = await saved(ledger, sent(batch), unknown, found, running, ended(running))
        assert (kept.shown, kept.ended_at, kept.unfinished) == (ShownState.SUCCESS, 80.0, False)

    async def test_a_refused_connection_leads_to_another_member(self, ledger: Ledger) -> None:
        batch = await created(ledger)
        back = change_last(batch, cluster_id="")
        elsewhere = change_last(batch, submit=SubmitState.SENT, cluster_id="j-2", epoch=2)
        kept = await saved(ledger, sent(batch), back, elsewhere)
        assert (kept.last.number, kept.last.cluster_id, kept.last.epoch) == (1, "j-2", 2)

    async def test_a_rescued_batch_has_a_second_attempt_and_one_that_is_live(self, ledger: Ledger) -> None:
        batch = await created(ledger)
        running = confirmed(batch).showing(ShownState.RUNNING, 60.0)
        again = proven_dead(running).again(95.0, cluster_id="j-2", epoch=2).showing(ShownState.STARTING, 95.0)
        kept = await saved(ledger, sent(batch), running, again, sent(again))
        assert [a.cluster_id for a in kept.attempts] == ["j-1", "j-2"]
        assert kept.attempts[0].proof is not None
        assert live_attempts(kept) == [kept.last]

    @pytest.mark.parametrize("end", [{"ended_at": 70.0}, {"submit": SubmitState.FAILED}], ids=["ended", "failed"])
    async def test_after_an_end_a_batch_may_be_attempted_again(self, ledger: Ledger, end: dict[str, object]) -> None:
        batch = await created(ledger)
        kept = await saved(ledger, sent(batch), change_last(sent(batch), **end).again(75.0, cluster_id="j-2"))
        assert kept.last.number == 2


class TestListing:
    async def test_pages_follow_the_numbers_and_know_the_total(self, ledger: Ledger, other_ledger: Ledger) -> None:
        batches = [await created(ledger) for _ in range(5)]
        page = await other_ledger.page(2, 2)
        assert (page.start, page.total, list(page.batches)) == (2, 5, batches[2:4])
        assert (await ledger.page(0, 100)).batches == tuple(batches)
        beyond = await ledger.page(100, 5)
        assert (beyond.start, beyond.total, beyond.batches) == (100, 5, ())

    @pytest.mark.parametrize(("start", "size"), [(-3, 2), (0, -1), (2**80, 2**80)])
    async def test_pages_bear_any_figures(self, ledger: Ledger, start: int, size: int) -> None:
        await created(ledger)
        assert (await ledger.page(start, size)).total == 1

    async def test_a_tombstone_is_not_listed_but_still_read(self, ledger: Ledger) -> None:
        kept = await ledger.save(ended(await created(ledger, name="a")))
        gone = await created(ledger, name="a", at=1000.0)
        gone = await ledger.save(gone.deleted())
        assert (await ledger.page(0, 10)).batches == (kept,)
        assert (await ledger.page(0, 10)).total == 1
        assert await ledger.find("a") == kept
        assert await ledger.read(gone.id) == gone

    async def test_a_name_finds_its_newest_batch(self, ledger: Ledger) -> None:
        await ledger.save(ended(await created(ledger, name="daily")))
        newest = await created(ledger, name="daily", at=1000.0)
        await created(ledger, name="other")
        assert await ledger.find("daily") == newest
        assert await ledger.find("nobody") is None

    async def test_unfinished_batches_are_found_by_the_member_of_their_last_attempt(
        self, ledger: Ledger, other_ledger: Ledger
    ) -> None:
        queued = await created(ledger, cluster_id="")
        first = await created(ledger)
        second = await created(ledger, cluster_id="j-2")
        moved = await saved(ledger, sent(first), proven_dead(sent(first)).again(95.0, cluster_id="j-2"))
        done = await created(ledger)
        await saved(ledger, sent(done), confirmed(done), ended(confirmed(done)))
        assert await other_ledger.unfinished("j-1") == []
        assert await other_ledger.unfinished("j-2") == [moved, second]
        assert await other_ledger.unfinished("") == [queued]
        assert await other_ledger.unfinished() == [queued, moved, second]

    async def test_the_backlog_counts_what_is_unfinished_on_each_cluster(
        self, ledger: Ledger, other_ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        assert await ledger.backlog() == {}
        await created(ledger, cluster_id="")
        first = await created(ledger)
        await created(ledger, cluster_id="j-2")
        await created(open_ledger("adhoc"))
        deleted = await saved(ledger, sent(first), sent(first).deleted())
        done = await created(ledger, cluster_id="j-3")
        await saved(ledger, sent(done), confirmed(done), ended(confirmed(done)))
        assert await other_ledger.backlog() == {"": 1, "j-1": 1, "j-2": 1}
        await ledger.save(proven_dead(deleted).showing(ShownState.KILLED, 99.0))
        assert await other_ledger.backlog() == {"": 1, "j-2": 1}

    async def test_what_may_still_run_is_unfinished_though_an_end_was_shown_or_it_was_deleted(
        self, ledger: Ledger
    ) -> None:
        batch = await created(ledger)
        shown = await saved(ledger, sent(batch), sent(batch).showing(ShownState.DEAD, 70.0).deleted())
        assert await ledger.unfinished("j-1") == [shown]
        await ledger.save(proven_dead(shown))
        assert await ledger.unfinished() == []

    async def test_a_batch_that_waits_for_its_rescue_is_found_at_the_lost_member(self, ledger: Ledger) -> None:
        batch = await created(ledger)
        dead = await saved(ledger, sent(batch), proven_dead(sent(batch)))
        assert await ledger.unfinished("j-1") == [dead]


class TestLogs:
    async def test_a_log_joins_the_tails_of_all_attempts(self, ledger: Ledger, other_ledger: Ledger) -> None:
        await ledger.keep_log(7, LogTail(2, 1, ("three",)))
        await ledger.keep_log(7, LogTail(1, 2, ("one", "two")))
        logs = await other_ledger.logs([7, 8])
        assert logs[7].page().lines == ("one", "two", "three")
        assert logs[7].total == 3
        assert logs[8] == BatchLog()

    async def test_the_total_never_shrinks(self, ledger: Ledger) -> None:
        await ledger.keep_log(7, LogTail(1, 9, ("eight", "nine")))
        await ledger.keep_log(7, LogTail(1, 1, ("livy forgot",)))
        assert (await ledger.logs([7]))[7].tails == (LogTail(1, 9, ("eight", "nine")),)
        await ledger.keep_log(7, LogTail(1, 9, ("8", "9")))
        assert (await ledger.logs([7]))[7].tails == (LogTail(1, 9, ("8", "9")),)
        await ledger.keep_log(7, LogTail(1, 10, ("9", "10")))
        assert (await ledger.logs([7]))[7].tails == (LogTail(1, 10, ("9", "10")),)

    async def test_a_long_log_keeps_its_end(self, ledger: Ledger) -> None:
        await ledger.keep_log(7, LogTail(1, 0, tuple(f"line {n}" for n in range(1000))))
        await ledger.keep_log(8, LogTail(1, 2, ("cut", "x" * 100_000)))
        logs = await ledger.logs([7, 8])
        assert logs[7].total == 1000
        assert logs[7].page(998).lines == ("line 998", "line 999")
        assert logs[7].page(790, 20).lines == tuple(f"line {n}" for n in range(800, 810))
        assert logs[8].total == 2
        assert len(logs[8].page().lines[0]) == 65_536

    async def test_any_text_can_be_kept(self, ledger: Ledger) -> None:
        await ledger.keep_log(7, LogTail(1, 1, ("broken \ud800, null \0, ümläut",)))
        assert (await ledger.logs([7]))[7].page().lines == ("broken ?, null \0, ümläut",)

    @pytest.mark.parametrize(
        ("start", "size", "expected"),
        [(-1, 100, (0, "abcde")), (-1, 3, (2, "cde")), (0, 2, (0, "ab")), (1, -1, (1, "bcde")), (1000, 5, (1000, ""))],
    )
    async def test_pages_of_a_log_are_livys(
        self, ledger: Ledger, start: int, size: int, expected: tuple[int, str]
    ) -> None:
        await ledger.keep_log(7, LogTail(1, 3, tuple("abc")))
        await ledger.keep_log(7, LogTail(2, 2, tuple("de")))
        page = (await ledger.logs([7]))[7].page(start, size)
        assert (page.start, "".join(page.lines), page.total) == (*expected, 5)


async def test_each_gateway_reports_its_loads(ledger: Ledger, other_ledger: Ledger) -> None:
    await ledger.report_loads("g1", [Load("j-1", 3, 10.0), Load("j-2", 1, 10.0)])
    await other_ledger.report_loads("g2", [Load("j-1", 2, 11.0)])
    await ledger.report_loads("g1", [Load("j-1", 0, 12.0)])
    assert await other_ledger.loads() == {"g1": (Load("j-1", 0, 12.0),), "g2": (Load("j-1", 2, 11.0),)}
    await other_ledger.drop_loads("g2")
    await other_ledger.drop_loads("nobody")
    assert list(await ledger.loads()) == ["g1"]
