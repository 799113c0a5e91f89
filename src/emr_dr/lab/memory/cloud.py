"""The simulated account: clusters, one balancer, and everything that a person or a power cut may do to them."""

from collections.abc import Sequence
from dataclasses import dataclass

from emr_dr.core.group import Placement
from emr_dr.core.world import EmrState
from emr_dr.lab.memory.faults import Faults
from emr_dr.lab.memory.machine import Delays, Machine
from emr_dr.ports import Clock

FRONT = "balancer.memory"
SERVICES = ("livy", "resource-manager", "name-node")


@dataclass(slots=True)
class Registration:
    """An address in one target group."""

    service: str
    address: str
    since: float
    draining_since: float | None = None


class MemoryCloud:
    """What is true. `MemoryClusters`, `MemoryBalancer`, `MemoryProbes` and `MemoryWork` show it through our ports.

    Attributes:
        delays: For clusters launched from now on.
        faults: What becomes of calls.
        next_fails_to_boot: How many of the next launches never come up.
        next_unfit: How many of the next launches come up and fail their proof.
        next_without_room: How many of the next launches end because EC2 lacks capacity.
        next_differ: How many of the next launches come up other than declared.
        next_hang: How many of the next launches stay in STARTING for ever.
        full: Where EC2 lacks capacity: pairs of a subnet and an instance type.
        checks: What is checked directly beside the services, and has no listener at the balancer.
        unrouted: Addresses that the balancer does not reach, though direct probes do, and since when.
        unreachable: Addresses that direct probes do not reach, though the balancer does.
        isolated: Whoever probes from here reaches nothing at all, its own control targets included.
        denials: The roles that are denied, each with the cluster for whose sake.
        front_leads_to: The address that the balancer leads to whatever its API says; empty when it does as it says.
    """

    def __init__(self, clock: Clock, *, services: Sequence[str] = SERVICES, delays: Delays | None = None) -> None:
        self.clock = clock
        self.services = tuple(services)
        self.delays = delays or Delays()
        self.faults = Faults()
        self.machines: dict[str, Machine] = {}
        self.registrations: list[Registration] = []
        self.next_fails_to_boot = 0
        self.next_unfit = 0
        self.next_without_room = 0
        self.next_differ = 0
        self.next_hang = 0
        self.full: set[tuple[str, str]] = set()
        self.checks: tuple[str, ...] = ()
        self.unrouted: dict[str, float] = {}
        self.unreachable: set[str] = set()
        self.isolated = False
        self.denials: set[tuple[str, str]] = set()
        self.front_leads_to = ""

    def create(self, number: int, origin: str, placement: Placement) -> Machine:
        """Make a cluster, as RunJobFlow does."""
        n = len(self.machines) + 1
        machine = Machine(
            id=f"j-{n:013d}",
            number=number,
            origin=origin,
            placement=placement,
            address=f"10.0.{n // 250}.{n % 250 + 1}",
            created_at=self.clock.now(),
            delays=self.delays,
            services=self.services,
            lacking=next((t for t in placement.types if (placement.subnet, t) in self.full), ""),
            hangs=self.next_hang > 0,
            fails_to_boot=self.next_fails_to_boot > 0,
            unfit=self.next_unfit > 0,
            without_room=self.next_without_room > 0,
            differs=self.next_differ > 0,
        )
        self.next_fails_to_boot = max(self.next_fails_to_boot - 1, 0)
        self.next_unfit = max(self.next_unfit - 1, 0)
        self.next_without_room = max(self.next_without_room - 1, 0)
        self.next_differ = max(self.next_differ - 1, 0)
        self.next_hang = max(self.next_hang - 1, 0)
        self.machines[machine.id] = machine
        return machine

    def at(self, address: str) -> Machine | None:
        """The cluster whose primary has this address."""
        return next((m for m in self.machines.values() if m.address == address), None)

    @property
    def checked(self) -> tuple[str, ...]:
        """Everything that direct probes ask."""
        return (*self.services, *self.checks)

    @property
    def live(self) -> tuple[Machine, ...]:
        """The clusters that EMR does not call ending or ended."""
        now = self.clock.now()
        states = (EmrState.STARTING, EmrState.UP)
        return tuple(m for m in self.machines.values() if m.state(now) in states)

    @property
    def targets(self) -> frozenset[str]:
        """The addresses that get new connections from the balancer in any group."""
        return frozenset(r.address for r in self.registrations if r.draining_since is None)

    # What may befall them

    def kill(self, cluster: str) -> None:
        """Have its machines die at once; EMR notices later."""
        self.machines[cluster].died_at = self.clock.now()

    def kill_az(self, az: str) -> None:
        """Have everything in one AZ die at once."""
        for machine in self.machines.values():
            if machine.placement.az == az and machine.died_at is None:
                machine.died_at = self.clock.now()

    def stop_service(self, cluster: str, *services: str) -> None:
        """Have services refuse connections; all of them if none is named."""
        self.machines[cluster].fail(services or self.checked, "connection refused", self.clock.now())

    def freeze(self, cluster: str, *services: str) -> None:
        """Have services accept and never answer; all of them if none is named."""
        self.machines[cluster].fail(services or self.checked, "no answer within the deadline", self.clock.now())

    def heal(self, cluster: str, *services: str) -> None:
        """Have services answer well again; all of them if none is named."""
        for service in services or self.checked:
            self.machines[cluster].unwell.pop(service, None)
        self.machines[cluster].heal(services or self.checked, self.clock.now())

    def terminate_by_hand(self, cluster: str) -> None:
        """Have a person end it, protected or not."""
        self.machines[cluster].protected = False
        self.machines[cluster].terminated_at = self.clock.now()

    def hang(self, cluster: str) -> None:
        """Have it stay in STARTING for ever."""
        self.machines[cluster].hangs = True

    def say_unwell(self, cluster: str, service: str, words: str) -> None:
        """Have a service answer that it is not well, while the balancer's shallower check finds it so."""
        self.machines[cluster].unwell[service] = words

    def cut_from_balancer(self, address: str) -> None:
        """Have the balancer reach an address no more, in its checks and for its clients."""
        self.unrouted.setdefault(address, self.clock.now())

    def begin_job(self, cluster: str, name: str, epoch: int = 0) -> None:
        """Have YARN run an application on it."""
        self.machines[cluster].jobs[name] = epoch

    def finish_job(self, cluster: str, name: str) -> None:
        """Have the application end."""
        self.machines[cluster].jobs.pop(name, None)
