"""Losses over real HTTP: two gateways with their rescuers, stand-in members, one SQLite file, and the wall's time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from emr_dr.controller.clock import WallClock
from emr_dr.core.batch import Batch, RescueClass, ShownState
from emr_dr.core.view import Proof, ProofKind
from emr_dr.gateway.rescuer import Rescuer
from emr_dr.gateway.work import Work
from emr_dr.lab.standin import StandInMember
from emr_dr.spec.gateway import Gateway
from emr_dr.stores import SqliteLedger, SqliteStore
from emr_dr.upstream import MemberUpstream, Times
from gateway.members import Members
from gateway.scenes import publish
from gateway.shift import JOB, saved, shown, submitted, takes
from gateway.town import GROUP, out
from gateway.virtual import until

TIMES = Times(connect=0.5, look=1, list=1, submit=1, delete=2)


@asynccontextmanager
async def gateway(folder: Path, name: str, *members: StandInMember) -> AsyncIterator[tuple[Work, Rescuer]]:
    """One gateway with its rescuer, on files of its own handles."""
    store, ledger = SqliteStore(folder / "emr-dr.db"), SqliteLedger(folder / "emr-dr.db", GROUP)
    upstream, clock = MemberUpstream(times=TIMES), WallClock()
    settings = Gateway.model_validate({"staleness": "0.4s"})
    work = Work(GROUP, name, store=store, ledger=ledger, upstream=upstream, clock=clock, settings=settings)
    rescuer = Rescuer(GROUP, name, store, ledger, clock)
    tasks = [asyncio.create_task(work.run()), asyncio.create_task(rescuer.run())]
    try:
        await until(lambda: any(t.done() for t in tasks) or takes(work) == {m.cluster_id for m in members}, 10)
        yield work, rescuer
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await upstream.close()
        await ledger.close()
        await store.close()


async def submit_on_both(work: Work, count: int, seconds: float) -> list[Batch]:
    """Batches of which every fourth is of class never, spread over both members."""
    batches = []
    for n in range(count):
        rescue = RescueClass.NEVER if n % 4 == 3 else RescueClass.IDEMPOTENT
        request = {**JOB, "args": [f"seconds={seconds}"]}
        batches.append(await submitted(work, rescue=rescue, request=request))
    return batches


async def test_of_a_member_that_is_lost_every_batch_comes_to_its_true_end_under_its_number_and_none_runs_twice(
    members: Members, tmp_path: Path
) -> None:
    one, two = await members.start(), await members.start()
    store = SqliteStore(tmp_path / "emr-dr.db")
    await publish(store, one.view(), two.view())
    async with AsyncExitStack() as stack:
        work, first = await stack.enter_async_context(gateway(tmp_path, "gw-1", one, two))
        other, second = await stack.enter_async_context(gateway(tmp_path, "gw-2", one, two))
        batches = await submit_on_both(work, 20, 600.0)
        lost = [b for b in batches if b.last.cluster_id == "j-1"]
        await until(lambda: sum(shown(work, b.id) is ShownState.RUNNING for b in lost) >= 3, 15)
        await one.lose()
        death = Proof(ProofKind.TERMINATED, WallClock().now(), "its machine is gone")
        await publish(store, replace(out(one.view()), death=death), two.view())
        again = [b for b in lost if b.rescue is not RescueClass.NEVER]
        await until(lambda: all(_runs_on(other, b, "j-2") for b in again), 30)
        members.clock.skip(600.0)
        await until(lambda: all(shown(other, b.id).terminal for b in batches), 60)
        await until(lambda: not (first.counts.waits or second.counts.waits), 10)
        kept = [await saved(work.books.ledger, b.id) for b in batches]
        rescued = [b for b in kept if len(b.attempts) > 1]
        loss = {**first.counts.losses, **second.counts.losses}["j-1"]
    await store.close()
    runs = members.journal()
    assert not runs.at_once()
    assert not runs.completed_twice()
    assert [b.id for b in rescued] == [b.id for b in again]
    assert len(rescued) >= 3
    for batch in kept:
        done = any(run.completed for run in runs.by_batch()[batch.yarn_tag])
        assert batch.shown is (ShownState.SUCCESS if done else ShownState.DEAD)
        assert done or (batch.rescue is RescueClass.NEVER and "not retry-safe" in batch.why)
        assert batch.rescue is not RescueClass.NEVER or len(runs.by_batch()[batch.yarn_tag]) <= 1
    assert first.counts.rescued + second.counts.rescued == len(rescued)
    assert loss.rescue_seconds is not None
    assert loss.rescue_seconds < 30


async def test_a_member_that_was_black_holed_and_denied_loses_its_old_runs_when_it_is_back(
    members: Members, tmp_path: Path
) -> None:
    one, two = await members.start(), await members.start()
    store = SqliteStore(tmp_path / "emr-dr.db")
    await publish(store, one.view(), two.view())
    async with gateway(tmp_path, "gw-1", one, two) as (work, _):
        batches = await submit_on_both(work, 6, 600.0)
        await until(lambda: all(shown(work, b.id) is ShownState.RUNNING for b in batches), 15)
        mine = [b for b in batches if b.last.cluster_id == "j-1"]
        await one.cut_off()
        death = Proof(ProofKind.ROLE_DENIED, WallClock().now(), "its role is denied")
        await publish(store, replace(out(one.view()), death=death), two.view())
        again = [b for b in mine if b.rescue is not RescueClass.NEVER]
        assert again, "they are spread over both"
        await until(lambda: all(_runs_on(work, b, "j-2") for b in again), 30)
        await one.come_back()
        await until(lambda: all(run.end for run in members.journal().all if run.address == one.address), 30)
        assert takes(work) == {"j-2"}
        ends = {run.end for run in members.journal().all if run.address == one.address}
        assert ends == {"killed"}
        assert all(_runs_on(work, b, "j-2") for b in again)
    await store.close()


def _runs_on(work: Work, batch: Batch, cluster: str) -> bool:
    found = work.recall(batch.id)
    return found is not None and found.batch.shown is ShownState.RUNNING and found.batch.last.cluster_id == cluster
