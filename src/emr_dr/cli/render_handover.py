"""How a handover is shown before it is asked for, and when it is over."""

from collections.abc import Sequence

import click

from emr_dr.cli.words import lasting
from emr_dr.controller.journal import plain
from emr_dr.core.group import Member
from emr_dr.ports import Unfinished
from emr_dr.ports.store import JsonValue
from emr_dr.service import Handover, Kind, Switched

_SHOWN = 20
"""Unfinished batches that are listed; the others are counted."""


def show_handover(found: Handover) -> None:
    """Print who goes, who comes, and what that costs."""
    click.echo(f"{found.kind}: {_member(found.leaving)} hands over to {_successor(found)}")
    if found.held:
        click.echo(f"  held: {found.held}")
    if found.unfinished is None:
        click.echo(f"  nobody could tell what runs on it: {found.unknown}")
    elif found.unfinished:
        _list(found.unfinished, f"{len(found.unfinished)} unfinished on it:")
        _tell_what_becomes_of_it(found)
    else:
        click.echo("  nothing unfinished on it")
    if found.by_gateway:
        click.echo("  nobody is refused: gateways send new batches to whoever serves, and hold them back in between")
    elif found.others:
        click.echo(f"  {found.others} more serve meanwhile, and take new batches")
    else:
        click.echo("  between the two nobody takes new batches: how long is printed when it is over")


def show_switched(ended: Switched) -> None:
    """Print how it ended, and the gap that clients saw."""
    if ended.successor is None:
        click.echo(
            f"{ended.outcome}: {ended.reason or 'no reason is written down'}; {_member(ended.leaving)} serves on"
        )
        return
    click.echo(f"{ended.outcome}: {_member(ended.successor)} serves")
    if ended.gap is not None:
        ours = max(0.0, ended.gap.refused - ended.gap.balancer)
        click.echo(
            f"new batches were refused for {ended.gap.refused:.1f} s at the most: {ended.gap.balancer:.1f} s until the "
            f"balancer called the new target healthy, {ours:.1f} s to take the old one out"
        )
    if ended.unfinished:
        followed = ", and gateways follow them under their ids" if ended.by_gateway else ""
        head = f"{len(ended.unfinished)} run on at {_member(ended.leaving)}, which is kept until then{followed}:"
        _list(ended.unfinished, head)
    elif ended.unfinished is None:
        click.echo(f"nobody could tell what still runs on {_member(ended.leaving)}")
    if not ended.led:
        click.echo("no controller runs: start `emr-dr watch`, which sees to the rest after probation")


def handover_json(found: Handover) -> dict[str, JsonValue]:
    """The same for programs."""
    return {
        "kind": found.kind,
        "leaving": _member_json(found.leaving),
        "successor": _member_json(found.successor),
        "placement": plain(found.placement),
        "drain_seconds": found.drain,
        "unfinished": None if found.unfinished is None else [plain(u) for u in found.unfinished],
        "refused": None if found.refusal is None else str(found.refusal),
    }


def switched_json(ended: Switched) -> dict[str, JsonValue]:
    """The same for programs; seconds."""
    return {
        "outcome": ended.outcome,
        "reason": ended.reason,
        "leaving": _member_json(ended.leaving),
        "successor": _member_json(ended.successor),
        "refused_seconds": None if ended.gap is None else round(ended.gap.refused, 3),
        "balancer_seconds": None if ended.gap is None else round(ended.gap.balancer, 3),
        "unfinished": None if ended.unfinished is None else [plain(u) for u in ended.unfinished],
    }


def _successor(found: Handover) -> str:
    if found.successor is not None:
        return f"the standby, {_member(found.successor)}"
    place = found.placement
    where = f"{place.subnet} {place.az}".strip() if place is not None else "the next placement"
    return f"a new member, to be launched in {where} and proven first"


def _tell_what_becomes_of_it(found: Handover) -> None:
    if found.by_gateway:
        click.echo("  it is not waited for: batches run on there to their end, and gateways answer for them as before")
        return
    click.echo(f"  {_waiting(found)}")
    click.echo("  what has not ended by then runs on there, but is no more to be asked for at the balancer's address:")
    click.echo("  a client whose poll fails may submit it again while it still runs")


def _waiting(found: Handover) -> str:
    if found.kind is Kind.FAILOVER:
        return "it is not waited for"
    return (
        f"it is waited for, {lasting(found.drain)} at the most once the successor is proven"
        if found.drain
        else ("it is not waited for (drain timeout 0s)")
    )


def _list(unfinished: Sequence[Unfinished], head: str) -> None:
    click.echo(f"  {head}")
    for each in unfinished[:_SHOWN]:
        click.echo(f"    {each}")
    if len(unfinished) > _SHOWN:
        click.echo(f"    and {len(unfinished) - _SHOWN} more")


def _member(m: Member) -> str:
    place = f" {m.placement.az or m.placement.subnet}" if m.placement else ""
    return f"member {m.number}{place} ({m.cluster})"


def _member_json(m: Member | None) -> dict[str, JsonValue] | None:
    if m is None:
        return None
    subnet, az = (m.placement.subnet, m.placement.az) if m.placement else (None, None)
    return {"number": m.number, "cluster": m.cluster, "subnet": subnet, "az": az, "address": m.address}
