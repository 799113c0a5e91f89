"""Measures, writes build/bench-answers.json and prints the table of docs/benchmarks.md."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.answers.measure import TASKS, measure
from emr_dr.lab.fetch import fetched

OUT = Path("build/bench-answers.json")


@click.command()
@click.option("--tasks", type=click.IntRange(1), default=TASKS, show_default=True, help="Submissions in each phase.")
@click.option("--stand-in", is_flag=True, help="Against stand-ins; nothing is written: for trying.")
def main(*, tasks: int, stand_in: bool) -> None:
    """Two clusters as in the post and a plain balancer: what clients are told."""
    console = Console(highlight=False, width=150)
    if not stand_in:
        fetched()
    result = measure(tasks=tasks, options=("--stand-in",) if stand_in else (), told=console.print)
    table = Table("client", "phase", "polls", "404", "another job's", "no answer", "wrong", "ended with", "load")
    for row in _rows(result["clients"]):
        table.add_row(*row)
    console.print(table)
    if not stand_in:
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(result, indent=2) + "\n")
        console.print(f"written: {OUT}")


def _rows(clients: dict[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for kind, phases in clients.items():
        for phase, seen in phases.items():
            polls, final = seen["polls_by_answer"], seen["final_states"]
            opposite = f"opposite {final['opposite_of_the_truth']}"
            ended = (
                f"own {final['own']}, another's {final['another_jobs']} ({opposite}), never {final['never_learned']}"
            )
            counts = (str(seen["polls"]), str(polls["unknown"]), str(polls["others"]), str(polls["silent"]))
            load = " to ".join(f"{each:.1f}" for each in seen["load"])
            yield (kind, phase, *counts, f"{seen['wrong_polls_percent']} %", ended, load)


if __name__ == "__main__":
    main()
