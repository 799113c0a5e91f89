"""Mode gateway: what gateways do with views and batches, and what must hold of decisions where they do.

A machine's `target` means here that some gateway may send to it: one whose member was just admitted, or one whose
gateway has not read the news yet. A gateway that has no news for long takes nothing, so no look but the first after a
save is made while there is such a one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from emr_dr.core.effects import DeregisterTarget, Effect, RegisterTarget
from emr_dr.core.group import ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.orders import NOTHING_WANTED
from emr_dr.core.view import ProofKind
from emr_dr.core.world import EmrState, World
from walk.canonical import Canon
from walk.decisions import evidence_of_its_end, moved
from walk.setup import Budget, spent
from walk.state import Deed, Machine, State, Step, Verb


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


def with_denials(group: Group, world: World, machines: Iterable[Machine]) -> World:
    """Only of those that left it is asked one by one; what else is denied is found by role."""
    left = {m.cluster for m in group.at(Stage.FENCING, *_ENDS)}
    clusters = tuple(c if c.id in left else replace(c, denied=False) for c in world.clusters)
    strays = tuple(("", m.id) for m in machines if m.denied and m.id not in left)
    return replace(world, clusters=clusters, stray_denials=strays)


def of_effects(effects: Iterable[Effect]) -> tuple[str, ...]:
    """What is wrong with the effects of one decision."""
    touched = any(isinstance(e, RegisterTarget | DeregisterTarget) for e in effects)
    return ("G1 touched the balancer's targets",) if touched else ()


def of_decision(
    before: Group, after: Group, world: World, machines: Iterable[Machine], policy: Policy
) -> tuple[str, ...]:
    """What is wrong with one decision, by what it saw and by the truth."""
    truth = {m.id: m for m in machines}
    bad = [*_of_forgotten(before, after, world), *_of_proofs(before, after, world, truth, policy)]
    for old, m in moved(before, after):
        retired = old if m.stage is Stage.RETIRING else None
        if retired is None or evidence_of_its_end(retired, world.of(m), after, world) != "idle":
            continue
        if truth[m.cluster or ""].target or world.at < policy.views_last:
            bad.append("G3 retired as idle though a gateway may still send to it")
    return tuple(bad)


def of_denial(deed: Deed, machine: Machine, group: Group) -> tuple[str, ...]:
    """What is wrong with a deed that lands now, as far as denied roles go."""
    members = {m.cluster: m for m in group.members}
    if deed.verb is Verb.DENY:
        m = members.get(machine.id)
        if m is None or m.stage not in (Stage.FENCING, *_ENDS):
            return (f"G7 denied the role of one that is {m.stage if m else 'not remembered'}",)
        if any(o is not m and _shares(o, m) for o in group.members):
            return ("G7 denied a role that another member has",)
    if deed.verb is Verb.ALLOW and not machine.ended:
        m = members.get(machine.id)
        if m is not None and m.death is not None and m.death.kind is ProofKind.ROLE_DENIED:
            return ("G4 allowed the role again of one that was proven dead by its denial",)
    return ()


def of_launch(number: int, group: Group, machines: Iterable[Machine]) -> tuple[str, ...]:
    """What is wrong with a launch that lands now."""
    new = next((m for m in group.members if m.number == number and m.cluster is None), None)
    denied = {m.id for m in machines if m.denied}
    if new is not None and any(m.cluster in denied and _shares(m, new) for m in group.members):
        return ("G7 launched where the role is denied",)
    return ()


def _shares(one: Member, other: Member) -> bool:
    roles = [m.placement.role if m.placement is not None else "" for m in (one, other)]
    return roles[0] == roles[1] != ""


def _of_forgotten(before: Group, after: Group, world: World) -> Iterator[str]:
    kept = {m.cluster for m in after.members}
    for m in before.members:
        seen = world.of(m)
        awaited = seen is not None and seen.unfinished != 0
        if m.cluster and m.cluster not in kept and awaited and before.wanted != NOTHING_WANTED:
            yield "G2 forgot a member while a batch waits for word of it"


def _of_proofs(before: Group, after: Group, world: World, truth: dict[str, Machine], policy: Policy) -> Iterator[str]:
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
        if m.death.kind is ProofKind.ROLE_DENIED and not (machine.denied and world.at >= policy.deny_propagation):
            yield "G6 proven dead though its role may not be denied yet"


_ENDS = (Stage.RETIRING, Stage.CONDEMNED)
