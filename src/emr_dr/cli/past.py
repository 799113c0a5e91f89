"""`emr-dr history`: the recoveries that were, step by step, what was tried, and what was refused."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from emr_dr.cli.explain import on_store
from emr_dr.cli.options import Count, json_option, spec_option
from emr_dr.cli.words import entry_words, lasting, later, stamp
from emr_dr.controller.journal import plain
from emr_dr.history import telling
from emr_dr.history.reading import forwards
from emr_dr.history.recoveries import Candidate, Recovery, Refusal, Result
from emr_dr.history.telling import Past
from emr_dr.ports import JournalEntry, Store
from emr_dr.ports.store import JsonValue

SHOWN = 10
"""Recoveries that are shown unless somebody wants more."""

_FEW = 3
"""Names that fit into a line."""

_RESULTS = {Result.RECOVERED: "green", Result.GIVEN_UP: "green", Result.HELD: "red", Result.UNDER_WAY: "yellow"}


@click.command()
@spec_option
@json_option
@click.option("--all", "every", is_flag=True, help="Every entry of the journal instead; with --json, one a line.")
@click.option("--limit", type=Count(), help=f"The newest so many.  [default: {SHOWN} recoveries]")
def history(spec: Path, *, as_json: bool, every: bool, limit: int | None) -> None:
    """Tell past recoveries, the newest last, and what was refused between them. Needs no AWS."""
    if every:
        on_store(spec, lambda store, group: _entries(store, group, limit, as_json=as_json))
        return
    past = on_store(spec, lambda store, group: telling.history(store, group, newest=limit or SHOWN))
    if as_json:
        click.echo(json.dumps(past_json(past), indent=2))
        return
    console = Console()
    for line in _lines(past):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


async def _entries(store: Store, group: str, limit: int | None, *, as_json: bool) -> None:
    """Print the journal page by page: nobody waits for all of it, and it need not fit into memory."""
    pages = forwards(store, group) if limit is None else _newest(store, group, limit)
    async for page in pages:
        for e in page:
            click.echo(json.dumps(plain(e)) if as_json else f"{e.seq:>6}  {stamp(e.at)}  {entry_words(e)}")


async def _newest(store: Store, group: str, limit: int) -> AsyncIterator[Sequence[JournalEntry]]:
    yield await store.newest(group, limit)


def past_json(past: Past) -> dict[str, JsonValue]:
    """The history for programs; `steps` are seconds of the epoch."""
    return {
        "group": past.group,
        "recoveries": [{**_fields(r), "steps": dict(r.steps)} for r in past.recoveries],
        "refusals": [plain(r) for r in past.refusals],
    }


def _fields(recovery: Recovery) -> dict[str, JsonValue]:
    fields = plain(recovery)
    return dict(fields) if isinstance(fields, dict) else {}


def _lines(past: Past) -> Iterable[Text | str]:
    """Recoveries with what was refused between them, by time, an empty line after each recovery."""
    if not past.recoveries and not past.refusals:
        yield f"{past.group}: nothing happened yet"
    left = past.refusals
    for n, recovery in enumerate(past.recoveries):
        before = [r for r in left if r.seq < recovery.seq]
        left = left[len(before) :]
        yield from _between(before)
        yield from [""] if n or before else []
        yield from _recovery(recovery)
    yield from [""] if past.recoveries and left else []
    yield from _between(left)


def _between(refusals: Sequence[Refusal]) -> Iterable[str]:
    yield from (f"{stamp(since)}  refused: {words}" for since, words in _refused(refusals))


def _recovery(r: Recovery) -> Iterable[Text | str]:
    result = Text(r.result, style=_RESULTS[r.result])
    after = f" after {lasting(r.settled - r.begun)}" if r.settled is not None else ""
    came_back = ": it came back" if r.result is Result.GIVEN_UP else ""
    yield Text.assemble((f"{stamp(r.begun)}  {r.kind}: ", "bold"), result, f"{after}{came_back}")
    rows = [("lost", f"{_title(x.member, x.az, x.cluster)}: {x.verdict}: {x.why}") for x in r.losses]
    lost = {x.member for x in r.losses}
    rows += [
        ("gave way", f"{_title(d.member, d.az, d.cluster)}: {d.reason}") for d in r.departures if d.member not in lost
    ]
    rows += [("to", _title(c.number, c.az, c.cluster)) for c in r.successors]
    rows += [("stands by", _title(c.number, c.az, c.cluster)) for c in r.candidates if _stands_by(c)]
    rows += [("steps", ", ".join(f"{name} {later(at - r.begun)}" for name, at in r.steps))] if r.steps else []
    rows += [("tried", _tried(c)) for c in r.failed]
    rows += [("refused", words) for _, words in _refused(r.blocked)]
    rows += [("held", r.held)] if r.held else []
    rows += [("epoch", str(r.epoch))] if r.epoch is not None else []
    rows += [("led by", _leaders(r.leaders))] if r.leaders else []
    rows += [("evidence", f"emr-dr why --seq {r.seq}")]
    yield from (f"  {name:<10}{words}" for name, words in rows)


def _stands_by(candidate: Candidate) -> bool:
    """Whether it was built beside what took over."""
    return candidate.admitted is None and candidate.failed is None and candidate.proven is not None


def _title(member: int, az: str, cluster: str) -> str:
    return " ".join(part for part in (f"member {member}", az, cluster) if part)


def _tried(c: Candidate) -> str:
    begun = c.launched if c.launched is not None else c.admitted
    took = f" after {lasting(c.failed - begun)}" if c.failed is not None and begun is not None else ""
    return f"{_title(c.number, c.az, c.cluster)}, given up{took}: {c.why}"


def _leaders(leaders: tuple[str, ...]) -> str:
    """Ticks are a process each: the first and the last of many tell enough."""
    if len(leaders) <= _FEW:
        return ", ".join(leaders)
    return f"{leaders[0]}, {len(leaders) - 2} others, {leaders[-1]}"


def _refused(refusals: Sequence[Refusal]) -> Iterable[tuple[float, str]]:
    """What was refused, each reason once however often it came and went, with the time of its beginning."""
    for reason in dict.fromkeys(r.reason for r in refusals):
        same = [r for r in refusals if r.reason == reason]
        times = f"{len(same)} times, " if len(same) > 1 else ""
        took = sum(r.ended - r.at for r in same if r.ended is not None)
        until = f"since {stamp(same[-1].at)}, still" if same[-1].ended is None else f"for {lasting(took)}"
        yield same[0].at, f"{reason} ({times}{until}; emr-dr why --seq {same[-1].seq})"
