"""Ports to the simulated world that have a fault or a slowness of their own."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from emr_dr.core.document import Document
from emr_dr.core.evidence import ProbeResult, Sighting
from emr_dr.core.group import Placement, Stage
from emr_dr.core.view import MemberView
from emr_dr.errors import OutcomeUnknownError, TransientError
from emr_dr.lab.memory import MemoryBalancer, MemoryCloud, MemoryClusters, MemoryProbes, Moment
from emr_dr.ports import ClusterFacts, Difference, JournalEntry, TargetFact, TargetHealth
from simulation.harness import MortalStore

Pause = Callable[[], Awaitable[None]]


class MuteBalancer(MemoryBalancer):
    """A balancer in trouble of its own, which says nothing of its targets (ELBv2 API, `Elb.InternalError`)."""

    async def targets(self) -> Sequence[TargetFact]:
        return [
            replace(t, health=TargetHealth.UNAVAILABLE, reason="Elb.InternalError") for t in await super().targets()
        ]


class OddProbes(MemoryProbes):
    """Probes that say of one member what nobody should, from some moment on."""

    def __init__(self, cloud: MemoryCloud, address: str, odd: Sequence[ProbeResult]) -> None:
        super().__init__(cloud)
        self._address, self._odd = address, odd
        self.begun = False

    async def check(self, address: str) -> Sequence[ProbeResult]:
        return self._odd if self.begun and address == self._address else await super().check(address)


class LossyProbes(MemoryProbes):
    """Probes that lose one answer in ten."""

    def __init__(self, cloud: MemoryCloud, seed: int) -> None:
        super().__init__(cloud)
        self._chance = random.Random(seed)  # noqa: S311 - a story has to be the same each time

    async def check(self, address: str) -> Sequence[ProbeResult]:
        lost = ProbeResult("", ok=False, detail="no answer within the deadline")
        results = await super().check(address)
        return [replace(lost, service=r.service) if self._chance.random() < 0.1 else r for r in results]


class CountedClusters(MemoryClusters):
    """Clusters that count the calls of RunJobFlow, by launch number, and may lose a call without a trace."""

    def __init__(self, cloud: MemoryCloud) -> None:
        super().__init__(cloud)
        self.calls = list[int]()
        self.lost_calls = 0

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        self.calls.append(number)
        if self.lost_calls:
            self.lost_calls -= 1
            raise OutcomeUnknownError("AWS failed (InternalFailure: 500); it may have been carried out", where="launch")
        return await super().launch(number, origin, placement)


class RedeclaredClusters(MemoryClusters):
    """Clusters as a controller finds them whose template was edited: what was launched before the edit differs."""

    def __init__(self, cloud: MemoryCloud) -> None:
        super().__init__(cloud)
        self._before = set(cloud.machines)

    async def differences(self, cluster_id: str, placement: Placement) -> Sequence[Difference]:
        edited = Difference("release", "emr-7.10.0", "emr-7.9.0", must=True)
        return [edited] if cluster_id in self._before else await super().differences(cluster_id, placement)


class ReversedClusters(MemoryClusters):
    """A list in no order to rely on."""

    async def find(self) -> Sequence[ClusterFacts]:
        return [*reversed(await super().find())]


class StoppedClusters(MemoryClusters):
    """As if the whole process were stopped in the middle of one of its looks, by number from now on."""

    def __init__(self, cloud: MemoryCloud, pause: Pause, *, at: int = 1) -> None:
        super().__init__(cloud)
        self._pause, self._at = pause, at

    async def find(self) -> Sequence[ClusterFacts]:
        seen = await super().find()
        self._at -= 1
        if self._at == 0:
            await self._pause()
        return seen


class StoppedStore(MortalStore):
    """As if the whole process were stopped right after a save that licenses a launch, before it acts."""

    def __init__(self) -> None:
        super().__init__()
        self.pause: Pause | None = None

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        saved = await super().save(document, views=views, entries=entries)
        pause, launches = self.pause, document.group.at(Stage.LAUNCHING)
        if pause is not None and any(m.since == max(document.group.launches) for m in launches):
            self.pause = None
            await pause()
        return saved


class SlowClusters(MemoryClusters):
    """Clusters whose calls take their time, on both sides of what they do; so rounds of controllers interleave."""

    def __init__(self, cloud: MemoryCloud, chance: random.Random) -> None:
        super().__init__(cloud)
        self._chance = chance

    async def _wait(self) -> None:
        await self._cloud.clock.sleep(self._chance.uniform(0, 3))

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        await self._wait()
        made = await super().launch(number, origin, placement)
        await self._wait()
        return made

    async def find(self) -> Sequence[ClusterFacts]:
        await self._wait()
        found = await super().find()
        await self._wait()
        return found

    async def terminate(self, cluster_id: str) -> None:
        await self._wait()
        await super().terminate(cluster_id)


class SlowBalancer(MemoryBalancer):
    """A balancer whose calls take their time."""

    def __init__(self, cloud: MemoryCloud, chance: random.Random) -> None:
        super().__init__(cloud)
        self._chance = chance

    async def _wait(self) -> None:
        await self._cloud.clock.sleep(self._chance.uniform(0, 3))

    async def targets(self) -> Sequence[TargetFact]:
        found = await super().targets()
        await self._wait()
        return found

    async def register(self, address: str) -> None:
        await self._wait()
        await super().register(address)

    async def deregister(self, address: str) -> None:
        await self._wait()
        await super().deregister(address)


class FailingStore(MortalStore):
    """A store that is out of reach for a while, or whose saves fail: before anything is kept, or after all of it is."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.saves = 0
        self.fails_at = 0
        self.kept = False

    async def load(self, group: str) -> Document | None:
        self._reached()
        return await super().load(group)

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        self._reached()
        self.saves += 1
        fails = self.saves == self.fails_at
        if fails and not self.kept:
            raise TransientError("disk full")
        saved = await super().save(document, views=views, entries=entries)
        if fails:
            raise TransientError("no answer from the disk; only the next look tells whether it was kept")
        return saved

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        self._reached()
        await super().append(group, entries)

    async def sightings(self, group: str) -> Sequence[Sighting]:
        self._reached()
        return await super().sightings(group)

    def _reached(self) -> None:
        if self.down:
            raise TransientError("out of reach", where="the store")


class WitnessedStore(MortalStore):
    """A store in which whoever follows may die while it tells what it sees."""

    async def tell(self, group: str, sighting: Sighting) -> None:
        self.life.pass_point(Moment.BEFORE, "tell")
        await super().tell(group, sighting)
        self.life.pass_point(Moment.AFTER, "tell")
