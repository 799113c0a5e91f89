"""The journal, entry by entry, told as recoveries and refusals: a fold that needs no more than the entries."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from emr_dr.core.group import ENTITLED, Stage
from emr_dr.history.draft import Draft, Known
from emr_dr.history.recoveries import Kind, Loss, Recovery, Refusal
from emr_dr.ports import JournalEntry

_LOST = ("MemberLost", "ServiceDown")
"""Verdicts that mean a loss in entries of versions that did not write the health beside them."""
_JUDGED = ENTITLED | {Stage.STANDBY}
"""The stages whose members' loss is the group's loss; those before are just candidates that fail."""
_BUILDING = (Stage.LAUNCHING, Stage.BOOTING, Stage.PROVING, Stage.ADMITTING)


def recoveries(entries: Iterable[JournalEntry]) -> tuple[Recovery, ...]:
    """Every recovery that a journal tells of, oldest first; the last may be under way."""
    chronicle = Chronicle()
    for entry in entries:
        chronicle.add(entry)
    return chronicle.recoveries


class Chronicle:
    """Takes a journal's entries in their order, from the first one on, and knows what they amount to by then."""

    def __init__(self) -> None:
        self._drafts: list[Draft] = []
        self._refused: dict[str, Refusal] = {}
        self._allowed_again: list[Refusal] = []
        self._members: dict[int, Known] = {}
        self._health: dict[str, str] = {}
        self._holder = ""
        self._epoch = 0
        self._takes: dict[str, Callable[[JournalEntry, Mapping[str, Any]], None]] = {
            "lease_taken": self._led,
            "verdict_changed": self._judged,
            "stage_changed": self._moved,
            "member_left": self._gone,
            "effect_refused": self._launch_refused,
            "refused": self._due,
            "refusal_ended": lambda entry, detail: self._allowed(detail["reason"], entry.at),
            "entitlement_moved": self._entitled,
            "group_held": self._held,
            "hold_released": self._held,
            "decided": self._weighed,
            "group_ended": self._ended,
        }

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """Every recovery, oldest first; the last may be under way."""
        refusals = self.refusals
        return tuple(draft.told(refusals) for draft in self._drafts)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Everything that was refused, oldest first."""
        return tuple(sorted((*self._allowed_again, *self._refused.values()), key=lambda r: r.seq))

    def add(self, entry: JournalEntry) -> None:
        """Take the next entry; what does not matter here is passed over."""
        take = self._takes.get(entry.event)
        if take is not None:
            take(entry, entry.detail)

    @property
    def _open(self) -> Draft | None:
        """The recovery that is not complete."""
        return self._drafts[-1] if self._drafts and self._drafts[-1].complete is None else None

    def _begun(self, kind: Kind, entry: JournalEntry) -> Draft:
        """A new recovery, whatever became of the one before."""
        self._drafts.append(Draft(kind, entry.at, entry.seq, [self._holder] if self._holder else []))
        return self._drafts[-1]

    def _led(self, _: JournalEntry, detail: Mapping[str, Any]) -> None:
        self._holder = detail["holder"]
        if (draft := self._open) and self._holder not in draft.leaders:
            draft.leaders.append(self._holder)

    def _judged(self, entry: JournalEntry, detail: Mapping[str, Any]) -> None:
        cluster, verdict = detail["cluster"], detail["to"]
        health = detail.get("health", "lost" if verdict in _LOST else "")
        member = next((m for m in self._members.values() if m.cluster == cluster), None)
        if health != "lost" or member is None or member.stage not in _JUDGED:
            return
        entitled = member.stage in ENTITLED
        draft = self._open
        if draft is None or draft.settled is not None:
            draft = self._begun(Kind.UNPLANNED if entitled else Kind.STANDBY, entry)
        loss = Loss(member.number, cluster, member.az, entry.at, verdict, detail["why"], detail.get("failing_since"))
        draft.lose(loss, entitled=entitled)

    def _moved(self, entry: JournalEntry, detail: Mapping[str, Any]) -> None:
        stage = Stage(detail["to"])
        was = Stage(detail["from"]) if detail["from"] else None
        if was is None and stage is Stage.CONDEMNED:
            return  # an orphan: nobody's candidate, and its number may be another member's
        member = self._members.setdefault(detail["member"], Known(detail["member"], stage))
        member.stage = stage
        member.cluster, member.az = detail["cluster"] or member.cluster, detail.get("az", "") or member.az
        draft = self._open
        if draft is None and (stage in (*_BUILDING, Stage.DRAINING) or was in ENTITLED):
            draft = self._begun(Kind.PLANNED if self._epoch else Kind.FIRST_START, entry)
        if draft is not None:
            draft.move(member, was, entry.at, detail["reason"])

    def _gone(self, entry: JournalEntry, detail: Mapping[str, Any]) -> None:
        member = self._members.get(detail["member"])
        if member is None or (detail.get("cluster") or member.cluster) != member.cluster:
            return
        reason = detail.get("reason") or member.refused or "no cluster of it was seen"
        for draft in self._drafts:
            draft.leave(member, entry.at, reason)
        del self._members[member.number]

    def _launch_refused(self, _: JournalEntry, detail: Mapping[str, Any]) -> None:
        if detail["effect"] == "LaunchCluster" and detail["number"] in self._members:
            self._members[detail["number"]].refused = detail["detail"]

    def _due(self, entry: JournalEntry, detail: Mapping[str, Any]) -> None:
        self._refused.setdefault(detail["reason"], Refusal(detail["reason"], entry.at, entry.seq))

    def _allowed(self, reason: str, at: float) -> None:
        if reason in self._refused:
            self._allowed_again.append(replace(self._refused.pop(reason), ended=at))

    def _entitled(self, _: JournalEntry, detail: Mapping[str, Any]) -> None:
        self._epoch = detail["epoch"]
        if draft := self._open:
            draft.epoch = self._epoch

    def _held(self, _: JournalEntry, detail: Mapping[str, Any]) -> None:
        if draft := self._open:
            draft.held = detail.get("reason", "")

    def _ended(self, _: JournalEntry, detail: Mapping[str, Any]) -> None:
        """A person destroyed the group: that its members end is no loss."""
        for number in detail["condemned"]:
            if number in self._members:
                self._members[number].stage = Stage.CONDEMNED

    def _weighed(self, entry: JournalEntry, detail: Mapping[str, Any]) -> None:
        """Whether with this decision the recovery has settled, or is complete."""
        self._health = {c["id"]: c["health"] for c in detail["world"]["clusters"]}
        for reason in set(self._refused) - set(detail["before"]["refusals"]):
            if self._refused[reason].at < entry.at:  # of a version that did not write down when a refusal ended
                self._allowed(reason, entry.at)
        draft, wanted = self._open, detail["before"]["wanted"]
        if draft is None:
            return
        enough = self._healthy(Stage.SERVING) >= wanted["serving"]
        spare = self._healthy(Stage.STANDBY) >= wanted["standby"]
        building = any(m.stage in _BUILDING for m in self._members.values())
        settled = enough and (spare or draft.kind in (Kind.FIRST_START, Kind.UNPLANNED))
        if draft.settled is None and settled and not (building and draft.kind is Kind.PLANNED):
            draft.settle(entry.at)
        if draft.settled is not None and enough and spare and not building:
            draft.complete = entry.at

    def _healthy(self, stage: Stage) -> int:
        return sum(m.stage is stage and self._health.get(m.cluster) == "healthy" for m in self._members.values())
