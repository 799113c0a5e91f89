"""Why something was decided, and what happened: answered from the store alone, without AWS and whatever members do."""

from dataclasses import dataclass

from emr_dr.core.document import Document
from emr_dr.errors import UsageError
from emr_dr.history import decisions
from emr_dr.history.chronicle import Chronicle
from emr_dr.history.decisions import Explanation, Standing
from emr_dr.history.reading import forwards
from emr_dr.history.recoveries import Recovery, Refusal
from emr_dr.ports import Store


@dataclass(frozen=True, slots=True)
class Why:
    """The evidence behind one decision, and what is refused now.

    Attributes:
        standing: What is refused at present, and why the group is held.
        later: How many decisions since then changed nothing but a verdict.
    """

    group: str
    decision: Explanation
    standing: tuple[Standing, ...]
    later: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """What happened to a group.

    Attributes:
        recoveries: Oldest first; the last may be under way.
        refusals: Those that were in no recovery's way, since the oldest of these recoveries.
    """

    group: str
    recoveries: tuple[Recovery, ...]
    refusals: tuple[Refusal, ...]


async def why(
    store: Store, group: str, *, seq: int | None = None, at: float | None = None, member: int | None = None
) -> Why:
    """Explain the decision behind a journal entry, at a time, or that last moved a member; else the newest change.

    Raises:
        UsageError: There is no such decision, or the group was never applied with this store.
    """
    document, later = await _known(store, group), 0
    if seq is not None:
        entry = await decisions.numbered(store, group, seq)
    elif at is not None:
        entry = await decisions.made_by(store, group, at)
    elif member is not None:
        entry = await decisions.moving(store, group, member)
    else:
        entry, later = await decisions.newest_change(store, group)
    explanation = await decisions.explained(store, group, entry)
    return Why(group, explanation, await decisions.standing(store, document), later)


async def history(store: Store, group: str, *, newest: int) -> Past:
    """Tell the last recoveries, and what was refused between them.

    Raises:
        UsageError: The group was never applied with this store.
    """
    await _known(store, group)
    chronicle = Chronicle()
    async for page in forwards(store, group):
        for entry in page:
            chronicle.add(entry)
    told, refusals = chronicle.recoveries, chronicle.refusals
    shown = told[-newest:]
    since = shown[0].begun if len(shown) < len(told) else 0.0
    blocking = {r.seq for recovery in told for r in recovery.blocked}
    return Past(group, shown, tuple(r for r in refusals if r.seq not in blocking and r.at >= since))


async def _known(store: Store, group: str) -> Document:
    """The saved group, which has to be there."""
    document = await store.load(group)
    if document is None:
        raise UsageError("the group is not in this store", where=group, remedy="run `emr-dr apply` first")
    return document
