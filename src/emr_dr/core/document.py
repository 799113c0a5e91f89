"""The saved document of a group: what is remembered, who may act on it until when, and its version."""

from dataclasses import dataclass

from emr_dr.core.evidence import FailureRun
from emr_dr.core.group import Group


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act for a limited time.

    Attributes:
        holder: Who acts; unique to a process.
        term: Grows with each change of holder.
        expires_at: Seconds of the epoch; an effect starts only if this outlasts the effect's deadline.
    """

    holder: str
    term: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class Document:
    """One group as the store keeps it, under one version: every save is a compare-and-set on it.

    The lease lives here too, so that taking it makes every save that is under way stale.
    """

    group: Group
    runs: tuple[FailureRun, ...] = ()
    lease: Lease | None = None
    version: int = 0
