"""The figures of all runs together: medians, the bounds they must keep, and the table that people read."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.failover.cases import CASES, Contender

OVERHEAD_BOUND = 60.0
RATIO_BOUND = 0.5
FAST = "fast"
_MEDIANS = ("rto_seconds", "overhead_seconds", "requests_lost", "clusters_left")
_WHO = {Contender.OURS: "emr-dr", Contender.BASELINE: "the post's procedure"}
Run = Mapping[str, Any]


def summary(runs: Sequence[Run]) -> dict[str, float | None]:
    """Return the medians of the runs at fast start; None where there is none, or the median one never came back."""
    figures: dict[str, float | None] = {}
    for contender, prefix in ((Contender.OURS, ""), (Contender.BASELINE, "baseline_")):
        those = [run for run in runs if run["case"] == FAST and run["contender"] == contender]
        for name in _MEDIANS:
            figures[prefix + name] = _median([run[name] for run in those])
    ours, theirs = figures["overhead_seconds"], figures["baseline_overhead_seconds"]
    figures["overhead_ratio"] = round(ours / theirs, 3) if ours is not None and theirs else None
    return figures


def problems(figures: Mapping[str, float | None], runs: Sequence[Run]) -> list[str]:
    """Return which bounds are broken, in words; of what was not measured there is nothing to say."""
    found = []
    if any(run["case"] == FAST and run["contender"] == Contender.OURS for run in runs):
        overhead = figures["overhead_seconds"]
        if overhead is None or overhead > OVERHEAD_BOUND:
            said = "it never came back" if overhead is None else f"{overhead:.1f} s"
            found.append(f"overhead at fast start: {said}, bound {OVERHEAD_BOUND:g} s")
    ratio = figures["overhead_ratio"]
    if ratio is not None and ratio > RATIO_BOUND:
        found.append(f"overhead_ratio at fast start: {ratio:.2f}, bound {RATIO_BOUND:g}")
    found += [
        f"{run['case']}, emr-dr: {what}" for run in runs if run["contender"] == Contender.OURS for what in run["broke"]
    ]
    return found


def print_runs(console: Console, runs: Sequence[Run], figures: Mapping[str, float | None]) -> None:
    """Print a line for each run, what each broke, and the medians."""
    table = Table(
        "case",
        "who",
        "RTO",
        "launch",
        "overhead",
        "requests lost",
        "launched",
        "left",
        "load",
        box=None,
        pad_edge=False,
    )
    for run in sorted(runs, key=lambda r: (list(CASES).index(r["case"]), r["contender"] != Contender.OURS)):
        times = (_seconds(run[name]) for name in ("rto_seconds", "launch_seconds", "overhead_seconds"))
        counts = (str(run[name]) for name in ("requests_lost", "clusters_launched", "clusters_left"))
        load = " → ".join(f"{value:.1f}" for value in run["load"].values())
        table.add_row(run["case"], _WHO[run["contender"]], *times, *counts, load)
    console.print(table)
    for run in (run for run in runs if run["broke"]):
        console.print(f"{run['case']}, {_WHO[run['contender']]}: " + "; ".join(map(escape, run["broke"])))
    for name, value in figures.items():
        console.print(f"{name}: {'-' if value is None else f'{value:g}'}", highlight=False)


def _median(values: Sequence[float | None]) -> float | None:
    if not values:
        return None
    median = statistics.median(math.inf if value is None else value for value in values)
    return None if math.isinf(median) else round(median, 1)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
