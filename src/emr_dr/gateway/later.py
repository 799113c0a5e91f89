"""What goes on after its caller was answered, and is waited for when the gateway stops."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import structlog

from emr_dr.errors import EmrDrError

T = TypeVar("T")
log = structlog.get_logger("emr_dr.gateway")


class Later:
    """Tasks that outlive their callers. One that fails for a reason of ours is logged; a bug ends the gateway."""

    def __init__(self) -> None:
        self._answered: set[asyncio.Task[object]] = set()
        self._tasks: set[asyncio.Task[object]] = set()
        self._broken: asyncio.Future[None] | None = None
        self._bug: BaseException | None = None

    def start(self, work: Coroutine[object, object, T], name: str = "", *, answered: bool = False) -> "asyncio.Task[T]":
        """Have it done, whoever waits for it or not; `answered`: its failure is told to the caller, and is theirs."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        if answered:
            self._answered.add(task)
        task.add_done_callback(self._done)
        return task

    async def watch(self) -> None:
        """Wait for the first bug, and raise it."""
        self._broken = asyncio.get_running_loop().create_future()
        if self._bug is not None:
            raise self._bug
        await self._broken

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, so long at most, and cancel the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        answered = task in self._answered
        self._answered.discard(task)
        if task.cancelled() or (error := task.exception()) is None or answered:
            return
        if isinstance(error, EmrDrError):
            log.warning("task_failed", task=task.get_name(), reason=str(error))
            return
        self._bug = self._bug or error
        if self._broken is not None and not self._broken.done():
            self._broken.set_exception(error)
