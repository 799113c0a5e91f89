"""One simulated cluster: what it does by itself as time passes, and what may befall it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from emr_dr.core.group import Placement
from emr_dr.core.world import EmrState, HostHealth, ProvingResult


@dataclass(slots=True)
class Delays:
    """How long things take, in seconds; infinity for what never happens.

    `emr_notices` is how long EMR calls a dead cluster well, `ec2_notices` how long EC2 calls its machine well, and
    `ec2_confirms` how long after a death EC2 calls all machines terminated.
    """

    boot: float = 300.0
    address_known: float = 60.0
    ending: float = 60.0
    emr_notices: float = 120.0
    ec2_notices: float = 60.0
    ec2_confirms: float = math.inf
    listed: float = 0.0
    healthy: float = 20.0
    unhealthy: float = 20.0
    draining: float = 10.0
    proof: float = 60.0


@dataclass(slots=True)
class Machine:
    """A cluster whose state follows from a few moments and the time at which one asks.

    Attributes:
        broken: Why a service does not answer, by service, and since when.
        healed: When a service answered again.
        fails_to_boot: It ends instead of coming up.
        unfit: It comes up, but the proof fails on it.
        without_room: It ends instead of coming up, for EC2 lacks capacity.
        lacking: The instance type that EC2 lacks for it; so it ends, too.
        differs: It comes up other than declared.
        hangs: It stays in STARTING for ever.
        unwell: What a service says of itself, by service.
        first_batch: The number that its Livy gave the first proof.
        jobs: Applications that YARN runs, by the epoch they were tagged with.
    """

    id: str
    number: int
    origin: str
    placement: Placement
    address: str
    created_at: float
    delays: Delays
    services: tuple[str, ...]
    protected: bool = False
    fails_to_boot: bool = False
    unfit: bool = False
    without_room: bool = False
    lacking: str = ""
    differs: bool = False
    hangs: bool = False
    terminated_at: float | None = None
    died_at: float | None = None
    broken: dict[str, tuple[str, float]] = field(default_factory=dict)
    healed: dict[str, float] = field(default_factory=dict)
    proofs: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    unwell: dict[str, str] = field(default_factory=dict)
    first_batch: int = 0

    @property
    def up_at(self) -> float:
        """When it is up, if nothing comes between."""
        return self.created_at + self.delays.boot

    @property
    def ended_at(self) -> float | None:
        """When EMR calls it ended; None while nothing ends it."""
        ends = [self.terminated_at + self.delays.ending] if self.terminated_at is not None else []
        if self.fails_to_boot or self.without_room or self.lacking:
            ends.append(self.up_at)
        if self.died_at is not None:
            ends.append(max(self.died_at, self.created_at) + self.delays.emr_notices)
        return min(ends, default=None)

    def state(self, at: float) -> EmrState:
        """EMR's word."""
        if self.ended_at is not None and at >= self.ended_at:
            return EmrState.ENDED
        if self.terminated_at is not None and at >= self.terminated_at:
            return EmrState.ENDING
        return EmrState.UP if at >= self.up_at and not self.hangs else EmrState.STARTING

    def runs(self, at: float) -> bool:
        """Whether its machines run: also while it is ending, no more once it died, whatever EMR says."""
        dead = self.died_at is not None and at >= self.died_at
        return not dead and at >= self.up_at and not self.hangs and self.state(at) is not EmrState.ENDED

    def host(self, at: float) -> HostHealth:
        """EC2's word on its primary."""
        if self.state(at) is EmrState.ENDED:
            return HostHealth.GONE
        noticed = self.died_at is not None and at >= self.died_at + self.delays.ec2_notices
        return HostHealth.IMPAIRED if noticed else HostHealth.OK

    def confirmed_dead(self, at: float) -> bool:
        """Whether EC2 calls all its machines terminated."""
        confirmed = self.died_at is not None and at >= self.died_at + self.delays.ec2_confirms
        return confirmed or self.state(at) is EmrState.ENDED

    @property
    def reason(self) -> str:
        """EMR's words on its end, where it has any."""
        if self.lacking:
            return f"VALIDATION_ERROR: EC2 lacks capacity for {self.lacking}"
        if self.without_room:
            return "VALIDATION_ERROR: EC2 lacks capacity"
        return "BOOTSTRAP_FAILURE: a bootstrap action failed" if self.fails_to_boot else ""

    def trouble(self, service: str, at: float) -> str:
        """Why the service does not answer; empty if it does."""
        if not self.runs(at):
            return "no route to host"
        return self.broken[service][0] if service in self.broken else ""

    def changed(self, service: str, at: float) -> float:
        """When the service last began to answer, or ceased to."""
        moments = [self.up_at, self.died_at, self.ended_at, self.healed.get(service)]
        if service in self.broken:
            moments.append(self.broken[service][1])
        return max((m for m in moments if m is not None and m <= at), default=self.created_at)

    def proving(self, name: str, at: float) -> ProvingResult:
        """How the proving job of that name stands."""
        if name not in self.proofs:
            return ProvingResult.PENDING
        if at < self.proofs[name] + self.delays.proof:
            return ProvingResult.RUNNING
        return ProvingResult.FAILED if self.unfit else ProvingResult.PASSED

    def idle(self, at: float) -> bool:
        """Whether nothing runs on it, a proof included."""
        return not self.jobs and all(self.proving(n, at) is not ProvingResult.RUNNING for n in self.proofs)

    def fail(self, services: Sequence[str], why: str, at: float) -> None:
        """Have services answer no more."""
        self.broken |= {s: (why, at) for s in services if s not in self.broken}

    def heal(self, services: Sequence[str], at: float) -> None:
        """Have services answer again; an outage that no health check noticed leaves no trace."""
        for service in services:
            _, since = self.broken.pop(service, ("", at))
            if at - since >= self.delays.unhealthy:
                self.healed[service] = at
