"""The verbs that need no AWS: write a spec, check it, describe it."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from emr_dr.cli.options import json_option, spec_option
from emr_dr.errors import UsageError
from emr_dr.spec import (
    MODE_NAMES,
    RECOMMENDED_MODE,
    STRATEGY_NAMES,
    SpecError,
    json_schema,
    load_spec,
    remarks,
    starter,
)


@click.command()
@click.argument("group")
@click.option("--strategy", default="active-passive", show_default=True, type=click.Choice(STRATEGY_NAMES))
@click.option(
    "--mode",
    default=RECOMMENDED_MODE,
    show_default=True,
    type=click.Choice(MODE_NAMES),
    help="What the balancer's targets are: Livy gateways, or the members themselves.",
)
@click.option("--output", "-o", default="emr-dr.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over an existing file.")
def init(group: str, strategy: str, mode: str, output: Path, *, force: bool) -> None:
    """Write a commented spec for GROUP to start from."""
    text = starter(group, strategy, mode)
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError("exists already", where=str(output), remedy="choose another --output, or --force") from error
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", where=str(output), remedy="choose another --output"
        ) from error
    click.echo(f"wrote {output}: fill in what is marked, then: emr-dr validate --spec {output}")


@click.command()
@spec_option
@json_option
def validate(spec: Path, *, as_json: bool) -> None:
    """Check a spec. Exit 0 when it can be used, 2 with one line for each problem when it cannot.

    Remarks say what a spec that can be used does not protect from.
    """
    try:
        declared = load_spec(spec)
    except SpecError as error:
        if as_json:
            problems = [{"line": p.line, "field": p.field, "what": p.what, "remedy": p.remedy} for p in error.problems]
            click.echo(json.dumps({"ok": False, "file": error.file, "problems": problems}, indent=2))
            raise click.exceptions.Exit(error.exit_code) from error
        raise
    told = remarks(declared)
    if as_json:
        listed = {"problems": [], "remarks": [asdict(remark) for remark in told]}
        click.echo(json.dumps({"ok": True, "file": str(spec), "group": declared.group, **listed}, indent=2))
        return
    click.echo(f"{spec}: group {declared.group}, {declared.strategy}: nothing wrong")
    for remark in told:
        click.echo(f"{spec}:{remark.line}: remark: {remark}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of the spec."""
    click.echo(json.dumps(json_schema(), indent=2))
