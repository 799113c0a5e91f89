"""What is measured: who recovers, and how slow the lab's AWS is meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Contender(StrEnum):
    """Who is to bring the service back."""

    OURS = "ours"
    """`emr-dr watch`."""
    BASELINE = "baseline"
    """The post's procedure, started by a schedule."""


@dataclass(frozen=True, slots=True)
class Case:
    """One setting of the lab's times; they are set when the first cluster serves, for all that comes after."""

    name: str
    says: str
    runs: int = 1
    times: Mapping[str, float] = field(default_factory=dict)

    @property
    def propagation(self) -> float:
        """How much later the balancer follows, in seconds."""
        return self.times.get("balancer_propagation", 0.0)


CASES = {
    case.name: case
    for case in (
        Case("fast", "a cluster starts as fast as its services boot", runs=3),
        Case("slow-start", "a cluster is STARTING for 240 s", times={"cluster_start": 240}),
        Case("propagation", "the balancer follows 120 s later", times={"balancer_propagation": 120}),
    )
}


@dataclass(frozen=True, slots=True)
class Rules:
    """How a run is played, the same in each case.

    Attributes:
        period: Seconds between two starts of the procedure.
        wait: Its WAIT, as sleep(1) reads it.
        starts: How often the schedule goes on to start it after the disaster.
        patience: Seconds after which a run ends, whatever has become of it.
    """

    period: float = 60.0
    wait: str = "2m"
    starts: int = 4
    patience: float = 600.0

    @property
    def phase(self) -> float:
        """How long before the next start the disaster strikes: what a minute's schedule leaves on average."""
        return self.period / 2
