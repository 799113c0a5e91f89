"""The group's gateways in the lab: real `emr-dr gateway` processes where Fargate would run tasks, one machine each.

As ECS does for a service, each is made a target of the group's target group when it is started, and taken out when
fewer are wanted. Unlike ECS nobody starts one again by itself: what a test has killed stays killed until it says so.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from emr_dr.errors import UsageError
from emr_dr.lab.cluster.services import ServiceCommand
from emr_dr.lab.cluster.settings import ADDRESS_MARKER, LAB_MARKER
from emr_dr.lab.cluster.supervised import Supervised
from emr_dr.lab.world import IN_THE_WAY, ZONES, Addresses

GATEWAY = "gateway"
_FOREIGN_PREFIXES = ("AWS_", "EMR_DR_")


@dataclass(frozen=True, slots=True)
class Declared:
    """What of a spec the lab needs to run its gateways."""

    spec: Path
    group: str
    port: int
    target_group: str


class Targets(Protocol):
    """The target groups of the lab's account."""

    def register(self, target_group: str, address: str, port: int) -> None:
        """Make an address a target.

        Raises:
            UsageError: There is no such target group.
        """

    def deregister(self, target_group: str, address: str, port: int) -> None:
        """Take it out; a no-op where it is none."""

    def health(self, target_group: str, address: str, port: int) -> str:
        """ELBv2's word for its state; empty if it is no target."""


@dataclass(slots=True)
class _Gateway:
    name: str
    zone: str
    address: str
    declared: Declared
    supervisor: Supervised
    lost: bool = False

    def state(self) -> str:
        """`running`, `ended`, or `lost` with its AZ."""
        return "lost" if self.lost else str(self.supervisor.status()["services"].get(GATEWAY, "ended"))


@dataclass
class Gateways:
    """All gateways of a lab; safe to use from several threads, and every order is safe to repeat.

    Args:
        folder: Takes the log of each gateway.
        environment: In which emr-dr talks to this lab.
        is_dead: Whether an AZ is dead.
        verb: What is run, before its options.
    """

    addresses: Addresses
    lab_id: str
    folder: Path
    targets: Targets
    environment: Callable[[], Mapping[str, str]]
    is_dead: Callable[[str], bool]
    verb: tuple[str, ...] = (sys.executable, "-m", "emr_dr", GATEWAY)
    _running: dict[str, _Gateway] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def scale(self, count: int, declared: Declared) -> list[dict[str, Any]]:
        """Have the first `count` gateways of a group run, each in the next AZ, and no others; return them.

        One that has ended is started again; one that is lost with its AZ stays so.

        Raises:
            UsageError: There is no such target group, or no address is left.
        """
        with self._lock:
            for each in [g for g in self._running.values() if g.declared.group == declared.group]:
                if int(each.name.rpartition("-")[2]) > count:
                    self._end(each)
            for number in range(1, count + 1):
                self._ensure(number, declared)
            return self.shown()

    def kill(self, name: str) -> None:
        """SIGKILL one gateway: its port refuses, and it stays a target."""
        with self._lock:
            gateway = self._find(name)
            if not gateway.lost:
                gateway.supervisor.tell("kill", GATEWAY)

    def lose_zone(self, zone: str) -> list[str]:
        """Let the gateways of an AZ vanish with it, into silence; return who they are."""
        with self._lock:
            doomed = [g for g in self._running.values() if g.zone == zone]
            for each in doomed:
                if not each.lost:
                    each.supervisor.vanish(GATEWAY, each.declared.port)
                    each.lost = True
            return [each.name for each in doomed]

    def restore_zone(self, zone: str) -> None:
        """Start those again that were lost with an AZ, at their addresses."""
        with self._lock:
            for each in [g for g in self._running.values() if g.zone == zone and g.lost]:
                self.come_back(each.name)

    def come_back(self, name: str) -> None:
        """Start one again that was lost or has ended.

        Raises:
            UsageError: Its AZ is dead.
        """
        with self._lock:
            gateway = self._find(name)
            if self.is_dead(gateway.zone):
                remedy = f"`emr-dr lab restore-az {gateway.zone}` brings it back, too"
                raise UsageError(f"{gateway.zone} is dead", where=name, remedy=remedy)
            gateway.supervisor.come_back()
            gateway.lost = False
            gateway.supervisor.start(self._command(gateway))

    def knows(self, name: str) -> bool:
        """Whether a gateway is called so."""
        with self._lock:
            return name in self._running

    def shown(self) -> list[dict[str, Any]]:
        """Every gateway, with what the balancer says of it, as `lab status` shows it."""
        with self._lock:
            return [
                {
                    "name": each.name,
                    "group": each.declared.group,
                    "availability_zone": each.zone,
                    "address": each.address,
                    "port": each.declared.port,
                    "state": each.state(),
                    "target": self.targets.health(each.declared.target_group, each.address, each.declared.port),
                }
                for each in self._running.values()
            ]

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            for each in self._running.values():
                each.supervisor.end()
            self._running.clear()

    def _ensure(self, number: int, declared: Declared) -> None:
        name = f"{declared.group}-{GATEWAY}-{number}"
        gateway = self._running.get(name)
        if gateway is not None and gateway.declared != declared:
            self._end(gateway)
            gateway = None
        if gateway is None:
            zone = ZONES[(number - 1) % len(ZONES)]
            if self.is_dead(zone):
                raise UsageError(f"{zone} is dead", where=name, remedy=f"first: emr-dr lab restore-az {zone}")
            address = self._free(zone)
            self.targets.register(declared.target_group, address, declared.port)
            gateway = _Gateway(name, zone, address, declared, Supervised(self.lab_id, address))
            self._running[name] = gateway
        if not gateway.lost:
            gateway.supervisor.start(self._command(gateway))

    def _free(self, zone: str) -> str:
        taken = {each.address for each in self._running.values()}
        free: Iterable[str] = (each for each in self.addresses.gateways(zone) if each not in taken)
        if (address := next(iter(free), None)) is None:
            raise UsageError(f"no address for a gateway is left in {zone}", remedy="run fewer of them")
        return address

    def _end(self, gateway: _Gateway) -> None:
        """Take it out of the balancer, let it end in order, and see that nothing of it is left."""
        self.targets.deregister(gateway.declared.target_group, gateway.address, gateway.declared.port)
        if not gateway.lost:
            gateway.supervisor.end_in_order(GATEWAY)
        gateway.supervisor.end()
        self._running.pop(gateway.name)

    def _find(self, name: str) -> _Gateway:
        if name not in self._running:
            known = ", ".join(self._running) or "none; start some with `emr-dr lab gateways N`"
            raise UsageError(f"no gateway is called {name!r}", remedy=f"there are: {known}")
        return self._running[name]

    def _command(self, gateway: _Gateway) -> ServiceCommand:
        """The verb as a user would type it; of the environment everything but what leads to some other AWS."""
        spec = gateway.declared.spec
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_FOREIGN_PREFIXES) and name not in IN_THE_WAY
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        return ServiceCommand(
            name=GATEWAY,
            arguments=(
                *(*self.verb, "--spec", str(spec), "--listen", gateway.address),
                *("--name", gateway.name, "--vantage", gateway.zone),
            ),
            environment={
                **inherited,
                **self.environment(),
                LAB_MARKER: self.lab_id,
                ADDRESS_MARKER: gateway.address,
            },
            folder=str(spec.parent),
            log=str(self.folder / f"{gateway.name}.log"),
        )
