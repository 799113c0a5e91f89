"""The ports as one process has them: calls take their time both ways, and meet with whatever the weather is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from emr_dr.core.evidence import ProbeResult
from emr_dr.core.group import Placement
from emr_dr.core.world import HostHealth
from emr_dr.errors import EmrDrError, PermanentError, ThrottledError, TransientError
from emr_dr.ports import (
    Balancer,
    ClusterFacts,
    Clusters,
    Difference,
    Hosts,
    MemberWork,
    Probes,
    ProvingRun,
    TargetFact,
    Unfinished,
)
from simulation.worlds.ground import Ground
from simulation.worlds.monitor import Deed
from simulation.worlds.process import Life

T = TypeVar("T")

CALLS = {"unprotect": "protect"}
"""What the cloud calls a deed, where that is another word."""
LOOKS = 10.0
"""There are so many looks for each deed."""


class Line:
    """How one process reaches the world."""

    def __init__(self, life: Life, ground: Ground) -> None:
        self.life = life
        self.ground = ground

    async def ask(self, do: Callable[[], Awaitable[T]], *, aws: bool = True) -> T:
        """Ask something; the process may have stopped, or died, when the answer arrives."""
        await self.life.gate()
        await self._travel()
        try:
            if aws:
                self._meet_aws()
            answer = await do()
        except EmrDrError:
            await self._back()
            raise
        await self._back()
        return answer

    async def deed(self, verb: str, subject: str, do: Callable[[], Awaitable[T]], *, aws: bool = True) -> T:
        """Have something done. Once sent it arrives, even if the process that sent it is gone by then."""
        await self.life.point(f"before {verb} {subject}")
        await self._travel()
        try:
            if aws:
                self._meet_aws()
            if self.ground.rng.random() < self.ground.weather.lost:
                self.ground.nature.faults.lose_reply(CALLS.get(verb, verb))
            self.ground.monitor.sent(Deed(self.life.holder, verb, subject))
            answer = await do()
        except EmrDrError:
            await self._back()
            raise
        await self._travel()
        await self.life.point(f"after {verb} {subject}")
        return answer

    def unreached(self, address: str) -> bool:
        """Whether the process does not reach a member at this address."""
        return self.life.host.isolated or address in self.life.host.hidden

    def _meet_aws(self) -> None:
        weather, rng = self.ground.weather, self.ground.rng
        if weather.aws_down or self.life.host.cut_from_aws:
            raise TransientError("AWS is out of reach")
        if weather.denied:
            raise PermanentError("the security token included in the request is expired")
        if weather.throttled and rng.random() < weather.throttled:
            raise ThrottledError("AWS asks to slow down")

    async def _travel(self) -> None:
        rng, slow = self.ground.rng, self.ground.weather.slow
        if slow:
            await asyncio.sleep(rng.uniform(0, slow))
        elif rng.random() < 0.3:
            await asyncio.sleep(rng.uniform(0, 0.3))

    async def _back(self) -> None:
        await self._travel()
        await self.life.gate()


class LineClusters:
    """`Clusters` of one process."""

    def __init__(self, line: Line, inner: Clusters) -> None:
        self._line, self._inner = line, inner

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        async def do() -> str:
            self._line.ground.monitor.calls(number)
            if self._line.ground.weather.refusals:
                raise PermanentError(self._line.ground.weather.refusals.pop(0))
            return await self._inner.launch(number, origin, placement)

        return await self._line.deed("launch", str(number), do)

    async def find(self) -> Sequence[ClusterFacts]:
        found = await self._line.ask(self._inner.find)
        await self._line.life.point("after a look", seldom=LOOKS)
        return found

    async def describe(self, cluster_id: str) -> ClusterFacts:
        return await self._line.ask(lambda: self._inner.describe(cluster_id))

    async def differences(self, cluster_id: str, placement: Placement) -> Sequence[Difference]:
        return await self._line.ask(lambda: self._inner.differences(cluster_id, placement))

    async def protect(self, cluster_id: str, *, on: bool) -> None:
        verb = "protect" if on else "unprotect"
        await self._line.deed(verb, cluster_id, lambda: self._inner.protect(cluster_id, on=on))

    async def terminate(self, cluster_id: str) -> None:
        await self._line.deed("terminate", cluster_id, lambda: self._inner.terminate(cluster_id))


class LineBalancer:
    """`Balancer` of one process."""

    def __init__(self, line: Line, inner: Balancer) -> None:
        self._line, self._inner = line, inner

    async def targets(self) -> Sequence[TargetFact]:
        return await self._line.ask(self._inner.targets)

    async def register(self, address: str) -> None:
        await self._line.deed("register", address, lambda: self._perhaps_torn(address, self._inner.register))

    async def deregister(self, address: str) -> None:
        await self._line.deed("deregister", address, lambda: self._perhaps_torn(address, self._inner.deregister))

    async def _perhaps_torn(self, address: str, do: Callable[[str], Awaitable[None]]) -> None:
        """Each target group takes a call of its own, and any of them may fail."""
        ground = self._line.ground
        was = [replace(r) for r in ground.nature.registrations]
        await do(address)
        if ground.weather.torn and ground.rng.random() < ground.weather.torn:
            ground.nature.tear(address, was)
            raise TransientError("one target group gave no answer", where=address)

    async def address(self) -> str:
        return await self._line.ask(self._inner.address)


class LineHosts:
    """`Hosts` of one process."""

    def __init__(self, line: Line, inner: Hosts) -> None:
        self._line, self._inner = line, inner

    async def health(self, instances: Sequence[str]) -> Mapping[str, HostHealth]:
        words = await self._line.ask(lambda: self._inner.health(instances))
        impaired = {cluster.replace("j-", "i-") for cluster in self._line.ground.nature.impaired}
        return {i: HostHealth.IMPAIRED if i in impaired and w is HostHealth.OK else w for i, w in words.items()}

    async def all_ended(self, cluster_id: str) -> int:
        return await self._line.ask(lambda: self._inner.all_ended(cluster_id))


class LineProbes:
    """`Probes` of one process; `inner` sees all, and what this one does not reach is left out here."""

    def __init__(self, line: Line, inner: Probes) -> None:
        self._line, self._inner = line, inner

    async def controls(self) -> Sequence[ProbeResult]:
        await self._line.life.gate()
        ok = not self._line.life.host.isolated
        return [ProbeResult("control.memory:443", ok, "connected" if ok else "no route to host")]

    async def check(self, address: str) -> Sequence[ProbeResult]:
        await self._line.life.gate()
        if self._line.unreached(address):
            return [ProbeResult(s, ok=False, detail="no route to host") for s in self._line.ground.nature.checked]
        return await self._inner.check(address)

    async def identity(self, address: str) -> str:
        await self._line.life.gate()
        if self._line.unreached(address):
            raise TransientError("no route to host", where=address)
        return await self._inner.identity(address)


class LineWork:
    """`MemberWork` of one process."""

    def __init__(self, line: Line, inner: MemberWork) -> None:
        self._line, self._inner = line, inner

    async def proving(self, address: str, name: str) -> ProvingRun:
        return await self._line.ask(self._at(address, lambda: self._inner.proving(address, name)), aws=False)

    async def prove(self, address: str, name: str) -> None:
        do = self._at(address, lambda: self._inner.prove(address, name))
        await self._line.deed("prove", address, do, aws=False)

    async def idle(self, address: str) -> bool:
        return await self._line.ask(self._at(address, lambda: self._inner.idle(address)), aws=False)

    async def unfinished(self, address: str) -> Sequence[Unfinished]:
        return await self._line.ask(self._at(address, lambda: self._inner.unfinished(address)), aws=False)

    async def stop(self, address: str, epoch: int) -> None:
        do = self._at(address, lambda: self._inner.stop(address, epoch))
        await self._line.deed("stop", address, do, aws=False)

    def _at(self, address: str, do: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        async def reached() -> T:
            if self._line.unreached(address):
                raise TransientError("no route to host", where=address)
            return await do()

        return reached
