"""One round's look at the world: clusters, targets and direct probes, joined into what a decision needs."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from emr_dr.controller.targets import standing_at_balancer, witness
from emr_dr.core.document import Document
from emr_dr.core.ensure import proving_name
from emr_dr.core.group import Group, Member, Stage
from emr_dr.core.verdict import Detection, Evidence, FailureRun, Verdict, judge, remember
from emr_dr.core.world import Cluster, EmrState, ProvingResult, RefusedLaunch, Sight, TargetState, World
from emr_dr.errors import EmrDrError, PermanentError
from emr_dr.ports import Balancer, ClusterFacts, Clusters, MemberWork, Probes, TargetFact

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observation:
    """What one round saw, in the form decisions take it and with the evidence behind it.

    Attributes:
        runs: The failure runs to remember.
        verdicts: By cluster id.
        troubles: What could not be seen, and why, in the words of the error.
        foreign: Clusters that carry our group's name but another store's origin; never touched.
    """

    world: World
    runs: tuple[FailureRun, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    troubles: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks at everything a decision needs, concurrently; what it cannot see it says is unseen, and never guesses.

    Attributes:
        services: The services that have a listener, hence a target group.
    """

    clusters: Clusters
    balancer: Balancer
    probes: Probes
    work: MemberWork
    detection: Detection
    services: tuple[str, ...]

    async def observe(self, document: Document, at: float, refused: Sequence[RefusedLaunch] = ()) -> Observation:
        """Look once. Takes as long as the slowest of its calls; each has a deadline of its own."""
        look = _Look(document.group)
        found, targets = await asyncio.gather(
            look.attempt(Sight.CLUSTERS, self._clusters(document.group, look)),
            look.attempt(Sight.TARGETS, self.balancer.targets()),
        )
        facts = tuple(f for f in found or () if f.origin == document.group.origin)
        seen = await asyncio.gather(*(self._cluster(f, document.group, targets, look) for f in facts))
        runs, verdicts, judged = self._judge(document, seen, at)
        strangers = {t.address for t in targets or ()} - {c.address for c in judged}
        foreign = {f.address for f in found or () if f.origin != document.group.origin}
        world = World(
            at=at,
            clusters=judged,
            strangers=tuple(sorted(strangers)),
            foreign=tuple(sorted(strangers & foreign)),
            blind=frozenset(look.blind),
            refused=tuple(refused),
        )
        return Observation(
            world,
            runs,
            verdicts,
            tuple(evidence for _, evidence in seen),
            tuple(look.troubles),
            tuple(f.id for f in found or () if f.origin != document.group.origin),
        )

    async def _clusters(self, group: Group, look: "_Look") -> Sequence[ClusterFacts]:
        """Those the list shows, and those we know by id: absence from the list never means 'ended'.

        One that EMR will not describe is not seen, hence neither healthy nor lost; it must not blind us to the others.
        """
        listed = {f.id: f for f in await self.clusters.find()}
        unlisted = [m.cluster for m in group.members if m.cluster is not None and m.cluster not in listed]
        described = await asyncio.gather(*(look.permitted(self.clusters.describe(c)) for c in unlisted))
        known = (*listed.values(), *(f for f in described if f is not None))
        return sorted(known, key=lambda f: (f.created_at, f.id))

    async def _cluster(
        self, facts: ClusterFacts, group: Group, targets: Sequence[TargetFact] | None, look: "_Look"
    ) -> tuple[Cluster, Evidence]:
        member = next((m for m in group.members if m.cluster == facts.id), None)
        address = facts.address or (member.address if member else "")
        reachable = facts.state is EmrState.UP and bool(address)
        results = await self.probes.check(address) if reachable else ()
        cluster = Cluster(
            id=facts.id,
            number=facts.number,
            emr=facts.state,
            address=address,
            target=standing_at_balancer(targets, "" if _handed_on(address, member, group) else address, self.services),
            protected=facts.protected,
            reason=facts.reason,
        )
        if member is not None and reachable:
            cluster = await self._member(member, cluster, group, look)
        evidence = Evidence(
            facts.id,
            facts.state,
            tuple(results),
            tuple((s, witness(targets, address, s)) for s in self.services),
            aws_reachable=targets is not None,
            stands_by=member is not None and member.stage is Stage.STANDBY and cluster.target is TargetState.ABSENT,
        )
        return cluster, evidence

    async def _member(self, member: Member, cluster: Cluster, group: Group, look: "_Look") -> Cluster:
        """What only a member's stage makes worth asking."""
        if member.stage is Stage.PROVING:
            proving = await look.answer(self.work.proving(cluster.address, proving_name(group, member)))
            return replace(cluster, proving=proving or ProvingResult.RUNNING)  # unknown: neither again, nor failed
        if member.stage in (Stage.FENCING, Stage.DRAINING):
            return replace(cluster, idle=bool(await look.answer(self.work.idle(cluster.address))))
        if member.stage is Stage.ADMITTING and cluster.target is TargetState.IN_SERVICE:
            reached = await look.answer(self._reached_through_balancer(cluster.address))
            return cluster if reached else replace(cluster, target=TargetState.WAITING)
        return cluster

    async def _reached_through_balancer(self, address: str) -> bool:
        """Whether the balancer's address answers well, and with this very member's identity."""
        front = await self.balancer.address()
        own, seen, answers = await asyncio.gather(
            self.probes.identity(address), self.probes.identity(front), self.probes.check(front)
        )
        return own == seen and all(a.ok for a in answers if a.service in self.services)

    def _judge(
        self, document: Document, seen: Sequence[tuple[Cluster, Evidence]], at: float
    ) -> tuple[tuple[FailureRun, ...], dict[str, Verdict], tuple[Cluster, ...]]:
        runs, verdicts, judged = list[FailureRun](), dict[str, Verdict](), list[Cluster]()
        for cluster, evidence in seen:
            own = remember(document.runs, evidence, at, self.detection)
            verdict = judge(evidence, own, at, self.detection)
            runs.extend(own)
            verdicts[cluster.id] = verdict
            judged.append(replace(cluster, health=verdict.health))
        return tuple(runs), verdicts, tuple(judged)


def _handed_on(address: str, member: Member | None, group: Group) -> bool:
    """Whether a target here is another member's: AWS gives an address on while EMR still ends its former cluster."""
    return member not in group.entitled and address in {m.address for m in group.entitled}


class _Look:
    """What one round could not see, gathered while it looks."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.blind = set[Sight]()
        self.troubles = list[str]()

    async def attempt(self, sight: Sight, call: Awaitable[T]) -> T | None:
        """Return the answer; without one this sight is blind for the round, and the reason is kept."""
        try:
            return await call
        except EmrDrError as error:
            self.blind.add(sight)
            self.troubles.append(f"{sight}: {error}")
            return None

    async def permitted(self, call: Awaitable[T]) -> T | None:
        """Return the answer, or nothing where it was refused for good; a passing failure is raised."""
        try:
            return await call
        except PermanentError as error:
            self.troubles.append(str(error))
            return None

    async def answer(self, call: Awaitable[T]) -> T | None:
        """Return the answer; without one, even for good, there is just nothing to go by, and the reason is kept."""
        try:
            return await call
        except EmrDrError as error:
            self.troubles.append(str(error))
            return None
