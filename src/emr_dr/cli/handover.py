"""The verbs by which a person changes who serves: switchover, failback, failover."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from emr_dr import service
from emr_dr.bootstrap import Assembly
from emr_dr.cli.asking import agreed, dry_run_option, yes_option
from emr_dr.cli.options import Seconds, json_option, spec_option
from emr_dr.cli.progress import progress
from emr_dr.cli.render_handover import handover_json, show_handover, show_switched, switched_json
from emr_dr.cli.running import run
from emr_dr.service import Handover, Kind, Switched

Verb = Callable[..., Any]


def _shared(verb: Verb) -> Verb:
    """Give a verb the options that all three have."""
    options = (
        spec_option,
        json_option,
        dry_run_option,
        yes_option,
        click.option("--member", default="", help="Number or cluster id of who is to go; needed where several serve."),
        click.option("--no-wait", is_flag=True, help="Write the order down and end; `watch` or `tick` carries it out."),
    )
    for option in reversed(options):
        verb = option(verb)
    return verb


to_option = click.option("--to", default="", help="Subnet or AZ of the successor; else the placement order decides.")
drain_option = click.option(
    "--drain-timeout",
    "drain",
    default=None,
    type=Seconds(),
    help="How long to wait for what runs on it; in mode direct.  [default: recovery.drain_timeout of the spec]",
)


@click.command()
@_shared
@to_option
@drain_option
@click.option("--call-off", is_flag=True, help="Take the order back, if the switch was not made yet.")
def switchover(spec: Path, *, call_off: bool, **options: Any) -> None:  # noqa: ANN401 - click's
    """Move service to another AZ while both sides are well.

    The successor is launched and proven, or is the standby. Then the member that serves is drained: in address mode
    direct new batches still reach it until what runs there has ended, or the drain timeout is over. Then it is taken
    out of the balancer, and the successor is put in: in between new batches are refused, which is measured and
    printed. What is unfinished by then runs on where it is, but cannot be asked for at the balancer's address any more.

    In address mode gateway nothing is waited for and nothing refused: gateways send new batches to the successor as
    soon as it is proven, and follow what runs on the old member to its end.
    """
    if call_off:
        _call_off(spec, as_json=options["as_json"], dry_run=options["dry_run"])
    else:
        _hand_over(spec, Kind.SWITCHOVER, **options)


@click.command()
@_shared
@drain_option
def failback(spec: Path, **options: Any) -> None:  # noqa: ANN401 - click's
    """A switchover to the placement that served before, as the journal has it."""
    _hand_over(spec, Kind.SWITCHOVER, back=True, **options)


@click.command()
@_shared
@to_option
def failover(spec: Path, **options: Any) -> None:  # noqa: ANN401 - click's
    """Replace the member that serves, on your word in place of a verdict.

    For when you know more than the checks do. The standby takes over, or a successor is launched and proven; the old
    one serves until then, is fenced then, and is retired on evidence only. Its work is not waited for; cooldown and a
    hold are overruled, the day's budget of launches is not.
    """
    _hand_over(spec, Kind.FAILOVER, **options)


def _call_off(spec: Path, *, as_json: bool, dry_run: bool) -> None:
    async def work(assembly: Assembly) -> int | None:
        if dry_run:
            return (await service.status(assembly.site, recent=0)).document.group.leaving
        return await service.call_off(assembly.site)

    was = run(spec, work)
    if as_json:
        click.echo(json.dumps({"done": was is not None and not dry_run, "member": was}, indent=2))
    elif was is None:
        click.echo("nobody is asked to leave: nothing to call off")
    else:
        click.echo(f"{'would be called off' if dry_run else 'called off'}: member {was} stays")


def _hand_over(
    spec: Path,
    kind: Kind,
    *,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    member: str,
    no_wait: bool,
    to: str = "",
    drain: float | None = None,
    back: bool = False,
) -> None:
    async def look(assembly: Assembly) -> Handover:
        place = await service.previous_place(assembly.site) if back else to
        return await service.prepare(assembly.site, kind, leaving=member, to=place, drain=drain)

    found = run(spec, look)
    if not as_json:
        show_handover(found)
    if dry_run and as_json:
        click.echo(json.dumps({"done": False, **handover_json(found)}, indent=2))
    if found.refusal is not None:
        raise found.refusal
    if dry_run:
        return
    if not agreed(f"{kind}?", yes=yes, as_json=as_json):
        click.echo("left as it is")
        return
    if no_wait:
        run(spec, lambda assembly: service.ask(assembly.site, found))
        told = {"done": False, "asked": True, **handover_json(found)}
        click.echo(json.dumps(told, indent=2) if as_json else f"asked for; {service.STANDS}")
        return
    ended = run(spec, lambda assembly: _carried_out(assembly, found, as_json=as_json), json_logs=as_json)
    if as_json:
        click.echo(json.dumps({"done": ended.successor is not None, **switched_json(ended)}, indent=2))
    else:
        show_switched(ended)
    if ended.successor is None:
        raise click.exceptions.Exit(1)


async def _carried_out(assembly: Assembly, found: Handover, *, as_json: bool) -> Switched:
    await service.ask(assembly.site, found)
    with progress(quiet=as_json) as shown:
        return await service.see_through(assembly.site, found, shown.round)
