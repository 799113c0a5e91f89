"""What the walk keeps of the world: one batch, two members, what runs there, and who is about to do what."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from emr_dr.core.batch import Batch, NewBatch, RescueClass
from emr_dr.core.rescue import Again, Close, Decision, Limits, carried_out, decide
from emr_dr.core.strays import RunName, ours, wanted
from emr_dr.core.view import MemberView, Proof, ProofKind, Role

LIMITS = Limits()
OTHERS = (
    NewBatch("t0k3n", '{"file": "s3://acme/ten.py"}', 0.0, cluster_id="j-1", epoch=1, sent=True).numbered(10),
    NewBatch("theirs", '{"file": "s3://acme/one.py"}', 0.0, cluster_id="j-1", epoch=1, sent=True).numbered(1),
)
"""Batches that run on j-1 and are none of this story: one whose number begins as ours, one of another ledger."""


class Run(NamedTuple):
    """An application, by its attempt's tag."""

    cluster: str
    tag: str
    phase: str = "runs"


class Site(NamedTuple):
    """How a member truly is."""

    id: str
    cut: bool = False
    ended: bool = False
    denied: bool = False

    @property
    def reachable(self) -> bool:
        return not (self.cut or self.ended)


class Hand(NamedTuple):
    """Somebody in the middle of something.

    Attributes:
        after: The batch as they will save it; None if they save nothing next.
        fresh: Whether nobody has saved since they read.
        tags: What they saw, or are about to kill.
    """

    who: str
    what: str
    cluster: str = ""
    after: Batch | None = None
    fresh: bool = True
    tags: frozenset[str] = frozenset()


class Budget(NamedTuple):
    """How often nature may do its worst; None of it is needed to get well."""

    cut: int = 0
    end: int = 0
    deny: int = 0
    fence: int = 0
    lose: int = 0
    crash: int = 0
    delete: int = 0

    def less(self, what: str) -> "Budget":
        return self._replace(**{what: getattr(self, what) - 1})


class State(NamedTuple):
    """All of it. Times stand still at 0."""

    batch: Batch
    sites: tuple[Site, ...]
    views: tuple[MemberView, ...]
    budget: Budget
    runs: frozenset[Run] = frozenset()
    flights: frozenset[Run] = frozenset()
    """Submissions that may still arrive."""
    hands: frozenset[Hand] = frozenset()
    clean: frozenset[str] = frozenset()

    def site(self, cluster: str) -> Site:
        return next(s for s in self.sites if s.id == cluster)

    def view(self, cluster: str) -> MemberView:
        return next(v for v in self.views if v.cluster_id == cluster)

    def hand(self, who: str) -> Hand | None:
        return next((h for h in self.hands if h.who == who), None)

    def with_site(self, site: Site) -> "State":
        return self._replace(sites=tuple(site if s.id == site.id else s for s in self.sites))

    def with_view(self, cluster: str, role: Role, death: ProofKind | None = None) -> "State":
        proof = Proof(death, 0.0, "seen") if death else None
        serving = role is Role.SERVING
        new = replace(self.view(cluster), role=role, accepts_new=serving, death=proof)
        return self._replace(views=tuple(new if v.cluster_id == cluster else v for v in self.views))

    def doing(self, who: str, hand: Hand | None) -> "State":
        rest = frozenset(h for h in self.hands if h.who != who)
        return self._replace(hands=rest | {hand} if hand else rest)

    @property
    def settled(self) -> bool:
        return not self.batch.unfinished


def _stray(name: RunName, batch: Batch | None, cluster: str) -> bool:
    return batch is not None and ours(name, batch) and not wanted(name, batch, cluster)


@dataclass(frozen=True, slots=True)
class Parts:
    """The rules that the walk is about, so that a planted fault can replace one of them.

    Attributes:
        reads_first: Whether a cleaner asks the ledger before it asks YARN: a planted fault.
        guarded: Whether the ledger has objections.
        compare_and_set: Whether it refuses who comes late.
    """

    decide: Callable[[Batch, MemberView, Limits, float], Decision] = decide
    carried_out: Callable[[Batch, Close | Again, float], Batch] = carried_out
    stray: Callable[[RunName, Batch | None, str], bool] = _stray
    reads_first: bool = False
    guarded: bool = True
    compare_and_set: bool = True


@dataclass(frozen=True, slots=True)
class Setup:
    """One walk. The batch begins as an intent for a member, or queued."""

    rescue: RescueClass
    budget: Budget
    parts: Parts = Parts()
    senders: int = 1
    rescuers: int = 2
    begins_on: str = "j-1"

    def initial(self) -> State:
        new = NewBatch("t0k3n", '{"file": "s3://acme/job.py"}', 0.0, rescue=self.rescue, cluster_id=self.begins_on)
        views = tuple(
            MemberView(j, n, n, f"az-{n}", "http://livy", "http://yarn", Role.SERVING, accepts_new=True)
            for n, j in enumerate(("j-1", "j-2"), 1)
        )
        runs = frozenset(Run("j-1", other.last.yarn_tag) for other in OTHERS)
        sites = (Site("j-1"), Site("j-2"))
        return State(new.numbered(1), sites, views, self.budget, runs, clean=frozenset(("j-1", "j-2")))
