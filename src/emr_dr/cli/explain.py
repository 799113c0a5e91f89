"""`emr-dr why`: the evidence behind a decision, as it was seen in that second."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from emr_dr.bootstrap import open_store
from emr_dr.cli.logs import configure_logs
from emr_dr.cli.options import Count, Moment, json_option, spec_option
from emr_dr.cli.render import UNCUT
from emr_dr.cli.words import COLOURS, effect_words, lasting, later, stamp
from emr_dr.controller.journal import plain
from emr_dr.core.evidence import Witness
from emr_dr.core.world import HostHealth, ProvingResult
from emr_dr.errors import UsageError
from emr_dr.history import telling
from emr_dr.history.decisions import Asked, Explanation, Standing
from emr_dr.history.evidence import ClusterSeen, Failing, ServiceSeen
from emr_dr.history.telling import Why
from emr_dr.ports import JournalEntry, Store
from emr_dr.ports.store import JsonValue
from emr_dr.spec import load_spec

T = TypeVar("T")

_BALANCER = {Witness.AGREES: "does not reach it", Witness.CONTRADICTS: "reaches it", Witness.SILENT: "-"}


@click.command()
@spec_option
@json_option
@click.option("--seq", type=Count(), help="The decision behind this entry of the journal.")
@click.option("--at", type=Moment(), help="The last decision at or before: 2026-08-03T10:15:00Z, or 10m for 10 m ago.")
@click.option("--member", type=Count(), help="The newest decision that moved this member.")
def why(spec: Path, *, as_json: bool, seq: int | None, at: float | None, member: int | None) -> None:
    """Explain a decision: what was seen in that second, what was made of it, and whether it comes out again.

    Without options: the newest decision that changed something, and what is refused now. Needs no AWS.
    """
    if sum(option is not None for option in (seq, at, member)) > 1:
        raise UsageError("--seq, --at and --member exclude each other", remedy="give one of them")
    told = on_store(spec, lambda store, group: telling.why(store, group, seq=seq, at=at, member=member))
    click.echo(json.dumps(why_json(told), indent=2)) if as_json else _show(told)


def on_store(spec: Path, work: Callable[[Store, str], Awaitable[T]]) -> T:
    """Do something with the group's store alone: what was written can be read while AWS is out of reach."""
    configure_logs(json_lines=False)
    declared = load_spec(spec)

    async def main() -> T:
        store = open_store(declared)
        try:
            return await work(store, declared.group)
        finally:
            await store.close()

    return asyncio.run(main())


def why_json(told: Why) -> dict[str, JsonValue]:
    """The explanation for programs; `recorded` is the journal's own entry."""
    decision = told.decision
    return {
        "group": told.group,
        "seq": decision.entry.seq,
        "at": decision.entry.at,
        "holder": decision.holder or None,
        "parts": [plain(e) for e in decision.parts],
        "effects": [{**a.effect, "endings": [plain(e) for e in a.endings]} for a in decision.effects],
        "clusters": [plain(c) for c in decision.clusters],
        "limits": list(decision.limits),
        "replayed": {"same": decision.replayed.same, "words": decision.replayed.words},
        "recorded": decision.entry.detail,
        "refused_now": [plain(s) for s in told.standing],
        "later": told.later,
    }


def _show(told: Why) -> None:
    console = Console()
    console.width = max(console.width, UNCUT)
    for line in _lines(told):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _lines(told: Why) -> Iterable[Text | Table | str]:
    decision = told.decision
    by = f" by {decision.holder}" if decision.holder else ""
    yield Text(f"{told.group}: decision {decision.entry.seq}, {stamp(decision.entry.at)}{by}", style="bold")
    yield from (f"  {words}" for words in _came_of(decision))
    for cluster in decision.clusters:
        yield ""
        yield from _cluster(cluster)
    yield ""
    recorded = decision.replayed.recorded
    yield from (Text(f"could not see {t}", style="magenta") for t in (recorded.troubles if recorded else ()))
    yield from (
        f"differs from the spec, admitted all the same: {r}" for r in (recorded.remarks or () if recorded else ())
    )
    yield from (f"limit  {limit}" for limit in decision.limits)
    yield Text(decision.replayed.words, style="" if decision.replayed.same else "yellow")
    if told.later:
        yield f"since then: decisions that changed no more than a verdict: {told.later}"
    yield from (Text(_standing(s), style="yellow") for s in told.standing)


def _came_of(decision: Explanation) -> Iterable[str]:
    """What was decided, in words."""
    outcome: Any = decision.replayed.outcome
    yield from (_PARTS[e.event](e.detail) for e in decision.parts)
    begun = {str(e.detail["reason"]) for e in decision.parts if e.event == "refused"}
    yield from (f"refused, as before: {r}" for r in outcome.get("refusals", ()) if r not in begun)
    yield from (_asked(a, decision.entry.at) for a in decision.effects)
    if not decision.parts and not decision.effects:
        yield "nothing is asked for any more"


def _stage(detail: Mapping[str, Any]) -> str:
    where = " ".join(str(detail[k]) for k in ("az", "cluster") if detail.get(k))
    because = f": {detail['reason']}" if detail["reason"] else ""
    return f"member {detail['member']} {where}: {detail['from'] or 'new'} → {detail['to']}{because}"


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "stage_changed": _stage,
    "member_left": lambda d: f"member {d['member']}: gone{': ' + d['reason'] if d.get('reason') else ''}",
    "verdict_changed": lambda d: f"{d['cluster']}: {d['from'] or 'new'} → {d['to']}: {d['why']}",
    "entitlement_moved": lambda d: f"epoch {d['epoch']}: traffic may go to {', '.join(d['entitled']) or 'nobody'}",
    "refused": lambda d: f"refused: {d['reason']}",
    "refusal_ended": lambda d: f"no longer refused: {d['reason']}",
    "handover_ended": lambda d: f"member {d['member']}: {d['outcome']}{': ' + d['reason'] if d.get('reason') else ''}",
    "member_dead": lambda d: f"member {d['member']}: dead ({d['proof']}): {d['evidence']}",
    "group_held": lambda d: f"held: {d['reason']}",
    "difference_found": lambda d: f"differs from the spec: {d['remark']}",
}
"""The changes that are saved with a decision, in words."""


def _asked(asked: Asked, at: float) -> str:
    endings = [_ending(e, at) for e in asked.endings]
    told = "; ".join(endings) or "no outcome written: as in the round before, or the controller ended"
    return f"asked for: {effect_words(asked.effect)}: {told}"


def _ending(entry: JournalEntry, at: float) -> str:
    detail = f": {entry.detail['detail']}" if entry.detail.get("detail") else ""
    return f"{entry.event.removeprefix('effect_')} {later(entry.at - at)}{detail}"


def _cluster(seen: ClusterSeen) -> Iterable[Text | Table | str]:
    title = f"member {seen.member} {seen.az}".strip() if seen.member is not None else "nobody's cluster"
    verdict = Text(seen.verdict, style=COLOURS.get(seen.verdict, "white"))
    stage = f" ({seen.stage})" if seen.stage else ""
    because = f": {seen.why}" if seen.why else ""
    yield Text.assemble((f"{title} {seen.cluster}{stage}: ", "bold"), verdict, because)
    yield f"  {' · '.join(_facts(seen))}"
    if seen.services:
        yield _services(seen.services)


def _facts(seen: ClusterSeen) -> Iterable[str]:
    yield f"EMR: {seen.emr or 'not seen'}"
    yield f"EC2: {seen.host}" if seen.host is not HostHealth.UNKNOWN else "EC2: not asked, or no answer"
    yield f"target: {seen.target or 'not seen'}"
    yield "protected" if seen.protected else "not protected"
    yield "idle" if seen.idle else "not known to be idle"
    if seen.proving not in (None, ProvingResult.PENDING):
        yield f"proof {seen.proving}"
    yield from (f"not as declared: {d}" for d in seen.differs)
    if not seen.aws_reachable:
        yield "the balancer was out of reach"
    if not seen.sees:
        yield "none of our own control targets was reached"


def _services(services: tuple[ServiceSeen, ...]) -> Table:
    others = any(s.elsewhere for s in services)
    heads = ["  service", "from here", "balancer", *(["other vantages"] if others else []), "failing (needed)"]
    table = Table(*heads, box=None, pad_edge=False)
    for s in services:
        said = "says itself: " if s.own_word else ""
        here = f"ok {lasting(s.seconds)}" if s.ok else f"{said}{s.detail or 'no good answer'} {lasting(s.seconds)}"
        elsewhere = "; ".join(f"{e.vantage}: {'ok' if e.ok else e.detail or 'no good answer'}" for e in s.elsewhere)
        cells = [f"  {s.service}", here, _BALANCER[s.balancer], *([elsewhere or "-"] if others else []), _failing(s)]
        style = "" if s.ok and s.unrouted is None else "yellow"
        table.add_row(*(Text(cell, style=style) for cell in cells))
    return table


def _failing(service: ServiceSeen) -> str:
    words = [_run(service.failing, "")] if service.failing else []
    words += [_run(service.unrouted, "behind the balancer ")] if service.unrouted else []
    return "; ".join(words) or "-"


def _run(run: Failing, where: str) -> str:
    times = f"{run.failures} times ({run.least_failures})"
    return f"{where}{lasting(run.seconds)} ({lasting(run.window)}), {times}"


def _standing(standing: Standing) -> str:
    since = f" (since {stamp(standing.since)})" if standing.since is not None else ""
    evidence = f"; the evidence: emr-dr why --seq {standing.seq}" if standing.seq is not None else ""
    return f"{'held' if standing.held else 'refused'} now: {standing.reason}{since}{evidence}"
