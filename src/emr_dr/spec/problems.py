"""What is wrong with a spec: one problem a line, each with its place in the file and what to do about it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from emr_dr.errors import UsageError

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value lies in a spec: keys and list positions from the top, as `("placements", 1, "subnet")`."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")

_SHOWN = 60


def dotted(path: KeyPath) -> str:
    """Write a path as people do: `placements[1].subnet`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _PLAIN_KEY.fullmatch(step) else shown(step)
            text += f".{key}" if text else key
    return text


def shown(value: object) -> str:
    """Write a scalar of the file on one line and not too long; escapes keep odd characters from breaking the line."""
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else repr(value)
    start = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return '"' + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in start) + '"'


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that must change before the spec can be used; `line` counts from 1, 0 when there is no line to show."""

    line: int
    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return `field: what; what to do`, without the place."""
        subject = f"{self.field}: " if self.field else ""
        return f"{subject}{self.what}; {self.remedy}"


@dataclass(frozen=True)
class Source:
    """Where a spec was read from. Two sources are always equal: where a spec came from does not change what it says."""

    file: str = field(default="", compare=False)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, compare=False, repr=False)

    def line(self, path: KeyPath) -> int:
        """Return the line of the value at `path`, or of the nearest enclosing one that the file has."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 0

    def problem(self, path: KeyPath, what: str, remedy: str) -> Problem:
        """Return the problem `what` of the value at `path`, with its line."""
        return Problem(line=self.line(path), field=dotted(path), what=what, remedy=remedy)


class SpecError(UsageError):
    """The spec cannot be used. `problems` has every reason found, sorted by line; the text is one line for each."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        for problem in self.problems:
            place = f"{self.file}:{problem.line}" if problem.line else self.file
            yield f"{place}: {problem}"
