"""The stages of a member as a table and as a picture, from what members did in walks."""

from html import escape
from math import hypot
from typing import NamedTuple

from emr_dr.core.group import ENDING, ENTITLED, Stage
from handbook.docstrings import beneath, table
from handbook.walked import GONE, Lives, asked_for, lives

_PLACES = {
    Stage.LAUNCHING: (0, 0),
    Stage.BOOTING: (1, 0),
    Stage.PROVING: (2, 0),
    Stage.STANDBY: (3, 0),
    Stage.ADMITTING: (4, 0),
    Stage.SERVING: (5, 0),
    Stage.CONDEMNED: (1.5, 1),
    Stage.FENCING: (4, 1),
    Stage.DRAINING: (5, 1),
    GONE: (1.5, 2),
    Stage.RETIRING: (4, 2),
}
"""Where each stage is drawn, in columns and rows."""
_COLUMN, _ROW, _WIDTH, _HEIGHT, _MARGIN = 160, 112, 112, 40, 12
_APART = 9
"""How far the two arrows of a pair that leads both ways are from their middle."""


class _Point(NamedTuple):
    x: float
    y: float


def stage_table() -> str:
    """Return what each stage is, what is asked for in it, and where it leads."""
    met, told = lives(), beneath(Stage)
    rows = []
    for stage in Stage:
        after = [f"`{now}`" for now in (*Stage, GONE) if (stage, now) in met.single]
        asked = [f"`{name}`" for name in asked_for(stage)]
        rows.append([f"`{stage}`", told[stage.name], ", ".join(asked) or "none", ", ".join(after)])
    both = [f"`{was}` → `{now}`" for was, now in sorted(met.steps - met.single)]
    return "\n\n".join(
        (
            table(["stage", "what it is", "effects asked for", "leads to"], rows),
            f"In one save a member may take two steps at once; met were {', '.join(both)}.",
        )
    )


def stage_diagram() -> str:
    """Return the picture as SVG that takes the page's own colours."""
    return drawn(lives())


def drawn(met: Lives) -> str:
    """Draw every stage, and an arrow for each single step that was met."""
    width = 2 * _MARGIN + 5 * _COLUMN + _WIDTH
    height = 2 * _MARGIN + 2 * _ROW + _HEIGHT
    arrows = [_arrow(was, now, met) for was, now in sorted(met.single)]
    boxes = [_box(name) for name in _PLACES]
    marker = (
        '<defs><marker id="stage-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z" class="head"/></marker></defs>'
    )
    title = "Stages of a member and the steps between them"
    return (
        f'<figure class="stages"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        f"{marker}{''.join(arrows)}{''.join(boxes)}</svg></figure>"
    )


def _box(name: str) -> str:
    at = _corner(name)
    kind = "gone" if name == GONE else "entitled" if name in ENTITLED else "ending" if name in ENDING else "other"
    return (
        f'<g class="{kind}"><rect x="{at.x:g}" y="{at.y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{at.x + _WIDTH / 2:g}" y="{at.y + _HEIGHT / 2 + 5:g}">{escape(str(name))}</text></g>'
    )


def _arrow(was: str, now: str, met: Lives) -> str:
    """A straight line between two boxes, beside its fellow where both directions are taken."""
    begin, end = _middle(was), _middle(now)
    length = hypot(end.x - begin.x, end.y - begin.y)
    along = _Point((end.x - begin.x) / length, (end.y - begin.y) / length)
    if (now, was) in met.single:
        begin, end = (_Point(p.x - along.y * _APART, p.y + along.x * _APART) for p in (begin, end))
    first, last = _edge(begin, along, _middle(was)), _edge(end, _Point(-along.x, -along.y), _middle(now))
    return (
        f'<path class="step" d="M{first.x:.1f} {first.y:.1f} {last.x:.1f} {last.y:.1f}" marker-end="url(#stage-head)"/>'
    )


def _edge(start: _Point, along: _Point, middle: _Point) -> _Point:
    """Where a line from `start`, inside the box around `middle`, leaves that box."""
    right = middle.x + (_WIDTH / 2 if along.x > 0 else -_WIDTH / 2)
    below = middle.y + (_HEIGHT / 2 if along.y > 0 else -_HEIGHT / 2)
    ways = [(right - start.x) / along.x] if along.x else []
    ways += [(below - start.y) / along.y] if along.y else []
    way = min(ways)
    return _Point(start.x + along.x * way, start.y + along.y * way)


def _corner(name: str) -> _Point:
    column, row = _PLACES[name]
    return _Point(_MARGIN + column * _COLUMN, _MARGIN + row * _ROW)


def _middle(name: str) -> _Point:
    at = _corner(name)
    return _Point(at.x + _WIDTH / 2, at.y + _HEIGHT / 2)
