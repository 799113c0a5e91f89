"""Gateways at work over a model of members: one ledger, one store, and as many gateways as a story needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from emr_dr.core.batch import Batch, ShownState
from emr_dr.core.view import MemberView
from emr_dr.gateway.calls import Caller, Shown, Submission
from emr_dr.gateway.work import Work
from emr_dr.ports import Ledger
from emr_dr.stores import MemoryLedger, MemoryStore
from gateway.scenes import publish
from gateway.town import GROUP, App, Site, Town, view
from gateway.virtual import LoopClock, until

JOB: dict[str, object] = {"file": "s3://acme/job.py"}
ANYBODY = Caller()


class Shift:
    """The world of one story."""

    def __init__(self, *clusters: str) -> None:
        self.town = Town(*(clusters or ("j-1",)))
        self.store = MemoryStore()
        self.ledger = MemoryLedger()
        self.clock = LoopClock()
        self.views = {cluster: view(cluster) for cluster in self.town.sites}

    async def publish(self, *changed: MemberView) -> None:
        self.views |= {each.cluster_id: each for each in changed}
        await publish(self.store, *self.views.values())

    @asynccontextmanager
    async def gateway(self, name: str = "gw-1", **more: object) -> AsyncIterator[Work]:
        """A gateway that has begun to work; it is stopped with the block."""
        work = self.work(name, **more)
        running = asyncio.create_task(work.run())
        try:
            await until(lambda: running.done() or not work.situation().troubles)
            yield work
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def work(self, name: str = "gw-1", **more: object) -> Work:
        """A gateway that has not begun; keywords are those of `Work`."""
        given: dict[str, Any] = {
            "store": self.store,
            "ledger": self.ledger,
            "upstream": self.town,
            "clock": self.clock,
        }
        return Work(GROUP, name, **given | more)

    @asynccontextmanager
    async def at_work(self, *names: str, **more: object) -> AsyncIterator[list[Work]]:
        """Gateways over published members that take work."""
        await self.publish()
        async with self.gateway(names[0] if names else "gw-1", **more) as first:
            await until(lambda: takes(first) == {c for c, v in self.views.items() if v.accepts_new})
            if len(names) > 1:
                async with self.gateway(names[1], **more) as second:
                    await until(lambda: takes(second) == takes(first))
                    yield [first, second]
            else:
                yield [first]

    @asynccontextmanager
    async def nature(self, *, starts: float = 3.0, runs: float = 20.0) -> AsyncIterator[None]:
        """What is submitted comes to YARN after a while, runs and succeeds."""
        going = asyncio.create_task(self._live(starts, runs))
        try:
            yield
        finally:
            going.cancel()
            with suppress(asyncio.CancelledError):
                await going

    async def _live(self, starts: float, runs: float) -> None:
        began: dict[str, float] = {}
        while True:
            await asyncio.sleep(starts)
            now = self.clock.steady()
            for site in self.town.sites.values():
                for app in [a for a in site.apps.values() if not a.ended]:
                    if now - began.setdefault(app.id, now) >= runs:
                        site.run(app, "SUCCEEDED")
                    else:
                        site.run(app)
                for record in list(site.underway):
                    site.launch(record)

    def site(self, cluster: str = "j-1") -> Site:
        return self.town.sites[cluster]

    def runs_of(self, job: str) -> list[App]:
        """Every application that ever began for a job."""
        return [a for site in self.town.sites.values() for a in site.apps.values() if a.job == job]


def takes(work: Work) -> set[str]:
    """The members that the gateway gives work to."""
    return {s.view.cluster_id for s in work.situation().members if s.takes_work}


def submission(**more: Any) -> Submission:  # noqa: ANN401 - as dataclasses.replace has it
    return replace(Submission(JOB), **more)


def shown(work: Work, batch_id: int) -> ShownState:
    found = work.recall(batch_id)
    assert found is not None
    return found.batch.shown


async def submitted(work: Work, **more: object) -> Batch:
    return (await work.submit(submission(**more), ANYBODY)).batch


async def saved(ledger: Ledger, batch_id: int) -> Batch:
    batch = await ledger.read(batch_id)
    assert batch is not None
    return batch


def log_of(found: Shown | None) -> tuple[str, ...]:
    assert found is not None
    return found.log
