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
        unreachable: Addresses that direct probes do not reach, though the balancer does.
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
        self.unreachable: set[str] = set()

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
            fails_to_boot=self.next_fails_to_boot > 0,
            unfit=self.next_unfit > 0,
        )
        self.next_fails_to_boot = max(self.next_fails_to_boot - 1, 0)
        self.next_unfit = max(self.next_unfit - 1, 0)
        self.machines[machine.id] = machine
        return machine

    def at(self, address: str) -> Machine | None:
        """The cluster whose primary has this address."""
        return next((m for m in self.machines.values() if m.address == address), None)

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
        self.machines[cluster].fail(services or self.services, "connection refused", self.clock.now())

    def freeze(self, cluster: str, *services: str) -> None:
        """Have services accept and never answer; all of them if none is named."""
        self.machines[cluster].fail(services or self.services, "no answer within the deadline", self.clock.now())

    def heal(self, cluster: str, *services: str) -> None:
        """Have services answer again; all of them if none is named."""
        self.machines[cluster].heal(services or self.services, self.clock.now())

    def terminate_by_hand(self, cluster: str) -> None:
        """Have a person end it, protected or not."""
        self.machines[cluster].protected = False
        self.machines[cluster].terminated_at = self.clock.now()

    def begin_job(self, cluster: str, name: str, epoch: int = 0) -> None:
        """Have YARN run an application on it."""
        self.machines[cluster].jobs[name] = epoch

    def finish_job(self, cluster: str, name: str) -> None:
        """Have the application end."""
        self.machines[cluster].jobs.pop(name, None)
