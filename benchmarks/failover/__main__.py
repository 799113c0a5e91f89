"""The same disaster for this program and for the post's procedure: writes build/bench-failover.json and prints it."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.failover.cases import CASES, Case, Contender, Rules
from benchmarks.failover.outcome import outcome
from benchmarks.failover.run import play
from benchmarks.failover.summary import OVERHEAD_BOUND, RATIO_BOUND, print_runs, problems, summary
from emr_dr.errors import EmrDrError
from emr_dr.lab.demo.scene import TIMES
from emr_dr.lab.fetch import fetched
from emr_dr.lab.spec import DETECTION, RECOVERY

OUT = Path("build/bench-failover.json")
WIDTH = 110
"""Columns, where nobody says how many there are."""
OUT_STAND_IN = Path("build/bench-failover-stand-in.json")


@click.command()
@click.option("--runs", type=click.IntRange(1), help="Runs of each case; else 3 at fast start, 1 of the others.")
@click.option("--only", type=click.Choice([each.value for each in Contender]), help="Only this one.")
@click.option("--case", "name", type=click.Choice(list(CASES)), help="Only this case.")
@click.option("--add", is_flag=True, help="Add to what the file holds already.")
@click.option(
    "--stand-in", is_flag=True, help="Against stand-ins, into a file of its own: for trying, not for figures."
)
@click.option(
    "--period",
    default=60.0,
    type=click.FloatRange(1),
    show_default=True,
    help="Seconds between two starts of the procedure.",
)
@click.option("--wait", default="2m", show_default=True, help="The procedure's WAIT.")
def main(
    *, runs: int | None, only: str | None, name: str | None, add: bool, stand_in: bool, period: float, wait: str
) -> None:
    """Measure, write and compare; exit code 1 if a bound is broken."""
    if not stand_in:
        fetched()
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)
    out = OUT_STAND_IN if stand_in else OUT
    rules = Rules(period=period, wait=wait)
    kept = json.loads(out.read_text())["runs"] if add and out.exists() else []
    for case in [CASES[name]] if name else CASES.values():
        for number in range(1, (runs or case.runs) + 1):
            for contender in [Contender(only)] if only else Contender:
                console.print(f"[bold]{case.name}, run {number}, {contender}[/]: {case.says}")
                kept.append(_measure(contender, case, rules, console, stand_in=stand_in))
                _write(out, kept, rules, stand_in=stand_in)
    figures = summary(kept)
    print_runs(console, kept, figures)
    found = problems(figures, kept)
    for problem in found:
        console.print(f"[red]not right:[/] {problem}")
    console.print(f"written: {out}")
    sys.exit(1 if found else 0)


def _measure(contender: Contender, case: Case, rules: Rules, console: Console, *, stand_in: bool) -> dict[str, Any]:
    """Play one run; the folder of one that fails is kept."""
    folder = Path(tempfile.mkdtemp(prefix="emr-dr-bench-"))
    seen = asyncio.run(play(contender, case, folder, rules, lambda line: console.print(f"  {line}"), stand_in=stand_in))
    shutil.rmtree(folder, ignore_errors=True)
    return outcome(seen)


def _write(out: Path, runs: Sequence[dict[str, Any]], rules: Rules, *, stand_in: bool) -> None:
    """Write all that was measured so far."""
    figures = summary(runs)
    told = {
        **figures,
        "problems": problems(figures, runs),
        "bounds": {"overhead_seconds": OVERHEAD_BOUND, "overhead_ratio": RATIO_BOUND},
        "conditions": {
            "stand_in": stand_in,
            "cores": os.cpu_count(),
            "lab_times": TIMES,
            "cases": {case.name: dict(case.times) for case in CASES.values()},
            "spec": {"detection": DETECTION, "probation": RECOVERY["probation"], "cooldown": RECOVERY["cooldown"]},
            "procedure": {**asdict(rules), "killed_before_next_start": rules.phase},
        },
        "runs": list(runs),
    }
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except EmrDrError as error:
        Console(stderr=True).print(f"[red]{error}[/]", highlight=False)
        sys.exit(error.exit_code)
