"""What a round writes down: every change of stage, verdict and refusal, with the evidence of that second."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from enum import Enum
from typing import Any

from emr_dr.controller.act import Outcome
from emr_dr.controller.observe import Observation
from emr_dr.core.effects import Effect
from emr_dr.core.group import Group
from emr_dr.core.verdict import Verdict, VerdictName
from emr_dr.ports import JournalEntry
from emr_dr.ports.store import JsonValue


def plain(value: Any) -> JsonValue:  # noqa: ANN401 - any frozen value of ours goes in
    """Turn frozen values into JSON ones: enums to their values, sets to sorted lists."""
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
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"not a value for the journal: {value!r}")


def effect_name(effect: Effect) -> str:
    """The effect's name in words: `RegisterTarget` is 'register target'."""
    name = type(effect).__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal has been told already: what goes on unchanged, round after round, is written once.

    Attributes:
        verdicts: By cluster, as of the last round.
        effects: Asked for in the last round.
        outcomes: Of those effects.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    effects: Sequence[Effect] = ()
    outcomes: Mapping[Effect, Outcome] = field(default_factory=dict)


def decided(
    before: Group, after: Group, observation: Observation, effects: Sequence[Effect], told: Told
) -> tuple[JournalEntry, ...]:
    """Entries for one decision; empty when nothing changed and nothing else is asked for than in the last round."""
    at = observation.world.at
    entries = [
        *_verdicts(at, observation, told.verdicts),
        *_stages(at, before, after),
        *_refusals(at, before, after),
    ]
    if after.epoch != before.epoch:
        serving = [m.cluster for m in after.entitled]
        entries.append(JournalEntry(at, "entitlement_moved", {"epoch": after.epoch, "entitled": serving}))
    if after.held and not before.held:
        entries.append(JournalEntry(at, "group_held", {"reason": after.held}))
    if entries or tuple(effects) != tuple(told.effects):
        entries.append(
            JournalEntry(
                at,
                "decided",
                {
                    "before": plain(before),
                    "world": plain(observation.world),
                    "evidence": plain(observation.evidence),
                    "troubles": list(observation.troubles),
                    "effects": [{"effect": type(e).__name__, **asdict(e)} for e in effects],
                },
            )
        )
    return tuple(entries)


def acted(at: float, outcome: Outcome) -> JournalEntry:
    """The entry for one effect's outcome."""
    return JournalEntry(
        at,
        f"effect_{outcome.ending}",
        {"effect": type(outcome.effect).__name__, **asdict(outcome.effect), "detail": outcome.detail},
    )


def _verdicts(at: float, observation: Observation, known: Mapping[str, Verdict]) -> Iterable[JournalEntry]:
    for cluster, verdict in observation.verdicts.items():
        before = known.get(cluster)
        if before is None and verdict.name in (VerdictName.HEALTHY, VerdictName.STARTING):
            continue  # nothing that anybody would want to be told
        if before is None or (before.name, before.service) != (verdict.name, verdict.service):
            yield JournalEntry(
                at,
                "verdict_changed",
                {"cluster": cluster, "from": before.name if before else None, "to": verdict.name, "why": verdict.why},
            )


def _stages(at: float, before: Group, after: Group) -> Iterable[JournalEntry]:
    old = {(m.number, m.cluster): m for m in before.members} | {(m.number, None): m for m in before.members}
    for m in after.members:
        was = old.get((m.number, m.cluster)) or old.get((m.number, None))
        if was is None or was.stage is not m.stage:
            detail = {"member": m.number, "cluster": m.cluster, "from": was.stage if was else None, "to": m.stage}
            place = {"subnet": m.placement.subnet, "az": m.placement.az} if m.placement else {}
            yield JournalEntry(at, "stage_changed", {**detail, **place, "reason": m.reason})
    left = {m.number for m in before.members} - {m.number for m in after.members}
    for number in sorted(left):
        yield JournalEntry(at, "member_left", {"member": number})


def _refusals(at: float, before: Group, after: Group) -> Iterable[JournalEntry]:
    for refusal in after.refusals:
        if refusal not in before.refusals:
            yield JournalEntry(at, "refused", {"reason": refusal})
