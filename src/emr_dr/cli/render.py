"""What people see: tables, and lines of progress as members move; and the same as JSON."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from emr_dr.cli.words import COLOURS, DIFFERS, entry_words, stamp, title
from emr_dr.controller.journal import plain
from emr_dr.core.group import Group as RecoveryGroup
from emr_dr.core.group import Member
from emr_dr.core.world import Cluster, HostHealth
from emr_dr.ports.store import JsonValue
from emr_dr.provision.change import Change
from emr_dr.service import Answer, Status, destroyed

WORDS = {Answer.HEALTHY: "healthy", Answer.NOT_HEALTHY: "not healthy", Answer.COULD_NOT_TELL: "could not tell"}

UNCUT = 160
"""Columns that the widest row of a status needs."""
SHORT = 70
"""Letters of what is new that a table shows; `plan --json` and `apply` tell all of it."""


def status(seen: Status) -> None:
    """Print the group whole, however narrow the terminal: ids and addresses are there to be copied."""
    console = Console()
    console.width = max(console.width, UNCUT)
    console.print(_status_view(seen), soft_wrap=True)


def whole_table(*heads: str) -> Table:
    """Return a table that breaks what is too long for a cell, and cuts nothing off: it is there to be copied."""
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def changes(planned: Sequence[Change]) -> None:
    """Print what would change as a table, however narrow the terminal."""
    table = whole_table("resource", "field", "from", "to", "why")
    for each in planned:
        after = each.after or ("-" if each.field else "removed")
        if each.creates:
            after = f"new: {each.after}" if len(each.after) < SHORT else "new"
        words = (each.resource, each.field or "-", each.before or "-", after, each.obstacle or each.why)
        table.add_row(*map(escape, words))
    console = Console()
    console.width = max(console.width, UNCUT)
    console.print(table)


def address(name: str, balancer: str) -> str:
    """Where clients reach a group, and the balancer's own name where that is another."""
    return f"{name} ({balancer})" if name != balancer else name or "?"


def check(seen: Status) -> None:
    """Print the answer and what stands behind it."""
    console = Console()
    console.print(f"{seen.document.group.name}: {WORDS[seen.answer]}", highlight=False, markup=False, soft_wrap=True)
    if seen.document.group.held:
        console.print(f"  held: {seen.document.group.held}", highlight=False, markup=False, soft_wrap=True)
    for m in seen.document.group.members:
        verdict, cluster = seen.verdict(m.cluster), seen.observation.world.of(m)
        if verdict is not None and cluster is not None:
            place = f"target {cluster.target}" if seen.gateways is None else f"batches {_unfinished(cluster)}"
            line = f"  {title(m)} {m.stage}: {verdict.name}: {verdict.why}; {place}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    for trouble in seen.observation.troubles:
        console.print(f"  could not see {trouble}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def screen(*, as_json: bool) -> Iterator[Callable[[Status], None]]:
    """Show the status in place, again and again; as JSON, a line each time."""
    if as_json:
        yield lambda seen: print(json.dumps(status_json(seen)), flush=True)  # noqa: T201 - it is the output
        return
    with Live(console=Console(), auto_refresh=False) as live:
        yield lambda seen: live.update(_status_view(seen), refresh=True)


def status_json(seen: Status) -> dict[str, JsonValue]:
    """The status for programs."""
    group = seen.document.group
    return {
        "group": group.name,
        "answer": seen.answer.name.lower(),
        "address": seen.address,
        "balancer": seen.balancer,
        "gateways": None if seen.gateways is None else list(seen.gateways),
        "epoch": group.epoch,
        "version": seen.document.version,
        "leader": _leader(seen),
        "destroyed": destroyed(group),
        "held": group.held,
        "pause": plain(group.pause),
        "leaving": group.leaving,
        "order": plain(group.order),
        "refusals": list(group.refusals),
        "troubles": list(seen.observation.troubles),
        "remarks": list(seen.remarks),
        "foreign": list(seen.observation.foreign),
        "members": [_member_json(m, seen) for m in group.members],
        "recent": [plain(e) for e in seen.recent],
    }


def _member_json(m: Member, seen: Status) -> dict[str, JsonValue]:
    cluster = seen.observation.world.of(m)
    return {
        "number": m.number,
        "cluster": m.cluster,
        "stage": m.stage,
        "since": m.since,
        "epoch": m.epoch,
        "address": m.address,
        "subnet": m.placement.subnet if m.placement else None,
        "az": m.placement.az if m.placement else None,
        "reason": m.reason,
        "batch_ids": [ids[0], ids[-1]] if (ids := seen.batch_ids(m)) else None,
        "released": m.released,
        "death": plain(m.death),
        "emr": cluster.emr if cluster else None,
        "host": cluster.host if cluster else None,
        "target": cluster.target if cluster and seen.gateways is None else None,
        "unfinished": cluster.unfinished if cluster and seen.gateways is not None else None,
        "verdict": plain(seen.verdict(m.cluster)),
    }


def _status_view(seen: Status) -> Group:
    group = seen.document.group
    lines: list[Text | Table] = [
        Text(f"{group.name}: {WORDS[seen.answer]}   epoch {group.epoch}   led by {_leader(seen) or 'nobody'}"),
        Text(f"clients reach it at {address(seen.address, seen.balancer)}"),
        *_gateways(seen),
        Text(""),
        _members_table(seen),
    ]
    lines += [Text("destroyed; `emr-dr apply` makes it anew", style="red")] if destroyed(group) else []
    lines += [Text(f"held: {group.held}; `emr-dr release`", style="red")] if group.held else []
    lines += (
        [Text(f"paused until {stamp(group.pause.until)}: {group.pause.reason}", style="red")] if group.pause else []
    )
    lines += [Text(f"member {group.leaving} {_asked(group)}", style="cyan")] if group.leaving is not None else []
    lines += [Text(f"member {m.number} is proven dead: {m.death.evidence}") for m in group.members if m.death]
    lines += [Text(f"not now: {r}", style="yellow") for r in group.refusals]
    lines += [Text(f"could not see {t}", style="magenta") for t in seen.observation.troubles]
    lines += [Text(f"{DIFFERS}: {r}", style="yellow") for r in seen.remarks]
    lines += [Text(f"not ours, left alone: {c}", style="magenta") for c in seen.observation.foreign]
    lines += [Text("")] if seen.recent else []
    lines += [Text(f"{stamp(e.at)}  {entry_words(e)}", style="dim") for e in seen.recent]
    return Group(*lines)


def _members_table(seen: Status) -> Table:
    """A row for each member; columns for EC2's word and for batch numbers only where there is something to say."""
    numbered = ["batches"] if seen.observation.ranged else []
    asked = any(c.host is not HostHealth.UNKNOWN for c in seen.observation.world.clusters)
    heads = ["member", "cluster", "stage", "since", "AZ", "address", *numbered, "EMR", *(["EC2"] if asked else [])]
    table = Table(*heads, "target" if seen.gateways is None else "unfinished", "verdict", box=None, pad_edge=False)
    for m in seen.document.group.members:
        cluster, verdict = seen.observation.world.of(m), seen.verdict(m.cluster)
        table.add_row(
            str(m.number),
            m.cluster or "-",
            m.stage,
            _ago(seen.observation.world.at - m.since),
            m.placement.az if m.placement else "-",
            m.address or "-",
            *([f"{ids[0]}-{ids[-1]}" if (ids := seen.batch_ids(m)) else "-"] if numbered else []),
            cluster.emr if cluster else "not seen",
            *([cluster.host if cluster else "-"] if asked else []),
            (cluster.target if seen.gateways is None else _unfinished(cluster)) if cluster else "not seen",
            Text(verdict.name, style=COLOURS.get(verdict.name, "white")) if verdict else "-",
        )
    return table


def _gateways(seen: Status) -> list[Text]:
    if seen.gateways is None:
        return []
    if not seen.gateways:
        return [Text("no gateway has told of its members lately: is one running?", style="red")]
    return [Text(f"through {len(seen.gateways)} gateways: {', '.join(seen.gateways)}")]


def _unfinished(cluster: Cluster) -> str:
    """How many batches of the gateways are on it."""
    return "not known" if cluster.unfinished is None else str(cluster.unfinished)


def _leader(seen: Status) -> str | None:
    """Who holds the lease now; one that was given back, or has run out, is held by nobody."""
    lease = seen.document.lease
    return lease.holder if lease and lease.expires_at > seen.observation.world.at else None


def _asked(group: RecoveryGroup) -> str:
    """What a person asked of the member that leaves, in words."""
    how = "is failed over by hand" if group.ordered_out is not None else "is asked to hand over"
    return f"{how}, to {group.order.subnet}" if group.order is not None and group.order.subnet else how


def _ago(seconds: float) -> str:
    if seconds < 100:  # noqa: PLR2004 - short spans are read in seconds
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"  # noqa: PLR2004
