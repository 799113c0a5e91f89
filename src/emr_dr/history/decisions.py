"""Decisions in the journal: found by number, by time or by member, and explained with all that belongs to them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from emr_dr.controller.journal import DECIDED
from emr_dr.controller.replay import Replayed, replay
from emr_dr.core.document import Document
from emr_dr.errors import UsageError
from emr_dr.history.evidence import ClusterSeen, clusters_seen
from emr_dr.history.limits import limits
from emr_dr.history.reading import backwards
from emr_dr.ports import JournalEntry, Store
from emr_dr.ports.store import JsonValue

PARTS = (
    "verdict_changed",
    "stage_changed",
    "member_left",
    "refused",
    "difference_found",
    "entitlement_moved",
    "handover_ended",
    "member_dead",
    "group_held",
    "refusal_ended",
)
"""The entries that a save writes before its decision."""

_AROUND = 100
"""Entries before and after a decision among which those that belong to it are."""
_FAR = 5000
"""Entries back to which it is worth looking for who led, and since when something is refused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An effect that a decision asked for, and how each try at it ended: entries `effect_*`, oldest first.

    There is none when it ended as in the round before, or when the controller did.
    """

    effect: Mapping[str, JsonValue]
    endings: tuple[JournalEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision with everything that belongs to it.

    Attributes:
        holder: Who decided; empty where the journal does not tell.
        parts: The changes that were saved with it, as entries of their own.
        clusters: What was seen; empty where it cannot be read.
        limits: Of policy, as far as they were counting.
    """

    entry: JournalEntry
    holder: str
    parts: tuple[JournalEntry, ...]
    effects: tuple[Asked, ...]
    replayed: Replayed
    clusters: tuple[ClusterSeen, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that is refused now, or why the group is held; since when, and the entry that began it, if known."""

    reason: str
    since: float | None = None
    seq: int | None = None
    held: bool = False


async def newest_change(store: Store, group: str) -> tuple[JournalEntry, int]:
    """The newest decision that changed more than a verdict, and how many were made after it.

    Raises:
        UsageError: Nothing was ever decided.
    """
    later, first = 0, None
    async for entry in backwards(store, group):
        if entry.event == DECIDED:
            if _changes(entry):
                return entry, later
            later, first = later + 1, first or entry
    if first is None:
        raise UsageError("nothing was decided yet", where=group, remedy="run `emr-dr watch` or `emr-dr tick`")
    return first, 0


async def numbered(store: Store, group: str, seq: int) -> JournalEntry:
    """The decision that an entry is, is a part of, or is an outcome of.

    Raises:
        UsageError: There is no such entry, or no decision stands behind it.
    """
    found = await store.journal(group, after=seq - 1, limit=_AROUND)
    if not found or found[0].seq != seq:
        last = await store.newest(group, 1)
        what = f"the journal ends with entry {last[0].seq}" if last else "the journal is empty"
        raise UsageError(f"there is no entry {seq}: {what}", where=group, remedy=_LOOK)
    entry = found[0]
    if entry.event in (DECIDED, *PARTS):
        same = next((e for e in found if e.event == DECIDED), None)
        if same is not None and same.at == entry.at:
            return same
    if entry.event.startswith("effect_"):
        async for earlier in backwards(store, group, seq):
            decided_at: Any = entry.detail.get("decided_at", earlier.at)
            if earlier.event == DECIDED and earlier.at <= decided_at:
                return earlier
    raise UsageError(f"entry {seq} is '{entry.event}', and no decision was written with it", where=group, remedy=_LOOK)


async def made_by(store: Store, group: str, at: float) -> JournalEntry:
    """The last decision at or before a time.

    Raises:
        UsageError: Nothing was decided so early.
    """
    oldest = None
    async for entry in backwards(store, group):
        if entry.event == DECIDED:
            if entry.at <= at:
                return entry
            oldest = entry
    what = f"the first decision is entry {oldest.seq}" if oldest else "nothing was decided yet"
    raise UsageError(f"no decision is that old: {what}", where=group, remedy=_LOOK)


async def moving(store: Store, group: str, member: int) -> JournalEntry:
    """The newest decision that moved a member to another stage, or let it go.

    Raises:
        UsageError: None ever did.
    """
    known, decision = set[int](), None
    async for entry in backwards(store, group):
        if entry.event == DECIDED:
            decision = entry
        elif entry.event in ("stage_changed", "member_left"):
            number: Any = entry.detail["member"]
            if number == member and decision is not None and decision.at == entry.at:
                return decision
            known.add(number)
    others = f"only {', '.join(map(str, sorted(known)))}" if known else "nor any other"
    raise UsageError(f"no decision ever moved member {member}, {others}", where=group, remedy=_LOOK)


async def explained(store: Store, group: str, entry: JournalEntry) -> Explanation:
    """A decision with what belongs to it: its parts, the outcomes of its effects, its evidence, and who made it."""
    before = await store.journal(group, after=max(entry.seq - 1 - _AROUND, 0), limit=min(entry.seq - 1, _AROUND))
    after = await store.journal(group, after=entry.seq, limit=_AROUND)
    replayed = replay(entry)
    recorded, changed = replayed.recorded, replayed.outcome.get("after", {})
    return Explanation(
        entry=entry,
        holder=await _holder(store, group, entry.seq),
        parts=_parts(entry, before),
        effects=_outcomes(entry, after),
        replayed=replayed,
        clusters=clusters_seen(recorded, replayed.outcome.get("verdicts")) if recorded else (),
        limits=limits(recorded, changed) if recorded and isinstance(changed, Mapping) else (),
    )


async def standing(store: Store, document: Document) -> tuple[Standing, ...]:
    """What the saved group is refused now, and why it is held, each with the entry that began it."""
    group = document.group
    wanted = [("refused", r) for r in group.refusals] + ([("group_held", group.held)] if group.held else [])
    found = dict[tuple[str, str], JournalEntry]()
    async for entry in _not_too_far(backwards(store, group.name)):
        if len(found) == len(wanted):
            break
        said = (entry.event, str(entry.detail.get("reason")))
        if said in wanted:
            found.setdefault(said, entry)
    begun = [(said, found.get(said)) for said in wanted]
    return tuple(
        Standing(reason, e.at if e else None, e.seq if e else None, held=event == "group_held")
        for (event, reason), e in begun
    )


async def remarks_on(store: Store, document: Document) -> tuple[str, ...]:
    """In what members were found to differ from the spec when they were compared, oldest first."""
    group = document.group
    ours = tuple(f"{m.cluster}: " for m in group.members if m.cluster)
    found = list[str]()
    async for entry in _not_too_far(backwards(store, group.name)):
        remark = str(entry.detail.get("remark", ""))
        if entry.event == "difference_found" and remark.startswith(ours) and remark not in found:
            found.insert(0, remark)
    return tuple(found)


_LOOK = "see `emr-dr history --all`"


def _changes(entry: JournalEntry) -> bool:
    """Whether a decision changed or asked for something; of one by an older version that is taken for granted."""
    detail: Any = entry.detail
    before = detail["before"]
    moved = detail.get("changes", True) or detail["effects"]
    said = any(detail.get(name, before[name]) != before[name] for name in ("epoch", "held", "refusals"))
    return bool(moved) or said


def _parts(entry: JournalEntry, before: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """The entries directly before a decision that its save wrote."""
    return tuple(takewhile(lambda e: e.event in PARTS and e.at == entry.at, reversed(before)))[::-1]


def _outcomes(entry: JournalEntry, after: Sequence[JournalEntry]) -> tuple[Asked, ...]:
    """Effects are asked for round after round; what became of them is told until the next decision is written."""
    end = next((n for n, e in enumerate(after) if e.event == DECIDED), len(after))
    told = [e for n, e in enumerate(after) if e.event.startswith("effect_") and (n < end or _of(e, entry))]
    asked: Any = entry.detail["effects"]
    return tuple(Asked(a, tuple(e for e in told if a.items() <= e.detail.items())) for a in asked)


def _of(ending: JournalEntry, decision: JournalEntry) -> bool:
    return ending.detail.get("decided_at") == decision.at


async def _holder(store: Store, group: str, seq: int) -> str:
    async for entry in _not_too_far(backwards(store, group, seq)):
        if entry.event == "lease_taken":
            return str(entry.detail["holder"])
    return ""


async def _not_too_far(entries: AsyncIterator[JournalEntry]) -> AsyncIterator[JournalEntry]:
    left = _FAR
    async for entry in entries:
        yield entry
        left -= 1
        if not left:
            return
