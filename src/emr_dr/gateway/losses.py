"""What rescue came to: counts for metrics, and how long each loss took to be proven and mended."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emr_dr.core.batch import Batch
from emr_dr.core.rescue import Again, Close, Holding, Refusal
from emr_dr.core.view import MemberView

KEPT_LOSSES = 100


@dataclass(slots=True)
class Loss:
    """One member's death, as the holder of the lease saw it. Times in seconds of the epoch.

    Attributes:
        lost_at: When the member last answered, or was first shown out of service.
        proven_at: When the proof was taken.
        seen_at: When this gateway was first shown the proof.
        rescued, closed: Batches attempted again, and ended.
        sent_at: When the last of the further attempts so far was sent.
        waiting: Further attempts that were not sent yet.
        told: Whether it was told what it came to.
    """

    cluster_id: str
    kind: str
    lost_at: float
    proven_at: float
    seen_at: float
    rescued: int = 0
    closed: int = 0
    sent_at: float | None = None
    waiting: int = 0
    told: bool = False

    @property
    def proof_seconds(self) -> float:
        """From the loss to the proof: what AWS, or a person, took."""
        return max(0.0, self.proven_at - self.lost_at)

    @property
    def rescue_seconds(self) -> float | None:
        """From the proof to the last second submission so far: what the gateways took. None while there is none."""
        return None if self.sent_at is None else max(0.0, self.sent_at - self.proven_at)

    def summary(self) -> Mapping[str, str | int | float | None]:
        """What it came to, for log and journal."""
        return {
            "cluster": self.cluster_id,
            "proof": self.kind,
            "rescued": self.rescued,
            "closed": self.closed,
            "proof_seconds": self.proof_seconds,
            "rescue_seconds": self.rescue_seconds,
        }


@dataclass(slots=True)
class RescueCounts:
    """What one gateway's rescuer did since it began, and what it waits for now.

    Attributes:
        holds: Whether this gateway held the lease when it last looked.
        held: Batches on lost members of which nothing is decided, by reason, as of the last look.
        losses: The newest deaths, oldest first.
    """

    holds: bool = False
    rescued: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)
    held: dict[str, Counter[Holding]] = field(default_factory=dict)
    losses: dict[str, Loss] = field(default_factory=dict)
    _unsent: dict[int, tuple[str, int]] = field(default_factory=dict)

    def loss(self, member: MemberView, lost_at: float, now: float) -> Loss:
        """The record of a dead member, begun when it is first asked for."""
        if member.death is None:
            raise ValueError(member)
        if member.cluster_id not in self.losses:
            while len(self.losses) >= KEPT_LOSSES:
                del self.losses[next(iter(self.losses))]
            at, kind = member.death.at, member.death.kind
            self.losses[member.cluster_id] = Loss(member.cluster_id, kind, min(lost_at, at), at, now)
        return self.losses[member.cluster_id]

    def count(self, loss: Loss, after: Batch, decision: Close | Again) -> None:
        """Note a decision that was saved."""
        loss.told = False
        if isinstance(decision, Close):
            self.refused[decision.reason] += 1
            loss.closed += 1
            return
        self.rescued += 1
        loss.rescued += 1
        loss.waiting += 1
        self._unsent[after.id] = (loss.cluster_id, after.last.number)

    @property
    def waits(self) -> bool:
        """Whether a further attempt was not seen sent yet."""
        return bool(self._unsent)

    def saw(self, batches: Iterable[Batch]) -> None:
        """Note which further attempts were sent, or will not be any more."""
        for batch in batches:
            cluster, number = self._unsent.get(batch.id, ("", 0))
            attempt = next((a for a in batch.attempts if a.number == number), None)
            if attempt is None or (attempt.sent_at is None and attempt.live and batch.listed):
                continue
            del self._unsent[batch.id]
            if (loss := self.losses.get(cluster)) is not None:
                loss.waiting -= 1
                if attempt.sent_at is not None:
                    loss.sent_at = max(loss.sent_at or 0.0, attempt.sent_at)

    def finished(self) -> list[Loss]:
        """The losses of which nothing is left to do, each once."""
        done = [x for x in self.losses.values() if not (x.told or x.waiting or self.held.get(x.cluster_id))]
        for loss in done:
            loss.told = True
        return done

    def numbers(self) -> Mapping[str, int]:
        """All of it as names and numbers."""
        held = sum(self.held.values(), Counter[Holding]())
        return {
            "rescue_lease": int(self.holds),
            "rescued": self.rescued,
            **{f"rescue_refused_{reason}": self.refused[reason] for reason in Refusal},
            **{f"rescue_held_{reason}".replace("-", "_"): held[reason] for reason in Holding},
        }
