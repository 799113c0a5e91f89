"""The simulated account behind our own ports."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from emr_dr.core.evidence import ProbeResult
from emr_dr.core.group import Placement
from emr_dr.core.world import EmrState, HostHealth
from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.memory.cloud import FRONT, MemoryCloud, Registration
from emr_dr.lab.memory.machine import Machine
from emr_dr.ports import ClusterFacts, Difference, ProvingRun, TargetFact, TargetHealth, Unfinished


class MemoryClusters:
    """`Clusters` over a `MemoryCloud`."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        """Make one cluster."""
        with self._cloud.faults.effect("launch"):
            machine = self._cloud.create(number, origin, placement)
        return machine.id

    async def find(self) -> Sequence[ClusterFacts]:
        """Those that have not ended and that the list shows yet."""
        self._cloud.faults.read("find")
        now = self._cloud.clock.now()
        facts = [self._facts(m) for m in self._cloud.machines.values() if now >= m.created_at + m.delays.listed]
        return [f for f in facts if f.state is not EmrState.ENDED]

    async def describe(self, cluster_id: str) -> ClusterFacts:
        """One cluster by id."""
        self._cloud.faults.read("describe")
        return self._facts(self._known(cluster_id))

    async def differences(self, cluster_id: str, placement: Placement) -> Sequence[Difference]:
        """One field, where the machine was made to differ."""
        del placement
        self._cloud.faults.read("differences")
        differs = self._known(cluster_id).differs
        return [Difference("release", "emr-7.9.0", "emr-7.8.0", must=True)] if differs else []

    async def protect(self, cluster_id: str, *, on: bool) -> None:
        """Switch termination protection."""
        with self._cloud.faults.effect("protect"):
            self._known(cluster_id).protected = on

    async def terminate(self, cluster_id: str) -> None:
        """Begin to end it, unless it is protected."""
        with self._cloud.faults.effect("terminate"):
            machine, now = self._known(cluster_id), self._cloud.clock.now()
            if machine.state(now) in (EmrState.ENDING, EmrState.ENDED):
                return
            if machine.protected:
                raise PermanentError("the cluster is protected from termination", where=cluster_id)
            machine.terminated_at = now

    def _known(self, cluster_id: str) -> Machine:
        machine = self._cloud.machines.get(cluster_id)
        if machine is None:
            raise PermanentError("EMR does not know this cluster", where=cluster_id)
        return machine

    def _facts(self, m: Machine) -> ClusterFacts:
        now = self._cloud.clock.now()
        return ClusterFacts(
            m.id,
            m.number,
            m.origin,
            m.state(now),
            address=m.address if now >= m.created_at + m.delays.address_known else "",
            subnet=m.placement.subnet,
            az=m.placement.az,
            protected=m.protected,
            created_at=m.created_at,
            reason=m.reason if m.state(now) is EmrState.ENDED else "",
            instance=m.id.replace("j-", "i-"),
            no_room=(m.without_room or bool(m.lacking)) and m.state(now) is EmrState.ENDED,
            lacking=m.lacking if m.state(now) is EmrState.ENDED else "",
        )


class MemoryBalancer:
    """`Balancer` over a `MemoryCloud`, with one target group for each service."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud

    async def targets(self) -> Sequence[TargetFact]:
        """Every target of every group."""
        self._cloud.faults.read("targets")
        return targets_of(self._cloud)

    async def register(self, address: str) -> None:
        """Make the address a target of every group."""
        with self._cloud.faults.effect("register"):
            registered = {r.service for r in self._cloud.registrations if r.address == address and not r.draining_since}
            kept = [r for r in self._cloud.registrations if r.address != address or r.service in registered]
            missing = [s for s in self._cloud.services if s not in registered]
            now = self._cloud.clock.now()
            self._cloud.registrations = [*kept, *(Registration(s, address, now) for s in missing)]

    async def deregister(self, address: str) -> None:
        """Have the address drain out of every group."""
        with self._cloud.faults.effect("deregister"):
            for r in self._cloud.registrations:
                if r.address == address and r.draining_since is None:
                    r.draining_since = self._cloud.clock.now()

    async def address(self) -> str:
        """The balancer's name."""
        self._cloud.faults.read("address")
        return FRONT


class MemoryHosts:
    """`Hosts` over a `MemoryCloud`."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud

    async def health(self, instances: Sequence[str]) -> Mapping[str, HostHealth]:
        """EC2's word on each."""
        self._cloud.faults.read("hosts")
        now = self._cloud.clock.now()
        machines = {m.id.replace("j-", "i-"): m for m in self._cloud.machines.values()}
        return {i: machines[i].host(now) for i in instances if i in machines}

    async def all_ended(self, cluster_id: str) -> int:
        """Three machines, once EC2 confirms their end."""
        self._cloud.faults.read("hosts")
        return 3 if self._cloud.machines[cluster_id].confirmed_dead(self._cloud.clock.now()) else 0


class MemoryRoles:
    """`Roles` over a `MemoryCloud`."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud

    async def deny(self, profile: str, cluster_id: str) -> None:
        """Deny it."""
        with self._cloud.faults.effect("deny"):
            self._cloud.denials.add((profile, cluster_id))

    async def allow(self, profile: str, cluster_id: str) -> None:
        """Take it back."""
        with self._cloud.faults.effect("allow"):
            self._cloud.denials.discard((profile, cluster_id))

    async def denied(self, profile: str, cluster_id: str) -> bool:
        """Whether it is denied."""
        self._cloud.faults.read("denied")
        return (profile, cluster_id) in self._cloud.denials

    async def denials(self, profile: str) -> Sequence[str]:
        """For whose sake it is denied."""
        self._cloud.faults.read("denials")
        return sorted(cluster for role, cluster in self._cloud.denials if role == profile)


class MemoryProbes:
    """`Probes` over a `MemoryCloud`; the balancer's own name leads to whatever it would route to.

    Args:
        cloud: What is true.
        elsewhere: Look from another place, which the cloud's `unreachable` and `isolated` say nothing of.
    """

    def __init__(self, cloud: MemoryCloud, *, elsewhere: bool = False) -> None:
        self._cloud = cloud
        self._elsewhere = elsewhere
        self._flow = 0

    async def controls(self) -> Sequence[ProbeResult]:
        """One control target, which answers whoever is not isolated."""
        ok = self._elsewhere or not self._cloud.isolated
        return [ProbeResult("control.memory:443", ok, "connected" if ok else "no route to host")]

    async def check(self, address: str) -> Sequence[ProbeResult]:
        """One result for each service."""
        return [self._check(address, service) for service in self._cloud.checked]

    async def identity(self, address: str) -> str:
        """The cluster's id."""
        service = "resource-manager" if "resource-manager" in self._cloud.services else self._cloud.services[0]
        machine = self._reached(address, service)
        if machine is None or machine.trouble(service, self._cloud.clock.now()):
            raise TransientError("no good answer", where=address)
        return machine.id

    def _check(self, address: str, service: str) -> ProbeResult:
        machine = self._reached(address, service)
        trouble = "no route to host" if machine is None else machine.trouble(service, self._cloud.clock.now())
        if machine is not None and not trouble and service in machine.unwell:
            return ProbeResult(service, ok=False, detail=machine.unwell[service], own_word=True)
        return ProbeResult(service, not trouble, trouble)

    def _reached(self, address: str, service: str) -> Machine | None:
        if self._cloud.isolated and not self._elsewhere:
            return None
        if address != FRONT:
            hidden = address in self._cloud.unreachable and not self._elsewhere
            return None if hidden else self._cloud.at(address)
        if self._cloud.front_leads_to:
            return self._cloud.at(self._cloud.front_leads_to)
        targets = [t for t in targets_of(self._cloud) if t.service == service and t.health is not TargetHealth.DRAINING]
        healthy = [t for t in targets if t.health is TargetHealth.HEALTHY]
        chosen = healthy or targets  # with nobody healthy an NLB sends to everybody
        # Each connection may reach any target, as by a flow hash: the same each time, but in no order to rely on.
        self._flow = (self._flow * 1103515245 + 12345) % 2**31
        address = chosen[(self._flow >> 16) % len(chosen)].address if chosen else ""
        return None if address in self._cloud.unrouted else self._cloud.at(address)


class MemoryWork:
    """`MemberWork` over a `MemoryCloud`; `elsewhere` as for `MemoryProbes`."""

    def __init__(self, cloud: MemoryCloud, *, elsewhere: bool = False) -> None:
        self._cloud = cloud
        self._elsewhere = elsewhere

    async def proving(self, address: str, name: str) -> ProvingRun:
        """How the proof stands, if Livy answers; the numbers of a machine's proofs are one after another."""
        self._cloud.faults.read("proving", aws=False)
        machine = self._asked(address, "livy")
        known = list(machine.proofs)
        batch = machine.first_batch + known.index(name) if name in known else None
        return ProvingRun(machine.proving(name, self._cloud.clock.now()), batch)

    async def prove(self, address: str, name: str) -> None:
        """Begin the proof, unless it was begun."""
        with self._cloud.faults.effect("prove", aws=False):
            self._asked(address, "livy").proofs.setdefault(name, self._cloud.clock.now())

    async def idle(self, address: str) -> bool:
        """Whether nothing runs, if YARN answers."""
        self._cloud.faults.read("idle", aws=False)
        return self._asked(address, "resource-manager").idle(self._cloud.clock.now())

    async def unfinished(self, address: str) -> Sequence[Unfinished]:
        """What runs, if Livy and YARN both answer."""
        self._cloud.faults.read("unfinished", aws=False)
        for service in ("livy", "resource-manager"):
            machine = self._asked(address, service)
        return tuple(Unfinished("application", name, name, "RUNNING") for name in sorted(machine.jobs))

    async def stop(self, address: str, epoch: int) -> None:
        """End what carries an older epoch."""
        with self._cloud.faults.effect("stop", aws=False):
            machine = self._asked(address, "resource-manager")
            machine.jobs = {name: tag for name, tag in machine.jobs.items() if tag >= epoch}

    def _asked(self, address: str, service: str) -> Machine:
        machine = self._cloud.at(address)
        cut_off = self._cloud.isolated or address in self._cloud.unreachable
        if machine is None or (cut_off and not self._elsewhere):
            raise TransientError("no route to host", where=address)
        trouble = machine.trouble(service, self._cloud.clock.now()) if service in self._cloud.services else ""
        if trouble:
            raise TransientError(trouble, where=f"{service} at {address}")
        return machine


class MemoryArtifacts:
    """`Artifacts` in a dictionary."""

    def __init__(self, group: str = "etl") -> None:
        self.group = group
        self.files: dict[str, bytes] = {}
        self.groups: dict[str, set[str]] = {}

    async def put(self, name: str, body: bytes) -> str:
        """Keep the body under the name."""
        self.files[name] = body
        self.groups.setdefault(name, set()).add(self.group)
        return self.url(name)

    def url(self, name: str) -> str:
        """Where it would be."""
        return f"s3://memory/{name}"

    async def digest(self, name: str) -> str | None:
        """The digest of what is kept; of what was not put here none is known."""
        if name in self.files and name not in self.groups:
            return ""
        return hashlib.sha256(self.files[name]).hexdigest() if name in self.files else None

    async def users(self, name: str) -> Collection[str]:
        """The groups that put it there."""
        return self.groups.get(name, set())

    async def remove(self, name: str) -> None:
        """Forget it, unless another group needs it."""
        users = self.groups.get(name, set())
        users.discard(self.group)
        if not users:
            self.files.pop(name, None)


def targets_of(cloud: MemoryCloud) -> list[TargetFact]:
    """What the balancer says of its targets; those that have drained are forgotten on the way."""
    now, draining = cloud.clock.now(), cloud.delays.draining
    cloud.registrations = [
        r for r in cloud.registrations if r.draining_since is None or now < r.draining_since + draining
    ]
    return [TargetFact(r.service, r.address, _health(cloud, r, now)) for r in cloud.registrations]


def _health(cloud: MemoryCloud, r: Registration, now: float) -> TargetHealth:
    """By how long the service has answered, or not, since it was registered."""
    if r.draining_since is not None:
        return TargetHealth.DRAINING
    machine = cloud.at(r.address)
    trouble = machine is None or r.address in cloud.unrouted or bool(machine.trouble(r.service, now))
    changed = machine.changed(r.service, now) if machine else r.since
    since = max(r.since, changed, cloud.unrouted.get(r.address, r.since))
    settled = now - since >= (cloud.delays.unhealthy if trouble else cloud.delays.healthy)
    if settled:
        return TargetHealth.UNHEALTHY if trouble else TargetHealth.HEALTHY
    if since == r.since:
        return TargetHealth.INITIAL
    return TargetHealth.HEALTHY if trouble else TargetHealth.UNHEALTHY  # the check has not noticed yet
