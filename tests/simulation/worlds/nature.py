"""The account and the weather over it: what machines, AWS and networks do, whoever looks after the group."""

from dataclasses import dataclass, field, replace
from random import Random

from emr_dr.core.group import Placement
from emr_dr.core.world import EmrState
from emr_dr.lab.memory import Delays, Machine, MemoryCloud
from emr_dr.lab.memory.cloud import Registration
from emr_dr.ports import Clock


@dataclass
class Weather:
    """What calls meet with on their way, just now.

    Attributes:
        throttled, lost, locked: How probable it is that AWS asks to slow down, that the reply to something done gets
            lost, that the store is locked.
        slow: The most seconds that a call takes each way.
        torn: How probable it is that a call to the balancer reaches only some of its target groups.
        denied: AWS refuses every call for good, for our credentials are not good.
        refusals: Why AWS will refuse the next launches for good, one each.
    """

    aws_down: bool = False
    throttled: float = 0.0
    lost: float = 0.0
    torn: float = 0.0
    slow: float = 0.0
    store_down: bool = False
    locked: float = 0.0
    denied: bool = False
    refusals: list[str] = field(default_factory=list)


class Nature(MemoryCloud):
    """A cloud in which no two clusters take the same time, zones go dark, and addresses are given on.

    Attributes:
        dark: Zones that are lost: whatever is launched there never comes up.
        lags: The most seconds for which a new cluster is missing from the list.
        by_hand: Clusters that a person made.
        registered_by_hand: Addresses that a person made targets.
        impaired: Clusters whose machines fail EC2's status checks, and work.
    """

    def __init__(self, clock: Clock, rng: Random, delays: Delays, lags: float) -> None:
        super().__init__(clock, delays=delays)
        self._rng = rng
        self.lags = lags
        self.dark: set[str] = set()
        self.by_hand: set[str] = set()
        self.registered_by_hand: set[str] = set()
        self.impaired: set[str] = set()

    def create(self, number: int, origin: str, placement: Placement) -> Machine:
        free = sorted(self._ended_addresses())
        machine = super().create(number, origin, placement)
        fails = machine.fails_to_boot or machine.without_room or bool(machine.lacking)
        lasts = self._rng.uniform(0.01 if fails else 0.7, 1.4)  # what fails may do so before anybody looks
        machine.delays = replace(self.delays, boot=self.delays.boot * lasts, listed=self._rng.uniform(0, self.lags))
        if placement.az in self.dark:
            machine.without_room = self._rng.random() < 0.5
            machine.hangs = not machine.without_room
        if free and self._rng.random() < 0.2:
            machine.address = self._rng.choice(free)
        return machine

    def at(self, address: str) -> Machine | None:
        """The newest cluster of the address: AWS gives it on when its former owner has ended."""
        return next((m for m in reversed(self.machines.values()) if m.address == address), None)

    def registered(self) -> list[str]:
        """The addresses that get new connections, in a fixed order."""
        return sorted(self.targets)

    def register_by_hand(self, address: str) -> None:
        """Have a person make an address a target."""
        now = self.clock.now()
        self.registrations = [r for r in self.registrations if r.address != address]
        self.registrations += [Registration(service, address, now) for service in self.services]
        self.registered_by_hand.add(address)

    def deregister_by_hand(self, address: str) -> None:
        """Have a person take an address out."""
        for each in self.registrations:
            if each.address == address and each.draining_since is None:
                each.draining_since = self.clock.now()

    def tear(self, address: str, was: list[Registration]) -> None:
        """Have a call that was just carried out have missed one target group: there the address is as it was."""
        missed = self._rng.choice(self.services)
        others = [r for r in self.registrations if (r.address, r.service) != (address, missed)]
        self.registrations = others + [r for r in was if (r.address, r.service) == (address, missed)]

    def alive(self, origin: str) -> list[Machine]:
        """The clusters of an origin that EMR does not call ending or ended."""
        return [m for m in self.live if m.origin == origin]

    def _ended_addresses(self) -> set[str]:
        now = self.clock.now()
        taken = {m.address for m in self.machines.values() if m.state(now) is not EmrState.ENDED}
        return {m.address for m in self.machines.values()} - taken
