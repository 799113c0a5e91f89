"""Watches one world: each save and each deed that lands is held against what must hold."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from emr_dr.core.document import Document
from emr_dr.core.group import ENDING, Group, Stage
from emr_dr.core.world import World
from emr_dr.lab.memory import Machine, Moment
from emr_dr.ports import JournalEntry
from simulation.worlds import invariants
from simulation.worlds.nature import Nature
from simulation.worlds.process import Life
from simulation.worlds.setting import Setting
from simulation.worlds.story import Story


class Deed(NamedTuple):
    """What one process has sent on its way; the subject is an address, a cluster or a launch number."""

    who: str
    verb: str
    subject: str


class Monitor:
    """Holds what happens against what must hold.

    Attributes:
        wrong: What did not hold, in words.
    """

    def __init__(self, setting: Setting, nature: Nature, story: Story, origin: str) -> None:
        self.wrong: list[str] = []
        self._setting, self._nature, self._story, self._origin = setting, nature, story, origin
        self._document: Document | None = None
        self._deed: Deed | None = None
        self._calls = Counter[int]()
        self._allowed = self._most = 0
        self._idle = set[str]()
        nature.faults.hook = self._hook

    def saved(
        self, before: Document | None, after: Document, writer: Life | None, entries: Sequence[JournalEntry]
    ) -> None:
        """Judge one save."""
        self._document = after
        self.told(writer, entries)
        wanted = after.group.wanted
        # Whoever was revoked when fewer came to be wanted stays a target until it is taken out.
        targets = min(self._allowed, len(self._targets()))
        self._allowed = max(targets, wanted.serving, len(after.group.entitled))
        self._most = max(self._most, wanted.serving + wanted.standby)
        if before is not None and before.group != after.group:
            self.blame(invariants.of_save(before.group, after.group))
            if writer is not None and writer.observed is not None:
                self._decided(before.group, after.group, writer.observed.world)
            self.blame(self._forgotten(before.group, after.group))
        self._look()

    def _forgotten(self, before: Group, after: Group) -> Iterable[str]:
        """A launch is given up when it must have shown itself; its cluster would be ended as if it were nobody's."""
        kept = {m.number for m in after.members}
        lost = {m.number for m in before.at(Stage.LAUNCHING) if m.number not in kept}
        made = (m for m in self._nature.alive(self._origin) if m.id not in self._nature.by_hand)
        yield from (f"I3 gave launch {m.number} up, and {m.id} lives" for m in made if m.number in lost)

    def _decided(self, before: Group, after: Group, world: World) -> None:
        policy = self._setting.policy
        self.blame(invariants.of_decision(before, after, world, policy))
        for m in after.at(Stage.RETIRING):
            old = invariants.as_before(before, m)
            new = old is not None and old.stage is not Stage.RETIRING
            if old is not None and new and m.cluster and invariants.only_idle(old, m, world, policy):
                self._idle.add(m.cluster)

    def told(self, writer: Life | None, entries: Sequence[JournalEntry]) -> None:
        """Tell what was written down."""
        self._story.entries(writer.holder if writer is not None else "person", entries)

    def calls(self, number: int) -> None:
        """Judge that RunJobFlow is called, whatever comes of it: one save licenses one call."""
        self._calls[number] += 1
        licensed = next((m.tries for m in self._group.members if m.number == number and m.cluster is None), 0)
        if self._calls[number] > licensed:
            self.blame([f"I3 call {self._calls[number]} of launch {number}, {licensed} are licensed"])

    def sent(self, deed: Deed) -> None:
        """Note what is on its way; the hook says whether it lands."""
        self._deed = deed

    @property
    def _group(self) -> Group:
        assert self._document is not None
        return self._document.group

    def _hook(self, moment: Moment, call: str) -> None:
        del call
        if moment is Moment.AFTER and self._deed is not None:
            deed, self._deed = self._deed, None
            self._landed(deed)
            self._look()

    def _landed(self, deed: Deed) -> None:
        who, verb, subject = deed
        self._story.tell(who, f"{verb} {subject}")
        lease = self._document.lease if self._document is not None else None
        if lease is None or lease.holder != who:
            self.blame([f"B1 {verb} of {who} lands in the lease of {lease.holder if lease else 'nobody'}"])
        match verb:
            case "register":
                self._nature.registered_by_hand.discard(subject)
                self.blame(invariants.of_register(subject, self._group))
            case "deregister":
                self.blame(invariants.of_deregister(subject, self._group))
            case "protect" | "unprotect" | "terminate":
                self._touched(verb, self._nature.machines[subject])

    def _touched(self, verb: str, machine: Machine) -> None:
        if machine.origin != self._origin:
            self.blame([f"O1 {verb} of {machine.id}, which another store made"])
        elif verb != "protect":
            self.blame(invariants.of_ending(verb, machine.id, self._group))
        if verb == "terminate" and machine.jobs and machine.id in self._idle:
            self.blame([f"E1 ended {machine.id} for it was idle, while {', '.join(machine.jobs)} ran on it"])

    def _look(self) -> None:
        """Judge what is true now."""
        if self._document is None:
            return
        group = self._group
        self.blame(invariants.of_targets(self._targets(), group, self._allowed))
        self.blame(self._of_machines(group))

    def _targets(self) -> list[str]:
        """The addresses that get new connections and were not registered by a person."""
        return [a for a in self._nature.registered() if a not in self._nature.registered_by_hand]

    def _of_machines(self, group: Group) -> Iterable[str]:
        made = [m for m in self._nature.alive(self._origin) if m.id not in self._nature.by_hand]
        numbers = Counter(m.number for m in made)
        for number, count in numbers.items():
            if count > 1:
                yield f"I3 {count} live clusters of launch {number}"
        leaving = {m.cluster for m in group.at(Stage.FENCING, *ENDING)}
        staying = sum(m.id not in leaving for m in made)
        if staying > 2 * self._most + 1:
            yield f"I3 {staying} live clusters, {self._most} wanted"

    def blame(self, wrong: Iterable[str]) -> None:
        """Note what does not hold."""
        for words in wrong:
            self._story.tell("MONITOR", words)
            self.wrong.append(words)
