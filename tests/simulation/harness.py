"""A group under a controller that may die at any save and at any effect, over memory and virtual time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from emr_dr.controller.act import Actor
from emr_dr.controller.loop import Controller, Round
from emr_dr.controller.observe import Observer
from emr_dr.core.document import Document
from emr_dr.core.group import Group, Placement, Policy, Wanted
from emr_dr.core.verdict import Detection
from emr_dr.core.view import MemberView
from emr_dr.lab.memory import (
    Delays,
    MemoryArtifacts,
    MemoryBalancer,
    MemoryCloud,
    MemoryClusters,
    MemoryHosts,
    MemoryProbes,
    MemoryRoles,
    MemoryWork,
    Moment,
    VirtualClock,
)
from emr_dr.ports import Balancer, Clock, Clusters, JournalEntry, MemberWork, Store
from emr_dr.provision.desired import DesiredBalancer
from emr_dr.service import OwnFile, Site
from emr_dr.spec.address import Balancer as DeclaredBalancer
from emr_dr.spec.address import Services
from emr_dr.stores.memory import MemoryLedger, MemoryStore
from provision.memory_account import MemoryAccount

GROUP = "etl"
PLACEMENTS = (Placement("subnet-a", "az-a"), Placement("subnet-b", "az-b"))
POLICY = Policy(
    placements=PLACEMENTS,
    settle=20,
    boot=300,
    prove=120,
    admit=120,
    drain=60,
    probation=20,
    cooldown=0,
    launches_a_day=6,
    retire_unconfirmed_after=3600,
)
DELAYS = Delays(boot=20, address_known=5, ending=10, emr_notices=60, healthy=5, unhealthy=5, draining=5, proof=5)
BALANCER = DeclaredBalancer(name="etl-livy", subnets=("subnet-a", "subnet-b"))
PATIENCE = 3600.0
"""Virtual seconds after which a group that has not converged never will."""


class Crash(Exception):  # noqa: N818 (it is no error of ours)
    """The process is gone. Not one of our errors, so nothing on the way may swallow it."""


@dataclass
class Life:
    """Counts the points at which a process may die, and lets it die at one of them; the dead do nothing more."""

    dies_at: int = 0
    points: list[str] = field(default_factory=list)
    dead: bool = False

    def pass_point(self, moment: Moment, call: str) -> None:
        if self.dead:
            raise Crash(call)
        self.points.append(f"{moment} {call}")
        if len(self.points) == self.dies_at:
            self.dead = True
            raise Crash(self.points[-1])


class MortalStore(MemoryStore):
    """A store in whose saves its user may die: before anything is kept, or after all of it is."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        self.life.pass_point(Moment.BEFORE, "save")
        saved = await super().save(document, views=views, entries=entries)
        self.life.pass_point(Moment.AFTER, "save")
        return saved

    async def append(self, group: str, entries: Sequence[JournalEntry]) -> None:
        self.life.pass_point(Moment.BEFORE, "append")
        await super().append(group, entries)


class Scene:
    """One group, its world, and as many controllers, one after another, as it takes."""

    def __init__(
        self,
        wanted: Wanted | None = None,
        *,
        policy: Policy = POLICY,
        delays: Delays = DELAYS,
        detection: Detection | None = None,
        by_gateway: bool = False,
    ) -> None:
        self.ledger = MemoryLedger() if by_gateway else None
        self.clock = VirtualClock()
        self.cloud = MemoryCloud(self.clock, delays=delays)
        self.store = MortalStore()
        self.artifacts = MemoryArtifacts()
        self.policy = replace(policy, by_gateway=by_gateway)
        self.detection = detection or Detection(interval=5, member_lost=20, service_down=40)
        self.group = Group(GROUP, "0a1b2c3d-e", wanted or Wanted(1))
        self._controllers = 0

    async def declare(self) -> None:
        """Save the group for the first time, as `emr-dr apply` does."""
        await MemoryStore.save(self.store, Document(self.group))

    def controller(
        self, life: Life | None = None, *, clock: Clock | None = None, vantage: str = "", elsewhere: bool = False
    ) -> Controller:
        """A new process with a life of its own; the one before it is gone."""
        clock = clock or self.clock
        self._controllers += 1
        self.store.life = life or Life()
        self.cloud.faults.hook = self.store.life.pass_point
        clusters, balancer = MemoryClusters(self.cloud), MemoryBalancer(self.cloud)
        work = MemoryWork(self.cloud, elsewhere=elsewhere)
        store: Store = self.store
        return Controller(
            GROUP,
            store,
            self._observer(clusters, balancer, work, vantage, elsewhere=elsewhere),
            Actor(clusters, balancer, work, clock, self._roles()),
            clock,
            self.policy,
            f"controller-{self._controllers}",
            lambda service, address: f"http://{address}/{service}",
        )

    def _observer(
        self, clusters: Clusters, balancer: Balancer, work: MemberWork, vantage: str, *, elsewhere: bool
    ) -> Observer:
        probes, hosts = MemoryProbes(self.cloud, elsewhere=elsewhere), MemoryHosts(self.cloud)
        seeing = (clusters, balancer, probes, work, hosts, self.detection, self.cloud.services, vantage)
        own = tuple(p.role for p in self.policy.placements)
        return Observer(*seeing, backlog=self.ledger, roles=self._roles(), own_roles=own)

    def _roles(self) -> MemoryRoles | None:
        return MemoryRoles(self.cloud) if self.policy.deny_role else None

    async def converge(self, life: Life | None = None) -> Round:
        """Have a new controller do rounds until nothing is outstanding."""
        return await self.until(lambda done: done.converged, life)

    async def until(self, stop: Callable[[Round], bool], life: Life | None = None) -> Round:
        """Have a new controller do rounds until `stop` says so; the last round shows that patience ended first."""
        end = self.clock.now() + PATIENCE
        return await self.controller(life).run(lambda done: stop(done) or self.clock.now() > end)

    async def events(self, name: str) -> Sequence[JournalEntry]:
        """The journal's entries of one name."""
        return [e for e in await self.store.journal(GROUP, limit=100_000) if e.event == name]


def site(scene: Scene, account: MemoryAccount | None = None, life: Life | None = None) -> Site:
    """A new process's site; the account outlives it."""
    controller = scene.controller(life)
    return Site(
        group=GROUP,
        strategy="active-passive",
        store=scene.store,
        clusters=MemoryClusters(scene.cloud),
        observer=controller.observer,
        controller=controller,
        account=account or MemoryAccount(),
        balancer=DesiredBalancer(GROUP, BALANCER, Services().declared(), BALANCER.subnets),
        artifacts=scene.artifacts,
        files=(OwnFile("prove.py", b"pass", "every candidate has to run it before it may serve"),),
        clock=scene.clock,
        ledger=scene.ledger,
    )
