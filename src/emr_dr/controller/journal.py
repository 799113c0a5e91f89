"""What a round writes down: every change of stage, verdict and refusal, with all it takes to decide it once more."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from emr_dr.controller.act import Ending, Outcome
from emr_dr.controller.observe import Observation
from emr_dr.core import effects as known_effects
from emr_dr.core.effects import Effect
from emr_dr.core.group import Group, Member, Placement, Policy, Stage
from emr_dr.core.verdict import Detection, Verdict, VerdictName
from emr_dr.core.world import Health, World
from emr_dr.ports import JournalEntry
from emr_dr.ports.store import JsonValue

DECIDED = "decided"
"""The entry that holds a decision whole; it is the last of those that one save writes."""
HANDED_OVER, CALLED_OFF = "handed over", "called off"
"""How a handover that was asked for came out."""


def plain(value: Any) -> JsonValue:  # noqa: ANN401 - any frozen value of ours goes in
    """Turn frozen values into JSON ones: enums to their values, sets to sorted lists, what never ends to 'Infinity'."""
    if is_dataclass(value) and not isinstance(value, type):
        return {k: plain(v) for k, v in asdict(value).items()}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(str(plain(v)) for v in value)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and math.isinf(value):
        value = "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"not a value for the journal: {value!r}")


def effect_name(effect: Effect) -> str:
    """The effect's name in words: `RegisterTarget` is 'register target'."""
    return in_words(type(effect).__name__)


def in_words(name: str) -> str:
    """The name of one of our types as words."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal has been told already: what goes on unchanged, round after round, is written once.

    Attributes:
        verdicts: By cluster, as of the last round.
        effects: Asked for in the last round.
        outcomes: Of those effects.
        remarks: Of the last round.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    effects: Sequence[Effect] = ()
    outcomes: Mapping[Effect, Outcome] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def told_by(entries: Sequence[JournalEntry]) -> Told:
    """What a journal that ends with these entries was told, so that the next process need not tell it again.

    The newest decision holds it: one is written whenever a verdict or what is asked for changes.
    """
    newest = next((n for n in reversed(range(len(entries))) if entries[n].event == DECIDED), None)
    if newest is None:
        return Told()
    detail: Any = entries[newest].detail
    try:
        verdicts = {
            cluster: Verdict(VerdictName(v["name"]), Health(v["health"]), v["why"], v["service"])
            for cluster, v in detail["verdicts"].items()
        }
        asked = tuple(_effect(e) for e in detail["effects"])
        outcomes = [_outcome(e) for e in entries[newest + 1 :] if e.event.startswith("effect_")]
    except (KeyError, TypeError, ValueError, AttributeError):  # another version wrote it: then all is told once more
        return Told()
    return Told(verdicts, asked, {o.effect: o for o in outcomes if o.effect in asked}, tuple(detail.get("remarks", ())))


def decided(  # noqa: PLR0917 - a decision is made of all these
    before: Group,
    after: Group,
    observation: Observation,
    effects: Sequence[Effect],
    told: Told,
    policy: Policy,
    detection: Detection,
) -> tuple[JournalEntry, ...]:
    """Entries for one decision; empty when nothing changed and nothing else is asked for than in the last round."""
    at = observation.world.at
    entries = [
        *_verdicts(at, observation, told.verdicts),
        *_stages(at, before, after, observation.world),
        *(JournalEntry(at, "refused", {"reason": r}) for r in after.refusals if r not in before.refusals),
        *(JournalEntry(at, "difference_found", {"remark": r}) for r in observation.remarks if r not in told.remarks),
    ]
    if after.epoch != before.epoch:
        serving = [m.cluster for m in after.entitled]
        entries.append(JournalEntry(at, "entitlement_moved", {"epoch": after.epoch, "entitled": serving}))
    entries += _handovers(at, before, after)
    entries += _deaths(at, before, after)
    if after.held and not before.held:
        entries.append(JournalEntry(at, "group_held", {"reason": after.held}))
    over = [JournalEntry(at, "refusal_ended", {"reason": r}) for r in before.refusals if r not in after.refusals]
    if not entries and tuple(effects) == tuple(told.effects):
        return tuple(over)  # that nothing is in the way any more needs no evidence
    whole = {
        "before": plain(before),
        "world": plain(observation.world),
        "policy": plain(policy),
        "detection": plain(detection),
        "evidence": plain(observation.evidence),
        "runs": plain(observation.runs),
        "troubles": list(observation.troubles),
        "remarks": list(observation.remarks),
        **came_out(before, after, observation.verdicts, effects),
    }
    return (*entries, *over, JournalEntry(at, DECIDED, whole))


def came_out(
    before: Group, after: Group, verdicts: Mapping[str, Verdict], effects: Sequence[Effect]
) -> dict[str, JsonValue]:
    """What a decision came to, whole: `after` has every field of the group that is not as it was before."""
    changed = [f.name for f in fields(Group) if getattr(before, f.name) != getattr(after, f.name)]
    return {
        "verdicts": plain(verdicts),
        "changes": [
            {
                "member": m.number,
                "cluster": m.cluster,
                "from": plain(was.stage if was else None),
                "to": plain(m.stage),
                "reason": m.reason,
            }
            for was, m in _moved(before, after)
        ]
        + [
            {"member": m.number, "cluster": m.cluster, "from": plain(m.stage), "to": None, "reason": ""}
            for m in _left(before, after)
        ],
        "epoch": after.epoch,
        "held": after.held,
        "refusals": list(after.refusals),
        "after": {name: plain(getattr(after, name)) for name in changed},
        "effects": [_asked(e) for e in effects],
    }


def acted(at: float, outcome: Outcome, decided_at: float | None = None) -> JournalEntry:
    """The entry for one effect's outcome; `decided_at` is the time of the decision that asked for it."""
    when: dict[str, JsonValue] = {} if decided_at is None else {"decided_at": decided_at}
    return JournalEntry(at, f"effect_{outcome.ending}", {**_asked(outcome.effect), "detail": outcome.detail, **when})


def _asked(effect: Effect) -> dict[str, JsonValue]:
    return {"effect": type(effect).__name__, **{k: plain(v) for k, v in asdict(effect).items()}}


def _effect(asked: Mapping[str, Any]) -> Effect:
    """The effect that was written down so."""
    values = {k: v for k, v in asked.items() if k != "effect"}
    if "placement" in values:
        values["placement"] = Placement(**{**values["placement"], "types": tuple(values["placement"]["types"])})
    kind: type[Effect] = getattr(known_effects, asked["effect"])
    return kind(**values)


def _outcome(entry: JournalEntry) -> Outcome:
    values: dict[str, Any] = dict(entry.detail)
    values.pop("decided_at", None)
    detail = values.pop("detail")
    return Outcome(_effect(values), Ending(entry.event.removeprefix("effect_")), detail)


def _verdicts(at: float, observation: Observation, known: Mapping[str, Verdict]) -> Iterable[JournalEntry]:
    for cluster, verdict in observation.verdicts.items():
        before = known.get(cluster)
        if before is None and verdict.name in (VerdictName.HEALTHY, VerdictName.STARTING):
            continue  # nothing that anybody would want to be told
        if before is None or (before.name, before.service) != (verdict.name, verdict.service):
            since = min((r.since for r in observation.runs if r.cluster == cluster), default=None)
            detail = {"from": before.name if before else None, "to": verdict.name, "why": verdict.why}
            health = {"health": verdict.health, "failing_since": since}
            yield JournalEntry(at, "verdict_changed", {"cluster": cluster, **detail, **health})


def _moved(before: Group, after: Group) -> Iterable[tuple[Member | None, Member]]:
    """Members that entered a stage, with what they were; an orphan may bear the number of another member."""
    same = {(m.number, m.cluster): m for m in before.members}
    awaited = {m.number: m for m in before.members if m.cluster is None}
    for m in after.members:
        was = same.get((m.number, m.cluster)) or awaited.get(m.number)
        if was is None or was.stage is not m.stage:
            yield was, m


def _left(before: Group, after: Group) -> Iterable[Member]:
    there = {(m.number, m.cluster) for m in after.members} | {(m.number, None) for m in after.members}
    return (m for m in before.members if (m.number, m.cluster) not in there)


def _handovers(at: float, before: Group, after: Group) -> Iterable[JournalEntry]:
    """That a handover which was asked for is over, and how it came out."""
    if before.leaving is None or after.leaving is not None:
        return
    stays = before.leaving in {m.number for m in after.entitled}
    known = {a.reason for a in before.avoid}
    reason = next((a.reason for a in after.avoid if a.reason not in known), "") if stays else ""
    outcome = CALLED_OFF if stays else HANDED_OVER
    yield JournalEntry(at, "handover_ended", {"member": before.leaving, "outcome": outcome, "reason": reason})


def _deaths(at: float, before: Group, after: Group) -> Iterable[JournalEntry]:
    """That a member was found dead, which gateways are told with the same save."""
    known = {(m.number, m.cluster) for m in before.members if m.death is not None}
    for m in after.members:
        if m.death is not None and (m.number, m.cluster) not in known:
            proof = {"proof": m.death.kind, "evidence": m.death.evidence}
            yield JournalEntry(at, "member_dead", {"member": m.number, "cluster": m.cluster, **proof})


def _stages(at: float, before: Group, after: Group, world: World) -> Iterable[JournalEntry]:
    for was, m in _moved(before, after):
        detail = {"member": m.number, "cluster": m.cluster, "from": was.stage if was else None, "to": m.stage}
        place = {"subnet": m.placement.subnet, "az": m.placement.az} if m.placement else {}
        yield JournalEntry(at, "stage_changed", {**detail, **place, "reason": m.reason})
    refused = {r.number: r.reason for r in world.refused}
    for m in _left(before, after):
        reason = refused.get(m.number, "given up: no cluster of it was seen") if m.stage is Stage.LAUNCHING else "ended"
        detail = {"member": m.number, "cluster": m.cluster, "from": m.stage}
        yield JournalEntry(at, "member_left", {**detail, "reason": reason})
