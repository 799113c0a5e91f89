"""The verbs by which a person stops automation, lets it go on, and lets it end what it keeps."""

import getpass
import json
import os
from collections.abc import Sequence
from pathlib import Path

import click

from emr_dr import service
from emr_dr.bootstrap import Assembly
from emr_dr.cli.asking import agreed, dry_run_option, yes_option
from emr_dr.cli.options import Seconds, json_option, spec_option
from emr_dr.cli.running import run
from emr_dr.cli.words import lasting, stamp
from emr_dr.controller.journal import plain
from emr_dr.core.group import Pause
from emr_dr.errors import UsageError
from emr_dr.service import Kept

LONGEST_PAUSE = 7 * 86400.0


@click.command()
@spec_option
@json_option
@dry_run_option
@click.option("--reason", required=True, help="Why; whoever looks at the group is told.")
@click.option("--for", "seconds", default="1h", show_default=True, type=Seconds(), help="For how long, 7d at the most.")
def pause(spec: Path, *, as_json: bool, dry_run: bool, reason: str, seconds: float) -> None:
    """Have automation begin and end nothing until the time is over or `resume` is called.

    A loss is not answered meanwhile. What was decided before goes on: who is entitled is registered with the balancer,
    who is not is taken out. Checks go on, and `status` tells. A pause that is there already is replaced.
    """
    if not reason.strip():
        raise UsageError("is empty", where="--reason", remedy="say why: whoever is woken by it will want to know")
    if not 0 < seconds <= LONGEST_PAUSE:
        raise UsageError("must be more than 0s and 7d at the most", where="--for", remedy="pause again when it is over")

    async def work(assembly: Assembly) -> Pause:
        if dry_run:
            await service.status(assembly.site, recent=0)
            return Pause(reason, assembly.clock.now() + seconds)
        return await service.pause(assembly.site, reason, seconds)

    paused = run(spec, work)
    if as_json:
        click.echo(json.dumps({"done": not dry_run, "pause": plain(paused)}, indent=2))
    else:
        words = "would be paused" if dry_run else "paused"
        click.echo(f"{words} until {stamp(paused.until)} ({lasting(seconds)}): {reason}")


@click.command()
@spec_option
@json_option
@dry_run_option
def resume(spec: Path, *, as_json: bool, dry_run: bool) -> None:
    """End a pause. What was lost meanwhile is answered from now on."""

    async def work(assembly: Assembly) -> Pause | None:
        if not dry_run:
            return await service.resume(assembly.site)
        found = (await service.status(assembly.site, recent=0)).document.group.pause
        return found if found is not None and found.until > assembly.clock.now() else None

    ended = run(spec, work)
    if as_json:
        click.echo(json.dumps({"done": not dry_run and ended is not None, "pause": plain(ended)}, indent=2))
    elif ended is None:
        click.echo("not paused: nothing to resume")
    else:
        click.echo(f"{'would be resumed' if dry_run else 'resumed'}; it was paused: {ended.reason}")


@click.command()
@spec_option
@json_option
@dry_run_option
@yes_option
@click.argument("member", default="")
def release(spec: Path, *, as_json: bool, dry_run: bool, yes: bool, member: str) -> None:
    """Let automation go on that stopped itself; or let MEMBER be retired, which is kept for want of evidence.

    Without MEMBER, a hold is released: candidates are tried again. With a MEMBER (number or cluster id), which was
    fenced and whose death nobody could confirm, you say that it may end: its cluster is terminated, with all that still
    runs on it, as soon as the one that took over has served through its probation.

    In address mode gateway your word is a proof of death too: what runs on MEMBER counts as dead from then on, and
    gateways at once run again elsewhere what was declared safe to repeat. Be sure that nothing of it runs any more.
    """
    if member:
        _release_member(spec, member, as_json=as_json, dry_run=dry_run, yes=yes)
        return

    async def work(assembly: Assembly) -> tuple[str, Sequence[Kept]]:
        others = await service.kept(assembly.site)
        if dry_run:
            return (await service.status(assembly.site, recent=0)).document.group.held, others
        return await service.release_hold(assembly.site), others

    held, others = run(spec, work)
    if as_json:
        told = {"done": bool(held) and not dry_run, "held": held, "kept": [_kept_json(k) for k in others]}
        click.echo(json.dumps(told, indent=2))
        return
    if held:
        click.echo(f"{'would be released' if dry_run else 'released'}; it was held: {held}")
    else:
        click.echo("not held: nothing to release")
    for each in others:
        click.echo(f"kept: {_kept_words(each)}; to let it end: emr-dr release {each.member.number}")


def _release_member(spec: Path, named: str, *, as_json: bool, dry_run: bool, yes: bool) -> None:
    async def look(assembly: Assembly) -> Kept:
        (found,) = await service.kept(assembly.site, named)
        return found

    found = run(spec, look)
    number = found.member.number
    if not as_json:
        click.echo(_kept_words(found))
        for each in found.unfinished or ():
            click.echo(f"  {each}")
    if dry_run:
        done = False
    elif found.member.released:
        done = True
    else:
        if found.by_gateway and not as_json:
            click.echo(
                "what runs on it counts as dead from then on: what was declared so is run again elsewhere at once"
            )
            click.echo("if it still runs after all, two runs of one batch write at the same time")
        question = f"terminate member {number} ({found.member.cluster}) with all that runs on it, once it may be?"
        if not agreed(question, yes=yes, as_json=as_json):
            click.echo("left as it is")
            return

        async def work(assembly: Assembly) -> None:
            await service.release(assembly.site, found.member, by=_who())

        run(spec, work)
        done = True
    if as_json:
        click.echo(json.dumps({"done": done, "member": _kept_json(found)}, indent=2))
    else:
        when = "it is retired when its successor has served through probation"
        when += "; what ran on it counts as dead now" if done and found.by_gateway else ""
        click.echo(f"{'released' if done else 'would be released'}: {when}")


def _who() -> str:
    """Whoever runs this command, for the journal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container there may be nobody of that number
        return f"uid {os.getuid()}"


def _kept_words(kept: Kept) -> str:
    m = kept.member
    name = f"member {m.number} ({m.cluster}), fenced: {m.reason}" if m.reason else f"member {m.number} ({m.cluster})"
    if kept.unfinished is None:
        return f"{name}; nobody could tell what runs on it: {kept.unknown}"
    return f"{name}; {len(kept.unfinished) or 'nothing'} unfinished on it"


def _kept_json(kept: Kept) -> dict[str, object]:
    unfinished = None if kept.unfinished is None else [plain(u) for u in kept.unfinished]
    return {"number": kept.member.number, "cluster": kept.member.cluster, "unfinished": unfinished}
