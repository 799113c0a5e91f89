"""From evidence to a verdict by name: what the witnesses say together of one member."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from emr_dr.core.world import EmrState, Health


class VerdictName(StrEnum):
    """The names under which verdicts appear in status, journal and logs."""

    STARTING = "Starting"
    HEALTHY = "Healthy"
    SUSPECT = "Suspect"
    SERVICE_DOWN = "ServiceDown"
    MEMBER_LOST = "MemberLost"
    PROBE_PATH_BROKEN = "ProbePathBroken"
    BLIND = "Blind"


class Witness(StrEnum):
    """What the balancer's own health check says of one service of one member."""

    AGREES = "agrees"
    """It calls the target unhealthy."""
    CONTRADICTS = "contradicts"
    """It calls the target healthy."""
    SILENT = "silent"
    """The member is no target of that group, or the check has not yet spoken, or nobody could ask."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One check of one service, made directly at the member. `detail` says what was wrong, or what was read."""

    service: str
    ok: bool
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen of one cluster in one round.

    Attributes:
        emr: EMR's word; None when EMR could not be asked.
        probes: Direct checks, one a service; empty when there was nothing to ask yet.
        witnesses: The balancer's word, by service.
        stands_by: It is a standby and no target, so the balancer can have no word on it. Nothing is served by it, so
            direct checks alone may give it up: waiting for a second witness would be waiting for ever.
    """

    cluster: str
    emr: EmrState | None
    probes: tuple[ProbeResult, ...] = ()
    witnesses: tuple[tuple[str, Witness], ...] = ()
    aws_reachable: bool = True
    stands_by: bool = False

    def witness(self, service: str) -> Witness:
        """The balancer's word on one service."""
        return dict(self.witnesses).get(service, Witness.SILENT)

    def confirmed(self, service: str) -> bool:
        """Whether a failed direct check of the service is borne out, or nobody could bear it out."""
        word = self.witness(service)
        return word is Witness.AGREES or (self.stands_by and word is Witness.SILENT)

    @property
    def second_word(self) -> str:
        """Who bears failed direct checks out, in words."""
        return "it is no target, so nobody else can say" if self.stands_by else "the balancer's checks agree"


@dataclass(frozen=True, slots=True)
class FailureRun:
    """An unbroken run of failed checks of one service of one cluster: count and time both have to speak."""

    cluster: str
    service: str
    since: float
    last: float
    failures: int


@dataclass(frozen=True, slots=True)
class Detection:
    """When a run of failures is believed. Times in seconds.

    Attributes:
        interval: Between two rounds.
        least_failures: Failures needed besides the time, so that one slow round cannot fill a window by itself.
        on_service_down: Whether a single dead service is a reason to replace the member.
    """

    interval: float = 5.0
    member_lost: float = 60.0
    service_down: float = 120.0
    least_failures: int = 3
    replace_on_service_down: bool = True

    @property
    def gap(self) -> float:
        """A run not continued for this long is forgotten: whoever was watching looked away."""
        return max(3 * self.interval, 30.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the witnesses say together, and the sentence that explains it."""

    name: VerdictName
    health: Health
    why: str = ""
    service: str = ""


def remember(runs: Iterable[FailureRun], evidence: Evidence, at: float, detection: Detection) -> tuple[FailureRun, ...]:
    """Return the failure runs of this evidence's cluster after one more round.

    A run from the future was stamped by a clock that has been put right since: kept, it could not fill its window until
    time has caught up.
    """
    old = {r.service: r for r in runs if r.cluster == evidence.cluster and 0 <= at - r.last <= detection.gap}
    return tuple(
        replace(old[p.service], last=at, failures=old[p.service].failures + 1)
        if p.service in old
        else FailureRun(evidence.cluster, p.service, at, at, 1)
        for p in evidence.probes
        if not p.ok
    )


def judge(evidence: Evidence, runs: Sequence[FailureRun], at: float, detection: Detection) -> Verdict:
    """Say what the witnesses say together; one witness never decides."""
    if evidence.emr in (EmrState.ENDING, EmrState.ENDED):
        return Verdict(VerdictName.MEMBER_LOST, Health.LOST, f"EMR says that the cluster is {evidence.emr}")
    if not evidence.probes:
        name = VerdictName.STARTING if evidence.emr is EmrState.STARTING else VerdictName.BLIND
        return Verdict(name, Health.UNKNOWN, "there is nothing to ask yet")
    failing = [p for p in evidence.probes if not p.ok]
    if not failing:
        return Verdict(VerdictName.HEALTHY, Health.HEALTHY, "every service answers as it should")
    if not evidence.aws_reachable:
        return Verdict(VerdictName.BLIND, Health.UNKNOWN, f"{_named(failing)} and AWS out of reach: it may be us")
    if len(failing) == len(evidence.probes):
        return _judge_member(evidence, failing, runs, at, detection)
    return _judge_services(evidence, failing, runs, at, detection)


def _judge_member(
    evidence: Evidence, failing: Sequence[ProbeResult], runs: Sequence[FailureRun], at: float, detection: Detection
) -> Verdict:
    words = {evidence.witness(p.service) for p in failing}
    if not all(_believed(p, runs, at, detection.member_lost, detection) for p in failing):
        return Verdict(
            VerdictName.SUSPECT, Health.SUSPECT, f"{_named(failing)}, not yet for {detection.member_lost:g} s"
        )
    if all(evidence.confirmed(p.service) for p in failing):
        why = f"no service answers for {detection.member_lost:g} s, and {evidence.second_word}"
        return Verdict(VerdictName.MEMBER_LOST, Health.LOST, why)
    if Witness.CONTRADICTS in words:
        why = "direct checks fail, but the balancer reaches the member: the path from here is broken"
        return Verdict(VerdictName.PROBE_PATH_BROKEN, Health.SUSPECT, why)
    return Verdict(VerdictName.SUSPECT, Health.SUSPECT, f"{_named(failing)}, and no second witness has spoken")


def _judge_services(
    evidence: Evidence, failing: Sequence[ProbeResult], runs: Sequence[FailureRun], at: float, detection: Detection
) -> Verdict:
    down = [p for p in failing if _believed(p, runs, at, detection.service_down, detection)]
    agreed = next((p for p in down if evidence.confirmed(p.service)), None)
    if agreed is not None:
        health = Health.LOST if detection.replace_on_service_down else Health.SUSPECT
        why = f"{_named([agreed])} for {detection.service_down:g} s, and {evidence.second_word}"
        return Verdict(VerdictName.SERVICE_DOWN, health, why, agreed.service)
    if any(evidence.witness(p.service) is Witness.CONTRADICTS for p in down):
        why = f"{_named(down)}, but the balancer reaches it: the path from here is broken"
        return Verdict(VerdictName.PROBE_PATH_BROKEN, Health.SUSPECT, why)
    return Verdict(VerdictName.SUSPECT, Health.SUSPECT, f"{_named(failing)}, not yet believed")


def _believed(probe: ProbeResult, runs: Sequence[FailureRun], at: float, window: float, detection: Detection) -> bool:
    run = next((r for r in runs if r.service == probe.service), None)
    return run is not None and run.failures >= detection.least_failures and at - run.since >= window


def _named(probes: Sequence[ProbeResult]) -> str:
    return "; ".join(f"{p.service}: {p.detail or 'no good answer'}" for p in probes)
