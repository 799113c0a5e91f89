"""What decisions came to in a walk: a run that holds shows nothing of what it never came across."""

from collections.abc import Iterator

from emr_dr.core.entitlement import FAILED_OVER
from emr_dr.core.group import Group, Policy, Stage
from emr_dr.core.view import ProofKind
from emr_dr.core.world import World
from walk.decisions import LEADS_TO, evidence_of_its_end, moved
from walk.holding import failed_alike

REFUSALS = {
    "paused": "paused",
    "blind": "blind",
    "cooldown": "cooldown",
    "budget": "the launches of the day are spent",
    "the store is older": "the store is older than the world",
}
KEPT = {
    "RegionTrouble": "kept: the region is in trouble",
    "nothing shows": "kept: nothing shows that it ended",
    "batches on it": "kept: batches on it have not ended",
    "nobody could tell": "kept: nobody could tell which batches are on it",
}
PROVEN = {
    ProofKind.TERMINATED: "proven dead: terminated",
    ProofKind.PERSON: "proven dead: a person's word",
    ProofKind.ROLE_DENIED: "proven dead: its role is denied",
}
EVIDENCE = (
    "EMR's word",
    "EC2's word: gone",
    "EC2's word: impaired, and it is lost",
    "kept long enough",
    "a person's word",
    "idle",
)
HELD = ("held: attempts spent", "held: failed alike")
MARKS = (
    *(f"{stage} -> {after}" for stage, reached in LEADS_TO.items() for after in reached),
    *REFUSALS.values(),
    *KEPT.values(),
    *PROVEN.values(),
    "a denial is taken back",
    "one that was forgotten is remembered for its batch",
    *(f"retired: {why}" for why in EVIDENCE),
    *HELD,
    "a launch is licensed again",
    "an orphan is condemned",
    "a launch is refused",
    "no room, and the next placement",
    "a loss is answered while held",
    FAILED_OVER,
    "a switchover is called off for its candidate",
)


def of(before: Group, after: Group, world: World, policy: Policy) -> Iterator[str]:
    """The marks that this decision passes."""
    for old, m in moved(before, after):
        if old is not None:
            yield f"{old.stage} -> {m.stage}"
        elif m.stage is Stage.CONDEMNED:
            yield "an orphan is condemned" if m.death is None else "one that was forgotten is remembered for its batch"
        if old is not None and m.stage is Stage.RETIRING:
            yield f"retired: {evidence_of_its_end(old, world.of(m), after, world)}"
        if m.stage is Stage.FENCING and m.reason == FAILED_OVER:
            yield m.reason
        if old is not None and m.stage is Stage.ADMITTING and before.held:
            yield "a loss is answered while held"
    if before.leaving is not None and after.leaving is None and before.leaving in {m.number for m in after.entitled}:
        yield "a switchover is called off for its candidate"
    for refusal in after.refusals:
        yield from (mark for words, mark in REFUSALS.items() if refusal.startswith(words))
        yield from (mark for words, mark in KEPT.items() if words in refusal)
    if after.held and not before.held:
        yield HELD[1] if failed_alike(after) and after.attempts < policy.attempts else HELD[0]
    yield from _of_launches(before, after, world)
    yield from _of_proofs(before, after)


def _of_proofs(before: Group, after: Group) -> Iterator[str]:
    denied = {m.cluster for m in before.members if m.denial is not None}
    if any(m.cluster in denied and m.denial is None for m in after.members):
        yield "a denial is taken back"
    dead = {(m.number, m.cluster) for m in before.members if m.death is not None}
    yield from (PROVEN[m.death.kind] for m in after.members if m.death and (m.number, m.cluster) not in dead)


def _of_launches(before: Group, after: Group, world: World) -> Iterator[str]:
    tries = {m.number: m.tries for m in before.members}
    launching = after.at(Stage.LAUNCHING)
    if any(m.tries > tries.get(m.number, m.tries) for m in launching):
        yield "a launch is licensed again"
    if world.refused:
        yield "a launch is refused"
    lacking = {a.subnet for a in after.avoid if not a.cause}
    new = [m for m in launching if m.number not in tries and m.placement is not None]
    if lacking and any(m.placement and m.placement.subnet not in lacking for m in new):
        yield "no room, and the next placement"
