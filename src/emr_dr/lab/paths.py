"""Paths to members and to AWS that are cut, and security-group rules that are revoked: what holds, and for whom."""

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import chain

from emr_dr.errors import UsageError
from emr_dr.lab.aws.emr_lifecycle import Lifecycle
from emr_dr.lab.aws.emr_model import ENDED, Cluster
from emr_dr.lab.aws.emr_provision import as_launch
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.aws.reach import Reach
from emr_dr.lab.cluster.settings import HTTP_PORTS, Service
from emr_dr.lab.machines import Machines, Screen
from emr_dr.lab.orders import AWS, Source
from emr_dr.lab.world import ZONES, Addresses


@dataclass(slots=True)
class _Member:
    """What is in force at one member."""

    cut: frozenset[Source] = frozenset()
    revoked: frozenset[Service] = frozenset()


def networks_but(spared: Iterable[str]) -> tuple[str, ...]:
    """Return all of IPv4 without some networks, as networks."""
    left = [IPv4Network("0.0.0.0/0")]
    for each in map(IPv4Network, spared):
        left = list(chain.from_iterable(n.address_exclude(each) if each.subnet_of(n) else [n] for n in left))
    return tuple(map(str, left))


def screens_for(
    addresses: Addresses, member: str, cut: Collection[Source], revoked: Collection[Service]
) -> dict[str, Screen]:
    """Return the screens before a member's services; the member itself and the lab's own looks pass them all.

    The monitor is whoever is nobody else: it has no address of its own. A revoked rule stops who arrives, and leaves
    alone who is there: security groups are stateful.
    """
    own = (member, addresses.lab)
    hidden: tuple[str, ...] = ()
    if Source.MONITOR in cut:
        hidden = networks_but(own if Source.BALANCER in cut else (*own, addresses.balancer_cidr))
    elif Source.BALANCER in cut:
        hidden = (addresses.balancer_cidr,)
    screens = {str(each): Screen(hidden, hidden) for each in HTTP_PORTS} if hidden else {}
    return screens | {str(each): Screen(networks_but(own), hidden) for each in revoked}


@dataclass
class Paths:
    """All cuts and revoked rules of a lab; safe to use from several threads, and every order is safe to repeat."""

    region: Region
    lifecycle: Lifecycle
    reach: Reach
    _members: dict[str, _Member] = field(default_factory=dict)
    _aws: Source | None = None
    """From whom AWS is cut off, in the words of the order: the effect is the same."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut(self, source: str, target: str) -> list[str]:
        """Cut the path from a source to a cluster, to every member in an AZ, or to `aws`; return what is cut off.

        Raises:
            UsageError: there is no such source or target, or nothing is there to be cut off.
            PermanentError: this machine's kernel does not let the lab do it.
        """
        who = _source(source)
        with self._lock:
            if target == AWS:
                self._aws = _caller_of_aws(who)
                self.reach.cut()
                return [AWS]
            targets = self._targets(target)
            for each in targets:
                had = self._members.get(each.id, _Member())
                self._apply(each.id, had.cut | _parts(who), had.revoked)
            return [each.id for each in targets]

    def heal(self, source: str, target: str) -> list[str]:
        """Undo `cut`, where it was; return what was cut off before. Raises UsageError as it does."""
        who = _source(source)
        with self._lock:
            if target == AWS:
                _caller_of_aws(who)
                return self._heal_aws()
            aimed_at = self._aimed_at(target)
            cut_off = [each for each, had in self._members.items() if each in aimed_at and had.cut & _parts(who)]
            for each in cut_off:
                had = self._members[each]
                self._apply(each, had.cut - _parts(who), had.revoked)
            return cut_off

    def heal_everything(self) -> list[str]:
        """Undo every cut and restore every rule; return what was cut off or closed before."""
        with self._lock:
            touched = list(self._members)
            for each in touched:
                self._apply(each, frozenset(), frozenset())
            return [*touched, *self._heal_aws()]

    def revoke(self, cluster: Cluster, services: Collection[Service]) -> None:
        """Let nobody but the member itself make new connections to these services of it.

        Raises:
            UsageError: its machines are not there.
            PermanentError: this machine's kernel does not let the lab do it.
        """
        with self._lock:
            _require_machines(cluster)
            had = self._members.get(cluster.id, _Member())
            self._apply(cluster.id, had.cut, had.revoked | set(services))

    def restore(self, cluster_id: str | None, services: Collection[Service]) -> list[str]:
        """Undo `revoke` at one cluster, or at all; return where a rule was missing."""
        with self._lock:
            wanted = self._members if cluster_id is None else {cluster_id}
            found = [each for each, had in self._members.items() if each in wanted and had.revoked & set(services)]
            for each in found:
                self._apply(each, self._members[each].cut, self._members[each].revoked - set(services))
            return found

    def shown(self) -> dict[str, list[dict[str, str]]]:
        """Return `cuts` (source and target) and `revoked` (cluster and service) as `lab status` shows them."""
        members, aws = dict(self._members), self._aws  # no lock: an order may wait for machines that boot
        with self.region.lock:
            members = {each: had for each, had in members.items() if self.region.clusters[each].state not in ENDED}
        cuts = [{"source": _name(had.cut), "target": each} for each, had in members.items() if had.cut]
        cuts += [{"source": aws, "target": AWS}] if aws else []
        revoked = [
            {"cluster_id": each, "service": service} for each, had in members.items() for service in sorted(had.revoked)
        ]
        return {"cuts": cuts, "revoked": revoked}

    def _heal_aws(self) -> list[str]:
        was_cut, self._aws = self._aws is not None, None
        self.reach.heal()
        return [AWS] if was_cut else []

    def _aimed_at(self, target: str) -> list[str]:
        with self.region.lock:
            clusters = dict(self.region.clusters)
        if target not in (*clusters, *ZONES):
            known = ", ".join((*(n for n, c in clusters.items() if c.state not in ENDED), *ZONES, AWS))
            raise UsageError(f"no cluster and no AZ is called {target!r}", remedy=f"use one of {known}")
        return [n for n, c in clusters.items() if target in (n, c.availability_zone)]

    def _targets(self, target: str) -> list[Cluster]:
        with self.region.lock:
            aimed_at = [self.region.clusters[each] for each in self._aimed_at(target)]
        if target in ZONES:
            aimed_at = [each for each in aimed_at if _has_machines(each)]
            if not aimed_at:
                raise UsageError(f"no member has machines in {target}", remedy="see `emr-dr lab status`")
        for each in aimed_at:
            _require_machines(each)
        return aimed_at

    def _apply(self, cluster_id: str, cut: frozenset[Source], revoked: frozenset[Service]) -> None:
        """Have it so at the machines, and then remember it."""
        with self.region.lock:
            cluster = self.region.clusters[cluster_id]
            launch = as_launch(self.region, cluster) if _has_machines(cluster) else None
        if launch is not None:
            starts = cluster.state == "BOOTSTRAPPING" and cluster.lost_at is None
            screens = screens_for(self.region.addresses, launch.address, cut, revoked)

            def put_up(machines: Machines) -> None:
                if starts:
                    machines.start(launch)  # it is about to, and screens need something to stand before
                machines.screen(cluster_id, screens)

            self.lifecycle.on_machines(cluster_id, put_up)
        self._members[cluster_id] = _Member(cut, revoked)
        if not cut and not revoked:
            del self._members[cluster_id]


def _source(name: str) -> Source:
    try:
        return Source(name)
    except ValueError as error:
        raise UsageError(f"no path begins at {name!r}", remedy=f"use one of {', '.join(Source)}") from error


def _parts(source: Source) -> frozenset[Source]:
    """Return what a source is made of: everyone is the monitor and the balancer."""
    return frozenset({Source.MONITOR, Source.BALANCER} if source is Source.EVERYONE else {source})


def _caller_of_aws(source: Source) -> Source:
    if source is Source.BALANCER:
        raise UsageError("the balancer does not call AWS", remedy="use monitor or everyone")
    return source


def _has_machines(cluster: Cluster) -> bool:
    return cluster.machines_running and not cluster.stopping


def _require_machines(cluster: Cluster) -> None:
    if not _has_machines(cluster):
        raise UsageError(f"it has no machines: it is {cluster.state}", where=cluster.id)


def _name(parts: frozenset[Source]) -> str:
    return Source.EVERYONE if parts == _parts(Source.EVERYONE) else next(iter(parts))
