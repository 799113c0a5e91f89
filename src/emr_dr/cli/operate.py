"""The verbs that work on a group: look at it, look after it."""

import json
from pathlib import Path

import click

from emr_dr import service
from emr_dr.bootstrap import Assembly
from emr_dr.cli import render
from emr_dr.cli.options import Seconds, json_option, spec_option, vantage_option
from emr_dr.cli.progress import progress
from emr_dr.cli.running import run
from emr_dr.controller.journal import plain
from emr_dr.controller.loop import Round
from emr_dr.errors import EmrDrError, PermanentError, TransientError


@click.command()
@spec_option
@json_option
@click.option("--follow", is_flag=True, help="Show it again and again until stopped.")
def status(spec: Path, *, as_json: bool, follow: bool) -> None:
    """Show the group as remembered and as seen just now."""

    async def work(assembly: Assembly) -> None:
        if not follow:
            seen = await service.status(assembly.site)
            render.status(seen) if not as_json else click.echo(json.dumps(render.status_json(seen), indent=2))
            return
        with render.screen(as_json=as_json) as show:
            while not assembly.clock.stopped:
                show(await service.status(assembly.site))
                await assembly.clock.sleep(assembly.interval)

    run(spec, work)


@click.command()
@spec_option
@json_option
def check(spec: Path, *, as_json: bool) -> None:
    """Look once. Exit 0: healthy; 1: not; 2: could not tell."""

    async def work(assembly: Assembly) -> service.Status:
        return await service.status(assembly.site, recent=0)

    try:
        seen = run(spec, work)
    except EmrDrError as error:
        click.echo(f"emr-dr: {error}", err=True)
        raise click.exceptions.Exit(service.Answer.COULD_NOT_TELL) from error
    if as_json:
        click.echo(json.dumps({"answer": seen.answer.name.lower(), **render.status_json(seen)}, indent=2))
    else:
        render.check(seen)
    raise click.exceptions.Exit(int(seen.answer))


@click.command()
@spec_option
@json_option
@vantage_option
def watch(spec: Path, *, as_json: bool, vantage: str) -> None:
    """Run the controller until stopped (Ctrl-C or SIGTERM). Any number may run; one leads, the others are witnesses."""

    async def work(assembly: Assembly) -> Round:
        with progress(quiet=as_json) as shown:
            return await service.watch(assembly.site, shown.round)

    done = run(spec, work, json_logs=as_json, vantage=vantage)
    if service.destroyed(done.group) and not as_json:
        click.echo("the group was destroyed: there is nothing to look after")


@click.command()
@spec_option
@json_option
@vantage_option
@click.option("--for", "seconds", default="50s", show_default=True, type=Seconds(), help="How long at the most.")
def tick(spec: Path, *, as_json: bool, vantage: str, seconds: float) -> None:
    """Run controller rounds until nothing is outstanding or time is up. Safe to run twice at once.

    Schedule it so that less than 60 s lie between the end of one and the next (each minute with --for 50s): failures
    that nobody watched for longer are forgotten, and a loss that only probes show would never be believed.
    """

    async def work(assembly: Assembly) -> Round:
        with progress(quiet=as_json) as shown:
            return await service.tick(assembly.site, seconds, shown.round)

    done = run(spec, work, json_logs=as_json, vantage=vantage)
    if as_json:
        told = {"converged": done.converged, "leader": done.leader, "still": done.still, "group": plain(done.group)}
        click.echo(json.dumps(told, indent=2))
    elif done.observation is not None and not done.group.held:
        click.echo("nothing outstanding" if done.converged else "not finished: the next tick goes on")
    conclude(done)


def conclude(done: Round) -> None:
    """Say by its error, hence by the exit code, how a tick's last round ended, unless it ended well.

    Raises:
        PermanentError: Automation stopped itself; a person is needed.
        TransientError: Nothing was decided, or not everything was seen; the next tick may do better.
    """
    name = done.group.name
    if service.destroyed(done.group):  # nothing is wanted, and what it stood on has gone: that it is not seen is right
        return
    if done.group.held:
        what = f"automation stopped itself: {done.group.held}"
        raise PermanentError(what, where=name, remedy=service.HELD_REMEDY)
    if done.still:
        raise TransientError(f"nothing was decided: {done.still}", where=name, remedy="try again")
    if done.observation is not None and done.observation.world.blind:
        raise TransientError(f"could not see {'; '.join(done.observation.troubles)}", where=name)
