"""What the data plane is told, and what it says about targets: plain values, no AWS and no sockets.

Sources: the user guide for network load balancers (target groups, health checks, target group attributes), and the
service model of ELBv2 for names, ranges and defaults.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What health checks alone can say; draining and unused are ELBv2's to say."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one target as DescribeTargetHealth words it; a healthy one has no reason."""

    state: State
    reason: str | None = None
    description: str | None = None


INITIAL = Health(State.INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY = Health(State.HEALTHY)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How targets are checked; times in seconds."""

    protocol: str = "TCP"
    """TCP, HTTP or HTTPS; certificates are not checked, as NLB does not."""
    port: int | None = None
    """None is the port that the target is registered with (`traffic-port`)."""
    path: str = "/"
    codes: tuple[tuple[int, int], ...] = ((200, 399),)
    """HTTP codes that pass, as inclusive ranges."""
    interval: float = 30.0
    timeout: float = 10.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2


@dataclass(frozen=True, slots=True)
class Target:
    """One registration of an address and port; registering again gives a new serial, so health starts afresh."""

    serial: int
    host: str
    port: int
    draining: bool = False
    """Deregistered: gets no new connection, keeps those it has."""


@dataclass(frozen=True, slots=True)
class Group:
    """A target group. A target that is no longer listed is gone: its deregistration delay has ended."""

    arn: str
    check: HealthCheck
    targets: tuple[Target, ...] = ()
    source: str = ""
    """The balancer's address, from which it checks; empty: whatever the kernel takes."""
    stickiness: bool = False
    """By source address; else each connection is hashed on its own."""
    cut_deregistered: bool = False
    """`deregistration_delay.connection_termination.enabled`: cut the flows of a target that is gone."""
    cut_unhealthy: bool = True
    """`target_health_state.unhealthy.connection_termination.enabled`: cut the flows of one that turns unhealthy."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An address and port that forwards to one group, from that address; `idle_timeout` in seconds."""

    address: str
    port: int
    group_arn: str
    idle_timeout: float = 350.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole wanted state of the data plane."""

    listeners: tuple[Listener, ...] = ()
    groups: tuple[Group, ...] = ()


def eligible(targets: Collection[Target], healthy: Collection[int], unhealthy: Collection[int]) -> list[Target]:
    """Return the targets that may get a new connection, by the serials of the healthy and the unhealthy.

    The healthy ones; when none is healthy, all that are unhealthy (NLB fails open). A target in `initial` never gets
    traffic, nor does one that drains.
    """
    ready = [target for target in targets if not target.draining]
    return [target for target in ready if target.serial in healthy] or [
        target for target in ready if target.serial in unhealthy
    ]
