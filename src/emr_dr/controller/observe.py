"""One round's look at the world: clusters, targets, probes and other witnesses, joined into what a decision needs."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emr_dr.controller.lookout import (
    Look,
    address_of,
    handed_on,
    in_doubt,
    member_of,
    seen_elsewhere,
    stands_by,
)
from emr_dr.controller.targets import standing_at_balancer, witness
from emr_dr.controller.vantage import sighting
from emr_dr.core.batch_ids import batch_id_range
from emr_dr.core.document import Document
from emr_dr.core.ensure import proving_name
from emr_dr.core.evidence import Evidence, FailureRun, ProbeResult, Sighting
from emr_dr.core.group import Group, Member, Stage
from emr_dr.core.published import routed_by_gateways
from emr_dr.core.verdict import Detection, Verdict, judge, remember
from emr_dr.core.world import Cluster, EmrState, HostHealth, ProvingResult, RefusedLaunch, Sight, TargetState, World
from emr_dr.ports import (
    Backlog,
    Balancer,
    ClusterFacts,
    Clusters,
    Difference,
    Hosts,
    MemberWork,
    Probes,
    Roles,
    TargetFact,
    Unfinished,
)

_TELLS_WHO_IT_IS = "resource-manager"
"""The service whose answer names the cluster that gave it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one round saw, in the form decisions take it and with the evidence behind it.

    Attributes:
        runs: The failure runs to remember.
        verdicts: By cluster id.
        troubles: What could not be seen, and why, in the words of the error.
        remarks: What is worth a person's look and stops nothing, such as a tag that differs from the spec.
        foreign: Clusters that carry our group's name but another store's origin; never touched.
        unfinished: What a draining member has not finished yet, by cluster; only where somebody could tell.
        ranged: Clusters that were launched to number their batches in a range of their own.
    """

    world: World
    runs: tuple[FailureRun, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    troubles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unfinished: Mapping[str, Sequence[Unfinished]] = field(default_factory=dict)
    ranged: frozenset[str] = frozenset()

    @property
    def isolated(self) -> bool:
        """Whether it is we who are cut off: none of our own control targets was reached."""
        return Sight.PROBES in self.world.blind


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks at everything a decision needs, concurrently; what it cannot see it says is unseen, and never guesses.

    Attributes:
        services: The services that have a listener, hence a target group.
        vantage: Where we look from; what others saw from the same place is no second witness.
        batch_id_ranges: Whether each member's Livy is to number its batches in a range of its own.
        roles: Where it is seen whether a member's role is denied; None where none ever is.
        own_roles: The roles of all placements, which nobody else has.
        backlog: What gateways have under way, in mode gateway; None where the members are the balancer's targets.
    """

    clusters: Clusters
    balancer: Balancer
    probes: Probes
    work: MemberWork
    hosts: Hosts
    detection: Detection
    services: tuple[str, ...]
    vantage: str = ""
    batch_id_ranges: bool = False
    backlog: Backlog | None = None
    roles: Roles | None = None
    own_roles: tuple[str, ...] = ()
    _compared: dict[str, Sequence[Difference]] = field(default_factory=dict)
    _numbered: dict[str, Sequence[Difference]] = field(default_factory=dict)

    async def observe(
        self,
        document: Document,
        at: float,
        refused: Sequence[RefusedLaunch] = (),
        sightings: Sequence[Sighting] | None = None,
        launched: Sequence[str] = (),
    ) -> Observation:
        """Look once. Takes as long as the slowest of its calls; each has a deadline of its own.

        `sightings` are what others told, None where nobody asked. `launched` are clusters whose creation was answered
        and that nobody remembers yet: one that ends at once would never be found in the list of those that have not.
        """
        look = Look(document.group)
        if self.backlog is not None and sightings is not None:
            look.misses_others(sightings, self.vantage, at, self.detection.lately)
        backlog = await self._unfinished(look)
        on_ledger = [cluster for cluster in backlog or () if cluster]
        found, targets, controls = await asyncio.gather(
            look.attempt(Sight.CLUSTERS, self._clusters(document.group, look, (*launched, *on_ledger))),
            self._targets(look),
            self.probes.controls(),
        )
        sees = look.sees(controls)
        ours = [f for f in found or () if f.origin == document.group.origin]
        probed = await asyncio.gather(*(self._probe(f, document.group) for f in ours))
        doubtful = [f for f, results in zip(ours, probed, strict=True) if in_doubt(f, document.group, results)]
        hosts = await look.hosts(self.hosts, doubtful)
        facts = zip(ours, probed, strict=True)
        clusters = await asyncio.gather(*(self._cluster(f, results, targets, look) for f, results in facts))
        said = [
            Evidence(
                c.id,
                c.emr,
                results,
                tuple((s, witness(targets, c.address, s)) for s in self.services),
                aws_reachable=(targets if self.backlog is None else found) is not None,
                stands_by=stands_by(c, document.group),
                host=hosts.get(c.id, HostHealth.UNKNOWN),
                others=seen_elsewhere(
                    c.id, sightings or (), self.vantage, at, self.detection.lately, runs=document.runs
                ),
                sees=sees,
            )
            for c, results in zip(clusters, probed, strict=True)
        ]
        if any(e.path_broken for e in said):  # the one to a standby may be, too, and nobody else can tell
            said = [replace(e, stands_by=False) for e in said]
        runs, verdicts, judged = self._judge(document, list(zip(clusters, said, strict=True)), at)
        if self.backlog is not None:
            settled = (look.settled(c, backlog, self.hosts, self.roles) for c in judged)
            judged = tuple(await asyncio.gather(*settled))
        strangers = {t.address for t in targets or ()} - {c.address for c in judged}
        foreign = [f for f in found or () if f.origin != document.group.origin]
        world = World(
            at=at,
            clusters=judged,
            strangers=tuple(sorted(strangers)),
            foreign=tuple(sorted(strangers & {f.address for f in foreign})),
            blind=frozenset(look.blind),
            refused=tuple(refused),
            stray_denials=await look.strays(self.roles, self.own_roles) if self.roles is not None else (),
        )
        if self.backlog is not None:
            world = routed_by_gateways(document.group, world)
        remarks = [f"{c.id}: {d}" for c in judged for d in self._reported(c.id)]
        known, ranged = tuple(f.id for f in foreign), frozenset(f.id for f in ours if f.ranged)
        troubles = tuple(look.troubles)
        return Observation(world, runs, verdicts, tuple(said), troubles, tuple(remarks), known, look.unfinished, ranged)

    async def sight(self, document: Document, at: float) -> Sighting:
        """Look at the members only, as a second witness for whoever leads."""
        return await sighting(self.probes, document, self.vantage, at)

    async def _targets(self, look: Look) -> Sequence[TargetFact] | None:
        """The balancer's targets; in mode gateway they are none of a controller's business."""
        return await look.attempt(Sight.TARGETS, self.balancer.targets()) if self.backlog is None else ()

    async def _unfinished(self, look: Look) -> Mapping[str, int] | None:
        """How many unfinished batches are on each cluster; None if the ledger gave no good answer."""
        return {} if self.backlog is None else await look.answer(self.backlog.backlog())

    async def _clusters(self, group: Group, look: Look, launched: Sequence[str]) -> Sequence[ClusterFacts]:
        """Those the list shows, and those we know by id: absence from the list never means 'ended'.

        One that EMR will not describe is not seen, hence neither healthy nor lost; it must not blind us to the others.
        """
        listed = {f.id: f for f in await self.clusters.find()}
        known = {*(m.cluster for m in group.members if m.cluster is not None), *launched}
        unlisted = sorted(known - listed.keys())
        described = await asyncio.gather(*(look.permitted(self.clusters.describe(c)) for c in unlisted))
        seen = (*listed.values(), *(f for f in described if f is not None))
        return sorted(seen, key=lambda f: (f.created_at, f.id))

    async def _probe(self, facts: ClusterFacts, group: Group) -> tuple[ProbeResult, ...]:
        address = address_of(facts, group)
        reachable = facts.state is EmrState.UP and bool(address)
        return tuple(await self.probes.check(address)) if reachable else ()

    async def _cluster(
        self, facts: ClusterFacts, probes: Sequence[ProbeResult], targets: Sequence[TargetFact] | None, look: Look
    ) -> Cluster:
        member, address = member_of(look.group, facts.id), address_of(facts, look.group)
        at_balancer = "" if handed_on(address, member, look.group) else address
        cluster = Cluster(
            id=facts.id,
            number=facts.number,
            emr=facts.state,
            address=address,
            target=standing_at_balancer(targets, at_balancer, self.services),
            protected=facts.protected,
            reason=facts.reason,
            no_room=facts.no_room,
            lacking=facts.lacking,
        )
        if member is None or not probes:
            return cluster
        if not any(p.ok for p in probes):  # to ask more would cost the switch another timeout
            return replace(cluster, proving=ProvingResult.RUNNING)
        return await self._member(member, cluster, look)

    async def _member(self, member: Member, cluster: Cluster, look: Look) -> Cluster:
        """What only a member's stage makes worth asking."""
        if member.stage is Stage.PROVING:
            return await self._candidate(member, cluster, look)
        if member.stage is Stage.DRAINING:  # it may still be given work, which YARN does not show at once
            unfinished = await look.answer(self.work.unfinished(cluster.address))
            if unfinished is not None:
                look.unfinished[cluster.id] = unfinished
            return replace(cluster, idle=unfinished is not None and not unfinished)
        if member.stage is Stage.FENCING:
            return replace(cluster, idle=bool(await look.answer(self.work.idle(cluster.address))))
        # With others beside it the balancer's address leads to any of them: the balancer's own word has to do.
        alone = look.group.entitled == (member,)
        if (
            member.stage is Stage.ADMITTING and cluster.target is TargetState.IN_SERVICE and alone
        ):  # not in mode gateway
            reached = await look.answer(self._reached_through_balancer(cluster.address))
            return cluster if reached else replace(cluster, target=TargetState.WAITING)
        return cluster

    async def _candidate(self, member: Member, cluster: Cluster, look: Look) -> Cluster:
        """How the proof stands: the job's, and whether the cluster is what the spec declares, which is asked once."""
        run = await look.answer(self.work.proving(cluster.address, proving_name(look.group, member)))
        proving = run.result if run is not None else None
        if self.batch_id_ranges and run is not None and run.batch is not None:
            self._numbered[cluster.id] = _misnumbered(member, run.batch)
        if cluster.id not in self._compared and member.placement is not None:
            found = await look.answer(self.clusters.differences(cluster.id, member.placement))
            if found is not None:
                self._compared[cluster.id] = found
        if cluster.id not in self._compared and proving is ProvingResult.PASSED:
            proving = ProvingResult.RUNNING  # it is proven only when it was compared, too
        differs = tuple(str(d) for d in self._compared.get(cluster.id, ()) if d.must)
        # Unknown is running: neither submitted again, nor failed.
        return replace(cluster, proving=proving or ProvingResult.RUNNING, differs=differs)

    def _reported(self, cluster: str) -> Iterable[Difference]:
        """In what a cluster is not as declared, and may serve all the same."""
        compared = (d for d in self._compared.get(cluster, ()) if not d.must)
        return (*compared, *self._numbered.get(cluster, ()))

    async def _reached_through_balancer(self, address: str) -> bool:
        """Whether the balancer's address answers well, and, where YARN can be asked there, as this very member."""
        front = await self.balancer.address()
        answers, itself = await asyncio.gather(self.probes.check(front), self._is_itself(address, front))
        return itself and all(a.ok for a in answers if a.service in self.services)

    async def _is_itself(self, address: str, front: str) -> bool:
        if _TELLS_WHO_IT_IS not in self.services:
            return True
        own, seen = await asyncio.gather(self.probes.identity(address), self.probes.identity(front))
        return own == seen

    def _judge(
        self, document: Document, seen: Sequence[tuple[Cluster, Evidence]], at: float
    ) -> tuple[tuple[FailureRun, ...], dict[str, Verdict], tuple[Cluster, ...]]:
        # What this round did not show, such as all clusters when one list is throttled, has not begun to work by that.
        unseen = {r.cluster for r in document.runs} - {c.id for c, _ in seen}
        kept = (r for r in document.runs if r.cluster in unseen and 0 <= at - r.last <= self.detection.gap)
        runs, verdicts, judged = [*kept], dict[str, Verdict](), list[Cluster]()
        for cluster, evidence in seen:
            own = remember(document.runs, evidence, at, self.detection)
            verdict = judge(evidence, own, at, self.detection)
            runs.extend(own)
            verdicts[cluster.id] = verdict
            judged.append(replace(cluster, health=verdict.health, host=evidence.host))
        return tuple(runs), verdicts, tuple(judged)


def _misnumbered(member: Member, batch: int) -> Sequence[Difference]:
    """One difference where the proof's number lies outside its member's range: Livy's store was not seeded, or is lost.

    The member is as good as one without ranges, and no launch may fail for them: it is told, and no more.
    """
    ours = batch_id_range(member.number)
    if batch in ours:
        return ()
    return (Difference("batch id range", f"{ours.start} to {ours.stop - 1}", f"batch {batch}", must=False),)
