"""Canonical forms: states that can only behave alike become one, so that the walk ends."""

from dataclasses import fields, replace
from typing import NamedTuple

from emr_dr.core.group import Avoidance, Denial, Group, Member
from emr_dr.core.standing import NOT_PROVEN_AGAIN
from emr_dr.core.view import Proof
from walk.setup import Setup
from walk.state import Deed, Hand, Kind, Machine, State, Verb


class Naming(NamedTuple):
    """New names for clusters and launch numbers: letters and ranks, both in order of creation."""

    ids: tuple[tuple[str, str], ...]
    numbers: tuple[int, ...]

    def rank(self, number: int) -> int:
        """The new name of a launch number: how many of those still referred to are not greater."""
        return sum(n <= number for n in self.numbers)


class Canon:
    """Interns groups and rewrites states; states hold the index of a group, which hashes fast."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._groups = list[Group]()
        self._index = dict[Group, int]()
        self._referred = list[tuple[frozenset[str], frozenset[int]]]()
        self._renamed = dict[tuple[int, Naming], int]()

    def __getitem__(self, index: int) -> Group:
        return self._groups[index]

    def intern(self, group: Group) -> int:
        """The index of the group's canonical form."""
        canonical = self._canonical(group)
        index = self._index.get(canonical)
        if index is None:
            index = self._index[canonical] = len(self._groups)
            self._groups.append(canonical)
            ids = frozenset(m.cluster for m in canonical.members if m.cluster)
            numbers = {m.number for m in canonical.members} | {canonical.leaving or 0}
            self._referred.append((ids, frozenset(numbers - {0})))
        return index

    def remembered(self, index: int) -> frozenset[str]:
        """The clusters that a group remembers."""
        return self._referred[index][0]

    def naming(self, state: State) -> Naming:
        """How the clusters and launches of a state are called in its canonical form."""
        machines, numbers = self._kept(state)
        return Naming(tuple((m.id, chr(97 + i)) for i, m in enumerate(machines)), tuple(sorted(numbers)))

    def state(self, state: State) -> State:
        """The canonical form of a state."""
        machines, numbers = self._kept(state)
        if self._is_canonical(state, machines, numbers):
            return state if len(machines) == len(state.machines) else state._replace(machines=machines)
        naming = Naming(tuple((m.id, chr(97 + i)) for i, m in enumerate(machines)), tuple(sorted(numbers)))
        letters = dict(naming.ids)
        return State(
            self._rename(state.group, naming),
            tuple(m._replace(id=letters[m.id], number=naming.rank(m.number)) for m in machines),
            self._rename_hand(state.lead, naming, letters) if state.lead else None,
            tuple(sorted(self._rename_hand(h, naming, letters) for h in state.former)),
            tuple(sorted(naming.rank(n) for n in state.told)),
            state.budget,
        )

    def _kept(self, state: State) -> tuple[tuple[Machine, ...], set[int]]:
        """The clusters that still matter, and every launch number that somebody still speaks of."""
        ids, numbers = self._referred_by(state)
        machines = tuple(
            [m for m in state.machines if not m.ended or m.target or m.on_ledger or m.denied or m.id in ids]
        )
        numbers.update([m.number for m in machines if m.number])
        return machines, numbers

    def _referred_by(self, state: State) -> tuple[set[str], set[int]]:
        """Every cluster and launch number that somebody still speaks of."""
        known, counted = self._referred[state.group]
        ids, numbers = set(known), set(counted)
        for hand in (state.lead, *state.former) if state.lead else state.former:
            if hand.kind is not Kind.ACT:
                known, counted = self._referred[hand.group]
                ids |= known
                numbers |= counted
            for deed in hand.deeds:
                if deed.number:
                    numbers.add(deed.number)
                else:
                    ids.add(deed.cluster)
        if state.budget.restore:  # the first copy may yet come back, and speaks of clusters and numbers too
            ids |= self._referred[0][0]
            numbers |= self._referred[0][1]
        numbers.update(state.told)
        return ids, numbers

    def _is_canonical(self, state: State, machines: tuple[Machine, ...], numbers: set[int]) -> bool:
        count = len(numbers)
        if self._groups[state.group].launched > count or max(numbers, default=0) != count:
            return False
        for hand in (state.lead, *state.former) if state.lead else state.former:
            if hand.kind is not Kind.ACT and self._groups[hand.group].launched > count:
                return False
        return all([m.id == chr(97 + i) for i, m in enumerate(machines)])  # noqa: C419 (a list is faster here)

    def _rename_hand(self, hand: Hand, naming: Naming, letters: dict[str, str]) -> Hand:
        renamed = [
            Deed(d.verb, number=naming.rank(d.number)) if d.verb is Verb.LAUNCH else Deed(d.verb, letters[d.cluster])
            for d in hand.deeds
        ]
        group = hand.group if hand.kind is Kind.ACT else self._rename(hand.group, naming)
        return Hand(hand.kind, group, tuple(sorted(renamed)))

    def _rename(self, index: int, naming: Naming) -> int:
        key = (index, naming)
        renamed = self._renamed.get(key)
        if renamed is None:
            group, letters = self._groups[index], dict(naming.ids)
            renamed = self._renamed[key] = self.intern(
                replace(
                    group,
                    launched=naming.rank(group.launched),
                    leaving=None if group.leaving is None else naming.rank(group.leaving),
                    members=tuple(
                        replace(m, number=naming.rank(m.number), cluster=letters[m.cluster] if m.cluster else None)
                        for m in group.members
                    ),
                )
            )
        return renamed

    def _canonical(self, group: Group) -> Group:
        """Stamps to 0, words away, epochs to ranks, counters that nothing is limited by away."""
        ranks = {e: i for i, e in enumerate(sorted({0} | {m.epoch for m in group.members}))}
        members = [_plain(m, ranks[m.epoch]) for m in group.members]
        avoid = self._ranked(group.avoid) if group.avoid else ()
        return Group(
            group.name,
            group.origin,
            group.wanted,
            members=tuple(sorted(members, key=lambda m: (m.number, m.cluster or ""))),
            epoch=max(ranks.values()),
            launched=group.launched,
            launches=(0.0,) * len(group.launches) if self._setup.count_launches else (),
            attempts=group.attempts if self._setup.count_attempts else _under_way(group, avoid),
            leaving=group.leaving,
            order=group.order,
            pause=group.pause,
            held="held" if group.held else "",
            recovered_at=0.0 if group.recovered_at is not None and self._setup.policy.cooldown else None,
            avoid=avoid,
            refusals=(),
        )

    def _ranked(self, avoidances: tuple[Avoidance, ...]) -> tuple[Avoidance, ...]:
        """What is remembered of failures, by where and why; of when, only which was before which.

        The first is not at 0, which would read as "never", and all are long before the earliest look.
        """
        causes, fades = self._setup.alike, self._setup.policy.avoid_for == 0
        kept = [a for a in avoidances if (a.cause and causes) or not fades]
        stamps = sorted({a.at for a in kept})
        plain = [
            replace(a, at=(stamps.index(a.at) + 1) / 1000, reason="", cause=a.cause if causes else "") for a in kept
        ]
        return tuple(sorted(plain, key=lambda a: (a.subnet, a.instance_type)))


def _plain(m: Member, epoch: int) -> Member:
    address = m.cluster if m.cluster and m.address else ""
    reason = NOT_PROVEN_AGAIN if m.reason.startswith(NOT_PROVEN_AGAIN) else ""  # the only one that decides anything
    death = None if m.death is None else Proof(m.death.kind, 0.0, "")
    denial = None if m.denial is None else Denial(None if m.denial.seen_at is None else 0.0)
    kept = (m.number, m.stage, 0.0, m.cluster, epoch, m.tries, m.placement, address, reason, m.released)
    return Member(*kept, death, denial)


def _under_way(group: Group, avoid: tuple[Avoidance, ...]) -> int:
    """Uncounted attempts: whether a recovery is under way still matters to how long its causes are remembered."""
    return min(group.attempts, 1) if any(a.cause for a in avoid) else 0


def _refuse_what_is_new() -> None:
    """A field that is not dealt with above would be lost, and states taken for equal that are not."""
    known = {
        Group: "name origin wanted members epoch launched launches attempts leaving order"
        " pause held recovered_at avoid refusals",
        Member: "number stage since cluster epoch tries placement address reason released death denial",
        Avoidance: "subnet at reason cause instance_type",
    }
    for kept, names in known.items():
        new = {f.name for f in fields(kept)} ^ set(names.split())
        if new:
            raise AssertionError(
                f"{kept.__name__} has changed in {', '.join(sorted(new))}: say here what the walk keeps"
            )


_refuse_what_is_new()
