"""What we need from a member itself, asked directly at its address and never through the balancer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from emr_dr.core.evidence import ProbeResult
from emr_dr.core.world import ProvingResult


@dataclass(frozen=True, slots=True)
class ProvingRun:
    """How the proving job stands, and the number that Livy gave it; None while Livy does not know it."""

    result: ProvingResult
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Something on a member that has not ended.

    Attributes:
        what: `batch` or `session` of Livy's, or `application`: one of YARN's that belongs to none of those.
        id: Livy's number, or YARN's application id.
        state: In the words of Livy, or of YARN.
    """

    what: str
    id: str
    name: str
    state: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.what, self.id, self.name and f"({self.name})", self.state)))


class Probes(Protocol):
    """Health checks of a member's services."""

    async def check(self, address: str) -> Sequence[ProbeResult]:
        """Check every declared service at once, one result for each, within the probe deadline.

        Never raises for what the service does: a refusal, silence, garbage or an endless answer is a failed result, and
        delays no other check.
        """

    async def controls(self) -> Sequence[ProbeResult]:
        """Look at the monitor's own control targets, within the probe deadline; empty if none are declared.

        With none of them reached it is the monitor that is cut off, whatever it sees of members. Never raises.
        """

    async def identity(self, address: str) -> str:
        """What tells this member from every other (YARN's cluster id, from its start), read at `address`.

        Read at the member and at the balancer, it shows whom the balancer really reaches.

        Raises:
            TransientError: No good answer.
        """


class MemberWork(Protocol):
    """Work on a member: the proving job, and what runs there."""

    async def proving(self, address: str, name: str) -> ProvingRun:
        """How the proving job of that name stands.

        Raises:
            TransientError: Livy gave no good answer.
        """

    async def prove(self, address: str, name: str) -> None:
        """Submit the proving job under that name; Livy refuses a second one of the same name while it knows the first.

        Raises:
            TransientError: Livy gave no good answer; look before repeating.
        """

    async def idle(self, address: str) -> bool:
        """Whether YARN answers and has no application submitted, accepted or running.

        Raises:
            TransientError: YARN gave no good answer, so nobody knows.
        """

    async def unfinished(self, address: str) -> Sequence[Unfinished]:
        """All that has not ended, as Livy and YARN tell it together; neither of them knows it whole.

        Raises:
            TransientError: One of them gave no good answer, so nobody knows.
        """

    async def stop(self, address: str, epoch: int) -> None:
        """Kill what carries a tag of an epoch older than `epoch`, and read it back.

        Raises:
            TransientError: Not read back yet; repeat.
        """
