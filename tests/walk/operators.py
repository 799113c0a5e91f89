"""What people do: their writes to the document, a restored store, and a stranger's address behind the balancer."""

from collections.abc import Iterator
from dataclasses import replace

from emr_dr.core import orders
from emr_dr.core.group import Group, Order, Pause, Stage
from emr_dr.core.world import EmrState
from walk.canonical import Canon
from walk.setup import Budget, Setup, spent
from walk.state import NEW, Hand, Kind, Machine, State, Step


def steps(state: State, canon: Canon, setup: Setup) -> Iterator[Step]:
    """Everything that people may do next. Each of their writes makes the save that is under way stale."""
    budget = state.budget
    for label, cost, group in _writes(canon[state.group], budget, setup):
        lead = after_foreign_write(state.lead, setup)
        written = state._replace(group=canon.intern(group), lead=lead, budget=spent(budget, cost))
        yield Step(label, False, written)
    if budget.restore:  # controllers are stopped for it; the walk interned its first group first
        first = State(0, state.machines, None, (), (), spent(budget, "restore"))
        yield Step("an operator restores the store from its first copy", False, first)
    if budget.stranger:
        machine = Machine(NEW, 0, EmrState.ENDED, target=True)
        joined = state._replace(machines=(*state.machines, machine), budget=spent(budget, "stranger"))
        yield Step(f"somebody registers <{NEW}>, an address that nobody knows", False, joined)


def after_foreign_write(hand: Hand | None, setup: Setup) -> Hand | None:
    """What is left in hand after somebody else wrote: a save that must be refused is dropped at once."""
    stale = hand is not None and hand.kind is Kind.SAVE and setup.compare_and_set
    return None if stale else hand


def _writes(group: Group, budget: Budget, setup: Setup) -> Iterator[tuple[str, str, Group]]:
    """What people may write: in words, the budget that it is paid from, and what is written."""
    if budget.switch and group.leaving is not None:
        yield "an operator calls the switchover off", "switch", orders.called_off(group)
    elif budget.switch:
        for m in group.at(Stage.SERVING):
            label = f"an operator asks for a switchover from <{m.cluster}>"
            yield label, "switch", orders.asked_out(group, m.number, Order())
            label = f"an operator fails over from <{m.cluster}> by hand"
            yield label, "switch", orders.asked_out(group, m.number, Order(failover=True))
    for wanted in setup.scale if budget.switch else ():
        if wanted != group.wanted:
            label = f"an operator now wants {wanted.serving} serving and {wanted.standby} standing by"
            yield label, "switch", replace(group, wanted=wanted)
    if budget.pause and group.pause is None:
        yield "an operator pauses the group", "pause", replace(group, pause=Pause("operator", 5.0))
    yield from _releases(group, budget)
    if budget.destroy:
        yield "an operator destroys the group", "destroy", orders.ended(group, 0.0, "destroyed")


def _releases(group: Group, budget: Budget) -> Iterator[tuple[str, str, Group]]:
    if budget.release and group.held:
        yield "an operator releases the hold", "release", orders.released_hold(group)
    for m in group.at(Stage.FENCING) if budget.release else ():
        if not m.released:
            yield f"an operator releases <{m.cluster}>", "release", orders.released(group, m)
