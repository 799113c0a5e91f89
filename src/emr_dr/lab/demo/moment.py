"""When the disaster may strike: while work runs that will not end within the next seconds.

A batch that ends just as the lights go out is done, and its client does not know: it submits it again, as any client
would, and it has run twice. That is so in address mode `direct`, and not what the demos are to show.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a batch, by the marks that the job leaves; `started` in seconds of the epoch."""

    key: str
    started: float
    completed: bool


def runs_in(marks: Path) -> list[Run]:
    """Read the marks in a folder: `<batch>.<run>.started`, and `.completed` at its end."""
    begun = sorted(marks.glob("*.started"))
    return [Run(p.name.split(".")[0], p.stat().st_mtime, p.with_suffix(".completed").exists()) for p in begun]


def may_strike(unfinished: Collection[str], runs: Iterable[Run], now: float, *, lasts: float) -> bool:
    """Whether one of these batches runs, none has completed unknown to its client, and none is past half its time.

    Args:
        unfinished: The batches that their clients wait for.
        runs: Every run there ever was.
        now: Seconds of the epoch.
        lasts: Seconds that a job runs.
    """
    waited_for = [run for run in runs if run.key in unfinished]
    return bool(waited_for) and all(not run.completed and now - run.started <= lasts / 2 for run in waited_for)
