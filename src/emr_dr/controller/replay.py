"""A decision out of the journal, decided once more: whether the same evidence still leads to the same decision."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from emr_dr.controller.journal import came_out, plain
from emr_dr.core.evidence import Evidence, FailureRun
from emr_dr.core.group import Group, Policy
from emr_dr.core.recovery import decide
from emr_dr.core.verdict import Detection, judge
from emr_dr.core.world import World
from emr_dr.ports import JournalEntry
from emr_dr.ports.store import JsonValue

OLDER = "written by an older version"
NEWER = "written by a newer version"

_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden", "enum"}
"""What pydantic calls a field, and a word, that only a newer version knows."""
_ENDLESS = {"Infinity": math.inf, "-Infinity": -math.inf}
_NOTHING = object()
_SHOWN = 80
"""Characters of a value that a difference shows."""


class Recorded(BaseModel):
    """What a decision was made of. Whatever an entry of an older version does not have is None."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    before: Group
    world: World
    evidence: tuple[Evidence, ...]
    troubles: tuple[str, ...] = ()
    remarks: tuple[str, ...] | None = None
    policy: Policy | None = None
    detection: Detection | None = None
    runs: tuple[FailureRun, ...] | None = None

    def runs_of(self, cluster: str) -> tuple[FailureRun, ...]:
        """The failure runs of one cluster, this round's included."""
        return tuple(r for r in self.runs or () if r.cluster == cluster)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of deciding once more.

    Attributes:
        recorded: What the decision was made of; None where not even that can be read.
        outcome: What was recorded as having come of it, as `came_out` has it; entries of older versions have a part.
        impossible: Why it cannot be replayed; empty when it was.
        difference: The first thing that comes out otherwise now, in words; empty when nothing does.
    """

    recorded: Recorded | None
    outcome: Mapping[str, JsonValue]
    impossible: str = ""
    difference: str = ""

    @property
    def same(self) -> bool:
        """Whether it was replayed, and group, verdicts and effects came out as recorded."""
        return not self.impossible and not self.difference

    @property
    def words(self) -> str:
        """One sentence on it."""
        if self.impossible:
            return f"cannot be replayed: {self.impossible}"
        return f"replayed: {self.difference or 'the same decision'}"


def replay(entry: JournalEntry) -> Replayed:
    """Judge and decide once more from what a `decided` entry holds, and compare with what it says came of it."""
    parts = {name: entry.detail[name] for name in Recorded.model_fields if name in entry.detail}
    then = {name: value for name, value in entry.detail.items() if name not in parts}
    try:
        recorded = Recorded.model_validate_json(json.dumps(_with_endless(parts)))
    except ValidationError as error:
        return Replayed(None, then, impossible=_unreadable(error))
    if recorded.policy is None or recorded.detection is None or recorded.runs is None or not _whole(recorded, parts):
        return Replayed(recorded, then, impossible=OLDER)
    verdicts = {
        e.cluster: judge(e, recorded.runs_of(e.cluster), recorded.world.at, recorded.detection)
        for e in recorded.evidence
    }
    group, effects = decide(recorded.before, recorded.world, recorded.policy)
    now = came_out(recorded.before, group, verdicts, effects)
    if not now.keys() <= then.keys():
        return Replayed(recorded, then, impossible=OLDER)
    return Replayed(recorded, then, difference=_difference({n: then[n] for n in now}, now, ()))


def _with_endless(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers without end are kept as words, for JSON has none; only limits can be such."""
    limits = {
        name: {k: _ENDLESS.get(v, v) if isinstance(v, str) else v for k, v in parts[name].items()}
        for name in ("policy", "detection")
        if isinstance(parts.get(name), Mapping)
    }
    return {**parts, **limits}


def _whole(recorded: Recorded, parts: Mapping[str, JsonValue]) -> bool:
    """Whether nothing had to be filled in: a default of today is not what was decided on then."""
    return all(plain(getattr(recorded, name)) == parts.get(name) for name in Recorded.model_fields)


def _unreadable(error: ValidationError) -> str:
    kinds = {e["type"] for e in error.errors()}
    if kinds <= _UNKNOWN:
        return NEWER
    if kinds <= {"missing", "missing_argument"}:
        return OLDER
    first = error.errors(include_url=False)[0]
    return f"it is damaged: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _difference(then: object, now: object, path: tuple[str, ...]) -> str:
    """The first place where two JSON values differ, and how; empty when they are equal."""
    if then == now:
        return ""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        names = dict.fromkeys((*then, *now))
        pairs = ((name, then.get(name, _NOTHING), now.get(name, _NOTHING)) for name in names)
    elif isinstance(then, list) and isinstance(now, list):
        pairs = ((str(n), a, b) for n, (a, b) in enumerate(zip_longest(then, now, fillvalue=_NOTHING), 1))
    else:
        return f"{' '.join(path)} was {_shown(then)}, and is {_shown(now)} now"
    return next(found for name, a, b in pairs if (found := _difference(a, b, (*path, name))))


def _shown(value: object) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
