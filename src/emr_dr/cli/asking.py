"""Asking a person before something is done that is not plainly theirs to expect, or cannot be undone."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from emr_dr.cli import render
from emr_dr.errors import UsageError
from emr_dr.provision.change import Change

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and what is in the way; do nothing."
)


def agreed(question: str, *, yes: bool, as_json: bool = False) -> bool:
    """Whether a person agrees; with `yes` nobody is asked.

    Raises:
        UsageError: There is nobody to ask: no terminal, or the output is for a program.
    """
    if yes:
        return True
    if as_json or not sys.stdin.isatty():
        raise UsageError("this needs a person's yes, and nobody can be asked here", remedy="add --yes, or --dry-run")
    return click.confirm(question, default=False)


def named(name: str, *, yes: bool, as_json: bool) -> bool:
    """Whether a person types the name of what is to be destroyed; with `yes` nobody is asked.

    Raises:
        UsageError: There is nobody to ask.
    """
    if yes:
        return True
    if as_json or not sys.stdin.isatty():
        raise UsageError("this needs a person's word, and nobody can be asked here", remedy="add --yes, or --dry-run")
    answer: str = click.prompt(f"type {name} to delete all of this", default="", show_default=False)
    return answer.strip() == name


def foreign_changes(*, yes: bool, quiet: bool) -> Callable[[Sequence[Change]], None]:
    """Return what shows all changes and asks, for some of them are in what is not ours; `quiet` is for --json.

    Raises, when it is called:
        UsageError: There is nobody to ask.
        click.Abort: The answer is no.
    """

    def ask(changes: Sequence[Change]) -> None:
        if yes:
            return
        foreign = [each for each in changes if each.asks]
        if quiet or not sys.stdin.isatty():
            remedy = "look with `emr-dr plan`, then say --yes; or see to it yourself with address.balancer.admit: false"
            raise UsageError(f"this would change what is not ours: {foreign[0]}", remedy=remedy)
        render.changes(changes)
        with _interruptible():
            click.confirm(f"{len(foreign)} of these are in what is not ours. Make them all?", abort=True)

    return ask


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: the event loop, which else notes it, does not run while somebody thinks."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
