"""Whether a batch goes on elsewhere after its member died: never without proof, and only as it declared itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from emr_dr.core.batch import Attempt, Batch, RescueClass, ShownState
from emr_dr.core.files import left_behind
from emr_dr.core.view import MemberView, Proof, ProofKind

ONE_WRITER = (ProofKind.TERMINATED, ProofKind.ROLE_DENIED, ProofKind.PERSON)
"""Proofs that nothing of the member writes any more. A YARN that reads back a kill does not answer for the processes
of a node that it has lost sight of, and two writers at once destroy a checkpoint."""

A_MINUTE = 60.0


class Refusal(StrEnum):
    """Why a batch whose former run is proven dead is not run again."""

    NEVER = "never"
    """It may have run, and nobody declared that it may run again."""
    OFF = "off"
    """The kill switch."""
    OLDEST = "oldest"
    ATTEMPTS = "attempts"
    FILES = "files"
    """What it is made of was on the dead cluster's own file system."""
    DELETED = "deleted"
    """A tombstone: nobody wants it."""
    ENDED = "ended"
    """Its end was shown before."""


class Holding(StrEnum):
    """Why nothing is decided yet; whoever looks again later may find it otherwise."""

    NO_PROOF = "no-proof"
    ELSEWHERE = "elsewhere"
    """Its last attempt is not on this member, or needs nobody."""
    SENT_AFTER = "sent-after"
    """It was sent after a person had said that the member is dead: that word does not cover it."""
    TWO_WRITERS = "two-writers"
    """A checkpoint, and the proof does not exclude a second writer."""
    RATE = "rate"
    """As many as a minute allows were rescued."""
    REFUSED = "refused"
    """The ledger does not take what was decided: a fault of ours, and the ledger's word counts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What rescue may cost at most; see `spec.gateway.Rescue`.

    Attributes:
        attempts: Most runs of one batch, the first included.
        a_minute: Most rescues within a minute, of all batches together.
        oldest: Seconds since the submission after which nobody waits for it any more.
        off: The kill switch.
    """

    attempts: int = 2
    a_minute: int = 3000
    oldest: float = 86400.0
    off: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is saved."""

    reason: Holding
    why: str


@dataclass(frozen=True, slots=True)
class Close:
    """The proof is put on the attempt, and the batch is shown an end if none was."""

    reason: Refusal
    why: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Again:
    """The proof is put on the attempt, and a further one is queued."""

    why: str
    proof: Proof


Decision: TypeAlias = Hold | Close | Again


def decide(batch: Batch, member: MemberView, limits: Limits, at: float, *, spent: int = 0) -> Decision:
    """Say what becomes of an unfinished batch of this member, `spent` rescues having been made within the minute."""
    last = batch.last
    if last.cluster_id != member.cluster_id or not batch.unfinished or last.ended_at is not None:
        return Hold(Holding.ELSEWHERE, f"attempt {last.number} has ended, or is not on {member.cluster_id}")
    proof = member.death or last.proof  # that of the whole member says more than that of one run
    if proof is None:
        return Hold(Holding.NO_PROOF, f"nothing proves that {member.cluster_id} ({member.role}) is dead")
    told = f"{member.cluster_id} is dead, {proof.kind}: {proof.evidence}"
    if not covers(proof, last):
        return Hold(Holding.SENT_AFTER, f"it was sent there after that word, which has to be said again ({told})")
    for reason, why in _refusals(batch, limits, at):
        return Close(reason, f"cluster lost; {why} ({told})", proof)
    for holding, why in _obstacles(batch, proof, limits, spent):
        return Hold(holding, f"{why} ({told})")
    how = "it never ran" if last.never_ran else f"declared {batch.rescue}"
    return Again(f"cluster lost; goes on as attempt {last.number + 1}, {how} ({told})", proof)


def carried_out(batch: Batch, decision: Close | Again, at: float) -> Batch:
    """Return the batch as the decision leaves it, for one save."""
    last = batch.last
    proven = batch.with_last(replace(last, proof=last.proof or decision.proof, why=last.why or decision.why))
    if isinstance(decision, Again):
        return replace(proven.again(at).showing(ShownState.STARTING, at), why=decision.why)
    end = ShownState.KILLED if decision.reason is Refusal.DELETED else ShownState.DEAD
    return proven.showing(end, at, decision.why)


def covers(proof: Proof, attempt: Attempt) -> bool:
    """Whether a member's death says anything of this attempt.

    What ends a member for good covers all that it ever gets; a person's word only what had been sent by then.
    """
    return proof.kind is not ProofKind.PERSON or attempt.never_ran or (attempt.sent_at or attempt.at) <= proof.at


def spent_lately(batches: Iterable[Batch], at: float) -> list[float]:
    """When rescues were begun within the last minute, as far as these batches tell."""
    rescued = (b.last.at for b in batches if len(b.attempts) > 1 and b.attempts[-2].proof is not None)
    return sorted(moment for moment in rescued if at - moment < A_MINUTE)


def _refusals(batch: Batch, limits: Limits, at: float) -> Iterator[tuple[Refusal, str]]:
    """Why it is not attempted again, the weightiest reason first."""
    if batch.shown.terminal:
        yield Refusal.ENDED, f"it was shown {batch.shown} before"
    if not batch.listed:
        yield Refusal.DELETED, "it was deleted, and is not run again"
    if batch.last.never_ran:
        return
    if batch.rescue is RescueClass.NEVER:
        yield Refusal.NEVER, "not retry-safe: it may have run, and its class is never"
    if limits.off:
        yield Refusal.OFF, "not run again: rescue is switched off"
    if (age := at - batch.created_at) > limits.oldest:
        yield Refusal.OLDEST, f"not run again: submitted {_hours(age)} ago, and {_hours(limits.oldest)} is the limit"
    if (runs := sum(not a.never_ran for a in batch.attempts)) >= limits.attempts:
        yield Refusal.ATTEMPTS, f"not run again: runs so far {runs}, and {limits.attempts} is the limit"
    if files := left_behind(batch.request):
        yield Refusal.FILES, f"not retry-safe: on the cluster's own file systems were {files}"


def _obstacles(batch: Batch, proof: Proof, limits: Limits, spent: int) -> Iterator[tuple[Holding, str]]:
    """Why it is not attempted again yet."""
    if batch.rescue is RescueClass.CHECKPOINTED and not batch.last.never_ran and proof.kind not in ONE_WRITER:
        yield Holding.TWO_WRITERS, "it goes on from a checkpoint, and the proof does not exclude a second writer"
    if spent >= limits.a_minute:
        yield Holding.RATE, f"{spent} rescues within a minute, and {limits.a_minute} is the limit"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h"
