"""From evidence to a verdict by name: what the witnesses say together of one member."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from emr_dr.core.evidence import GATEWAY, Evidence, FailureRun, ProbeResult, Witness
from emr_dr.core.world import EmrState, Health, HostHealth


class VerdictName(StrEnum):
    """The names under which verdicts appear in status, journal and logs."""

    STARTING = "Starting"
    """EMR is still starting the cluster, and there is nothing to ask yet. Then: wait."""
    HEALTHY = "Healthy"
    """Every check answers as it should."""
    SUSPECT = "Suspect"
    """Something failed, but not yet long or often enough, or no second witness agrees. Then: look closer."""
    SERVICE_DOWN = "ServiceDown"
    """One service fails for `service_down` while others answer, and the balancer or another vantage agrees, or the
    service says so itself. Then: replace, or report, as `on_service_down` says."""
    MEMBER_LOST = "MemberLost"
    """EMR says terminating or terminated; or every service fails for `member_lost`, and the balancer, EC2 or another
    vantage agrees. Then: replace."""
    PROBE_PATH_BROKEN = "ProbePathBroken"
    """Direct checks fail, but the balancer or another vantage reaches the member. Then: report."""
    BALANCER_PATH_BROKEN = "BalancerPathBroken"
    """Direct checks are well, but the balancer does not reach the member for `service_down`. Then: report."""
    BLIND = "Blind"
    """Checks fail, and AWS or all control targets of our own are out of reach, too. Then: nothing, for it may be us."""


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
        """A run not continued for this long is forgotten: whoever was watching looked away.

        Longer than a round in which everything that is asked takes its time, as it does in a disaster.
        """
        return max(3 * self.interval, 60.0)

    @property
    def lately(self) -> float:
        """How old another vantage's sighting may be."""
        return max(3 * self.interval, 30.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the witnesses say together, and the sentence that explains it."""

    name: VerdictName
    health: Health
    why: str = ""
    service: str = ""


_HOST_IS_DOWN = frozenset({HostHealth.IMPAIRED, HostHealth.GONE})


def remember(runs: Iterable[FailureRun], evidence: Evidence, at: float, detection: Detection) -> tuple[FailureRun, ...]:
    """Return the failure runs of this evidence's cluster after one more round.

    A run from the future was stamped by a clock that has been put right since: kept, it could not fill its window until
    time has caught up. While nothing of ours is reached, what fails says nothing of whom we ask.
    """
    if not evidence.sees:
        return ()
    old = {r.service: r for r in runs if r.cluster == evidence.cluster and 0 <= at - r.last <= detection.gap}
    failed = [p.service for p in evidence.probes if not p.ok] + [_behind_balancer(s) for s in _unrouted(evidence)]
    failed += [_seen_from(vantage, p.service) for vantage, probes in evidence.others for p in probes if not p.ok]
    return tuple(
        replace(old[service], last=at, failures=old[service].failures + 1)
        if service in old
        else FailureRun(evidence.cluster, service, at, at, 1)
        for service in failed
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
        return _judge_route(evidence, runs, at, detection)
    if not (evidence.sees and evidence.aws_reachable):
        why = "AWS is out of reach: it may be us" if evidence.sees else "no control target of ours is reached: it is us"
        return Verdict(VerdictName.BLIND, Health.UNKNOWN, f"{_named(failing)}, and {why}")
    if len(failing) == len(evidence.probes):
        return _judge_member(evidence, failing, runs, at, detection)
    return _judge_services(evidence, failing, runs, at, detection)


def _judge_route(evidence: Evidence, runs: Sequence[FailureRun], at: float, detection: Detection) -> Verdict:
    lost = [
        s for s in _unrouted(evidence) if _believed(_behind_balancer(s), runs, at, detection.service_down, detection)
    ]
    if not lost:
        return Verdict(VerdictName.HEALTHY, Health.HEALTHY, "every service answers as it should")
    why = f"every service answers, but the balancer has not reached {', '.join(lost)} for {detection.service_down:g} s"
    return Verdict(
        VerdictName.BALANCER_PATH_BROKEN, Health.HEALTHY, f"{why}: its path or its rules are broken", lost[0]
    )


def _judge_member(
    evidence: Evidence, failing: Sequence[ProbeResult], runs: Sequence[FailureRun], at: float, detection: Detection
) -> Verdict:
    if not all(_believed(p.service, runs, at, detection.member_lost, detection) for p in failing):
        why = f"{_named(failing)}, not yet for {detection.member_lost:g} s"
        return Verdict(VerdictName.SUSPECT, Health.SUSPECT, why)
    evidence = _heard(evidence, runs, at, detection.member_lost, detection)
    if evidence.host is HostHealth.GONE:  # whoever answered elsewhere was somebody else's machine
        evidence = replace(evidence, others=())
    words = frozenset[Witness]().union(*(evidence.words(p) for p in failing))
    if Witness.CONTRADICTS in words:
        return Verdict(VerdictName.PROBE_PATH_BROKEN, Health.SUSPECT, _contradiction(evidence, failing))
    if Witness.AGREES in words or evidence.host in _HOST_IS_DOWN or evidence.stands_by:
        why = f"no service answers for {detection.member_lost:g} s, and {_second_word(evidence, failing)}"
        return Verdict(VerdictName.MEMBER_LOST, Health.LOST, why)
    return Verdict(VerdictName.SUSPECT, Health.SUSPECT, f"{_named(failing)}, and no second witness has spoken")


def _judge_services(
    evidence: Evidence, failing: Sequence[ProbeResult], runs: Sequence[FailureRun], at: float, detection: Detection
) -> Verdict:
    evidence = _heard(evidence, runs, at, detection.service_down, detection)
    down = [p for p in failing if _believed(p.service, runs, at, detection.service_down, detection)]
    agreed = next((p for p in down if _confirmed(evidence, p)), None)
    if agreed is not None:
        health = Health.LOST if detection.replace_on_service_down else Health.SUSPECT
        why = f"{_named([agreed])} for {detection.service_down:g} s, and {_second_word(evidence, [agreed])}"
        return Verdict(VerdictName.SERVICE_DOWN, health, why, agreed.service)
    contradicted = [p for p in down if Witness.CONTRADICTS in evidence.words(p)]
    if contradicted:
        return Verdict(VerdictName.PROBE_PATH_BROKEN, Health.SUSPECT, _contradiction(evidence, contradicted))
    why = f"{_named(failing)}, " + ("and no second witness has spoken" if down else "not yet believed")
    return Verdict(VerdictName.SUSPECT, Health.SUSPECT, why)


def _confirmed(evidence: Evidence, probe: ProbeResult) -> bool:
    """Whether a failed direct check of the service is borne out, or nobody could bear it out."""
    words = evidence.words(probe)
    return words == {Witness.AGREES} or (evidence.stands_by and not words)


def _second_word(evidence: Evidence, failing: Sequence[ProbeResult]) -> str:
    """Who bears failed direct checks out, in words."""
    said = [
        "it says so itself" if any(p.own_word for p in failing) else "",
        "the balancer's checks agree" if any(evidence.balancer(p.service) is Witness.AGREES for p in failing) else "",
        f"so does {_vantages(evidence, failing, ok=False)}" if _vantages(evidence, failing, ok=False) else "",
        f"EC2 calls its machine {evidence.host}" if evidence.host in _HOST_IS_DOWN else "",
    ]
    return ", ".join(words for words in said if words) or "it is no target, so nobody else can say"


def _contradiction(evidence: Evidence, failing: Sequence[ProbeResult]) -> str:
    balancer = any(evidence.balancer(p.service) is Witness.CONTRADICTS and not p.own_word for p in failing)
    who = " and ".join(w for w in ("the balancer" if balancer else "", _vantages(evidence, failing, ok=True)) if w)
    return f"{_named(failing)}, but {who} can reach it: the path from here is broken"


def _vantages(evidence: Evidence, failing: Sequence[ProbeResult], *, ok: bool) -> str:
    services = {p.service for p in failing}
    found = [v for v, probes in evidence.others if any(p.service in services and p.ok is ok for p in probes)]
    controllers = [v for v in found if not v.startswith(GATEWAY)]
    gateways = [v.removeprefix(GATEWAY) for v in found if v.startswith(GATEWAY)]
    who = (("the controller", controllers), ("the gateway", gateways))
    return " and ".join(f"{what} at {', '.join(places)}" for what, places in who if places)


def _unrouted(evidence: Evidence) -> list[str]:
    """Services that answer us well, while the balancer calls them unhealthy."""
    return [p.service for p in evidence.probes if p.ok and evidence.balancer(p.service) is Witness.AGREES]


def _behind_balancer(service: str) -> str:
    """The name of the run that tells how long the balancer has not reached a service that answers us."""
    return f"balancer/{service}"


def _seen_from(vantage: str, service: str) -> str:
    """The name of the run that tells how long another vantage has failed to reach a service."""
    return f"vantage/{vantage}/{service}"


def _heard(evidence: Evidence, runs: Sequence[FailureRun], at: float, window: float, detection: Detection) -> Evidence:
    """Return the evidence with no more of other vantages' failures than would be believed of our own.

    One answer that was lost there is no second witness. A sighting stays for a while when its teller is gone, so the
    window is never shorter than that.
    """
    window = max(window, detection.lately)
    others = tuple(
        (v, tuple(p for p in probes if p.ok or _believed(_seen_from(v, p.service), runs, at, window, detection)))
        for v, probes in evidence.others
    )
    return replace(evidence, others=others)


def _believed(service: str, runs: Sequence[FailureRun], at: float, window: float, detection: Detection) -> bool:
    run = next((r for r in runs if r.service == service), None)
    return run is not None and run.failures >= detection.least_failures and at - run.since >= window


def _named(probes: Sequence[ProbeResult]) -> str:
    return "; ".join(f"{p.service}: {p.detail or 'no good answer'}" for p in probes)
