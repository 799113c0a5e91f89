"""Measures, writes build/bench-gateway.json and prints the figures of docs/benchmarks.md; exits with 1 past a bound."""

import json
import signal
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.gateway.run import broken, measure
from emr_dr.lab.fetch import fetched

OUT = Path("build/bench-gateway.json")


@click.command()
@click.option("--small", is_flag=True, help="Less of everything and no real Livy; nothing is written: for trying.")
def main(*, small: bool) -> None:
    """The Livy gateway: polls, submissions, a member's death, rescue and memory."""
    signal.signal(signal.SIGTERM, _ended)
    console = Console(highlight=False, width=150)
    if not small:
        fetched()
    result = measure(small=small, told=console.print)
    table = Table("figure", "value")
    for name, value in result.items():
        if name != "runs":
            table.add_row(name, str(value))
    console.print(table)
    if not small:
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(result, indent=2) + "\n")
        console.print(f"written: {OUT}")
    for each in broken(result):
        console.print(each)
    sys.exit(bool(broken(result)))


def _ended(*_: object) -> None:
    """End as by Ctrl-C, so that what was started ends too."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
