"""What became of one run, computed from what was seen; the same for both contenders."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from emr_dr.lab.demo.client import Batch
from emr_dr.lab.demo.report import Launched, count_batches

LIVELY = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
"""States of a cluster that nobody has asked to end."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests at the balancer's address without a right answer, from the disaster to the end of the run."""

    submissions: int = 0
    polls: int = 0
    """Those too that were answered about another job."""
    canary: int = 0

    @property
    def lost(self) -> int:
        """All of them."""
        return self.submissions + self.polls + self.canary


@dataclass(frozen=True, slots=True)
class Started:
    """One start of the procedure after the disaster; times in seconds after it."""

    at: float
    ended: float | None
    exit_code: int | None
    done: bool
    """It said that a new cluster serves."""
    said: Sequence[str]


@dataclass(frozen=True, slots=True)
class Look:
    """The balancer's Livy targets at one time (seconds of the epoch): address to state."""

    at: float
    targets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that an outcome is computed from; times in seconds of the epoch.

    Attributes:
        outage: Last good and first good answer at the address; None if no good one came any more.
        serves: Whether the address answered when the run ended.
        marks: Names of the files that runs of jobs left.
        events: What the contender told, with the seconds after the disaster.
    """

    contender: str
    case: str
    killed_at: float
    killed_cluster: str
    ended_at: float
    outage: tuple[float, float] | None
    serves: bool
    requests: Requests
    wrong_answers: int
    batches: Sequence[Batch]
    marks: Sequence[str]
    clusters: Sequence[Launched]
    looks: Sequence[Look]
    starts: Sequence[Started] = ()
    events: Sequence[Mapping[str, Any]] = ()
    load: Mapping[str, float] = field(default_factory=dict)


def outcome(seen: Seen) -> dict[str, Any]:
    """Return one run as build/bench-failover.json holds it; seconds are None where a step was never seen."""
    rto = seen.outage[1] - seen.outage[0] if seen.outage else None
    launch = launch_seconds(seen)
    launched = [c for c in seen.clusters if c.created >= seen.killed_at]
    return {
        "contender": seen.contender,
        "case": seen.case,
        "rto_seconds": _tenths(rto),
        "launch_seconds": _tenths(launch),
        "overhead_seconds": _tenths(rto - launch if rto is not None and launch is not None else None),
        "requests_lost": seen.requests.lost,
        "requests": asdict(seen.requests),
        "wrong_answers": seen.wrong_answers,
        "batches": count_batches(seen.batches, seen.marks),
        "clusters_launched": len(launched),
        "clusters_left": clusters_left(seen.clusters),
        "most_serving_at_once": max((_healthy(look) for look in seen.looks), default=0),
        "empty_balancer_seconds": _tenths(empty_seconds(seen.looks, seen.ended_at)),
        "run_seconds": _tenths(seen.ended_at - seen.killed_at),
        "broke": broke(seen),
        "load": dict(seen.load),
        "starts": [asdict(each) for each in seen.starts],
        "events": [dict(each) for each in seen.events],
    }


def launch_seconds(seen: Seen) -> float | None:
    """RunJobFlow accepted until WAITING, of the cluster that brought the service back.

    That is the first one launched after the disaster that was WAITING when the first good answer came. While no answer
    came it is the first one that was ever WAITING.
    """
    back = seen.outage[1] if seen.outage else seen.ended_at
    up = [c for c in seen.clusters if c.created >= seen.killed_at and c.ready is not None and c.ready <= back]
    first = min(up, key=lambda c: c.created, default=None)
    return first.ready - first.created if first is not None and first.ready is not None else None


def clusters_left(clusters: Sequence[Launched]) -> int:
    """How many run, and nobody asked to end them, beyond the one that should serve."""
    return max(0, sum(c.state in LIVELY for c in clusters) - 1)


def empty_seconds(looks: Sequence[Look], ended_at: float) -> float:
    """For how long no target was registered, to the precision of the looks."""
    times = [*(look.at for look in looks), ended_at]
    return sum(times[n + 1] - look.at for n, look in enumerate(looks) if not look.targets)


def broke(seen: Seen) -> list[str]:
    """What a recovery should not do, in words; empty for a good one."""
    return [*_service(seen), *_clusters(seen), *_work(seen)]


def _service(seen: Seen) -> list[str]:
    found = []
    if not seen.serves:
        after = f"{seen.ended_at - seen.killed_at:.0f} s"
        found.append(f"nothing served when the run ended {after} after the loss")
        vain = sum(each.done and each.exit_code == 0 for each in seen.starts)
        if vain:
            found.append(f"{vain} starts said “done” with exit code 0")
    if seen.looks and not seen.looks[-1].targets:
        found.append("the balancer was left without a target")
    return found


def _clusters(seen: Seen) -> list[str]:
    found = []
    if left := clusters_left(seen.clusters):
        found.append(f"clusters left running beside the one that should serve: {left}")
    if (most := max((_healthy(look) for look in seen.looks), default=0)) > 1:
        found.append(f"clusters that answered for one address at once: {most}")
    ended = [c for c in seen.clusters if c.state not in LIVELY and c.id != seen.killed_cluster]
    if ended:
        found.append(f"clusters ended that were not lost: {len(ended)}")
    return found


def _work(seen: Seen) -> list[str]:
    counted = count_batches(seen.batches, seen.marks)
    words = {"lost": "batches lost", "failed": "batches failed", "ran_twice": "batches that completed twice"}
    found = [f"{said}: {counted[name]}" for name, said in words.items() if counted[name]]
    if seen.wrong_answers:
        found.append(f"polls answered about another job: {seen.wrong_answers}")
    return found


def _healthy(look: Look) -> int:
    return sum(state == "healthy" for state in look.targets.values())


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
