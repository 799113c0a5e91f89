"""Breadth-first search over every state that the adversary can bring about, and the shortest story of each fault."""

import gc
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emr_dr.core.group import Group, Member, Stage
from emr_dr.core.world import EmrState
from walk import invariants
from walk.adversary import Adversary
from walk.canonical import Canon
from walk.setup import Setup, Start
from walk.state import Machine, State

STUCK = "L1 no way back to a converged group"


@dataclass(frozen=True, slots=True)
class Result:
    """What a walk found: each fault with the shortest story that leads to it."""

    states: int
    seconds: float
    exhausted: bool
    faults: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        size = f"{self.states}{'' if self.exhausted else '+'} states in {self.seconds:.1f} s"
        return f"{size}: " + ("; ".join(f"{what} [{len(s)}]" for what, s in sorted(self.faults.items())) or "holds")

    @property
    def codes(self) -> set[str]:
        """The codes of the faults found: I1, L1, ..."""
        return {what.split()[0] for what in self.faults}

    def story(self) -> str:
        """The shortest story of all, to be read when a test fails."""
        if not self.faults:
            return str(self)
        what, steps = min(self.faults.items(), key=lambda f: len(f[1]))
        return "\n".join([str(self), what, *(f"  {i:2d}. {step}" for i, step in enumerate(steps, 1))])


class Walk:
    """One breadth-first search; the first story found of a fault is among its shortest."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._canon = Canon(setup)
        self._adversary = Adversary(setup, self._canon)
        self._most_serving = max(w.serving for w in (setup.wanted, *setup.scale))
        self._order = [self._canon.state(initial(setup, self._canon))]
        self._index = {self._order[0]: 0}
        self._parents: list[tuple[int, str]] = [(-1, "")]
        self._benign_from: list[list[int]] = [[]]
        self._faults = dict[str, tuple[int, str]]()
        self._cut = False

    def run(self, *, first: bool = False) -> Result:
        """Search everything, or, with `first`, until something is wrong."""
        start = time.perf_counter()
        with _collector_off():
            at = 0
            while at < len(self._order) and not (first and self._faults):
                self._expand(at)
                at += 1
            stories = {what: self._story(i, last) for what, (i, last) in self._faults.items()}
            if at == len(self._order) and not self._cut and (stuck := self._first_stuck()) is not None:
                stories[STUCK] = self._story(*self._parents[stuck]) if stuck else ()
        return Result(len(self._order), time.perf_counter() - start, not self._cut, stories)

    def _expand(self, at: int) -> None:
        for label, benign, state, bad in self._adversary.steps(self._order[at]):
            found = bad
            index = self._index.get(state)
            if index is None:
                if len(self._order) >= self._setup.limit:
                    self._cut = True
                    continue
                index = self._index[state] = len(self._order)
                self._order.append(state)
                self._parents.append((at, label))
                self._benign_from.append([])
                found += invariants.of_state(self._canon[state.group], state.machines, self._most_serving)
            if benign:
                self._benign_from[index].append(at)
            for what in found:
                self._faults.setdefault(what, (at, label))

    def _first_stuck(self) -> int | None:
        """The nearest state from which benign steps alone lead to no settled one."""
        good = [invariants.settled(self._canon[s.group], s.machines) for s in self._order]
        todo = deque(i for i, settled in enumerate(good) if settled)
        while todo:
            for i in self._benign_from[todo.popleft()]:
                if not good[i]:
                    good[i] = True
                    todo.append(i)
        return next((i for i, fine in enumerate(good) if not fine), None)

    def _story(self, at: int, last: str) -> tuple[str, ...]:
        steps = [last]
        while at:
            at, label = self._parents[at]
            steps.append(label)
        return tuple(reversed(steps))


def initial(setup: Setup, canon: Canon) -> State:
    """A group that has all it wants, or one that was only just declared."""
    members, machines = list[Member](), list[Machine]()
    if setup.start is Start.RUNNING:
        for i in range(setup.wanted.serving + setup.wanted.standby):
            name, serves = chr(97 + i), i < setup.wanted.serving
            stage = Stage.SERVING if serves else Stage.STANDBY
            members.append(Member(i + 1, stage, 0.0, name, epoch=int(serves), tries=1, address=name))
            protected = setup.policy.protect and serves
            machines.append(Machine(name, i + 1, EmrState.UP, protected=protected, target=serves))
    if setup.start is Start.FOREIGN:
        machines.append(Machine("a", 0, EmrState.UP, target=True))
    group = Group("etl", "0a1b2c3d", setup.wanted, tuple(members), epoch=len(members), launched=len(members))
    return State(canon.intern(group), tuple(machines), None, (), (), setup.budget)


@contextmanager
def _collector_off() -> Iterator[None]:
    """Nothing here is cyclic, and the collector would go through millions of tuples again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
