"""Who brings the service back: `emr-dr watch`, or the post's procedure under a schedule. A run treats both alike."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.failover.cases import Case, Contender, Rules
from benchmarks.failover.outcome import Started
from benchmarks.failover.schedule import Schedule, of_procedure
from emr_dr.lab.demo.processes import end, read_events, start_watch
from emr_dr.lab.demo.scene import Scene

TOLD = ("verdict_changed", "stage_changed", "entitlement_moved", "refused", "group_held")
"""Of what `watch` says, what tells where its seconds went."""
SETTLES = 30.0
"""Seconds for the balancer's checks, after the last process of a schedule that is used up has ended."""


class Recovery(Protocol):
    """Somebody who watches over the service."""

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Watch until the block ends."""
        ...

    async def moment(self) -> None:
        """Wait for the moment at which the disaster is to strike."""
        ...

    def struck(self, cluster: str) -> None:
        """Note that the disaster struck."""
        ...

    async def finished(self, *, serves: bool) -> bool:
        """Whether nothing more is to be expected; `serves` is whether the address answers."""
        ...

    def starts(self, since: float) -> Sequence[Started]:
        """What was started by a schedule after `since`."""
        ...

    def events(self, since: float) -> Sequence[Mapping[str, Any]]:
        """What was told after `since`."""
        ...


@dataclass
class Ours:
    """`emr-dr watch`, from a cluster that serves to another that does."""

    scene: Scene
    _events: list[dict[str, Any]] = field(default_factory=list)
    _lost: str = ""

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Run `watch` until the block ends."""
        process = await start_watch(str(self.scene.spec), env=self.scene.env)
        reading = asyncio.create_task(read_events(process, self._note))
        try:
            yield
        finally:
            await end(process)
            await reading

    async def moment(self) -> None:
        """Any moment will do: it looks every two seconds."""

    def struck(self, cluster: str) -> None:
        """Note which cluster was lost."""
        self._lost = cluster

    async def finished(self, *, serves: bool) -> bool:
        """Whether one healthy member serves, and what was lost has ended."""
        status = await self.scene.status()
        members = status["members"]
        return (
            serves
            and [m["stage"] for m in members] == ["serving"]
            and members[0]["cluster"] != self._lost
            and status["answer"] == "healthy"
            and await self.scene.running() == 1
        )

    def starts(self, since: float) -> Sequence[Started]:
        """There is no schedule."""
        del since
        return ()

    def events(self, since: float) -> Sequence[Mapping[str, Any]]:
        """Stages and verdicts, with the seconds after `since`."""
        kept = [e for e in self._events if e["event"] in TOLD and e["seen"] >= since]
        return [
            {"at": round(e["seen"] - since, 1), **{k: v for k, v in e.items() if k in _SHOWN and v is not None}}
            for e in kept
        ]

    def _note(self, told: Mapping[str, Any]) -> None:
        self._events.append({**told, "seen": time.time()})


_SHOWN = ("event", "member", "cluster", "from", "to", "az", "reason", "why")


@dataclass
class Posts:
    """The post's procedure under a schedule, which always has the first cluster's id."""

    schedule: Schedule
    case: Case
    rules: Rules
    _before: int = 0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Run the schedule until the block ends; what it has started ends with it."""
        running = asyncio.create_task(self.schedule.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def moment(self) -> None:
        """Wait for the middle between two starts."""
        await self.schedule.until_before_next(self.rules.phase)

    def struck(self, cluster: str) -> None:
        """From now on the schedule makes no more than its number of starts."""
        del cluster
        self._before = len(self.schedule.starts)
        self.schedule.only(self.rules.starts)

    async def finished(self, *, serves: bool) -> bool:
        """Whether all starts have ended, and the last found nothing to do or was the last there is."""
        since = self.schedule.starts[self._before :]
        if self.schedule.running or not since:
            return False
        if serves and since[-1].found_healthy:
            return True
        ended = max(each.ended_at or time.time() for each in since)
        return self.schedule.used_up and time.time() > ended + self.case.propagation + SETTLES

    def starts(self, since: float) -> Sequence[Started]:
        """Each start after `since`, with the lines that it printed."""
        return [
            Started(
                round(each.at - since, 1),
                None if each.ended_at is None else round(each.ended_at - since, 1),
                each.process.returncode,
                each.done,
                each.said(),
            )
            for each in self.schedule.starts
            if each.at >= since
        ]

    def events(self, since: float) -> Sequence[Mapping[str, Any]]:
        """It tells nothing but what its starts print."""
        del since
        return ()


def recovery(contender: Contender, scene: Scene, *, first: str, address: str, case: Case, rules: Rules) -> Recovery:
    """Return whoever is to bring the service at `address` back, which cluster `first` serves now."""
    if contender is Contender.OURS:
        return Ours(scene)
    folder = scene.folder / "schedule"
    return Posts(of_procedure(first, address, scene.env, folder=folder, rules=rules), case, rules)
