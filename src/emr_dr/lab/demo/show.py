"""The demo as people see it: one line an event as it happens, and a table at the end."""

import time
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from emr_dr.lab.demo.report import Event

QUIET = frozenset({"effect_done", "decided", "said", "poll_failed"})
"""Events that stay in the report; on the screen they would bury the story."""
COLOURS = {"az_killed": "bold red", "converged": "bold green", "entitlement_moved": "bold cyan"}


class Screen:
    """Tells the story line by line, with the seconds since it began."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.time()
        self._status = console.status("bringing the lab up")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._status.stop()

    def tell(self, event: Event) -> None:
        """Print one event, unless it is of those that would bury the story."""
        if event.event in QUIET:
            return
        words = event.event.replace("_", " ")
        colour = COLOURS.get(event.event, "default")
        self._status.update(words)
        self._console.print(
            f"[dim]{event.at - self._begun:7.1f}s {event.source:7s}[/] [{colour}]{words}[/]  {escape(_detail(event))}",
            highlight=False,
            soft_wrap=True,
        )


def print_report(console: Console, told: dict[str, Any], figures: Mapping[str, str]) -> None:
    """Print the figures, each in its words, and the counts."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, words in figures.items():
        table.add_row(words, "-" if told[key] is None else f"{told[key]:.1f} s", style="bold" if "rto" in key else "")
    console.print()
    console.print(table)
    for name in ("submissions", "batches", "clusters"):
        console.print(
            f"{name}: " + ", ".join(f"{v} {k.replace('_', ' ')}" for k, v in told[name].items()), highlight=False
        )
    if told["accepted_by_member"]:
        shares = (f"{count} by member {member}" for member, count in told["accepted_by_member"].items())
        console.print(f"accepted: {', '.join(shares)}; {told['wrong_answers']} wrong answers", highlight=False)
    if told["mode"] == "gateway":
        known = f"{told['rescued']} batches rescued, {told['reconnected']} times a client had to connect again"
        console.print(known, highlight=False)
    console.print("targets: " + "; ".join(told["targets"]), highlight=False, soft_wrap=True)
    console.print("\nshorter here than on AWS:", style="dim")
    for each in told["shortened"]:
        console.print(
            f"  {each['time']}: {each['here']}; on AWS {each['on_aws']}", style="dim", highlight=False, soft_wrap=True
        )
    for problem in told["problems"]:
        console.print(f"[red]not right:[/] {escape(problem)}")
    if "folder" in told:
        console.print(f"kept: {told['folder']}", highlight=False, soft_wrap=True)


def _detail(event: Event) -> str:
    if event.event == "stage_changed":
        place = f" in {event.detail['az']}" if event.detail.get("az") else ""
        was = f"{event.detail['from']} → " if event.detail.get("from") else ""
        because = f" ({event.detail['reason']})" if event.detail.get("reason") else ""
        return f"member {event.detail['member']}{place}: {was}{event.detail['to']}{because}"
    if event.event == "verdict_changed":
        return f"{event.detail['cluster']}: {event.detail['to']}: {event.detail['why']}"
    return "  ".join(f"{k}={v}" for k, v in event.detail.items() if v not in (None, "", [], {}))
