"""Everything that can happen next: nature, operators, the lease holder, and former holders who wake up late."""

from collections.abc import Iterator
from dataclasses import replace

from emr_dr.core.published import routed_by_gateways
from walk import decisions, gateways, invariants, landmarks, operators
from walk.canonical import Canon
from walk.nature import fates, terminated
from walk.observation import View, observe, views
from walk.saying import changes
from walk.setup import EARLY, Setup, spent
from walk.state import NEW, Deed, Hand, Kind, Machine, Outcome, State, Step, Verb, acting, deeds, without

MOST_MACHINES = 8


class Adversary:
    """Plays everything around `decide`, and asks it wherever the lease holder would."""

    def __init__(self, setup: Setup, canon: Canon) -> None:
        self._setup = setup
        self._canon = canon
        self._decisions = dict[tuple[object, ...], tuple[int, tuple[Deed, ...], tuple[str, ...]]]()
        self._outcomes = dict[tuple[object, ...], list[Outcome]]()
        self.marks = set[str]()
        """What the decisions asked for so far came to."""
        self.cut = False
        """Whether a launch was left out, because there were too many clusters already."""

    def steps(self, state: State) -> Iterator[Step]:
        """Every next state, before it is brought into canonical form."""
        for i, machine in enumerate(state.machines):
            yield from self._nature(state, i, machine)
        yield from operators.steps(state, self._canon, self._setup)
        if self._setup.policy.by_gateway:
            yield from gateways.steps(state, self._canon)
        if state.budget.lease:
            yield from self._move_lease(state)
        if state.lead is None:
            yield from self._look(state)
        else:
            yield from self._go_on(state, state.lead)
        for i, hand in enumerate(state.former):
            yield from self._wake(state, hand, state.former[:i] + state.former[i + 1 :])

    def _nature(self, state: State, i: int, m: Machine) -> Iterator[Step]:
        for label, cost, after in fates(m, state.budget, self._setup):
            machines = (*state.machines[:i], after, *state.machines[i + 1 :])
            after_it = state._replace(machines=machines, budget=spent(state.budget, cost))
            yield Step(f"<{m.id}> {label}", not cost, after_it)

    def _move_lease(self, state: State) -> Iterator[Step]:
        """The former holder is not told; what it cannot carry out any more is dropped at once."""
        left, setup, budget = state.lead, self._setup, spent(state.budget, "lease")
        if left is not None and left.kind is Kind.SAVE and setup.lease_in_document and setup.compare_and_set:
            left = None
        if left is not None and left.kind is Kind.ACT and setup.bounded:
            left = None
        if left is not None and len(state.former) < setup.controllers - 1:
            former = tuple(sorted((*state.former, left)))
            label = "the controller falls asleep; the lease runs out, and another one takes it"
            yield Step(label, False, State(*state[:2], None, former, (), budget))
        elif left is None and state.lead is not None:
            yield Step("another controller takes the lease", False, State(*state[:2], None, state.former, (), budget))

    def _look(self, state: State) -> Iterator[Step]:
        kind = Kind.ACT_FIRST if self._setup.act_first else Kind.SAVE
        for o in self._decide(state):
            hand = Hand(kind if o.deeds else Kind.SAVE, o.group, o.deeds)
            budget = spent(state.budget, o.cost)
            yield Step(o.label, not o.cost, state._replace(lead=hand, told=(), budget=budget), o.bad)
        if state.told:
            yield Step("the controller crashes, and forgets the refusal", False, state._replace(told=()))

    def _go_on(self, state: State, hand: Hand) -> Iterator[Step]:
        if hand.kind is Kind.SAVE:
            former = state.former
            if self._setup.compare_and_set and hand.group != state.group:
                former = tuple(h for h in former if h.kind is not Kind.SAVE)  # their version is old now
            lead = None if self._setup.act_first else acting(hand.deeds)
            saved = state._replace(group=hand.group, lead=lead, former=former, machines=self._after_save(hand, state))
            yield Step("it saves the decision", True, saved)
        for i, deed in enumerate(hand.deeds if hand.kind is not Kind.SAVE else ()):
            rest = without(hand.deeds, i)
            lead = acting(rest)
            if hand.kind is Kind.ACT_FIRST:
                lead = Hand(Kind.ACT_FIRST if rest else Kind.SAVE, hand.group, rest)
            yield from self._carry_out(state._replace(lead=lead), deed, tells=True)
        undone = " and ".join(map(str, hand.deeds))
        label = f"it crashes; undone is: {undone}" if hand.kind is Kind.ACT else "it crashes before the save"
        yield Step(label, False, state._replace(lead=None, told=()))

    def _wake(self, state: State, hand: Hand, others: tuple[Hand, ...]) -> Iterator[Step]:
        if hand.kind is Kind.SAVE:
            left = None if self._setup.bounded else acting(hand.deeds)
            former = tuple(sorted((*others, left))) if left else others
            lead = operators.after_foreign_write(state.lead, self._setup)
            label = "LATE: the sleeper wakes up, and its save succeeds"
            machines = self._after_save(hand, state)
            yield Step(label, True, state._replace(group=hand.group, lead=lead, former=former, machines=machines))
            return
        for i, deed in enumerate(hand.deeds):
            rest = acting(without(hand.deeds, i))
            former = tuple(sorted((*others, rest))) if rest else others
            yield from self._carry_out(state._replace(former=former), deed, tells=False)
        yield Step("the sleeper dies", False, state._replace(former=others))

    def _after_save(self, hand: Hand, state: State) -> tuple[Machine, ...]:
        """Views are saved with the group."""
        by_gateway = self._setup.policy.by_gateway
        return gateways.published(self._canon[hand.group], state.machines) if by_gateway else state.machines

    def _views(self, state: State) -> Iterator[View]:
        """Every way of looking; not so late that gateways must have read the news, while one has not."""
        group = self._canon[state.group]
        early = self._setup.policy.by_gateway and gateways.outdated(group, state.machines)
        for view in views(group, state.machines, state.budget, self._setup):
            if view.at == EARLY or not early:
                yield view

    def _decide(self, state: State) -> list[Outcome]:
        """Every distinct decision, with the cheapest way to get there."""
        affordable = tuple([bool(b) for b in state.budget])
        key = (state.group, state.machines, state.told, affordable)
        outcomes = self._outcomes.get(key)
        if outcomes is None:
            outcomes = list[Outcome]()
            met: set[tuple[int, tuple[Deed, ...]]] = {(state.group, ())}
            for view in self._views(state):
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
            if policy.by_gateway:
                world = gateways.with_denials(before, routed_by_gateways(before, world), state.machines)
            after, effects = self._setup.decide(before, world, policy)
            if not self._setup.count_attempts and {a.cause for a in after.avoid} - {a.cause for a in before.avoid}:
                after = replace(after, attempts=1)  # who failed was an attempt, though it was not counted
            bad = decisions.of_decision(before, after, world, policy)
            bad += invariants.of_ends(before, after, state.machines, view)
            if policy.by_gateway:
                bad += gateways.of_effects(effects)
                bad += gateways.of_decision(before, after, world, state.machines, policy)
            self.marks.update(landmarks.of(before, after, world, policy))
            decision = self._decisions[key] = self._canon.intern(after), deeds(effects), bad
        return decision

    def _tell(self, before: int, view: View, after: int, done: tuple[Deed, ...]) -> str:
        told = "; ".join(changes(self._canon[before], self._canon[after])) or "nothing new"
        wish = f"; and then to {' and to '.join(map(str, done))}" if done else ""
        return f"the controller looks ({view.name}) and decides: {told}{wish}"

    def _carry_out(self, state: State, deed: Deed, *, tells: bool) -> Iterator[Step]:
        """One call to AWS; `tells` is whether who makes it still leads, and so remembers a refusal."""
        label = f"it does: {deed}" if tells else f"LATE: the sleeper wakes up and does: {deed}"
        if deed.verb is Verb.LAUNCH:
            if len(state.machines) < MOST_MACHINES:
                machines = (*state.machines, Machine(NEW, deed.number))
                bad = gateways.of_launch(deed.number, self._canon[state.group], state.machines)
                yield Step(f"{label}; <{NEW}> is starting", True, state._replace(machines=machines), bad)
            else:
                self.cut = True
            if state.budget.refuse:
                told = tuple(sorted((*state.told, deed.number))) if tells else state.told
                after = state._replace(told=told, budget=spent(state.budget, "refuse"))
                yield Step(f"{label}; AWS refuses it", False, after)
            return
        i = next((i for i, m in enumerate(state.machines) if m.id == deed.cluster), None)
        if i is None:
            yield Step(f"{label}; there is nothing left of it", True, state)
            return
        machine = state.machines[i]
        changed, refused = self._changed(machine, deed)
        bad = () if refused else invariants.of_deed(deed, machine, self._canon[state.group])
        bad += gateways.of_denial(deed, machine, self._canon[state.group])
        machines = (*state.machines[:i], changed, *state.machines[i + 1 :])
        refusal = "; AWS refuses it, for termination protection is on" if refused else ""
        yield Step(f"{label}{refusal}", True, state._replace(machines=machines), bad)

    def _changed(self, m: Machine, deed: Deed) -> tuple[Machine, bool]:
        """The cluster after the deed, and whether AWS refused it."""
        match deed.verb:
            case Verb.REGISTER | Verb.DEREGISTER:
                return m._replace(target=deed.verb is Verb.REGISTER), False
            case Verb.TERMINATE if m.protected and not m.ended:
                return m, True
            case Verb.TERMINATE:
                return terminated(m, self._setup), False
            case Verb.DENY | Verb.ALLOW:
                return m._replace(denied=deed.verb is Verb.DENY), False
            case _:
                return m if m.ended else m._replace(protected=deed.verb is Verb.PROTECT), False
