"""A gateway over real HTTP: stand-in members of this process, the SQLite ledger, and the wall's time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from emr_dr.controller.clock import WallClock
from emr_dr.core.batch import ShownState
from emr_dr.gateway.work import Work
from emr_dr.lab.standin import StandInMember
from emr_dr.lab.standin.faults import Does
from emr_dr.spec.gateway import Gateway
from emr_dr.stores import MemoryStore, SqliteLedger
from emr_dr.upstream import MemberUpstream, Times
from gateway.members import Members
from gateway.scenes import publish
from gateway.shift import ANYBODY, shown, submitted, takes
from gateway.town import GROUP
from gateway.virtual import until

TIMES = Times(connect=0.5, look=1, list=1, submit=0.6, delete=2)


@asynccontextmanager
async def gateway(folder: Path, *members: StandInMember) -> AsyncIterator[Work]:
    """A gateway that is at work over these members."""
    store, ledger, upstream = MemoryStore(), SqliteLedger(folder / "emr-dr.db", GROUP), MemberUpstream(times=TIMES)
    await publish(store, *(member.view() for member in members))
    settings = Gateway.model_validate({"staleness": "0.2s"})
    work = Work(GROUP, "gw-1", store=store, ledger=ledger, upstream=upstream, clock=WallClock(), settings=settings)
    running = asyncio.create_task(work.run())
    try:
        await until(lambda: running.done() or takes(work) == {m.cluster_id for m in members}, 10)
        yield work
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await upstream.close()
        await ledger.close()


async def test_a_batch_goes_to_its_end(members: Members, tmp_path: Path) -> None:
    member = await members.start()
    async with gateway(tmp_path, member) as work:
        batch = await submitted(work)
        assert batch.shown is ShownState.STARTING
        await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 20)
        page = await work.log(batch, 0, 100)
        assert page.total == len(page.lines) > 0


@pytest.mark.parametrize("does", [Does.LOSE_REPLY, Does.HOLD_REPLY])
async def test_an_answer_that_is_lost_is_found_out_and_nothing_runs_twice(
    members: Members, tmp_path: Path, does: Does
) -> None:
    member = await members.start()
    async with gateway(tmp_path, member) as work:
        member.fault(does, "POST", "/batches", times=1)
        batch = await submitted(work)
        await until(lambda: shown(work, batch.id) is ShownState.SUCCESS, 20)
    assert member.requests["livy POST /batches"] == 1


async def test_a_busy_livy_is_passed_over(members: Members, tmp_path: Path) -> None:
    one, two = await members.start(), await members.start()
    async with gateway(tmp_path, one, two) as work:
        one.fault(Does.REFUSE, "POST", "/batches", status=503)
        for _ in range(3):
            assert (await submitted(work)).last.cluster_id in ("j-1", "j-2")
        await until(lambda: all(shown(work, n) is ShownState.SUCCESS for n in (1, 2, 3)), 30)
        assert two.requests["livy POST /batches"] == 3


async def test_a_frozen_member_is_passed_over_and_its_batches_go_on_when_it_thaws(
    members: Members, tmp_path: Path
) -> None:
    one, two = await members.start(), await members.start()
    async with gateway(tmp_path, one, two) as work:
        first = await submitted(work)
        frozen, other = (one, two) if first.last.cluster_id == "j-1" else (two, one)
        frozen.freeze("livy")
        frozen.freeze("resource-manager")
        await until(lambda: takes(work) == {other.cluster_id}, 10)
        second = await submitted(work)
        await until(lambda: shown(work, second.id) is ShownState.SUCCESS, 20)
        assert shown(work, first.id) is not ShownState.DEAD
        frozen.heal()
        await until(lambda: shown(work, first.id) is ShownState.SUCCESS, 20)


async def test_a_deleted_batch_is_killed_in_yarn(members: Members, tmp_path: Path) -> None:
    member = await members.start()
    async with gateway(tmp_path, member) as work:
        batch = await submitted(work)
        await until(lambda: shown(work, batch.id) is ShownState.RUNNING, 20)
        await work.delete(batch, ANYBODY)
        await until(lambda: not work.board.on("j-1"), 20)
        assert await work.find("1") is None
