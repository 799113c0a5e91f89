"""The verbs, from the commands themselves: what `emr-dr VERB --help` knows, as Markdown."""

import inspect
import re
from collections.abc import Iterator

import click

from emr_dr.cli.main import SUMMARIES, cli
from handbook.docstrings import table

_EXTRA = re.compile(r"\s*\[((?:default|required|[\dx<>=])[^\[\]]*)\]$")
"""What click says of an option in brackets at the end."""


def verbs() -> str:
    """Return every verb with its usage, what it does, its arguments and options."""
    root = click.Context(cli, info_name="emr-dr")
    return "\n\n".join(part for command, context in commands(root) for part in _verb(command, context))


def commands(above: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield each verb below, those of a group after it."""
    group = above.command
    assert isinstance(group, click.Group)  # noqa: S101 - only groups are asked
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, info_name=name, parent=above)
        yield command, context
        if isinstance(command, click.Group):
            yield from commands(context)


def _verb(command: click.Command, context: click.Context) -> Iterator[str]:
    path = context.command_path
    yield f"{'##' if path.count(' ') == 1 else '###'} `{path}`"
    told = inspect.cleandoc(command.help or "")
    summary = SUMMARIES.get(context.info_name or "", "") if path.count(" ") == 1 else ""
    yield told or summary
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{path} {pieces}\n```"
    rows = [row for parameter in command.params if (row := _row(parameter, context)) is not None]
    if rows:
        yield table(["option or argument", "meaning"], rows)


def _row(parameter: click.Parameter, context: click.Context) -> list[str] | None:
    """An option, or an argument that takes only certain words; of others the usage and the text speak."""
    if isinstance(parameter, click.Argument):
        choices = ", ".join(f"`{c}`" for c in _choices(parameter))
        return [f"`{parameter.make_metavar(context)}`", f"One of {choices}."] if choices else None
    assert isinstance(parameter, click.Option)  # noqa: S101 - a parameter is an argument or an option
    record = parameter.get_help_record(context)
    if record is None:
        return None
    names, text = record
    variable = f" From the environment: `{parameter.envvar}`." if parameter.envvar else ""
    return [f"`{names}`", f"{_EXTRA.sub(_said, text).strip()}{variable}"]


def _said(extra: "re.Match[str]") -> str:
    """What click puts between brackets behind a help text, as a sentence."""
    told = ""
    for fact in (part.strip() for part in extra[1].split(";")):
        if fact.startswith("default: "):
            told += f" Default: {fact.removeprefix('default: ')}."
        elif fact == "required":
            told += " Required."
    return told  # ranges are left out: their texts say what matters


def _choices(parameter: click.Parameter) -> list[str]:
    return [str(choice) for choice in parameter.type.choices] if isinstance(parameter.type, click.Choice) else []
