"""What people see: tables, and lines of progress as members move; and the same as JSON."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from emr_dr.cli.words import entry_words, stamp
from emr_dr.controller.act import Ending
from emr_dr.controller.journal import effect_name, plain
from emr_dr.controller.loop import Round
from emr_dr.core.group import Group as RecoveryGroup
from emr_dr.core.group import Member
from emr_dr.core.world import HostHealth
from emr_dr.ports.store import JsonValue
from emr_dr.provision.change import Change
from emr_dr.service import Answer, Status, destroyed

COLOURS = {
    "Healthy": "green",
    "Suspect": "yellow",
    "MemberLost": "red",
    "ServiceDown": "red",
    "BalancerPathBroken": "yellow",
    "ProbePathBroken": "yellow",
    "Blind": "magenta",
}
WORDS = {Answer.HEALTHY: "healthy", Answer.NOT_HEALTHY: "not healthy", Answer.COULD_NOT_TELL: "could not tell"}

DIFFERS = "differs from the spec, admitted all the same"

UNCUT = 160
"""Columns that the widest row of a status needs."""
SHORT = 70
"""Letters of what is new that a table shows; `plan --json` and `apply` tell all of it."""


class Progress:
    """Lines as things change, and one line that is kept up to date below them on a terminal."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._before: RecoveryGroup | None = None
        self._verdicts: dict[str, str] = {}
        self._leader = ""
        self._still = False
        self._troubles: frozenset[str] = frozenset()
        self._remarks: set[str] = set()
        self._begun = time.monotonic()
        self._status = console.status("looking", spinner="dots")

    def change(self, change: Change) -> None:
        """Show one change made in the account."""
        self._line(escape(str(change)))

    def round(self, done: Round) -> None:
        """Show what one round changed."""
        if done.observation is None:
            self._idle(done)
            return
        self._still = False
        self._members(done.group)
        for cluster, verdict in done.observation.verdicts.items():
            if verdict.name != self._verdicts.get(cluster, "Healthy") and verdict.name != "Starting":
                self._line(f"{cluster}: [{COLOURS.get(verdict.name, 'white')}]{verdict.name}[/]: {escape(verdict.why)}")
            self._verdicts[cluster] = verdict.name
        for outcome in done.outcomes:
            if outcome.ending is not Ending.DONE:
                self._line(f"{effect_name(outcome.effect)} {outcome.ending}: {escape(outcome.detail)}")
        for trouble in done.observation.troubles:
            if trouble not in self._troubles:
                self._line(f"[magenta]could not see[/] {escape(trouble)}")
        self._troubles = frozenset(done.observation.troubles)
        for remark in done.observation.remarks:
            if remark not in self._remarks:
                self._line(f"[yellow]{DIFFERS}[/]: {escape(remark)}")
        self._remarks.update(done.observation.remarks)
        self._status.update(_headline(done))

    def _idle(self, done: Round) -> None:
        """A round in which nothing was decided; its reason may count seconds down, so it is told when it begins."""
        if done.still:
            if not self._still:
                self._line(f"[magenta]nothing is done[/]: {escape(done.still)}")
        elif done.leader != self._leader:
            self._line(f"another controller leads: {escape(done.leader)}")
        self._still, self._leader = bool(done.still), done.leader

    def _members(self, group: RecoveryGroup) -> None:
        old = {m.number: m for m in self._before.members} if self._before else {}
        for m in group.members:
            was = old.get(m.number)
            if was is None or was.stage is not m.stage:
                self._line(f"{_title(m)}: {f'{was.stage} → ' if was else ''}[bold]{m.stage}[/]{_because(m)}")
        for number in sorted(set(old) - {m.number for m in group.members}):
            self._line(f"{_title(old[number])}: gone")
        for refusal in group.refusals:
            if self._before is None or refusal not in self._before.refusals:
                self._line(f"[yellow]not now[/]: {escape(refusal)}")
        self._before = group

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._console.print(
                f"[dim]{time.monotonic() - self._begun:6.1f}s[/] {text}", highlight=False, soft_wrap=True
            )

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keep the terminal free for a question."""
        self._status.stop()
        yield
        self.__enter__()

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._status.stop()


def progress(*, quiet: bool) -> Progress:
    """Return a progress display for a `with` block; `quiet` shows nothing, for --json."""
    return Progress(Console(), quiet=quiet)


def status(seen: Status) -> None:
    """Print the group whole, however narrow the terminal: ids and addresses are there to be copied."""
    console = Console()
    console.width = max(console.width, UNCUT)
    console.print(_status_view(seen), soft_wrap=True)


def changes(planned: Sequence[Change]) -> None:
    """Print what would change as a table, however narrow the terminal."""
    table = Table("resource", "field", "from", "to", "why", box=None, pad_edge=False)
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
            line = f"  {_title(m)} {m.stage}: {verdict.name}: {verdict.why}; target {cluster.target}"
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
        "emr": cluster.emr if cluster else None,
        "host": cluster.host if cluster else None,
        "target": cluster.target if cluster else None,
        "verdict": plain(seen.verdict(m.cluster)),
    }


def _status_view(seen: Status) -> Group:
    group = seen.document.group
    lines: list[Text | Table] = [
        Text(f"{group.name}: {WORDS[seen.answer]}   epoch {group.epoch}   led by {_leader(seen) or 'nobody'}"),
        Text(f"clients reach it at {address(seen.address, seen.balancer)}"),
        Text(""),
        _members_table(seen),
    ]
    lines += [Text("destroyed; `emr-dr apply` makes it anew", style="red")] if destroyed(group) else []
    lines += [Text(f"held: {group.held}; `emr-dr release`", style="red")] if group.held else []
    lines += (
        [Text(f"paused until {stamp(group.pause.until)}: {group.pause.reason}", style="red")] if group.pause else []
    )
    lines += [Text(f"member {group.leaving} {_asked(group)}", style="cyan")] if group.leaving is not None else []
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
    table = Table(*heads, "target", "verdict", box=None, pad_edge=False)
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
            cluster.target if cluster else "not seen",
            Text(verdict.name, style=COLOURS.get(verdict.name, "white")) if verdict else "-",
        )
    return table


def _leader(seen: Status) -> str | None:
    """Who holds the lease now; one that was given back, or has run out, is held by nobody."""
    lease = seen.document.lease
    return lease.holder if lease and lease.expires_at > seen.observation.world.at else None


def _asked(group: RecoveryGroup) -> str:
    """What a person asked of the member that leaves, in words."""
    how = "is failed over by hand" if group.ordered_out is not None else "is asked to hand over"
    return f"{how}, to {group.order.subnet}" if group.order is not None and group.order.subnet else how


def _headline(done: Round) -> str:
    stages = ", ".join(f"{_title(m)} {m.stage}{_unfinished(m, done)}" for m in done.group.members) or "no member yet"
    return f"{done.group.name} · epoch {done.group.epoch} · {stages}"


def _unfinished(m: Member, done: Round) -> str:
    """How much a draining member is still waited for."""
    seen = done.observation.unfinished if done.observation is not None else {}
    waited_for = seen.get(m.cluster or "", ())
    return f" ({len(waited_for)} unfinished)" if waited_for else ""


def _title(m: Member) -> str:
    az = f" {m.placement.az}" if m.placement and m.placement.az else ""
    return f"member {m.number}{az}"


def _because(m: Member) -> str:
    return f" ({escape(m.reason)})" if m.reason else ""


def _ago(seconds: float) -> str:
    if seconds < 100:  # noqa: PLR2004 - short spans are read in seconds
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"  # noqa: PLR2004
