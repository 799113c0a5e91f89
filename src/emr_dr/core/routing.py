"""Which member a new batch is given to: by health, zones that rules ask for, and load; alike in every gateway."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from emr_dr.core.matching import Criteria, matches

NEARLY = 0.1
"""Loads that differ by less than this share are alike: two gateways that look at once must not both choose the same."""


class RouteRule(Protocol):
    """Where certain batches go; `spec.gateway.RoutingRule` is one."""

    @property
    def when(self) -> Criteria:
        """Which batches."""

    @property
    def zones(self) -> Sequence[str]:
        """The AZs whose members take them, the best first."""

    @property
    def strict(self) -> bool:
        """Whether they rather wait than go elsewhere."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that takes work.

    Attributes:
        load: Applications that run or wait in its YARN, and batches given to it that are not there yet.
    """

    cluster_id: str
    az: str
    load: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What the choice depends on.

    Attributes:
        seed: Of this batch alone: what decides between members that are as good as each other.
    """

    seed: str
    queue: str = ""
    user: str = ""
    name: str = ""


def in_order(candidates: Iterable[Candidate], wish: Wish, rules: Iterable[RouteRule]) -> list[Candidate]:
    """Return the members to try, the best first; none if it has to wait."""
    among = list(candidates)
    rule = next((r for r in rules if matches(r.when, queue=wish.queue, user=wish.user, name=wish.name)), None)
    if rule is None:
        return _spread(among, wish)
    chosen = [c for zone in dict.fromkeys(rule.zones) for c in _spread([c for c in among if c.az == zone], wish)]
    if rule.strict:
        return chosen
    return chosen + _spread([c for c in among if c.az not in rule.zones], wish)


def _spread(candidates: Sequence[Candidate], wish: Wish) -> list[Candidate]:
    """By load, those that are nearly alike in an order that differs from batch to batch."""
    least = min((c.load for c in candidates), default=0)
    alike = least + max(1, int(least * NEARLY))

    def key(candidate: Candidate) -> tuple[int, bytes, str]:
        draw = blake2b(f"{wish.seed}/{candidate.cluster_id}".encode(), digest_size=8).digest()
        return (0 if candidate.load <= alike else candidate.load, draw, candidate.cluster_id)

    return sorted(candidates, key=key)
