"""What controllers tell gateways of each member, and the proofs of death that rescue acts on."""

from dataclasses import dataclass
from enum import StrEnum

VIEW_SECONDS = 10.0
"""How old a view may be that a gateway still gives new work by. Without newer ones it takes none."""


class Role(StrEnum):
    """A member's part in serving, as a gateway needs it."""

    SERVING = "serving"
    STANDBY = "standby"
    DRAINING = "draining"
    FENCED = "fenced"
    RETIRED = "retired"


class ProofKind(StrEnum):
    """How it was shown that what ran on a member cannot run or write any more."""

    YARN_KILLED = "yarn-killed"
    """The kill was read back for every application of the batch."""
    TERMINATED = "terminated"
    """EMR says TERMINATED, or all its EC2 instances are."""
    ROLE_DENIED = "role-denied"
    """The member's own instance role is denied, and the propagation time has passed."""
    PERSON = "person"
    """A person said so; audited."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence that a member is dead, taken at `at` (seconds of the epoch). Only with it is a batch run again."""

    kind: ProofKind
    at: float
    evidence: str


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member as published to gateways: written by controllers with each save, read by version."""

    cluster_id: str
    generation: int
    epoch: int
    az: str
    livy_url: str
    rm_url: str
    role: Role
    accepts_new: bool
    death: Proof | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """How much unfinished work a gateway sees on a member, at `at`; with an empty cluster id, how much is queued.

    What is queued is always reported, so that a gateway with nothing to do is seen to be there.
    """

    cluster_id: str
    unfinished: int
    at: float
