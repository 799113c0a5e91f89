"""Losses as gateways at work live through them: tracker, dispatcher, cleaner and rescuer together, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

from structlog.testing import capture_logs

from emr_dr.core.batch import Batch, RescueClass, ShownState, SubmitState
from emr_dr.core.view import Proof, ProofKind
from emr_dr.gateway.rescuer import Rescuer
from emr_dr.gateway.work import Work
from emr_dr.stores import MemoryLedger
from gateway.shift import ANYBODY, Shift, saved, shown, submitted, takes
from gateway.town import GROUP, out
from gateway.virtual import until, virtually

JOB = "s3://acme/job.py"


@asynccontextmanager
async def rescuing(shift: Shift, *names: str) -> AsyncIterator[list[Rescuer]]:
    """Each gateway's rescuer, at work."""
    rescuers = [Rescuer(GROUP, name, shift.store, shift.ledger, shift.clock) for name in names]
    tasks = [asyncio.create_task(rescuer.run()) for rescuer in rescuers]
    try:
        yield rescuers
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def declare_dead(shift: Shift, cluster: str, kind: ProofKind = ProofKind.TERMINATED) -> None:
    if kind is ProofKind.TERMINATED:
        shift.site(cluster).end()
    await shift.publish(replace(out(shift.views[cluster]), death=Proof(kind, shift.clock.now(), "seen")))


async def on_the_first(shift: Shift, work: Work, rescue: RescueClass = RescueClass.IDEMPOTENT) -> Batch:
    """A batch that runs on j-1, the other member being full for a moment."""
    shift.site("j-2").livy_up = False
    await until(lambda: takes(work) == {"j-1"})
    batch = await submitted(work, rescue=rescue)
    shift.site("j-2").livy_up = True
    await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
    await until(lambda: takes(work) == {"j-1", "j-2"})
    return batch


def test_a_batch_whose_member_died_goes_on_under_its_number_and_is_never_shown_an_end_in_between() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work("gw-1", "gw-2") as [work, other], shift.nature(runs=60), rescuing(shift, "g-1"):
            batch = await on_the_first(shift, work)
            await declare_dead(shift, "j-1")
            seen = list[ShownState]()
            for _ in range(600):
                for gateway in (work, other):
                    seen.append(shown(gateway, batch.id))
                await asyncio.sleep(0.25)
            assert list(dict.fromkeys(seen)) == [ShownState.RUNNING, ShownState.STARTING, ShownState.SUCCESS]
        kept = await saved(shift.ledger, batch.id)
        assert [a.cluster_id for a in kept.attempts] == ["j-1", "j-2"]
        assert [app.wrote for app in shift.runs_of(JOB)] == [False, True]

    virtually(story())


def test_of_a_batch_of_class_never_the_client_is_told_that_it_is_dead_and_why() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work() as [work], shift.nature(runs=60), rescuing(shift, "g-1"):
            batch = await on_the_first(shift, work, RescueClass.NEVER)
            await declare_dead(shift, "j-1")
            await until(lambda: shown(work, batch.id) is ShownState.DEAD)
            page = await work.log(await saved(shift.ledger, batch.id), -1, 10)
            assert "cluster lost; not retry-safe" in page.lines[-1]
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_a_member_that_returns_after_its_batch_was_resubmitted_loses_the_old_run_before_it_works() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work() as [work], shift.nature(runs=300), rescuing(shift, "g-1"):
            batch = await on_the_first(shift, work)
            old = shift.runs_of(JOB)[0]
            shift.site("j-1").cut = shift.site("j-1").denied = True
            await declare_dead(shift, "j-1", ProofKind.ROLE_DENIED)
            await until(lambda: shown(work, batch.id) is ShownState.STARTING)
            await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
            shift.site("j-1").cut = False
            await until(lambda: old.state == "KILLED", 20)
            assert takes(work) == {"j-2"}
            await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 400)
        assert [app.wrote for app in shift.runs_of(JOB)] == [False, True]

    virtually(story())


def test_a_run_that_fails_because_its_member_is_denied_is_not_taken_for_the_jobs_own_failure() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work() as [work], shift.nature(runs=60):
            batch = await on_the_first(shift, work)
            await declare_dead(shift, "j-1", ProofKind.ROLE_DENIED)
            await asyncio.sleep(2)
            shift.site("j-1").run(shift.runs_of(JOB)[0], "FAILED")
            await asyncio.sleep(20)
            assert shown(work, batch.id) is ShownState.RUNNING, "nobody has rescued it yet"
            async with rescuing(shift, "g-1"):
                await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 200)

    virtually(story())


def test_a_gateway_that_is_cut_off_from_everything_judges_and_rescues_nothing() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work() as [work], shift.nature(runs=900), rescuing(shift, "g-1") as [rescuer]:
            batches = [await submitted(work, rescue=RescueClass.IDEMPOTENT) for _ in range(10)]
            await until(lambda: all(shown(work, b.id) is ShownState.RUNNING for b in batches))
            shift.town.blind = True
            with capture_logs() as logs:
                await asyncio.sleep(600)
            assert all(shown(work, b.id) is ShownState.RUNNING for b in batches)
            assert rescuer.counts.rescued == 0
            verdicts = {"batch_judged", "batch_rescued", "batch_not_rescued", "batch_ended", "batch_dispatched"}
            assert not verdicts & {line["event"] for line in logs}

    virtually(story())


def test_a_batch_deleted_during_the_recovery_leaves_a_tombstone_and_never_runs_again() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work() as [work], shift.nature(runs=300), rescuing(shift, "g-1"):
            batch = await on_the_first(shift, work)
            shift.site("j-1").cut = True
            await shift.publish(out(shift.views["j-1"]))
            await asyncio.sleep(30)
            await work.delete(batch, ANYBODY)
            assert await work.find(str(batch.id)) is None
            await declare_dead(shift, "j-1")
            await asyncio.sleep(60)
            kept = await saved(shift.ledger, batch.id)
            assert (len(kept.attempts), kept.listed, kept.unfinished) == (1, False, False)
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())


def test_two_gateways_that_race_on_one_loss_resubmit_each_batch_once() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with AsyncExitStack() as stack:
            one, two = await stack.enter_async_context(shift.at_work("gw-1", "gw-2"))
            await stack.enter_async_context(shift.nature(runs=60))
            rescuers = await stack.enter_async_context(rescuing(shift, "g-1", "g-2"))
            batches = [await submitted(one, rescue=RescueClass.IDEMPOTENT) for _ in range(20)]
            await asyncio.sleep(1)
            await until(lambda: all(shown(two, b.id) is ShownState.RUNNING for b in batches))
            lost = [b for b in batches if b.last.cluster_id == "j-1"]
            await declare_dead(shift, "j-1")
            await until(lambda: all(shown(two, b.id) is ShownState.SUCCESS for b in batches), 300)
            assert 0 < len(lost) < 20
            assert sum(rescuer.counts.rescued for rescuer in rescuers) == len(lost)
        kept = [await saved(shift.ledger, b.id) for b in batches]
        assert sum(len(batch.attempts) - 1 for batch in kept) == len(lost)
        assert sum(app.wrote for app in shift.runs_of(JOB)) == 20

    virtually(story())


def test_with_ec2_never_confirming_nothing_is_rescued_until_a_person_says_so() -> None:
    async def story() -> None:
        shift = Shift("j-1", "j-2")
        async with shift.at_work() as [work], shift.nature(runs=10_000), rescuing(shift, "g-1") as [rescuer]:
            batch = await on_the_first(shift, work)
            shift.site("j-1").cut = True
            await shift.publish(out(shift.views["j-1"]))
            with capture_logs() as logs:
                await asyncio.sleep(1800)
            assert shown(work, batch.id) is ShownState.RUNNING
            assert any(line["event"] == "rescue_waits" and "j-1 is fenced" in line["why"] for line in logs)
            assert rescuer.counts.numbers()["rescue_held_no_proof"] == 1
            shift.site("j-1").end()
            await declare_dead(shift, "j-1", ProofKind.PERSON)
            await until(lambda: shown(work, batch.id) is ShownState.STARTING)
            await until(lambda: shown(work, batch.id) is ShownState.RUNNING)
            loss = rescuer.counts.losses["j-1"]
            assert loss.proof_seconds >= 1800
            assert loss.rescue_seconds is not None
            assert loss.rescue_seconds < 10

    virtually(story())


def test_a_gateway_that_stood_still_between_its_save_and_the_sending_does_not_send_hours_later() -> None:
    class Stopping(MemoryLedger):
        """The process that saves the first `sent` is stopped right after it, for long."""

        stops = True

        async def save(self, batch: Batch) -> Batch:
            kept = await super().save(batch)
            if self.stops and batch.last.submit is SubmitState.SENT:
                self.stops = False
                await asyncio.sleep(400)
            return kept

    async def story() -> None:
        shift = Shift("j-1")
        shift.ledger = Stopping()
        async with shift.at_work("gw-1", "gw-2") as [work, _], shift.nature(runs=600):
            shift.site().livy_up = False
            await until(lambda: not takes(work))
            batch = await submitted(work, rescue=RescueClass.NEVER)
            assert batch.shown is ShownState.NOT_STARTED
            shift.site().livy_up = True
            await asyncio.sleep(500)
            kept = await saved(shift.ledger, batch.id)
            assert [a.submit for a in kept.attempts] == [SubmitState.FAILED, SubmitState.CONFIRMED]
        assert len(shift.runs_of(JOB)) == 1

    virtually(story())
