"""Breadth first over every state; the shortest story of whatever is wrong; and whether all of them can end."""

from collections import deque
from dataclasses import dataclass

from gateway.walk.state import Setup, State
from gateway.walk.steps import steps

FORGOTTEN = "R7 the batch can never come to an end"


@dataclass(frozen=True, slots=True)
class Result:
    """What a walk found: each fault with its shortest story."""

    states: int
    exhausted: bool
    faults: dict[str, tuple[str, ...]]

    @property
    def codes(self) -> set[str]:
        return {fault.split()[0] for fault in self.faults}

    def story(self) -> str:
        """The shortest of all, to be read when a test fails."""
        if not self.faults:
            return f"{self.states} states, nothing wrong"
        what, told = min(self.faults.items(), key=lambda f: (len(f[1]), f[0]))
        return "\n".join((*told, what))


def walk(setup: Setup, *, until: str = "", most: int = 400_000) -> Result:
    """Search everything, or until something of that code is wrong."""
    begin = setup.initial()
    index, order = {begin: 0}, [begin]
    came, before = {0: (0, "")}, list[list[int]]([[]])
    faults = dict[str, tuple[int, str]]()
    at = 0
    while at < len(order) and len(order) < most and not (until and any(f.startswith(until) for f in faults)):
        for label, state, bad in steps(order[at], setup):
            for fault in bad:
                faults.setdefault(fault, (at, label))
            if bad:
                continue  # what follows from a fault is no other fault
            if state not in index:
                index[state] = len(order)
                came[len(order)] = (at, label)
                order.append(state)
                before.append([])
            before[index[state]].append(at)
        at += 1
    exhausted = at == len(order)
    if exhausted and (stuck := _stuck(order, before)) is not None:
        faults[FORGOTTEN] = (stuck, "")
    return Result(len(order), exhausted, {f: _story(came, n, label) for f, (n, label) in faults.items()})


def _stuck(order: list[State], before: list[list[int]]) -> int | None:
    """The first state from which no end can be reached."""
    ends = {i for i, state in enumerate(order) if state.settled}
    todo = deque(ends)
    while todo:
        new = [i for i in before[todo.popleft()] if i not in ends]
        ends.update(new)
        todo.extend(new)
    return next((i for i in range(len(order)) if i not in ends), None)


def _story(came: dict[int, tuple[int, str]], at: int, last: str) -> tuple[str, ...]:
    told = [last] if last else []
    while at:
        at, label = came[at]
        told.append(label)
    return tuple(reversed(told))
