"""The verbs that work on a group: make it, look at it, look after it."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from emr_dr import service
from emr_dr.bootstrap import Assembly, assemble
from emr_dr.cli import render
from emr_dr.cli.logs import configure_logs
from emr_dr.cli.options import Seconds, json_option, spec_option, vantage_option
from emr_dr.controller.journal import plain
from emr_dr.controller.loop import Round
from emr_dr.errors import EmrDrError, PermanentError, TransientError
from emr_dr.spec import load_spec

T = TypeVar("T")


@click.command()
@spec_option
@json_option
@click.option("--no-wait", is_flag=True, help="Do not wait for the first member; `watch` or `tick` will launch it.")
def apply(spec: Path, *, as_json: bool, no_wait: bool) -> None:
    """Make the balancer, its target groups and listeners, and the first member. Run again, it changes nothing."""

    async def work(assembly: Assembly) -> tuple[list[dict[str, str]], str]:
        with render.progress(quiet=as_json) as shown:
            changes = await service.apply(assembly.site, shown.round, changed=shown.change, wait=not no_wait)
        return [change.as_dict() for change in changes], await service.address(assembly.site)

    changes, address = _run(spec, work, begins=True)
    if as_json:
        click.echo(json.dumps({"changes": changes, "address": address}, indent=2))
        return
    if not changes:
        click.echo("nothing to change")
    click.echo(f"clients reach the group at {address}")


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

    _run(spec, work)


@click.command()
@spec_option
@json_option
def check(spec: Path, *, as_json: bool) -> None:
    """Look once. Exit 0: healthy; 1: not; 2: could not tell."""

    async def work(assembly: Assembly) -> service.Status:
        return await service.status(assembly.site, recent=0)

    try:
        seen = _run(spec, work)
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

    async def work(assembly: Assembly) -> None:
        with render.progress(quiet=as_json) as shown:
            await service.watch(assembly.site, shown.round)

    _run(spec, work, json_logs=as_json, vantage=vantage)


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
        with render.progress(quiet=as_json) as shown:
            return await service.tick(assembly.site, seconds, shown.round)

    done = _run(spec, work, json_logs=as_json, vantage=vantage)
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
    if done.group.held:
        what = f"automation stopped itself: {done.group.held}"
        raise PermanentError(what, where=name, remedy=service.HELD_REMEDY)
    if done.still:
        raise TransientError(f"nothing was decided: {done.still}", where=name, remedy="try again")
    if done.observation is not None and done.observation.world.blind:
        raise TransientError(f"could not see {'; '.join(done.observation.troubles)}", where=name)


def _run(
    spec: Path,
    work: Callable[[Assembly], Awaitable[T]],
    *,
    json_logs: bool = False,
    begins: bool = False,
    vantage: str = "",
) -> T:
    """Assemble the group's site, run `work` on it, and close what was opened; SIGTERM and Ctrl-C end its waits."""
    configure_logs(json_lines=json_logs)
    declared = load_spec(spec)

    async def main() -> T:
        async with assemble(declared, begins=begins, vantage=vantage) as assembly:
            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, _stop, assembly, asyncio.current_task())
            return await work(assembly)

    coroutine: Coroutine[Any, Any, T] = main()
    return asyncio.run(coroutine)


def _stop(assembly: Assembly, task: "asyncio.Task[Any] | None") -> None:
    """End after the round under way; asked a second time, at once."""
    if assembly.clock.stopped and task is not None:
        task.cancel()
    assembly.clock.stop()
