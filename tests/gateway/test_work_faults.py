"""What goes wrong between a gateway and its ledger, store and members, and what batches come to all the same."""

import asyncio
import json

import pytest

from emr_dr.core.batch import ShownState, SubmitState
from emr_dr.core.view import Role
from emr_dr.gateway.calls import Caller, UnavailableError
from emr_dr.gateway.work import Work
from gateway.odd import Away, Hanging, Life, Mortal
from gateway.shift import ANYBODY, Shift, saved, shown, submission, submitted, takes
from gateway.town import out, view
from gateway.virtual import until, virtually

JOB = "s3://acme/job.py"


def test_a_lost_reply_is_found_out_by_name_and_nothing_runs_twice() -> None:
    async def story() -> None:
        shift = Shift()
        async with shift.at_work() as [work], shift.nature():
            shift.town.lose_reply = True
            batch = await submitted(work)
            assert batch.shown is ShownState.STARTING
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_a_lost_reply_of_a_livy_that_then_lost_its_store_is_found_out_by_tag() -> None:
    async def story() -> None:
        shift = Shift()
        async with shift.at_work() as [work], shift.nature():
            shift.town.lose_reply = True
            batch = await submitted(work)
            shift.site().launch(shift.site().underway[0])
            shift.site().restart_livy()
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)
            assert (await saved(shift.ledger, batch.id)).last.app_id
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_what_never_arrived_is_sent_again_under_another_name_when_it_can_no_longer_come() -> None:
    async def story() -> None:
        shift = Shift()
        async with shift.at_work() as [work], shift.nature():
            shift.town.lose_reply = True
            batch = await submitted(work)
            site = shift.site()
            site.records.clear()
            site.underway.clear()
            await asyncio.sleep(185)
            assert len((await saved(shift.ledger, batch.id)).attempts) == 1
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 60)
            kept = await saved(shift.ledger, batch.id)
            assert [a.submit for a in kept.attempts] == [SubmitState.FAILED, SubmitState.CONFIRMED]
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_a_late_application_after_a_dead_is_followed() -> None:
    async def story() -> None:
        shift = Shift()
        site = shift.site()
        async with shift.at_work() as [work]:
            batch = await submitted(work)
            [record] = site.records.values()
            record.says, record.log = "dead", ("\nYARN Diagnostics: ", "No YARN application is found with tag x")
            await asyncio.sleep(150)
            assert shown(work, batch.id) is ShownState.STARTING
            app = site.launch(record)
            assert app is not None
            site.run(app)
            await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
            site.run(app, "SUCCEEDED")
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)

    virtually(story())


def test_a_batch_that_went_down_with_livy_before_it_came_to_yarn_runs_all_the_same() -> None:
    async def story() -> None:
        shift = Shift()
        site = shift.site()
        async with shift.at_work() as [work], shift.nature():
            batch = await submitted(work)
            [record] = site.records.values()
            site.underway.clear()
            site.livy_up = False
            await asyncio.sleep(20)
            site.livy_up, record.says = True, "recovering"
            await asyncio.sleep(120)
            assert shown(work, batch.id) is ShownState.STARTING
            record.says, record.log = "dead", ("\nYARN Diagnostics: ", "No YARN application is found with tag x")
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 200)
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_a_submission_whose_spark_submit_failed_is_dead_within_seconds() -> None:
    async def story() -> None:
        shift = Shift()
        async with shift.at_work() as [work]:
            batch = await submitted(work)
            [record] = shift.site().records.values()
            record.says, record.log = "dead", ("\nYARN Diagnostics: ", "spark-submit exited with code 1}.")
            await until(lambda: shown(work, batch.id) is ShownState.DEAD, 5)

    virtually(story())


def test_a_batch_deleted_while_its_member_is_away_is_ended_when_the_member_is_back() -> None:
    async def story() -> None:
        shift = Shift()
        site = shift.site()
        async with shift.at_work() as [work]:
            batch = await submitted(work)
            app = site.launch(site.underway[0])
            assert app is not None
            site.run(app)
            await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
            site.cut = True
            began = shift.clock.steady()
            await work.delete(batch, ANYBODY)
            assert shift.clock.steady() - began <= 3
            assert await work.find(str(batch.id)) is None
            await asyncio.sleep(60)
            assert app.state == "RUNNING"
            site.cut = False
            await until(lambda: app.state == "KILLED")
            await until(lambda: not work.board.on("j-1"))
            assert not (await saved(shift.ledger, batch.id)).unfinished

    virtually(story())


def test_a_batch_deleted_before_it_comes_to_yarn_leaves_nothing_that_runs() -> None:
    async def story() -> None:
        shift = Shift()
        site = shift.site()
        async with shift.at_work() as [work]:
            batch = await submitted(work)
            late = site.underway[0]
            await work.delete(batch, ANYBODY)
            assert late.gone, "Livy was asked to end it"
            late.gone = False  # its spark-submit was too far to be stopped
            app = site.launch(late)
            assert app is not None
            await until(lambda: app.ended, 10)
            await until(lambda: not work.board.on("j-1"))

    virtually(story())


def test_a_queued_batch_that_is_deleted_is_never_sent() -> None:
    async def story() -> None:
        shift = Shift()
        shift.views["j-1"] = view("j-1", Role.STANDBY)
        async with shift.at_work() as [work]:
            batch = await submitted(work)
            await work.delete(batch, ANYBODY)
            await shift.publish(view("j-1"))
            await asyncio.sleep(30)
            assert not shift.site().records
            assert not work.board.waiting()

    virtually(story())


def test_a_member_that_hangs_delays_neither_the_others_nor_those_who_poll() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        upstream = Hanging(shift.town, "j-1")
        upstream.hangs = False
        async with shift.at_work(upstream=upstream) as [work], shift.nature():
            batches = [await submitted(work) for _ in range(10)]
            here = [b for b in batches if b.last.cluster_id == "j-2"]
            assert 0 < len(here) < 10
            upstream.hangs = True
            await until(lambda: takes(work) == {"j-2"}, 5)
            for batch in here:
                await until(lambda b=batch: shown(work, b.id) is ShownState.SUCCESS, 40)  # type: ignore[misc]
            seen = work.recall(here[0].id)
            assert seen is not None
            assert takes(work) == {"j-2"}
            more = await submitted(work)
            assert more.last.cluster_id == "j-2"
            await until(lambda: shown(work, more.id) is ShownState.SUCCESS, 40)

    virtually(story())


def test_with_the_ledger_away_polls_go_on_and_nothing_is_submitted_or_sent() -> None:
    async def story() -> None:
        shift = Shift()
        ledger = Away(shift.ledger)
        async with shift.at_work(ledger=ledger) as [work], shift.nature(runs=10):
            batch = await submitted(work)
            await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
            ledger.away = True
            for _ in range(30):
                with pytest.raises(UnavailableError):
                    await submitted(work)
                with pytest.raises(UnavailableError):
                    await work.find("999")
                assert shown(work, batch.id) is ShownState.RUNNING, "no end is shown that is not saved"
                await asyncio.sleep(1)
            assert len(shift.site().records) == 1
            ledger.away = False
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 5)
            again = await submitted(work)
            await until(lambda: shown(work, again.id) is ShownState.SUCCESS)
        assert len(shift.runs_of(JOB)) == 2

    virtually(story())


def test_a_ledger_that_goes_away_between_two_questions_is_503_and_never_404() -> None:
    async def story() -> None:
        shift = Shift()
        ledger = Away(shift.ledger)
        async with shift.at_work(ledger=ledger) as [work], shift.nature():
            batch = (await work.submit(submission(name="nightly"), Caller("ann"))).batch
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)
            work.board.forget()
            for asked in ("1", "nightly"):
                for answers in (0, 1):
                    ledger.answers = answers
                    with pytest.raises(UnavailableError):
                        await work.find(asked)
            ledger.answers = 1
            with pytest.raises(UnavailableError):
                await work.page(0, 10, ANYBODY)
            ledger.answers = 1
            with pytest.raises(UnavailableError):
                await work.page(0, 10, Caller("ann", sees_all=False))
            ledger.answers = None
            found = await work.find("1")
            assert found is not None

    virtually(story())


def test_a_creation_that_was_kept_though_it_seemed_to_fail_is_carried_out_once() -> None:
    async def story() -> None:
        shift = Shift()
        ledger = Away(shift.ledger)
        async with shift.at_work(ledger=ledger) as [work], shift.nature():
            ledger.loses.append("create")
            batch = await submitted(work)
            assert batch.id == 1
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_a_submission_that_was_refused_for_want_of_the_ledger_never_runs() -> None:
    async def story() -> None:
        shift = Shift()
        ledger = Away(shift.ledger)
        async with shift.at_work(ledger=ledger) as [work], shift.nature():
            ledger.loses += ["create", "create"]
            with pytest.raises(UnavailableError):
                await submitted(work)
            await asyncio.sleep(400)
            assert await work.find("1") is None
            assert not work.board.on("j-1")
        assert not shift.runs_of(JOB)

    virtually(story())


def test_with_the_store_away_for_long_nothing_new_is_taken_and_polls_go_on() -> None:
    async def story() -> None:
        shift = Shift()
        store = Away(shift.store)
        await shift.publish()
        work = shift.work(store=store)
        running = asyncio.create_task(work.run())
        async with shift.nature():
            await until(lambda: takes(work) == {"j-1"})
            batch = await submitted(work)
            store.away = True
            await asyncio.sleep(5)
            await submitted(work)
            await asyncio.sleep(6)
            with pytest.raises(UnavailableError):
                await submitted(work)
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtually(story())


def test_a_fenced_member_gets_nothing_new_and_its_batches_are_followed_to_their_end() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        shift.views["j-2"] = view("j-2", Role.STANDBY)
        async with shift.at_work() as [work], shift.nature():
            old = await submitted(work)
            await shift.publish(out(view("j-1")), view("j-2"))
            await until(lambda: takes(work) == {"j-2"})
            new = await submitted(work)
            assert (old.last.cluster_id, new.last.cluster_id) == ("j-1", "j-2")
            await until(lambda: shown(work, old.id) is ShownState.SUCCESS)
            await until(lambda: shown(work, new.id) is ShownState.SUCCESS)

    virtually(story())


def test_a_superseded_run_that_appears_on_a_member_is_killed() -> None:
    async def story() -> None:
        shift = Shift()
        async with shift.at_work() as [work], shift.nature():
            shift.town.lose_reply = True
            batch = await submitted(work)
            site = shift.site()
            [lost] = site.underway
            site.underway.clear()
            site.records.clear()
            await asyncio.sleep(200)
            assert len((await saved(shift.ledger, batch.id)).attempts) == 2
            site.underway.append(lost)
            app = site.launch(lost)
            assert app is not None
            await until(lambda: app.state == "KILLED", 10)
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS)

    virtually(story())


JOBS = ["s3://acme/a.py", "s3://acme/b.py", "s3://acme/c.py"]


async def told_of_a_gateway_that_dies_at(point: int) -> list[str]:
    """One gateway lives up to that effect; a second one, on the same ledger, has to bring everything to its end."""
    shift = Shift("j-1", "j-2")
    await shift.publish()
    life = Life(point)
    async with shift.nature(runs=5):
        work = shift.work(ledger=Mortal(shift.ledger, life), upstream=Mortal(shift.town, life))
        lived = asyncio.create_task(life_of(work))
        died = asyncio.create_task(life.died.wait())
        await asyncio.wait((lived, died), return_when=asyncio.FIRST_COMPLETED)
        lived.cancel()
        died.cancel()
        await asyncio.gather(lived, died, return_exceptions=True)
        life.died.set()
        await check_that_all_comes_to_its_end(shift)
    return life.points


async def life_of(work: Work) -> None:
    """Three submissions, one of which is deleted while it runs, and the others succeed."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(work.run())
        await until(lambda: takes(work) == {"j-1", "j-2"})
        batches = [await submitted(work, request={"file": job}) for job in JOBS]
        await until(lambda: shown(work, batches[0].id) is ShownState.RUNNING)
        await work.delete(batches[0], ANYBODY)
        await until(lambda: not work.board.counts()["unfinished"])
        await asyncio.sleep(5)
        running.cancel()


async def check_that_all_comes_to_its_end(shift: Shift) -> None:
    async with shift.gateway("gw-2") as second:
        await until(lambda: not second.board.counts()["unfinished"] and shift.clock.steady(), 1000)
        for number, job in enumerate(JOBS, 1):
            batch = await shift.ledger.read(number)
            runs = shift.runs_of(job)
            if batch is None:
                assert not runs, "what is not in the ledger was never sent"
                continue
            assert json.loads(batch.request)["file"] == job
            assert sum(run.wrote for run in runs) <= 1, "nothing takes effect twice"
            assert batch.shown.terminal
            if batch.listed:
                assert batch.shown is ShownState.SUCCESS
                assert sum(run.wrote for run in runs) == 1
            assert all(run.ended for run in runs)


def test_a_gateway_may_be_killed_at_any_effect_and_another_brings_everything_to_its_end() -> None:
    points = virtually(told_of_a_gateway_that_dies_at(0))
    assert len(points) > 20
    for point in range(1, len(points) + 1):
        virtually(told_of_a_gateway_that_dies_at(point))
