"""Several gateways on one ledger: they share what waits, carry on each other's work, and rescue from dead members."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from emr_dr.core.batch import RescueClass, ShownState, SubmitState
from emr_dr.core.view import ProofKind, Role
from emr_dr.gateway.rescuer import Rescuer
from gateway.odd import Life, Mortal
from gateway.scenes import TERMINATED, new
from gateway.shift import ANYBODY, Shift, saved, shown, submission, submitted, takes
from gateway.town import GROUP, view
from gateway.virtual import LoopClock, until, virtually


@asynccontextmanager
async def rescuing(shift: Shift, *holders: str) -> AsyncIterator[None]:
    """Each gateway's rescuer, under one lease."""
    rescuers = [Rescuer(GROUP, holder, shift.store, shift.ledger, shift.clock) for holder in holders]
    running = [asyncio.create_task(rescuer.run()) for rescuer in rescuers]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def test_two_gateways_send_every_queued_batch_once() -> None:
    async def story() -> None:
        shift = Shift()
        for _ in range(60):
            await shift.ledger.create(new(cluster="", at=shift.clock.now()))
        async with shift.at_work("gw-1", "gw-2") as [one, two], shift.nature():
            await until(lambda: len(shift.site().records) == 60)
            await until(lambda: not one.board.counts()["unfinished"] and not two.board.counts()["unfinished"])
        jobs = Counter(app.job for app in shift.site().apps.values())
        assert len(jobs) == 60
        assert set(jobs.values()) == {1}

    virtually(story())


def test_a_batch_survives_the_death_of_its_member_under_its_number() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        shift.views["j-2"] = view("j-2", Role.STANDBY)
        async with shift.at_work("gw-1", "gw-2") as [one, two], shift.nature(runs=40), rescuing(shift, "gw-1", "gw-2"):
            batches = [await submitted(one, rescue=RescueClass.IDEMPOTENT) for _ in range(10)]
            unsafe = await submitted(one)
            await until(lambda: two.board.counts()["unfinished"] == 11)
            await until(lambda: all(shown(two, b.id) is ShownState.RUNNING for b in batches))
            shift.site("j-1").end()
            told = {b.id: Counter[ShownState]() for b in batches}
            await asyncio.sleep(30)
            assert all(shown(one, b.id) is ShownState.RUNNING for b in batches), "silence is no end"
            await shift.publish(replace(view("j-1", Role.FENCED), accepts_new=False, death=TERMINATED), view("j-2"))
            for _ in range(200):
                for batch in batches:
                    told[batch.id][shown(two, batch.id)] += 1
                await asyncio.sleep(1)
        for batch in batches:
            assert set(told[batch.id]) <= {ShownState.RUNNING, ShownState.STARTING, ShownState.SUCCESS}
            kept = await saved(shift.ledger, batch.id)
            assert (kept.shown, [a.cluster_id for a in kept.attempts]) == (ShownState.SUCCESS, ["j-1", "j-2"])
        assert (await saved(shift.ledger, unsafe.id)).shown is ShownState.DEAD

    virtually(story())


def test_a_member_that_comes_back_is_cleaned_of_what_was_rescued_before_it_works() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        shift.views["j-2"] = view("j-2", Role.STANDBY)
        site = shift.site("j-1")
        async with shift.at_work() as [work], shift.nature(runs=60), rescuing(shift, "gw-1"):
            batch = await submitted(work, rescue=RescueClass.IDEMPOTENT)
            await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
            [old] = site.apps.values()
            site.cut = True
            await shift.publish(replace(view("j-1", Role.FENCED), death=TERMINATED, accepts_new=False), view("j-2"))
            await until(lambda: (entry := work.board.entry(batch.id)) and entry.saved.last.cluster_id == "j-2")
            site.cut = False
            await shift.publish(view("j-1"), view("j-2"))
            await until(lambda: takes(work) == {"j-1", "j-2"})
            assert old.state == "KILLED"
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 100)
        assert sum(app.wrote for app in shift.runs_of("s3://acme/job.py")) == 1

    virtually(story())


def test_what_is_rescued_never_goes_back_to_a_member_proven_dead_that_still_answers() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        shift.views["j-2"] = view("j-2", Role.STANDBY)
        site = shift.site("j-1")
        async with shift.at_work("gw-1", "gw-2") as [work, _], shift.nature(), rescuing(shift, "gw-1", "gw-2"):
            batches = [await submitted(work, rescue=RescueClass.IDEMPOTENT) for _ in range(20)]
            await until(lambda: all(shown(work, b.id) is ShownState.RUNNING for b in batches))
            site.denied = True
            denied = replace(TERMINATED, kind=ProofKind.ROLE_DENIED)
            await shift.publish(replace(view("j-1", Role.FENCED), death=denied, accepts_new=False), view("j-2"))
            await until(lambda: all(shown(work, b.id) is ShownState.SUCCESS for b in batches))
        assert site.begun == 20, "nothing was sent there again"
        assert sum(app.wrote for app in shift.runs_of("s3://acme/job.py")) == 20

    virtually(story())


def test_clocks_that_differ_or_are_set_make_nobody_give_up_what_is_being_sent() -> None:
    async def story() -> None:
        shift = Shift()
        wrong = LoopClock(ahead=300.0)
        slow = Slow(shift.town)
        await shift.publish()
        async with shift.gateway("gw-1", upstream=slow) as one, shift.gateway("gw-2", clock=wrong) as two:
            await until(lambda: takes(one) and takes(two))
            await asyncio.sleep(300)
            batch = await submitted(one)
            wrong.ahead += 3600
            async with shift.nature(runs=30):
                await until(lambda: two.recall(1) and shown(two, 1) is ShownState.SUCCESS)
            assert len((await saved(shift.ledger, batch.id)).attempts) == 1
        assert len(shift.runs_of("s3://acme/job.py")) == 1

    virtually(story())


def test_an_intent_that_was_left_behind_is_taken_over() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        created = (await shift.ledger.create(new(cluster="j-1", at=shift.clock.now()))).batch
        intent = replace(created.last, submit=SubmitState.INTENT, sent_at=None)
        await shift.ledger.save(created.with_last(intent))
        async with shift.at_work() as [work], shift.nature():
            await asyncio.sleep(4)
            assert not shift.runs_of("s3://acme/t00001.py")
            await until(lambda: shown(work, created.id) is ShownState.SUCCESS)

    virtually(story())


def test_a_queued_batch_that_livy_declines_ends_with_livys_words() -> None:
    async def story() -> None:
        shift = Shift()
        queued = (await shift.ledger.create(new(cluster="", at=shift.clock.now()))).batch
        shift.town.declines = (400, b'{"msg":"requirement failed: File is required."}')
        async with shift.at_work() as [work]:
            await until(lambda: work.recall(queued.id) and shown(work, queued.id) is ShownState.DEAD)
            assert "File is required" in (await saved(shift.ledger, queued.id)).why

    virtually(story())


def test_a_batch_deleted_while_it_is_sent_is_ended_whatever_livy_says() -> None:
    async def story() -> None:
        shift = Shift()
        queued = (await shift.ledger.create(new(cluster="", at=shift.clock.now()))).batch
        shift.town.declines = (503, b"")
        async with shift.at_work(upstream=Slow(shift.town)) as [work]:
            await until(lambda: work.board.on("j-1"))
            await work.delete(queued, ANYBODY)
            await until(lambda: not work.board.counts()["unfinished"])
            assert not (await saved(shift.ledger, queued.id)).unfinished

    virtually(story())


def test_a_client_that_leaves_while_its_batch_is_submitted_loses_nothing() -> None:
    async def story() -> None:
        shift = Shift()
        slow = Slow(shift.town)
        async with shift.at_work(upstream=slow) as [work], shift.nature():
            leaving = asyncio.create_task(work.submit(submission(), ANYBODY))
            await asyncio.sleep(0.5)
            leaving.cancel()
            await until(lambda: work.recall(1) and shown(work, 1) is ShownState.SUCCESS)
        assert len(shift.runs_of("s3://acme/job.py")) == 1

    virtually(story())


def test_what_is_under_way_is_finished_when_the_gateway_stops() -> None:
    async def story() -> None:
        shift = Shift()
        async with shift.at_work(upstream=Slow(shift.town)) as [work]:
            submitting = asyncio.create_task(work.submit(submission(), ANYBODY))
            await asyncio.sleep(0.5)
        await submitting
        assert (await saved(shift.ledger, 1)).last.submit is SubmitState.CONFIRMED

    virtually(story())


def test_a_gateway_that_dies_between_two_attempts_leaves_the_second_to_others() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        life = Life()
        await shift.publish()
        work = shift.work(ledger=Mortal(shift.ledger, life))
        async with shift.nature():
            running = asyncio.create_task(work.run())
            await until(lambda: len(takes(work)) == 2)
            for site in shift.town.sites.values():
                site.livy_up = False
            life.dies_at = len(life.points) + 4  # after the save that gives the batch to its second member
            submitting = asyncio.create_task(submitted(work))
            await life.died.wait()
            for task in (submitting, running):
                task.cancel()
            await asyncio.gather(submitting, running, return_exceptions=True)
            for site in shift.town.sites.values():
                site.livy_up = True
            async with shift.gateway("gw-2") as second:
                await until(lambda: second.recall(1) and shown(second, 1) is ShownState.SUCCESS, 300)
        assert len(shift.runs_of("s3://acme/job.py")) == 1

    virtually(story())


class Slow:
    """Members whose Livy takes two seconds over each submission."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> object:
        return getattr(self._port, name)

    async def submit(self, *given: object, **more: Mapping[str, object]) -> object:
        await asyncio.sleep(2)
        return await self._port.submit(*given, **more)  # type: ignore[attr-defined]
