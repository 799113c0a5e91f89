"""What a walk of many runs comes to: a line for each as it finishes, stories of what broke, and one line for all."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from walk.landmarks import MARKS
from walk.planted import HARMLESS, PLANTED
from walk.runs import LARGE, QUICK
from walk.search import Result, Walk

MUST_HOLD = QUICK | LARGE


def walk(name: str) -> Result:
    """Walk one run, or look for one planted fault, by its name."""
    if name in MUST_HOLD:
        return Walk(MUST_HOLD[name].setup).run()
    if name in HARMLESS:
        return Walk(HARMLESS[name].setup).run()
    return Walk(PLANTED[name].setup).run(first=True)


def choose(*, everything: bool, words: Iterable[str]) -> list[str]:
    """The runs whose names hold every word, the longest first as far as one can tell without walking them."""
    runs = MUST_HOLD if everything else QUICK
    names = [*sorted(runs, key=_size, reverse=True), *HARMLESS, *PLANTED]
    return [name for name in names if all(word in titled(name) for word in words)]


def _size(name: str) -> int:
    setup = MUST_HOLD[name].setup
    members = setup.wanted.serving + setup.wanted.standby
    return sum(setup.budget) + 2 * members + 2 * setup.budget.lease + len(setup.policy.placements)


def titled(name: str) -> str:
    """The name as it is printed."""
    if name in MUST_HOLD:
        return name
    return f"planted: {name}" if name in PLANTED else f"harmless: {name}"


@dataclass
class Report:
    """The sums over the runs told so far."""

    states: int = 0
    violations: int = 0
    exhausted: bool = True
    planted: int = 0
    found: int = 0
    marks: set[str] = field(default_factory=set)

    def add(self, name: str, result: Result) -> str:
        """Count one run in, and return what to print of it."""
        if name in PLANTED:
            return self._add_planted(name, result)
        run = MUST_HOLD.get(name)
        broken = result.codes - (run.residual if run else frozenset())
        self.violations += sum(what.split()[0] in broken for what in result.faults)
        self.exhausted &= result.exhausted
        if run is not None:  # what is harmless has a fault in it, and says nothing of the product
            self.states += result.states
            self.marks |= result.marks
        line = _line(name, result, "exhausted" if result.exhausted else "CUT OFF")
        return f"{line}\n{result.story(broken)}" if broken else line

    def _add_planted(self, name: str, result: Result) -> str:
        found = PLANTED[name].code in result.codes
        self.planted += 1
        self.found += found
        return _line(name, result, "found" if found else f"NOT FOUND by {PLANTED[name].code}")

    def landmarks(self) -> str:
        """What the decisions came to in the runs that hold; what was never met, nothing is shown of."""
        missing = [mark for mark in MARKS if mark not in self.marks]
        told = f"; never: {'; '.join(missing)}" if missing else ""
        return f"landmarks passed: {len(MARKS) - len(missing)} of {len(MARKS)}{told}"

    @property
    def fine(self) -> bool:
        """Whether nothing is broken, nothing was left out, and everything planted was found."""
        return not self.violations and self.exhausted and self.found == self.planted

    def __str__(self) -> str:
        exhausted = "yes" if self.exhausted else "no"
        walked = f"states {self.states} violations {self.violations} exhausted {exhausted}"
        return f"{walked} planted {self.planted} found {self.found}"


def _line(name: str, result: Result, outcome: str) -> str:
    return f"{titled(name):78s} {result.states:8d} states {result.seconds:6.1f} s  {outcome}, {result}"
