"""The verbs about what a group stands on in the account: show what would change, make it so, delete all of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from emr_dr import service
from emr_dr.bootstrap import Assembly
from emr_dr.cli import render
from emr_dr.cli.asking import dry_run_option, foreign_changes, named, yes_option
from emr_dr.cli.options import json_option, spec_option
from emr_dr.cli.progress import progress
from emr_dr.cli.render_doomed import doomed_json, show_doomed
from emr_dr.cli.running import run
from emr_dr.provision.change import Change
from emr_dr.spec import load_spec

NOTHING = "nothing to change"


@click.command()
@spec_option
@json_option
def plan(spec: Path, *, as_json: bool) -> None:
    """Show what `apply` would change, field by field, and why. Touches nothing, and needs no store yet."""

    async def work(assembly: Assembly) -> Sequence[Change]:
        return await service.plan(assembly.site)

    changes = run(spec, work, looks=True)
    if as_json:
        click.echo(json.dumps({"changes": [change.as_dict() for change in changes]}, indent=2))
    elif changes:
        render.changes(changes)
        if foreign := sum(change.asks for change in changes):
            click.echo(f"{foreign} of these are in what is not ours: apply asks first, or takes --yes")
    else:
        click.echo(NOTHING)


@click.command()
@spec_option
@json_option
@yes_option
@click.option("--no-wait", is_flag=True, help="Do not wait for the first member; `watch` or `tick` will launch it.")
def apply(spec: Path, *, as_json: bool, yes: bool, no_wait: bool) -> None:
    """Make the balancer, its target groups, listeners and rules, and the first member. Again, it changes nothing.

    Before anything is changed in what is not ours, such as your security groups, it shows all changes and asks.
    """
    ask = foreign_changes(yes=yes, quiet=as_json)

    async def work(assembly: Assembly) -> dict[str, Any]:
        with progress(quiet=as_json) as shown:

            def consent(changes: Sequence[Change]) -> None:
                with shown.aside():
                    ask(changes)

            changes = await service.apply(
                assembly.site, shown.round, changed=shown.change, consent=consent, wait=not no_wait
            )
        balancer = await service.balancer_address(assembly.site)
        address = service.address(assembly.site, balancer)
        missing = await service.nobody_there(assembly.site)
        told = {"changes": [each.as_dict() for each in changes], "address": address, "balancer": balancer}
        return told | ({"missing": missing} if missing else {})

    made = run(spec, work, begins=True)
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    if not made["changes"]:
        click.echo(NOTHING)
    click.echo(f"clients reach the group at {render.address(made['address'], made['balancer'])}")
    if "missing" in made:
        click.echo(f"but {made['missing']}")


@click.command()
@spec_option
@json_option
@dry_run_option
@yes_option
def destroy(spec: Path, *, as_json: bool, dry_run: bool, yes: bool) -> None:
    """Delete all that is ours: clusters, name, listeners, balancer, target groups, rules, files. Asks first.

    A `watch` beside it may go on running: it helps, and launches nothing. Broken off, run it again. What is not tagged
    as this group's is left alone. The store keeps the group's history, and `apply` makes the group anew.
    """
    found = run(spec, lambda assembly: service.doom(assembly.site), looks=True, ending=True)
    if not as_json:
        show_doomed(found)
    elif dry_run or not found.anything:
        click.echo(json.dumps({"done": not dry_run, **doomed_json(found)}, indent=2))
    if dry_run or not found.anything:
        return
    if not named(load_spec(spec).group, yes=yes, as_json=as_json):
        click.echo("left as it is")
        return

    async def work(assembly: Assembly) -> None:
        with progress(quiet=as_json) as shown:
            await service.destroy(assembly.site, shown.round, changed=shown.change)

    run(spec, work, looks=True, ending=True, json_logs=as_json)
    click.echo(json.dumps({"done": True, **doomed_json(found)}, indent=2) if as_json else "nothing of it is left")
