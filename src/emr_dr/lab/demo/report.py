"""The demo's report, computed from what was seen: no figure in it is declared."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emr_dr.lab.demo.client import Batch, Fate, Tally
from emr_dr.lab.demo.places import Attempt
from emr_dr.lab.demo.plots import Plot

_LAST_STEP = {True: {"from": "proving", "to": "standby"}, False: {"to": "serving"}}
"""How the last of the wanted members comes to its place, with and without a standby."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline; `at` in seconds of the epoch, `source` says who told it."""

    at: float
    event: str
    source: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Launched:
    """One cluster of the story as EMR tells it; times in seconds of the epoch, None where EMR has none."""

    id: str
    state: str
    created: float
    ready: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the report is computed from.

    Attributes:
        outage: Last good and first good answer at the address after the kill, of the client that waited longest.
        longest: The same, whenever it was.
        accepted_by_member: How many submissions each member accepted that ever served, by its number, the first first.
        attempts: In mode gateway, the attempts behind each batch's number.
        marks: Names of the files that runs of jobs left: `<batch>.<run>.started` and `.completed`.
    """

    plot: Plot
    killed_at: float
    killed_cluster: str
    timeline: Sequence[Event]
    outage: tuple[float, float] | None
    longest: tuple[float, float] | None
    accepted_by_member: Mapping[str, int]
    tally: Tally
    marks: Sequence[str]
    clusters: Sequence[Launched]
    left_running: int
    targets: Sequence[str]
    shortened: Sequence[Mapping[str, str]]
    attempts: Mapping[int, Sequence[Attempt]] = field(default_factory=dict)

    @property
    def rescued(self) -> Sequence[Sequence[Attempt]]:
        """The attempts of each batch that was run again because its member was proven dead."""
        return [tried for tried in self.attempts.values() if len(tried) > 1 and tried[0].proof_at is not None]


@dataclass(frozen=True, slots=True)
class Figures:
    """What the story measured, in seconds; None where a step was never seen, or is none of this story's."""

    detect_seconds: float | None = None
    launch_seconds: float | None = None
    prove_seconds: float | None = None
    switch_seconds: float | None = None
    rto_seconds: float | None = None
    overhead_seconds: float | None = None
    replaced_seconds: float | None = None
    longest_gap_seconds: float | None = None
    proof_seconds: float | None = None
    rescue_seconds: float | None = None


def report(seen: Evidence) -> dict[str, Any]:
    """Return the report as `--json` writes it."""
    measured = figures(seen)
    batches = count_batches(seen.tally.batches, seen.marks)
    ended = sum(c.state.startswith("TERMINATED") for c in seen.clusters)
    problems = _problems(measured, batches, seen)
    return {
        "ok": not problems,
        "problems": problems,
        **{k: None if v is None else round(v, 1) for k, v in asdict(measured).items()},
        "outage": None if seen.outage is None else [round(at, 3) for at in seen.outage],
        "submissions": {
            "attempted": seen.tally.attempted,
            "accepted": sum(b.accepted for b in seen.tally.batches),
            "refused": seen.tally.refused,
        },
        "batches": batches,
        "wrong_answers": seen.tally.wrong_answers,
        "accepted_by_member": dict(seen.accepted_by_member),
        "rescued": len(seen.rescued),
        "reconnected": seen.tally.reconnected,
        "mode": seen.plot.mode,
        "clusters": {"launched": len(seen.clusters), "left_running": seen.left_running, "ended": ended},
        "targets": list(seen.targets),
        "shortened": [dict(s) for s in seen.shortened],
        "timeline": [{"at": round(e.at, 3), "event": e.event, "source": e.source, **e.detail} for e in seen.timeline],
    }


def figures(seen: Evidence) -> Figures:
    """Measure the steps between what was seen."""
    after = [e for e in seen.timeline if e.at >= seen.killed_at]
    lost = _first(after, "verdict_changed", cluster=seen.killed_cluster, to="MemberLost")
    proving = _first(after, "stage_changed", to="proving")
    proven = _first(after, "stage_changed", **{"from": "proving", "to": "standby"}) or _first(
        after, "stage_changed", **{"from": "proving", "to": "admitting"}
    )
    replacement = max(seen.clusters, key=lambda c: c.created, default=None)
    launch = (
        replacement.ready - replacement.created
        if replacement is not None and replacement.ready is not None and replacement.created >= seen.killed_at
        else None
    )
    rto = seen.outage[1] - seen.outage[0] if seen.outage else None
    if seen.plot.gateways:
        taken = [a.sent_at for tried in seen.attempts.values() for a in tried[:1] if a.confirmed and a.sent_at]
        rto = min((at - seen.killed_at for at in taken if at > seen.killed_at), default=None)
    # Who takes over: a standby that was proven long ago, or the replacement once it is; with several, who is left.
    ready = _first(after, "stage_changed", **{"from": "standby", "to": "admitting"}) if seen.plot.standby else proven
    alone, direct = seen.plot.wanted == 1, not seen.plot.gateways
    whole = _first(after, "stage_changed", **_LAST_STEP[bool(seen.plot.standby)])
    return Figures(
        detect_seconds=lost.at - seen.killed_at if lost else None,
        launch_seconds=launch,
        prove_seconds=proven.at - proving.at if proven and proving else None,
        switch_seconds=seen.outage[1] - ready.at
        if seen.outage and ready and direct and seen.plot.serving == 1
        else None,
        rto_seconds=rto,
        overhead_seconds=rto - launch if rto is not None and launch is not None and alone else None,
        replaced_seconds=whole.at - seen.killed_at if whole else None,
        longest_gap_seconds=seen.longest[1] - seen.longest[0] if seen.longest else 0.0 if seen.plot.gateways else None,
        **_of_rescues(seen),
    )


def _of_rescues(seen: Evidence) -> dict[str, float]:
    """How long the proof took that a member was dead, and how long what was rescued by it; nothing if nothing was."""
    proofs = [tried[0].proof_at for tried in seen.rescued if tried[0].proof_at is not None]
    sent = [tried[1].sent_at for tried in seen.rescued if tried[1].sent_at is not None]
    if not proofs or not sent:
        return {}
    return {"proof_seconds": max(proofs) - seen.killed_at, "rescue_seconds": max(sent) - max(proofs)}


def count_batches(batches: Sequence[Batch], marks: Iterable[str]) -> dict[str, int]:
    """Count fates; `ran_twice` counts batches of which two runs completed, by the marks that the jobs left."""
    completed = Counter(Path(m).name.split(".")[0] for m in marks if m.endswith(".completed"))
    fates = Counter(b.fate for b in batches)
    return {
        "accepted": sum(b.accepted > 0 for b in batches),
        "succeeded": fates[Fate.SUCCEEDED],
        "failed": fates[Fate.FAILED],
        "interrupted": sum(b.interrupted for b in batches),
        "resubmitted": sum(b.accepted > 1 for b in batches),
        "lost": fates[Fate.LOST],
        "ran_twice": sum(count > 1 for count in completed.values()),
    }


def _problems(measured: Figures, batches: Mapping[str, int], seen: Evidence) -> list[str]:
    """What keeps the story from being called a success, in words."""
    values = asdict(measured)
    found = [f"{name} was never seen" for name in seen.plot.figures if values[name] is None]
    if batches["interrupted"] < 1:
        found.append("no batch was running when the AZ died")
    found += [f"{batches[name]} batches: {name}" for name in ("lost", "failed", "ran_twice") if batches[name]]
    if seen.tally.wrong_answers:
        found.append(f"{seen.tally.wrong_answers} polls were answered about another job")
    wanted = seen.plot.wanted
    if seen.left_running != wanted:
        found.append(f"{seen.left_running} clusters left running, {wanted} is right")
    if len(seen.clusters) != wanted + 1:  # the first ones, and the lost one's replacement
        found.append(f"{len(seen.clusters)} clusters launched, {wanted + 1} are right")
    idle = [member for member, count in list(seen.accepted_by_member.items())[: seen.plot.serving] if not count]
    found += [f"member {member} served and was given no batch" for member in idle]
    return [*found, *_problems_of_gateways(batches, seen)] if seen.plot.gateways else found


def _problems_of_gateways(batches: Mapping[str, int], seen: Evidence) -> Iterator[str]:
    if seen.tally.refused:
        yield f"{seen.tally.refused} submissions were refused"
    if batches["resubmitted"]:
        yield f"{batches['resubmitted']} batches were submitted again by their clients"
    if not seen.rescued:
        yield "no batch was rescued"


def _first(events: Iterable[Event], name: str, **detail: str) -> Event | None:
    return next((e for e in events if e.event == name and all(e.detail.get(k) == v for k, v in detail.items())), None)
