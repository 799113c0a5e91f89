"""How times, spans, entries and effects are written, wherever they appear."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emr_dr.controller.journal import in_words
from emr_dr.core.group import Member
from emr_dr.ports import JournalEntry
from emr_dr.ports.store import JsonValue
from emr_dr.spec.fields import format_duration

COLOURS = {
    "Healthy": "green",
    "Suspect": "yellow",
    "MemberLost": "red",
    "ServiceDown": "red",
    "BalancerPathBroken": "yellow",
    "ProbePathBroken": "yellow",
    "Blind": "magenta",
}
"""Of verdicts, by name."""

DIFFERS = "differs from the spec, admitted all the same"

_LEFT_OUT = ("effect", "placement", "detail", "decided_at")


def stamp(at: float) -> str:
    """A time, to the second, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def lasting(seconds: float) -> str:
    """A span, to the second; milliseconds only where it is shorter than that."""
    return format_duration(round(seconds) if seconds >= 1 else round(seconds, 3))


def later(seconds: float) -> str:
    """How much later or earlier than something else."""
    return f"{'-' if seconds < 0 else '+'}{lasting(abs(seconds))}"


def effect_words(effect: Mapping[str, JsonValue]) -> str:
    """An effect as the journal has it, as a person would say it."""
    kept = [f"{k} {v}" if k == "epoch" else str(v) for k, v in effect.items() if k not in _LEFT_OUT and v != ""]
    placement: Any = effect.get("placement")
    where = [f"in {placement['subnet']} {placement['az']}".strip()] if placement else []
    return " ".join([in_words(str(effect["effect"])), *kept, *where])


def entry_words(entry: JournalEntry) -> str:
    """A journal entry in one line, without its time; of a decision only what it asked for, for the rest fills pages."""
    event = entry.event.replace("_", " ")
    if entry.event == "decided":
        asked: Any = entry.detail.get("effects", ())
        return f"{event}  asked for: {'; '.join(map(effect_words, asked)) or 'nothing'}"
    if entry.event.startswith("effect_"):
        detail = entry.detail.get("detail")
        return f"{event}  {effect_words(entry.detail)}{f': {detail}' if detail else ''}"
    told = "  ".join(f"{k}={_value(k, v)}" for k, v in entry.detail.items() if v not in (None, "", [], {}))
    return f"{event}  {told}"


def _value(key: str, value: JsonValue) -> str:
    if key == "until" and isinstance(value, int | float):
        return stamp(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def title(m: Member) -> str:
    """A member by its number and AZ."""
    az = f" {m.placement.az}" if m.placement and m.placement.az else ""
    return f"member {m.number}{az}"
