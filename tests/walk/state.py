"""One state of the walk: the truth about every cluster, the saved group, and what controllers have in hand."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from emr_dr.core.effects import (
    AllowRole,
    DenyRole,
    DeregisterTarget,
    Effect,
    LaunchCluster,
    ProtectCluster,
    RegisterTarget,
    TerminateCluster,
    UnprotectCluster,
)
from emr_dr.core.world import EmrState
from walk.setup import Budget


class Flaw(StrEnum):
    """Why a candidate is no good, in the words that are shown of it; equal words are an equal cause."""

    NONE = ""
    SCRIPT = "a bootstrap script failed"
    PROOF = "its proving job failed"
    UNLIKE = "another release runs on it"
    ROOM = "no capacity"
    TYPE = "no capacity for one instance type"


class Machine(NamedTuple):
    """One cluster as it truly is. Its address is its id; number 0 is a stranger's, which was never ours.

    `partly` is one that does not answer as it should, while its YARN can be asked. `on_ledger` is one that a batch of
    the gateways' ledger is on, `void` one whose machines are all terminated though EMR has not noticed, `denied` one
    for whose sake its role is denied.
    """

    id: str
    number: int
    emr: EmrState = EmrState.STARTING
    answers: bool = True
    partly: bool = False
    flaw: Flaw = Flaw.NONE
    protected: bool = False
    target: bool = False
    busy: bool = False
    on_ledger: bool = False
    void: bool = False
    denied: bool = False

    @property
    def ended(self) -> bool:
        return self.emr is EmrState.ENDED

    @property
    def fit(self) -> bool:
        return self.emr is EmrState.UP and self.answers

    @property
    def matters(self) -> bool:
        """Whether anything is left of it, remembered or not."""
        return not self.ended or self.target or self.on_ledger or self.denied

    def at_its_end(self, flaw: Flaw = Flaw.NONE) -> "Machine":
        """This machine once EMR has ended it: what is left are its target, its batch's row, and EMR's reason."""
        left = {"target": self.target, "on_ledger": self.on_ledger, "denied": self.denied}
        return Machine(self.id, self.number, EmrState.ENDED, flaw=flaw, **left)


class Verb(StrEnum):
    """The effects that change something the walk keeps; proving and stopping work are seen through `Machine` only."""

    LAUNCH = "call RunJobFlow for"
    PROTECT = "protect"
    REGISTER = "register"
    DEREGISTER = "deregister"
    UNPROTECT = "unprotect"
    TERMINATE = "terminate"
    DENY = "deny the role of"
    ALLOW = "allow the role of"


class Deed(NamedTuple):
    """One call to AWS, on a cluster, or for a launch number."""

    verb: Verb
    cluster: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.verb} {called(self.cluster, self.number)}"


class Kind(StrEnum):
    """What a controller is about to do."""

    SAVE = "save"
    ACT = "act"
    ACT_FIRST = "act first"
    """Only in the planted fault "effects before the save"."""


class Hand(NamedTuple):
    """What a controller has in hand: a decision to save, then deeds to do. Doing needs no group any more (-1)."""

    kind: Kind
    group: int
    deeds: tuple[Deed, ...]


class State(NamedTuple):
    """`group` is the index of a canonical group. `told` are launches whose refusal the lease holder still remembers."""

    group: int
    machines: tuple[Machine, ...]
    lead: Hand | None
    former: tuple[Hand, ...]
    told: tuple[int, ...]
    budget: Budget


class Step(NamedTuple):
    """One thing that happens. Benign ones are what a good day brings: they must suffice to get out of every state."""

    label: str
    benign: bool
    state: State
    bad: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """One decision the lease holder may come to, and the cheapest way of looking that leads to it."""

    label: str
    group: int
    deeds: tuple[Deed, ...]
    bad: tuple[str, ...]
    cost: str


NEW = "~"
"""The id of a cluster that has just come to be, until it is given a letter."""


def called(cluster: str | None, number: int) -> str:
    """How a label names a cluster, or a launch whose cluster is not known: a story puts lasting names there."""
    return f"<{cluster}>" if cluster else f"<#{number}>"


def deeds(effects: Iterable[Effect]) -> tuple[Deed, ...]:
    """The deeds among these effects, sorted: their order means nothing."""
    return tuple(sorted({d for e in effects for d in _deed(e)}))


def _deed(effect: Effect) -> tuple[Deed, ...]:
    match effect:
        case LaunchCluster(number=number):
            return (Deed(Verb.LAUNCH, number=number),)
        case RegisterTarget(address=target) | DeregisterTarget(address=target):
            return (Deed(Verb.REGISTER if isinstance(effect, RegisterTarget) else Verb.DEREGISTER, target),)
        case ProtectCluster(cluster=cluster) | UnprotectCluster(cluster=cluster):
            return (Deed(Verb.PROTECT if isinstance(effect, ProtectCluster) else Verb.UNPROTECT, cluster),)
        case TerminateCluster(cluster=cluster):
            return (Deed(Verb.TERMINATE, cluster),)
        case DenyRole(cluster=cluster) | AllowRole(cluster=cluster):
            return (Deed(Verb.DENY if isinstance(effect, DenyRole) else Verb.ALLOW, cluster),)
        case _:
            return ()


def without(deeds: tuple[Deed, ...], i: int) -> tuple[Deed, ...]:
    """The deeds but the i-th."""
    return deeds[:i] + deeds[i + 1 :]


def acting(deeds: tuple[Deed, ...]) -> Hand | None:
    """The hand of a controller that has these deeds left to do."""
    return Hand(Kind.ACT, -1, deeds) if deeds else None
