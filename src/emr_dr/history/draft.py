"""A recovery while it is still being told: what the journal's entries add to it, one after another."""

from dataclasses import dataclass, field, replace

from emr_dr.core.group import COMING, ENTITLED, Stage
from emr_dr.history.recoveries import Candidate, Departure, Kind, Loss, Recovery, Refusal, Result


@dataclass(slots=True)
class Known:
    """A member as the entries told it so far."""

    number: int
    stage: Stage
    cluster: str = ""
    az: str = ""
    refused: str = ""


@dataclass(slots=True)
class Draft:
    """Gathers one recovery."""

    kind: Kind
    begun: float
    seq: int
    leaders: list[str]
    losses: list[Loss] = field(default_factory=list)
    candidates: dict[int, Candidate] = field(default_factory=dict)
    departures: dict[int, Departure] = field(default_factory=dict)
    epoch: int | None = None
    held: str = ""
    came_back: bool = False
    settled: float | None = None
    complete: float | None = None

    def told(self, refusals: tuple[Refusal, ...]) -> Recovery:
        """The recovery as far as it goes; of the refusals it takes those that were in its way."""
        held = Result.HELD if self.held else Result.UNDER_WAY
        reached = Result.GIVEN_UP if self.came_back else Result.RECOVERED
        end = self.settled if self.settled is not None else float("inf")
        return Recovery(
            kind=self.kind,
            begun=self.begun,
            seq=self.seq,
            result=held if self.settled is None else reached,
            losses=tuple(self.losses),
            candidates=tuple(self.candidates.values()),
            departures=tuple(self.departures.values()),
            blocked=tuple(r for r in refusals if r.at < end and (r.ended is None or r.ended > self.begun)),
            epoch=self.epoch,
            leaders=tuple(self.leaders),
            held=self.held,
            settled=self.settled,
            complete=self.complete,
        )

    def lose(self, loss: Loss, *, entitled: bool) -> None:
        """Another member is lost; one that is told again is the same loss."""
        if all(known.member != loss.member for known in self.losses):
            self.losses.append(loss)
        if entitled and self.kind is not Kind.FIRST_START:
            self.kind = Kind.UNPLANNED

    def settle(self, at: float) -> None:
        """Enough are there again: by new ones, or because what was lost came back."""
        self.settled = at
        taken = any(
            c.failed is None and (c.admitted is not None or c.proven is not None) for c in self.candidates.values()
        )
        self.came_back = bool(self.losses) and not taken

    def move(self, member: Known, was: Stage | None, at: float, reason: str) -> None:
        """A member entered the stage that it is in now."""
        match member.stage:
            case Stage.LAUNCHING:
                self._note(member, launched=at)
            case Stage.PROVING if was is Stage.FENCING:
                self._note(member, why=reason, failed=None)
            case Stage.PROVING:
                self._note(member, up=at)
            case Stage.STANDBY:
                self._note(member, proven=at)
            case Stage.ADMITTING:
                self.departures.pop(member.number, None)  # one that was fenced and is taken back
                earlier = self.candidates.get(member.number)
                proven = earlier.proven if earlier else None
                # One that is needed at once is proven and admitted in one save.
                self._note(member, admitted=at, proven=at if was is Stage.PROVING else proven)
            case Stage.SERVING if was is Stage.ADMITTING:
                self._note(member, serving=at)
            case Stage.CONDEMNED | Stage.FENCING:
                self._fall(member, was, at, reason)
            case _:
                self._place(member)

    def leave(self, member: Known, at: float, reason: str) -> None:
        """A member left the document; one that never had a cluster was a candidate that failed."""
        if member.stage is Stage.LAUNCHING and member.number in self.candidates:
            self._note(member, failed=at, why=reason)
        elif member.number in self.departures:
            self.departures[member.number] = replace(self.departures[member.number], retired=at)

    def _fall(self, member: Known, was: Stage | None, at: float, reason: str) -> None:
        candidate = self.candidates.get(member.number)
        if candidate is not None and candidate.serving is None and candidate.failed is None:
            self._note(member, failed=at, why=reason)
        elif was in ENTITLED or was in COMING:
            self.departures[member.number] = Departure(member.number, member.cluster, member.az, at, reason)

    def _note(self, member: Known, **news: float | str | None) -> None:
        known = self.candidates.get(member.number) or Candidate(member.number)
        place = {"cluster": member.cluster or known.cluster, "az": member.az or known.az}
        self.candidates[member.number] = replace(known, **place, **news)  # type: ignore[arg-type]

    def _place(self, member: Known) -> None:
        """A candidate's cluster is known as soon as it was seen."""
        if member.number in self.candidates:
            self._note(member)
