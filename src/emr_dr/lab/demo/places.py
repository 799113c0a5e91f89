"""Which member has which batch: by the numbers that its Livy gives out, or as the gateways tell it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp

from emr_dr.lab.demo.client import Batch

_DEADLINE = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a batch as `/gateway/batches/N` tells it; times in seconds of the epoch, None for never."""

    cluster: str | None
    confirmed: bool
    sent_at: float | None
    proof_at: float | None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Attempt":
        """Read one of `attempts`."""
        proof = told.get("proof") or {}
        return cls(told["cluster"], told["submitted"] == "confirmed", told["sent_at"], proof.get("at"))


class Places(Protocol):
    """Where batches are, by the number of the member as a word."""

    def remember(self, members: Iterable[Mapping[str, Any]]) -> None:
        """Keep what tells these members apart, as `status` shows them."""

    async def look(self, batches: Sequence[Batch]) -> None:
        """Find out what is not known of these batches without asking."""

    def members(self) -> Sequence[str]:
        """Every member there ever was."""

    def on(self, batch: Batch, member: str) -> bool:
        """Whether that member took the batch last."""

    def accepted(self, batches: Sequence[Batch]) -> dict[str, int]:
        """How many submissions each member accepted."""


@dataclass
class ByNumber:
    """In mode direct: every member's Livy numbers its batches in a range of its own."""

    served: dict[str, range] = field(default_factory=dict)

    def remember(self, members: Iterable[Mapping[str, Any]]) -> None:
        """Keep the batch numbers of members that serve."""
        for each in members:
            first, last = each["batch_ids"]
            self.served[str(each["number"])] = range(first, last + 1)

    async def look(self, batches: Sequence[Batch]) -> None:
        """Nothing: a number says it."""

    def members(self) -> Sequence[str]:
        """Every member there ever was."""
        return list(self.served)

    def on(self, batch: Batch, member: str) -> bool:
        """Whether its last number is of that member's range."""
        return batch.on(self.served[member])

    def accepted(self, batches: Sequence[Batch]) -> dict[str, int]:
        """Count by ranges."""
        numbers = [n for b in batches for n in b.numbers]
        return {member: sum(n in own for n in numbers) for member, own in self.served.items()}


@dataclass
class ByAttempts:
    """In mode gateway: a number says nothing, and the gateways are asked for the attempts behind it.

    Attributes:
        url: The group's address.
        numbers: The member's number by its cluster.
        attempts: By the batch's number.
    """

    url: str
    numbers: dict[str, str] = field(default_factory=dict)
    attempts: dict[int, Sequence[Attempt]] = field(default_factory=dict)

    def remember(self, members: Iterable[Mapping[str, Any]]) -> None:
        """Keep which cluster is which member."""
        self.numbers |= {each["cluster"]: str(each["number"]) for each in members if each["cluster"]}

    async def look(self, batches: Sequence[Batch]) -> None:
        """Ask the gateways; what gets no good answer stays as it was known."""
        async with aiohttp.ClientSession(timeout=_DEADLINE) as session:
            for number in [n for batch in batches for n in batch.numbers]:
                try:
                    async with session.get(f"{self.url}/gateway/batches/{number}") as answer:
                        if answer.status == HTTPStatus.OK:
                            told = await answer.json()
                            self.attempts[number] = [Attempt.read(each) for each in told["attempts"]]
                except (aiohttp.ClientError, TimeoutError, OSError):
                    continue

    def members(self) -> Sequence[str]:
        """Every member there ever was."""
        return list(self.numbers.values())

    def on(self, batch: Batch, member: str) -> bool:
        """Whether its last attempt is there."""
        attempts = self.attempts.get(batch.numbers[-1], ()) if batch.numbers else ()
        return bool(attempts) and self.numbers.get(attempts[-1].cluster or "") == member

    def accepted(self, batches: Sequence[Batch]) -> dict[str, int]:
        """Count the attempts that each member confirmed."""
        known = [a for b in batches for n in b.numbers for a in self.attempts.get(n, ()) if a.confirmed]
        return {
            member: sum(attempt.cluster == cluster for attempt in known) for cluster, member in self.numbers.items()
        }
