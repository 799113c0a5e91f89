"""Mode gateway: what gateways do with views and batches, and what must hold of decisions where they do.

A machine's `target` means here that some gateway may send to it: one whose member was just admitted, or one whose
gateway has not read the news yet. A gateway that has no news for long takes nothing, so no look but the first after a
save is made while there is such a one.
"""

from collections.abc import Iterable, Iterator

from emr_dr.core.effects import DeregisterTarget, Effect, RegisterTarget
from emr_dr.core.group import ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.orders import NOTHING_WANTED
from emr_dr.core.view import ProofKind
from emr_dr.core.world import EmrState, World
from walk.canonical import Canon
from walk.decisions import evidence_of_its_end, moved
from walk.setup import Budget, spent
from walk.state import Machine, State, Step


def published(group: Group, machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    """The machines once views were saved: some gateway reads them at once, the last one later."""
    entitled = {m.cluster for m in group.entitled}
    return tuple([m._replace(target=True) if m.id in entitled and not m.target else m for m in machines])


def outdated(group: Group, machines: Iterable[Machine]) -> bool:
    """Whether a gateway still believes that a member takes work which does not."""
    entitled = {m.cluster for m in group.entitled}
    return any(m.target and m.id not in entitled for m in machines)


def steps(state: State, canon: Canon) -> Iterator[Step]:
    """What gateways may do next."""
    members = {m.cluster: m for m in canon[state.group].members}
    for i, m in enumerate(state.machines):
        for label, cost, after in _of_one(m, members.get(m.id), state.budget):
            machines = (*state.machines[:i], after, *state.machines[i + 1 :])
            changed = state._replace(machines=machines, budget=spent(state.budget, cost))
            yield Step(label.format(f"<{m.id}>"), not cost, changed)


def _of_one(m: Machine, member: Member | None, budget: Budget) -> Iterator[tuple[str, str, Machine]]:
    if m.target and (member is None or member.stage not in ENTITLED):
        yield "the last gateway reads that {} takes nothing new", "", m._replace(target=False)
    if m.target and not m.on_ledger and budget.work:
        if m.fit:
            yield "{} is given a batch", "work", m._replace(busy=True, on_ledger=True)
        else:
            yield "a batch is sent to {}, and nobody knows whether it arrived", "work", m._replace(on_ledger=True)
    if m.on_ledger and not m.busy and m.emr is EmrState.UP and (m.answers or m.partly):
        yield "a gateway saves that the batch on {} has ended", "", m._replace(on_ledger=False)
    if m.on_ledger and member is not None and member.death is not None:
        yield "a gateway takes the batch of {} elsewhere", "", m._replace(on_ledger=False)


def of_effects(effects: Iterable[Effect]) -> tuple[str, ...]:
    """What is wrong with the effects of one decision."""
    touched = any(isinstance(e, RegisterTarget | DeregisterTarget) for e in effects)
    return ("G1 touched the balancer's targets",) if touched else ()


def of_decision(
    before: Group, after: Group, world: World, machines: Iterable[Machine], policy: Policy
) -> tuple[str, ...]:
    """What is wrong with one decision, by what it saw and by the truth."""
    truth = {m.id: m for m in machines}
    bad = [*_of_forgotten(before, after, world), *_of_proofs(before, after, truth)]
    for old, m in moved(before, after):
        retired = old if m.stage is Stage.RETIRING else None
        if retired is None or evidence_of_its_end(retired, world.of(m), after, world) != "idle":
            continue
        if truth[m.cluster or ""].target or world.at < policy.views_last:
            bad.append("G3 retired as idle though a gateway may still send to it")
    return tuple(bad)


def _of_forgotten(before: Group, after: Group, world: World) -> Iterator[str]:
    kept = {m.cluster for m in after.members}
    for m in before.members:
        seen = world.of(m)
        awaited = seen is not None and seen.unfinished != 0
        if m.cluster and m.cluster not in kept and awaited and before.wanted != NOTHING_WANTED:
            yield "G2 forgot a member while a batch waits for word of it"


def _of_proofs(before: Group, after: Group, truth: dict[str, Machine]) -> Iterator[str]:
    known = {(m.number, m.cluster): m for m in before.members}
    for m in after.members:
        old = known.get((m.number, m.cluster))
        if old is not None and old.death is not None and (m.death is None or m.death.kind is not old.death.kind):
            yield "G4 a proof of death that was published is gone"
        if old is not None and old.death is not None and m.stage not in (old.stage, Stage.FENCING, *_ENDS):
            yield f"G5 one that was proven dead is {m.stage}"
        if m.death is None or (old is not None and old.death is not None):
            continue
        if m.death.kind is ProofKind.PERSON and not (old is not None and old.released):
            yield "G6 called dead by a person who never said so"
        machine = truth[m.cluster or ""]
        if m.death.kind is ProofKind.TERMINATED and not (machine.ended or machine.void):
            yield "G6 proven dead though its machines may run"


_ENDS = (Stage.RETIRING, Stage.CONDEMNED)
