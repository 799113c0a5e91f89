"""Breadth-first search over every state that the adversary can bring about, and the shortest story of each fault."""

import gc
import time
from collections import deque
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from emr_dr.core.group import Group, Member, Stage
from emr_dr.core.world import EmrState
from walk import invariants
from walk.adversary import Adversary
from walk.canonical import Canon
from walk.setup import Setup, Start
from walk.state import Machine, State
from walk.story import Story, Teller

STUCK = "L1 no way back to a converged group"


@dataclass(frozen=True, slots=True)
class Result:
    """What a walk found: each fault with the shortest story that leads to it, and what its decisions came to."""

    states: int
    seconds: float
    exhausted: bool
    faults: dict[str, Story]
    marks: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "; ".join(f"{what} [{len(s.steps)}]" for what, s in sorted(self.faults.items())) or "holds"

    @property
    def codes(self) -> set[str]:
        """The codes of the faults found: I1, L1, ..."""
        return {what.split()[0] for what in self.faults}

    def story(self, codes: Container[str] | None = None) -> str:
        """The shortest story of all, or of all with one of these codes, to be read when a test fails."""
        told = [(what, s) for what, s in self.faults.items() if codes is None or what.split()[0] in codes]
        if not told:
            return str(self)
        what, story = min(told, key=lambda f: (len(f[1].steps), f[0]))
        return story.told(what)


class Walk:
    """One breadth-first search; the first story found of a fault is among its shortest."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._canon = Canon(setup)
        self._adversary = Adversary(setup, self._canon)
        self._most_serving = max(w.serving for w in (setup.wanted, *setup.scale))
        self._order = [self._canon.state(initial(setup, self._canon))]
        self._index = {self._order[0]: 0}
        self._parents = [-1]
        self._benign_from: list[list[int]] = [[]]
        self._faults = dict[str, tuple[int, str | None]]()
        self._judged = dict[tuple[int, tuple[Machine, ...]], tuple[str, ...]]()
        self._cut = False

    def run(self, *, first: bool = False) -> Result:
        """Search everything, or, with `first`, until something is wrong."""
        start = time.process_time()
        self._judge(self._order[0])
        with _collector_off():
            at = 0
            while at < len(self._order) and not (first and self._faults):
                self._expand(at)
                at += 1
            if at == len(self._order) and not self._cut and (stuck := self._first_stuck()) is not None:
                self._faults[STUCK] = (stuck, None)
            stories = {what: self._story(i, last) for what, (i, last) in self._faults.items()}
        seconds = time.process_time() - start
        exhausted = not (self._cut or self._adversary.cut)
        return Result(len(self._order), seconds, exhausted, stories, frozenset(self._adversary.marks))

    def _expand(self, at: int) -> None:
        for label, benign, raw, bad in self._adversary.steps(self._order[at]):
            state, found = self._canon.state(raw), bad
            index = self._index.get(state)
            if index is None:
                if len(self._order) >= self._setup.limit:
                    self._cut = True
                    continue
                index = self._index[state] = len(self._order)
                self._order.append(state)
                self._parents.append(at)
                self._benign_from.append([])
                found += self._judge(state)
            if benign:
                self._benign_from[index].append(at)
            for what in found:
                self._faults.setdefault(what, (at, label))

    def _judge(self, state: State) -> tuple[str, ...]:
        """What is wrong with the truth, given what is saved; many states differ in neither."""
        key = state.group, state.machines
        bad = self._judged.get(key)
        if bad is None:
            by_gateway = self._setup.policy.by_gateway
            group = self._canon[state.group]
            bad = invariants.of_state(group, state.machines, self._most_serving, by_gateway=by_gateway)
            self._judged[key] = bad
        return bad

    def _first_stuck(self) -> int | None:
        """The nearest state from which benign steps alone lead to no settled one."""
        settled = {key: invariants.settled(self._canon[key[0]], key[1]) for key in self._judged}
        good = [settled[s.group, s.machines] for s in self._order]
        todo = deque(i for i, settled in enumerate(good) if settled)
        while todo:
            for i in self._benign_from[todo.popleft()]:
                if not good[i]:
                    good[i] = True
                    todo.append(i)
        return next((i for i, fine in enumerate(good) if not fine), None)

    def _story(self, at: int, last: str | None) -> Story:
        """The path to a state, and the step from there that went wrong; None if the state itself is the trouble."""
        path = [self._order[at]]
        while at:
            at = self._parents[at]
            path.append(self._order[at])
        return Teller(self._adversary, self._canon).tell(path[::-1], last)


def initial(setup: Setup, canon: Canon) -> State:
    """A group that has all it wants, or one that was only just declared."""
    members, machines = list[Member](), list[Machine]()
    if setup.start is Start.RUNNING:
        for i in range(setup.wanted.serving + setup.wanted.standby):
            name, serves = chr(97 + i), i < setup.wanted.serving
            stage = Stage.SERVING if serves else Stage.STANDBY
            place = setup.policy.placements[i % len(setup.policy.placements)]
            members.append(Member(i + 1, stage, 0.0, name, int(serves), 1, place, address=name))
            protected = setup.policy.protect and serves
            machines.append(Machine(name, i + 1, EmrState.UP, protected=protected, target=serves))
    if setup.start is Start.FOREIGN:
        machines.append(Machine("a", 0, EmrState.UP, target=True))
    group = Group("etl", "0a1b2c3d", setup.wanted, tuple(members), len(members), len(members))
    group = replace(group, held="held" if setup.held else "")
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
