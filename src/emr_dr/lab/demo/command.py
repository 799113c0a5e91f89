"""The verb `emr-dr demo …`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from emr_dr.lab.demo.picture import picture
from emr_dr.lab.demo.plots import PLOTS, plot_of
from emr_dr.lab.demo.show import Screen, print_report
from emr_dr.lab.demo.story import play
from emr_dr.lab.fetch import fetched
from emr_dr.spec import MODE_NAMES


@click.command()
@click.argument("strategy", type=click.Choice(list(PLOTS)))
@click.option(
    "--mode",
    default="direct",
    show_default=True,
    type=click.Choice(MODE_NAMES),
    help="What clients reach: the members themselves, or gateways.",
)
@click.option("--json", "report", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here.")
@click.option(
    "--picture", "drawing", type=click.Path(path_type=Path, dir_okay=False), help="Draw the timeline here, as SVG."
)
@click.option("--keep", is_flag=True, help="Keep the demo's folder with logs, store and marks.")
def demo(strategy: str, *, mode: str, report: Path | None, drawing: Path | None, keep: bool) -> None:
    """The whole story: a lab, real Spark batches, an AZ that dies, the recovery. About three minutes."""
    plot = plot_of(strategy, mode)
    fetched()
    console = Console()
    with Screen(console) as screen:
        told: dict[str, Any] = asyncio.run(play(plot, screen.tell, keep=keep))
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(told, indent=2) + "\n")
    if drawing is not None:
        drawing.parent.mkdir(parents=True, exist_ok=True)
        drawing.write_text(picture(told))
    print_report(console, told, plot.figures)
    if not told["ok"]:
        raise click.exceptions.Exit(1)
