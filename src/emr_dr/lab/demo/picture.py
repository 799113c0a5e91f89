"""Draws a demo's report as a timeline: members by stage, the address, and every batch, in seconds from the loss."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

Told = Mapping[str, Any]
"""A report as `--json` writes it, or one event of its timeline."""

_WIDTH, _LEFT, _RIGHT = 960, 168, 20
_TOP, _BAR, _THIN, _GAP = 96, 26, 12, 8
_FOOT = 62
_TICK = 10
_LETTER = 7.0
"""About the width of a letter in a bar, to know whether a word fits."""
_COLOURS = {
    "launching": "#8c959f",
    "booting": "#57606a",
    "proving": "#9a6700",
    "standby": "#0969da",
    "admitting": "#2da44e",
    "serving": "#1a7f37",
    "draining": "#bf8700",
    "fencing": "#bc4c00",
    "retiring": "#8250df",
    "condemned": "#8250df",
    "good": "#1a7f37",
    "none": "#cf222e",
    "ran": "#0969da",
    "lost": "#cf222e",
}
"""What each kind of bar is filled with: dark enough for white words, on light and on dark pages."""
_STYLE = (
    "text{fill:#1f2328;font:13px system-ui,sans-serif}.dim{fill:#59636e}.big{font-size:15px;font-weight:600}"
    ".card{fill:#fff;stroke:#d0d7de}.grid{stroke:#d0d7de}.mark{stroke:#1f2328;stroke-dasharray:3 3}.word{fill:#fff}"
    + "".join(f".{kind}{{fill:{colour}}}" for kind, colour in _COLOURS.items())
    + "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.word{fill:#fff}"
    ".card{fill:#0d1117;stroke:#30363d}.grid{stroke:#30363d}.mark{stroke:#e6edf3}}"
)


@dataclass(frozen=True, slots=True)
class Span:
    """One bar: from when until when, in seconds from the loss; `kind` is its colour."""

    begin: float
    end: float
    kind: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture."""

    title: str
    spans: Sequence[Span]
    thin: bool = False


class PictureError(ValueError):
    """The report tells of no loss, so there is nothing to draw."""


def picture(told: Told) -> str:
    """Return the report as an SVG that is legible on light and on dark pages.

    Raises:
        PictureError: No Availability Zone was lost in it.
    """
    events: Sequence[Told] = told["timeline"]
    killed = next((e for e in events if e["event"] == "az_killed"), None)
    if killed is None:
        raise PictureError("the report tells of no loss")
    zero = float(killed["at"])
    begun = next((e["at"] - zero for e in events if e["event"] == "first_member_serves"), events[0]["at"] - zero)
    end = max(e["at"] for e in events) - zero
    lanes = [*_members(told, zero, begun, end), _address(told, zero, begun, end), *_batches(events, zero, end)]
    return _drawn(lanes, _marks(told, killed, zero), begun, end)


def _members(told: Told, zero: float, begun: float, end: float) -> Iterator[Lane]:
    """A lane for each member. What it was before the controller's first word is told by how it left that stage.

    One that accepted batches and of which no change was told has served all the time.
    """
    unchanged = Span(begun, end, "serving", "serving")
    changed = {e["member"] for e in told["timeline"] if e["event"] == "stage_changed"}
    lives = {int(n): [unchanged] for n in told.get("accepted_by_member", ()) if int(n) not in changed}
    places = dict.fromkeys(lives, "")
    for e in told["timeline"]:
        at = e["at"] - zero
        if e["event"] == "stage_changed":
            spans = lives.setdefault(e["member"], [])
            was = e.get("from")
            if was and not spans:
                spans.append(Span(begun, at, was, was))
            _close(spans, at)
            spans.append(Span(at, end, e["to"], e["to"]))
            places[e["member"]] = e.get("az") or places.get(e["member"], "")
        elif e["event"] == "member_left":
            _close(lives.get(e["member"], []), at)
    for number, spans in sorted(lives.items()):
        yield Lane(f"member {number} {places[number]}".strip(), spans)


def _close(spans: list[Span], at: float) -> None:
    if spans:
        last = spans.pop()
        spans.append(Span(last.begin, min(last.end, at), last.kind, last.word))


def _address(told: Told, zero: float, begun: float, end: float) -> Lane:
    """Whether the stable address gave good answers."""
    outage = told.get("outage")
    if outage is None:
        return Lane("the address", [Span(begun, end, "good", "answers")])
    last, first = outage[0] - zero, outage[1] - zero
    spans = [Span(begun, last, "good", "answers"), Span(last, first, "none", f"no answer {first - last:.1f} s")]
    return Lane("the address", [*spans, Span(first, end, "good", "answers")])


def _batches(events: Iterable[Told], zero: float, end: float) -> Iterator[Lane]:
    """A thin lane for each batch: blue while it runs, red from the loss or failed poll until it is taken again."""
    lives = dict[str, list[Span]]()
    for e in events:
        if e["source"] != "client":
            continue
        batch, at = str(e["detail"]).split(":")[0].split()[0], e["at"] - zero
        spans = lives.setdefault(batch, [])
        _close(spans, at)
        if e["event"] in ("batch_accepted", "batch_resubmitted", "batch_rescued"):
            spans.append(Span(at, end, "ran"))
        elif e["event"] in ("poll_failed", "batch_interrupted"):
            spans.append(Span(at, end, "lost"))
    yield from (Lane(batch, spans, thin=True) for batch, spans in lives.items())


def _marks(told: Told, killed: Told, zero: float) -> list[tuple[float, str]]:
    """The moments that the story turns on."""
    marks = [(0.0, f"{killed['az']} dies")]
    lost = next((e for e in told["timeline"] if e.get("to") == "MemberLost" and e["at"] > zero), None)
    if lost is not None:
        marks.append((lost["at"] - zero, "the loss is believed"))
    if told.get("outage") is not None:
        marks.append((told["outage"][1] - zero, "answers again"))
    return marks


def _drawn(lanes: Sequence[Lane], marks: Sequence[tuple[float, str]], begun: float, end: float) -> str:
    scale = (_WIDTH - _LEFT - _RIGHT) / (end - begun)

    def x(at: float) -> float:
        return _LEFT + (at - begun) * scale

    body, y = list[str](), float(_TOP)
    for lane in lanes:
        height = _THIN if lane.thin else _BAR
        text = f'class="dim" x="12" y="{y + height / 2 + 4.5:.1f}"'
        body.append(f"<text {text}>{escape(lane.title)}</text>")
        body += [_bar(s, x, y, height) for s in lane.spans if s.end > s.begin]
        y += height + (_GAP / 2 if lane.thin else _GAP)
    marked = _marked([(x(at), words) for at, words in sorted(marks)], y)
    frame = f'<rect class="card" x=".5" y=".5" width="{_WIDTH - 1}" height="{y + _FOOT - 1:.0f}" rx="8"/>'
    inside = "".join([frame, *_grid(x, begun, end, y), *body, *marked, *_legend(lanes, y + 38)])
    label = "Timeline of a recovery: members, the address, and batches"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + _FOOT:.0f}" role="img" '
        f'aria-label="{label}">'
        f"<style>{_STYLE}</style>{inside}</svg>\n"
    )


def _bar(span: Span, x: Any, y: float, height: float) -> str:  # noqa: ANN401 - a function of a time
    left, width = x(span.begin), x(span.end) - x(span.begin)
    title = f"<title>{escape(span.word or span.kind)}: {span.begin:+.1f} s to {span.end:+.1f} s</title>"
    place = f'x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}"'
    bar = f'<rect class="{span.kind}" {place} rx="3">{title}</rect>'
    if not span.word or len(span.word) * _LETTER + 8 > width:
        return bar
    return f'{bar}<text class="word" x="{left + 6:.1f}" y="{y + height / 2 + 4.5:.1f}">{escape(span.word)}</text>'


def _marked(marks: Iterable[tuple[float, str]], bottom: float) -> Iterator[str]:
    """The moments from left to right, each as low as it can be without running into another's words."""
    taken = dict[int, float]()
    for left, words in marks:
        half = len(words) * _LETTER * 0.6
        level = next(n for n in range(len(taken) + 1) if taken.get(n, 0) <= left - half)
        taken[level] = left + half
        yield _mark(left, words, bottom, level)


def _mark(left: float, words: str, bottom: float, level: int) -> str:
    top = _TOP - 20 * (level + 1)
    line = f'<path class="mark" d="M{left:.1f} {top} V{bottom:.1f}"/>'
    return f'{line}<text class="big" x="{left:.1f}" y="{top - 6}" text-anchor="middle">{escape(words)}</text>'


def _legend(lanes: Sequence[Lane], y: float) -> Iterator[str]:
    """The colours of stages, for bars that are too short for their word."""
    left = 12.0
    for kind in dict.fromkeys(s.kind for lane in lanes for s in lane.spans if s.word == s.kind):
        yield f'<rect class="{kind}" x="{left:.1f}" y="{y:.1f}" width="12" height="12" rx="3"/>'
        yield f'<text class="dim" x="{left + 17:.1f}" y="{y + 10.5:.1f}">{kind}</text>'
        left += 34 + len(kind) * _LETTER


def _grid(x: Any, begun: float, end: float, bottom: float) -> Iterator[str]:  # noqa: ANN401 - a function of a time
    yield f'<text class="dim" x="12" y="{bottom + 22:.1f}">seconds from the loss</text>'
    first = int(-(-begun // _TICK)) * _TICK
    for at in range(first, int(end) + 1, _TICK):
        yield f'<path class="grid" d="M{x(at):.1f} {_TOP - 8} V{bottom:.1f}"/>'
        yield f'<text class="dim" x="{x(at):.1f}" y="{bottom + 22:.1f}" text-anchor="middle">{at:+d}</text>'.replace(
            "+0<", "0<"
        )
