"""Everything that can happen next: nature, operators, the lease holder, and former holders who wake up late."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from emr_dr.core.group import Group, Pause, Stage
from emr_dr.core.world import EmrState
from walk import invariants
from walk.canonical import Canon
from walk.observation import View, observe, views
from walk.setup import Budget, Setup
from walk.state import Deed, Hand, Kind, Machine, State, Verb, acting, deeds, without

MOST_MACHINES = 8


class Step(NamedTuple):
    """One thing that happens. Benign ones are what a good day brings: they must suffice to get out of every state."""

    label: str
    benign: bool
    state: State
    bad: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """One decision the lease holder may come to, and the cheapest way of looking that leads to it."""

    label: str
    group: int
    deeds: tuple[Deed, ...]
    bad: tuple[str, ...]
    cost: str


class Adversary:
    """Plays everything around `decide`, and asks it wherever the lease holder would."""

    def __init__(self, setup: Setup, canon: Canon) -> None:
        self._setup = setup
        self._canon = canon
        self._decisions = dict[tuple[object, ...], tuple[int, tuple[Deed, ...], tuple[str, ...]]]()
        self._outcomes = dict[tuple[object, ...], list[Outcome]]()

    def steps(self, state: State) -> Iterator[Step]:
        """Every next state, in canonical form."""
        for step in self._raw_steps(state):
            yield step._replace(state=self._canon.state(step.state))

    def _raw_steps(self, state: State) -> Iterator[Step]:
        for i, machine in enumerate(state.machines):
            yield from self._nature(state, i, machine)
        yield from self._operator(state)
        if state.budget.lease:
            yield from self._move_lease(state)
        if state.lead is None:
            yield from self._look(state)
        else:
            yield from self._go_on(state, state.lead)
        for i, hand in enumerate(state.former):
            yield from self._wake(state, hand, state.former[:i] + state.former[i + 1 :])

    # Nature: what becomes of clusters by themselves

    def _nature(self, state: State, i: int, m: Machine) -> Iterator[Step]:
        for label, cost, after in self._fates(m, state.budget):
            machines = (*state.machines[:i], after, *state.machines[i + 1 :])
            spent = state._replace(machines=machines, budget=_spend(state.budget, cost))
            yield Step(f"{m.id} {label}", not cost, spent)

    def _fates(self, m: Machine, budget: Budget) -> Iterator[tuple[str, str, Machine]]:
        """What may become of one cluster by itself, and the budget that it is paid from; the free ones are benign."""
        if m.emr is EmrState.STARTING:
            yield "is up", "", m._replace(emr=EmrState.UP)
            if budget.unfit:
                yield "fails to boot", "unfit", m._replace(emr=EmrState.ENDED)
                yield "is up, but unfit", "unfit", m._replace(emr=EmrState.UP, unfit=True)
        if m.emr is EmrState.ENDING:
            yield "has ended", "", m._replace(emr=EmrState.ENDED)
        if m.emr is EmrState.UP and m.busy:
            yield "has finished its batch", "", m._replace(busy=False)
        if m.fit:
            if budget.fail:
                yield "fails", "fail", m._replace(answers=False)
            if budget.gone:
                yield "is terminated by a person", "gone", m._replace(emr=self._terminated)
            if budget.work and m.target and not m.busy:
                yield "is given a batch", "work", m._replace(busy=True)
        elif m.emr is EmrState.UP and budget.back:
            yield "comes back", "back", m._replace(answers=True)

    @property
    def _terminated(self) -> EmrState:
        return EmrState.ENDING if self._setup.ending else EmrState.ENDED

    # Operators: each of their writes makes the save that is under way stale

    def _operator(self, state: State) -> Iterator[Step]:
        group, budget = self._canon[state.group], state.budget
        if budget.switch and group.leaving is None:
            for m in group.at(Stage.SERVING):
                yield self._write(state, f"switchover from {m.cluster}", "switch", replace(group, leaving=m.number))
        if budget.switch and group.leaving is not None:
            yield self._write(state, "switchover called off", "switch", replace(group, leaving=None))
        if budget.switch:
            for wanted in self._setup.scale:
                if wanted != group.wanted:
                    label = f"{wanted.serving}+{wanted.standby} wanted"
                    yield self._write(state, label, "switch", replace(group, wanted=wanted))
        if budget.pause and group.pause is None:
            yield self._write(state, "pause", "pause", replace(group, pause=Pause("operator", 5.0)))
        if budget.restore:  # controllers are stopped for it; the walk interned its first group first
            after = State(0, state.machines, None, (), (), _spend(budget, "restore"))
            yield Step("operator: the store is restored from its first copy", False, after)
        if budget.stranger:
            machine = Machine("~", 0, EmrState.ENDED, target=True)
            after = state._replace(machines=(*state.machines, machine), budget=_spend(budget, "stranger"))
            yield Step("an address that nobody knows is registered", False, after)

    def _write(self, state: State, label: str, cost: str, group: Group) -> Step:
        lead = self._after_foreign_write(state.lead)
        index, budget = self._canon.intern(group), _spend(state.budget, cost)
        return Step(f"operator: {label}", False, state._replace(group=index, lead=lead, budget=budget))

    def _after_foreign_write(self, hand: Hand | None) -> Hand | None:
        """A save that must be refused is dropped at once."""
        stale = hand is not None and hand.kind is Kind.SAVE and self._setup.compare_and_set
        return None if stale else hand

    def _move_lease(self, state: State) -> Iterator[Step]:
        """The former holder is not told; what it cannot carry out any more is dropped at once."""
        left, setup, budget = state.lead, self._setup, _spend(state.budget, "lease")
        if left is not None and left.kind is Kind.SAVE and setup.lease_in_document and setup.compare_and_set:
            left = None
        if left is not None and left.kind is Kind.ACT and setup.bounded:
            left = None
        if left is not None and len(state.former) < setup.controllers - 1:
            former = tuple(sorted((*state.former, left)))
            yield Step("the lease moves, its holder sleeps", False, State(*state[:2], None, former, (), budget))
        elif left is None and state.lead is not None:
            yield Step("the lease moves", False, State(*state[:2], None, state.former, (), budget))

    # The lease holder

    def _look(self, state: State) -> Iterator[Step]:
        kind = Kind.ACT_FIRST if self._setup.act_first else Kind.SAVE
        for o in self._decide(state):
            hand = Hand(kind if o.deeds else Kind.SAVE, o.group, o.deeds)
            budget = _spend(state.budget, o.cost)
            yield Step(o.label, not o.cost, state._replace(lead=hand, told=(), budget=budget), o.bad)
        if state.told:
            yield Step("crashes, forgets the refusal", False, state._replace(told=()))

    def _go_on(self, state: State, hand: Hand) -> Iterator[Step]:
        if hand.kind is Kind.SAVE:
            former = state.former
            if self._setup.compare_and_set and hand.group != state.group:
                former = tuple(h for h in former if h.kind is not Kind.SAVE)  # their version is old now
            lead = None if self._setup.act_first else acting(hand.deeds)
            yield Step("saves", True, state._replace(group=hand.group, lead=lead, former=former))
        for i, deed in enumerate(hand.deeds if hand.kind is not Kind.SAVE else ()):
            rest = without(hand.deeds, i)
            lead = acting(rest)
            if hand.kind is Kind.ACT_FIRST:
                lead = Hand(Kind.ACT_FIRST if rest else Kind.SAVE, hand.group, rest)
            yield from self._carry_out(state._replace(lead=lead), deed, tells=True)
        undone = ", ".join(map(str, hand.deeds)) if hand.kind is Kind.ACT else "before the save"
        yield Step(f"crashes: {undone}", False, state._replace(lead=None, told=()))

    def _wake(self, state: State, hand: Hand, others: tuple[Hand, ...]) -> Iterator[Step]:
        if hand.kind is Kind.SAVE:
            left = None if self._setup.bounded else acting(hand.deeds)
            former = tuple(sorted((*others, left))) if left else others
            lead = self._after_foreign_write(state.lead)
            yield Step("LATE save", True, state._replace(group=hand.group, lead=lead, former=former))
            return
        for i, deed in enumerate(hand.deeds):
            rest = acting(without(hand.deeds, i))
            former = tuple(sorted((*others, rest))) if rest else others
            yield from self._carry_out(state._replace(former=former), deed, tells=False)
        yield Step("the sleeper dies", False, state._replace(former=others))

    def _decide(self, state: State) -> list[Outcome]:
        """Every distinct decision, with the cheapest way to get there."""
        affordable = tuple([bool(b) for b in state.budget])
        key = (state.group, state.machines, state.told, affordable)
        outcomes = self._outcomes.get(key)
        if outcomes is None:
            outcomes = list[Outcome]()
            met: set[tuple[int, tuple[Deed, ...]]] = {(state.group, ())}
            for view in views(self._canon[state.group], state.machines, state.budget, self._setup):
                group, done, bad = self._decision(state, view)
                if (group, done) not in met or bad:
                    met.add((group, done))
                    outcomes.append(Outcome(self._tell(state.group, view, group, done), group, done, bad, view.cost))
            self._outcomes[key] = outcomes
        return outcomes

    def _decision(self, state: State, view: View) -> tuple[int, tuple[Deed, ...], tuple[str, ...]]:
        key = (state.group, state.machines, state.told, view)
        decision = self._decisions.get(key)
        if decision is None:
            before, policy = self._canon[state.group], self._setup.policy
            world = observe(state.machines, self._canon.remembered(state.group), view, state.told)
            after, effects = self._setup.decide(before, world, policy)
            bad = invariants.of_decision(before, after, world, policy)
            decision = self._decisions[key] = self._canon.intern(after), deeds(effects), bad
        return decision

    def _tell(self, before: int, view: View, after: int, done: tuple[Deed, ...]) -> str:
        old = {(m.number, m.cluster): m.stage for m in self._canon[before].members}
        moved = [
            f"{m.cluster or f'#{m.number}'} {m.stage}"
            for m in self._canon[after].members
            if old.get((m.number, m.cluster)) is not m.stage
        ]
        return f"looks ({view.name}) and decides: " + (", ".join([*moved, *map(str, done)]) or "nothing new")

    # Calls to AWS

    def _carry_out(self, state: State, deed: Deed, *, tells: bool) -> Iterator[Step]:
        late = "" if tells else "LATE "
        if deed.verb is Verb.LAUNCH:
            if len(state.machines) < MOST_MACHINES:
                machines = (*state.machines, Machine("~", deed.number))
                yield Step(f"{late}{deed}", True, state._replace(machines=machines))
            if state.budget.refuse:
                told = tuple(sorted((*state.told, deed.number))) if tells else state.told
                after = state._replace(told=told, budget=_spend(state.budget, "refuse"))
                yield Step(f"{late}{deed}: refused", False, after)
            return
        i = next((i for i, m in enumerate(state.machines) if m.id == deed.cluster), None)
        if i is None:
            yield Step(f"{late}{deed}: nothing there", True, state)
            return
        machine = state.machines[i]
        changed, refused = self._changed(machine, deed)
        bad = () if refused else invariants.of_deed(deed, machine, self._canon[state.group])
        machines = (*state.machines[:i], changed, *state.machines[i + 1 :])
        yield Step(f"{late}{deed}{': refused' if refused else ''}", True, state._replace(machines=machines), bad)

    def _changed(self, m: Machine, deed: Deed) -> tuple[Machine, bool]:
        """The cluster after the deed, and whether AWS refused it."""
        match deed.verb:
            case Verb.REGISTER | Verb.DEREGISTER:
                return m._replace(target=deed.verb is Verb.REGISTER), False
            case Verb.TERMINATE if m.protected and not m.ended:
                return m, True
            case Verb.TERMINATE:
                return m._replace(emr=EmrState.ENDED if m.ended else self._terminated), False
            case _:
                return m if m.ended else m._replace(protected=deed.verb is Verb.PROTECT), False


def _spend(budget: Budget, what: str) -> Budget:
    return budget._replace(**{what: getattr(budget, what) - 1}) if what else budget
