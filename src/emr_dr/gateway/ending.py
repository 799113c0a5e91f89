"""Ends the runs of deleted batches on their members, over and over until it is read back that they have ended."""

import asyncio

import structlog

from emr_dr.core.batch import Batch
from emr_dr.core.view import MemberView
from emr_dr.errors import EmrDrError
from emr_dr.gateway.later import Later
from emr_dr.ports import Clock, Upstream

AGAIN = 5.0
"""Seconds between two tries."""

AT_ONCE = 8

log = structlog.get_logger("emr_dr.gateway")


class Ender:
    """Asks Livy to forget a run, and YARN to kill it. Reading back that it ended is the tracker's."""

    def __init__(self, upstream: Upstream, clock: Clock, later: Later) -> None:
        self._upstream = upstream
        self._clock = clock
        self._later = later
        self._tried: dict[int, float] = {}
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    def end(self, member: MemberView, batch: Batch) -> "asyncio.Task[None] | None":
        """Try it now, unless it was tried just before; return what is under way."""
        if batch.id in self._under_way:
            return self._under_way[batch.id]
        now = self._clock.steady()
        if now - self._tried.get(batch.id, -AGAIN) < AGAIN:
            return None
        if len(self._tried) > 10_000:  # noqa: PLR2004 - far more than are under way at once
            self._tried.clear()
        self._tried[batch.id] = now
        task = self._under_way[batch.id] = self._later.start(self._end(member, batch), "end")
        task.add_done_callback(lambda _: self._under_way.pop(batch.id, None))
        return task

    async def _end(self, member: MemberView, batch: Batch) -> None:
        async with self._places:
            # A Livy that hangs must not keep YARN from killing, nor the other way round.
            for failure in await asyncio.gather(
                self._on_livy(member, batch), self._on_yarn(member, batch), return_exceptions=True
            ):
                if isinstance(failure, EmrDrError):
                    log.info("run_not_ended_yet", batch=batch.id, cluster=member.cluster_id, reason=str(failure))
                elif failure is not None:
                    raise failure

    async def _on_livy(self, member: MemberView, batch: Batch) -> None:
        """By name first: a Livy that lost its store gives old numbers to other jobs."""
        name = batch.last.unique_name
        record = await self._upstream.batch(member, name)
        if record is not None and record.name == name:
            await self._upstream.delete(member, record.id)

    async def _on_yarn(self, member: MemberView, batch: Batch) -> None:
        for application in await self._upstream.applications(member, batch.last.yarn_tag):
            if not application.ended:
                await self._upstream.kill(member, application.id)
