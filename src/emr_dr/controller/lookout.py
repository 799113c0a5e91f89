"""One round's questions to the world: what each is asked for, and what becomes of a question without an answer."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from emr_dr.core.evidence import FailureRun, ProbeResult, Sighting
from emr_dr.core.group import ENDING, Group, Member, Stage
from emr_dr.core.world import Cluster, EmrState, HostHealth, Sight, TargetState
from emr_dr.errors import EmrDrError, PermanentError
from emr_dr.ports import ClusterFacts, Hosts, Roles, Unfinished

T = TypeVar("T")


class Look:
    """What one round could not see, and what draining members have not finished, gathered while it looks."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.blind = set[Sight]()
        self.troubles = list[str]()
        self.unfinished = dict[str, Sequence[Unfinished]]()

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

    def sees(self, controls: Sequence[ProbeResult]) -> bool:
        """Whether a control target was reached, or none is declared; else no probe of this round means anything."""
        if not controls or any(c.ok for c in controls):
            return True
        self.blind.add(Sight.PROBES)
        self.troubles.append(f"{Sight.PROBES}: no control target is reached: {', '.join(_told(controls))}")
        return False

    def misses_others(self, sightings: Sequence[Sighting], vantage: str, at: float, gap: float) -> None:
        """Say that nobody else looks at the members just now; the balancer, which asks gateways only, never does."""
        if self.group.entitled and not any(_told_lately(s, vantage, at, gap) for s in sightings):
            self.troubles.append(
                "from elsewhere: no gateway tells of the members, so a loss needs EMR's word, or EC2's"
            )

    async def settled(
        self, cluster: Cluster, backlog: Mapping[str, int] | None, hosts: Hosts, roles: Roles | None
    ) -> Cluster:
        """The cluster with what a proof of death and the end of a member take besides."""
        ended = await self.answer(hosts.all_ended(cluster.id)) if may_be_dead(cluster, self.group) else None
        denied = await self._denied(roles, cluster.id)
        unfinished = None if backlog is None else backlog.get(cluster.id, 0)
        return replace(cluster, unfinished=unfinished, machines_ended=ended or 0, denied=denied)

    async def _denied(self, roles: Roles | None, cluster: str) -> bool | None:
        """Whether the role of one that left is denied for its sake; asked only where it may be."""
        m = member_of(self.group, cluster)
        role = m.placement.role if m is not None and m.placement is not None else ""
        if roles is None or m is None or not role or m.stage not in (Stage.FENCING, *ENDING):
            return False
        return await self.answer(roles.denied(role, cluster))

    async def strays(self, roles: Roles, asked: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """The denials of these roles that are nobody's who left; of a role that cannot be read none is known."""
        told = [(role, await self.answer(roles.denials(role))) for role in asked]
        left = {m.cluster for m in self.group.at(Stage.FENCING, *ENDING)}
        return tuple((role, cluster) for role, found in told for cluster in found or () if cluster not in left)

    async def hosts(self, hosts: Hosts, asked: Sequence[ClusterFacts]) -> Mapping[str, HostHealth]:
        """EC2's word by cluster; asked only where something is wrong, for it is slow to know."""
        instances = {f.instance: f.id for f in asked if f.instance}
        words = await self.answer(hosts.health(tuple(instances))) if instances else None
        return {instances[i]: word for i, word in (words or {}).items() if i in instances}


def member_of(group: Group, cluster: str) -> Member | None:
    """The member whose cluster this is."""
    return next((m for m in group.members if m.cluster == cluster), None)


def address_of(facts: ClusterFacts, group: Group) -> str:
    """The primary's address, also when EMR tells it no more."""
    member = member_of(group, facts.id)
    return facts.address or (member.address if member else "")


def stands_by(cluster: Cluster, group: Group) -> bool:
    """Whether it is a standby, and no target."""
    member = member_of(group, cluster.id)
    return member is not None and member.stage is Stage.STANDBY and cluster.target is TargetState.ABSENT


def handed_on(address: str, member: Member | None, group: Group) -> bool:
    """Whether a target here is another member's: AWS gives an address on while EMR still ends its former cluster."""
    return member not in group.entitled and address in {m.address for m in group.entitled}


def may_be_dead(cluster: Cluster, group: Group) -> bool:
    """Whether it is worth asking EC2 for the end of all its machines: EMR ends it, or it is fenced and lost."""
    member = member_of(group, cluster.id)
    if member is None or member.death is not None or cluster.emr is EmrState.ENDED:
        return False
    return cluster.gone or (member.stage is Stage.FENCING and cluster.lost)


def in_doubt(facts: ClusterFacts, group: Group, probes: Sequence[ProbeResult]) -> bool:
    """Whether EC2's word on the cluster could matter."""
    member = member_of(group, facts.id)
    fenced = member is not None and member.stage is Stage.FENCING
    return fenced or any(not p.ok for p in probes)


def seen_elsewhere(
    cluster: str, sightings: Iterable[Sighting], vantage: str, at: float, gap: float, *, runs: Iterable[FailureRun]
) -> tuple[tuple[str, tuple[ProbeResult, ...]], ...]:
    """What other vantages saw of a cluster lately; one that cannot see its own control targets says nothing.

    A good answer from before our own checks began to fail contradicts nothing: whoever got it may have gone since.
    """
    told = [s for s in sightings if _told_lately(s, vantage, at, gap)]
    began = {r.service: r.since for r in runs if r.cluster == cluster}
    return tuple(
        (s.vantage, tuple(p for p in seen.probes if not p.ok or s.at >= began.get(p.service, s.at)))
        for s in told
        for seen in s.members
        if seen.cluster == cluster
    )


def seen_by_others(sightings: Iterable[Sighting], vantage: str, at: float, gap: float) -> bool:
    """Whether another controller looked just now, and is not cut off as we are."""
    return any(_told_lately(s, vantage, at, gap) and not s.by_gateway for s in sightings)


def _told_lately(sighting: Sighting, vantage: str, at: float, gap: float) -> bool:
    """Whether it was told just now from another place, by one that is not cut off itself."""
    return sighting.place != vantage and sighting.sees and abs(at - sighting.at) <= gap


def _told(controls: Sequence[ProbeResult]) -> list[str]:
    return [f"{c.service}: {c.detail}" for c in controls]
