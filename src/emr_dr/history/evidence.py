"""What was seen when a decision was made, as a table: every witness's word on every service of every cluster."""

from dataclasses import dataclass

from emr_dr.controller.replay import Recorded
from emr_dr.core.evidence import Evidence, FailureRun, ProbeResult, Witness
from emr_dr.core.group import Group, Member
from emr_dr.core.verdict import Detection
from emr_dr.core.world import Cluster, EmrState, HostHealth, ProvingResult, TargetState
from emr_dr.ports.store import JsonValue


@dataclass(frozen=True, slots=True)
class Failing:
    """How long something had failed without a break, against what is needed to believe it."""

    seconds: float
    failures: int
    window: float
    least_failures: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another vantage saw of a service."""

    vantage: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """Everybody's word on one service.

    Attributes:
        ok: Our own direct check; `detail` is what was wrong or read.
        own_word: The service itself answered that it is not well.
        failing: The run of our own failures; None while it answers.
        unrouted: How long the balancer has not reached it while it answers us; None when it does, or nobody can say.
    """

    service: str
    ok: bool
    detail: str
    seconds: float
    own_word: bool
    balancer: Witness
    elsewhere: tuple[Elsewhere, ...] = ()
    failing: Failing | None = None
    unrouted: Failing | None = None


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """Everybody's word on one cluster, and what was made of it.

    Attributes:
        member: The number of the member it was; None for what nobody remembers.
        stage: The member's stage before the decision.
        verdict: Its name; in entries of older versions the bare health.
    """

    cluster: str
    member: int | None
    stage: str
    az: str
    emr: EmrState | None
    host: HostHealth
    target: TargetState | None
    verdict: str
    why: str
    idle: bool
    protected: bool
    proving: ProvingResult | None
    differs: tuple[str, ...]
    sees: bool
    aws_reachable: bool
    services: tuple[ServiceSeen, ...]


def clusters_seen(recorded: Recorded, verdicts: JsonValue) -> tuple[ClusterSeen, ...]:
    """A table for each cluster that the round saw, members first, in the order of their launch."""
    tables = [_cluster(e, recorded, verdicts) for e in recorded.evidence]
    return tuple(sorted(tables, key=lambda t: (t.member is None, t.member or 0)))


def _cluster(evidence: Evidence, recorded: Recorded, verdicts: JsonValue) -> ClusterSeen:
    seen = next((c for c in recorded.world.clusters if c.id == evidence.cluster), None)
    member = _member(recorded.before, seen, evidence.cluster)
    verdict = verdicts.get(evidence.cluster) if isinstance(verdicts, dict) else None
    known = verdict if isinstance(verdict, dict) else {"name": seen.health if seen else "unknown", "why": ""}
    return ClusterSeen(
        cluster=evidence.cluster,
        member=member.number if member else None,
        stage=member.stage if member else "",
        az=member.placement.az if member and member.placement else "",
        emr=evidence.emr,
        host=evidence.host,
        target=seen.target if seen else None,
        verdict=str(known["name"]),
        why=str(known["why"]),
        idle=seen is not None and seen.idle,
        protected=seen is not None and seen.protected,
        proving=seen.proving if seen else None,
        differs=seen.differs if seen else (),
        sees=evidence.sees,
        aws_reachable=evidence.aws_reachable,
        services=tuple(_service(p, evidence, recorded) for p in evidence.probes),
    )


def _member(group: Group, seen: Cluster | None, cluster: str) -> Member | None:
    """Its member; one whose launch is awaited is known by its number only."""
    known = next((m for m in group.members if m.cluster == cluster), None)
    awaited = (m for m in group.members if m.cluster is None and seen is not None and m.number == seen.number)
    return known or next(awaited, None)


def _service(probe: ProbeResult, evidence: Evidence, recorded: Recorded) -> ServiceSeen:
    runs = {r.service: r for r in recorded.runs_of(evidence.cluster)}
    down, at = recorded.detection, recorded.world.at
    all_fail = not any(p.ok for p in evidence.probes)
    window = (down.member_lost if all_fail else down.service_down) if down else 0.0
    return ServiceSeen(
        service=probe.service,
        ok=probe.ok,
        detail=probe.detail,
        seconds=probe.seconds,
        own_word=probe.own_word,
        balancer=evidence.balancer(probe.service),
        elsewhere=tuple(
            Elsewhere(vantage, p.ok, p.detail)
            for vantage, probes in evidence.others
            for p in probes
            if p.service == probe.service
        ),
        failing=_failing(runs.get(probe.service), at, window, down),
        unrouted=_failing(runs.get(f"balancer/{probe.service}"), at, down.service_down if down else 0.0, down),
    )


def _failing(run: FailureRun | None, at: float, window: float, detection: Detection | None) -> Failing | None:
    if run is None or detection is None:
        return None
    return Failing(at - run.since, run.failures, window, detection.least_failures)
