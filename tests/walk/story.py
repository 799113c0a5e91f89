"""The shortest way to a fault, told so that it can be read without knowing the code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from emr_dr.core.group import Group, Member
from emr_dr.core.world import EmrState
from walk.adversary import Adversary
from walk.canonical import Canon
from walk.state import NEW, Hand, Kind, Machine, State, Step

RULES = {
    "I1": "a cluster is terminated only if the document says so, and one that may be needed is not given up",
    "I2": "never do more clusters serve than are wanted, nor an old one beside its successor",
    "I3": "one live cluster a launch, and no launch beyond what is wanted and allowed",
    "I4": "only a member that is entitled by the document is registered",
    "I4a": "a cluster has one member",
    "I5": "a change of those entitled has a new epoch, so that tokens of before can be refused",
    "I6": "a member that is entitled is not deregistered",
    "I6a": "nobody loses entitlement unless another one that is healthy serves or takes over, or EMR says it is gone",
    "I6b": "whoever serves is not taken out of the balancer before there is somebody to take over",
    "F1": "members go from stage to stage as the table says, and are forgotten only when nothing is left of them",
    "E1": "to end a member that once served takes evidence: EMR's word, EC2's word, idleness, or a long wait",
    "E2": "a member whose batch may still run is not ended, unless EC2 says that its machine is dead",
    "H1": "a held group launches nothing",
    "H2": "a loss is answered by a proven standby, held or not",
    "H3": "candidates that failed alike in two places hold the group",
    "H4": "nothing else but spent attempts holds it",
    "G1": "where gateways send the work, the balancer's targets are never touched",
    "G2": "a member is forgotten only when no batch waits for word of it",
    "G3": "idle counts only when no gateway may still send work to the member",
    "G4": "a proof of death that was published stays as it is",
    "G5": "one that was proven dead never serves again",
    "G6": "nobody is called dead whose machines may run, unless a person says so",
    "G7": "a role is denied for one member alone, and nobody is launched with it",
    "L1": "whatever has happened, a good day ends well: boots finish, time passes, the controller goes on",
}


GLOSSARY = (
    "A, B, ... are clusters; launch 2 is the second that was licensed, as long as its cluster is not known.",
    "launching, booting, proving, standby: on the way. admitting, serving, draining: entitled to be a target.",
    "fencing: no longer entitled, may be proven again. retiring, condemned: will be ended, whatever it answers.",
)


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, step by step, and what came of it."""

    opening: tuple[str, ...]
    steps: tuple[str, ...]
    ending: tuple[str, ...]

    def told(self, fault: str) -> str:
        """The whole of it, to be read by a person."""
        rule = RULES.get(fault.split(maxsplit=1)[0], "")
        steps = [f"  {i:3d}. {step}" for i, step in enumerate(self.steps, 1)]
        told = [f"  {line}" for line in self.opening] + steps + [f"  {line}" for line in (*self.ending, *GLOSSARY)]
        return "\n".join([fault, f"  The rule: {rule}.", *told])


class Teller:
    """Tells one path. States rename clusters as they go; here each keeps the name that it began with."""

    def __init__(self, adversary: Adversary, canon: Canon) -> None:
        self._adversary, self._canon = adversary, canon
        self._names = dict[str, str]()
        self._numbers = dict[int, int]()
        self._named = 0
        self._launched = 0

    def tell(self, path: Sequence[State], last: str | None) -> Story:
        """Tell how the states of the path follow each other, and then the step with the label `last`, if any."""
        begin = path[0]
        for m in begin.machines:
            self._names[m.id] = self._next_name()
        self._launched = self._canon[begin.group].launched
        self._numbers = {n: n for n in range(1, self._launched + 1)}
        opening = ("At first:", *self._picture(begin))
        steps = list[str]()
        for state, following in pairwise(path):
            taken = (s for s in self._adversary.steps(state) if self._canon.state(s.state) == following)
            steps.append(self._take(state, next(taken)))
        end = path[-1]
        if last is not None:
            step = next(s for s in self._adversary.steps(end) if s.label == last)
            steps.append(self._take(end, step))
            end = self._canon.state(step.state)
        return Story(opening, tuple(steps), ("In the end:", *self._picture(end)))

    def _take(self, state: State, step: Step) -> str:
        """Put lasting names into the step's label, and keep them for the state that it leads to."""
        base = self._canon[state.group].launched
        if any(m.id == NEW for m in step.state.machines):
            self._names[NEW] = self._next_name()
        label = re.sub(r"<(#?)([^<>]+)>", lambda found: self._name(found[1], found[2], base), step.label)
        naming = self._canon.naming(step.state)
        numbers = {i: self._number(n, base) for i, n in enumerate(naming.numbers, 1)}
        self._names = {letter: self._names[i] for i, letter in naming.ids}
        self._numbers = numbers
        saved = self._canon[self._canon.state(step.state).group]
        self._launched = max([self._launched, *(numbers[m.number] for m in saved.members if m.number in numbers)])
        return label

    def _name(self, hash_sign: str, text: str, base: int) -> str:
        return f"launch {self._number(int(text), base)}" if hash_sign else self._names.get(text, text)

    def _number(self, number: int, base: int) -> int:
        """A number that is not known yet was given out by the decision in hand, after those that were saved."""
        return self._numbers.get(number, self._launched + number - base)

    def _next_name(self) -> str:
        self._named += 1
        return chr(64 + self._named) if self._named <= 26 else f"Z{self._named}"

    def _picture(self, state: State) -> tuple[str, ...]:
        """What is saved, what is true, and what is under way."""
        group = self._canon[state.group]
        wanted = f"wanted are {group.wanted.serving} serving and {group.wanted.standby} standing by"
        saved = [f"{self._member(m)} is {m.stage}" for m in group.members]
        true = [f"{self._names[m.id]} {_truth(m)}" for m in state.machines]
        hands = [_in_hand(h) for h in (state.lead, *state.former) if h is not None]
        return (
            f"  the document: {'; '.join([wanted, *saved, *_conditions(group)])}",
            f"  the truth: {'; '.join(true) or 'no clusters'}",
            *([f"  under way: {'; '.join(hands)}"] if hands else []),
        )

    def _member(self, m: Member) -> str:
        return self._names[m.cluster] if m.cluster else f"launch {self._numbers.get(m.number, m.number)}"


def _conditions(group: Group) -> list[str]:
    """What else a person should know of the document."""
    conditions = {"held": group.held, "paused": group.pause, "a switchover is asked for": group.leaving}
    return [words for words, holds in conditions.items() if holds]


def _in_hand(hand: Hand) -> str:
    return "a decision that is not saved" if hand.kind is Kind.SAVE else f"{len(hand.deeds)} calls that are not made"


def _truth(m: Machine) -> str:
    """One cluster in words."""
    words = list[str]()
    if not m.number:
        words.append("is none of ours")
    words.append({EmrState.UP: "is up", EmrState.ENDED: "has ended"}.get(m.emr, f"is {m.emr}"))
    if m.emr is EmrState.UP:
        words.append("answers" if m.answers else "does not answer" + (", but for YARN" if m.partly else ""))
    words += [f"({m.flaw})"] if m.flaw else []
    words += ["all its machines are terminated"] if m.void else []
    words += ["runs a batch"] if m.busy else []
    words += ["has a role that is denied"] if m.denied else []
    words += ["is where the ledger has a batch"] if m.on_ledger else []
    words += ["is a target of the balancer"] if m.target else []
    words += ["is protected"] if m.protected else []
    return ", ".join(words)
