"""Verdicts: what rounds of evidence come to, each row a story of some seconds."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from emr_dr.core.evidence import Evidence, FailureRun, ProbeResult, Witness
from emr_dr.core.verdict import Detection, Verdict, VerdictName, judge, remember
from emr_dr.core.world import EmrState, Health, HostHealth

SERVICES = ("livy", "resource-manager", "name-node")
DETECTION = Detection(interval=5, member_lost=60, service_down=120, least_failures=3)


def seen(
    *failing: str, witnesses: Mapping[str, Witness] | None = None, emr: EmrState = EmrState.UP, aws: bool = True
) -> Evidence:
    """One round's evidence: these services fail, the others answer; the balancer agrees unless it is said otherwise."""
    said = {s: Witness.AGREES if s in failing else Witness.CONTRADICTS for s in SERVICES} | dict(witnesses or {})
    probes = tuple(ProbeResult(s, s not in failing, "" if s not in failing else "refused") for s in SERVICES)
    return Evidence("j-1", emr, probes, tuple(said.items()), aws_reachable=aws)


def watch(rounds: Iterable[tuple[float, Evidence]], detection: Detection = DETECTION) -> Verdict:
    """The verdict of the last of these rounds."""
    runs, verdict = tuple[FailureRun, ...](), None
    for at, evidence in rounds:
        runs = remember(runs, evidence, at, detection)
        verdict = judge(evidence, runs, at, detection)
    assert verdict is not None
    return verdict


def every(seconds: float, evidence: Evidence, *, until: float, start: float = 0) -> list[tuple[float, Evidence]]:
    """The same evidence in each round of a window, both ends included."""
    return [(start + n * seconds, evidence) for n in range(int((until - start) / seconds) + 1)]


def all_with(witness: Witness) -> dict[str, Witness]:
    return dict.fromkeys(SERVICES, witness)


def test_a_member_whose_every_service_answers_is_healthy() -> None:
    assert watch([(0, seen())]).name is VerdictName.HEALTHY


def test_one_lost_probe_causes_nothing() -> None:
    assert watch([(0, seen()), (5, seen(*SERVICES))]).health is Health.SUSPECT
    assert watch([(0, seen()), (5, seen(*SERVICES)), (10, seen())]).health is Health.HEALTHY


def test_a_livy_restart_inside_the_window_causes_nothing() -> None:
    rounds = every(5, seen("livy"), until=115)
    assert watch(rounds).health is Health.SUSPECT
    assert watch([*rounds, (120, seen())]).health is Health.HEALTHY


def test_a_run_of_failures_begins_anew_after_one_good_answer() -> None:
    rounds = [*every(5, seen(*SERVICES), until=55), (60, seen()), *every(5, seen(*SERVICES), start=65, until=120)]
    assert watch(rounds).health is Health.SUSPECT


def test_a_member_is_lost_when_all_fail_for_the_whole_window_and_the_balancer_agrees() -> None:
    assert watch(every(5, seen(*SERVICES), until=55)).name is VerdictName.SUSPECT
    assert watch(every(5, seen(*SERVICES), until=60)).name is VerdictName.MEMBER_LOST


def test_time_without_count_does_not_suffice() -> None:
    slow = replace(DETECTION, interval=40)
    assert watch([(0, seen(*SERVICES)), (70, seen(*SERVICES))], slow).health is Health.SUSPECT
    assert watch([(0, seen(*SERVICES)), (35, seen(*SERVICES)), (70, seen(*SERVICES))], slow).health is Health.LOST


def test_count_without_time_does_not_suffice() -> None:
    assert watch(every(1, seen(*SERVICES), until=59)).health is Health.SUSPECT


def test_a_gap_in_watching_forgets_the_run() -> None:
    before = every(5, seen(*SERVICES), until=30)
    assert watch([*before, (30 + DETECTION.gap, seen(*SERVICES)), (95, seen(*SERVICES))]).health is Health.LOST
    assert watch([*before, (31 + DETECTION.gap, seen(*SERVICES)), (95, seen(*SERVICES))]).health is Health.SUSPECT


def test_a_clock_that_is_put_back_delays_no_verdict_beyond_the_window() -> None:
    ahead = every(5, seen(*SERVICES), start=3600, until=3630)
    assert watch([*ahead, *every(5, seen(*SERVICES), until=60)]).health is Health.LOST


def test_the_runs_of_another_cluster_are_not_counted() -> None:
    others = (FailureRun("j-0", "livy", since=0, last=60, failures=12),)
    (run,) = remember(others, seen("livy"), 60, DETECTION)
    assert (run.cluster, run.failures) == ("j-1", 1)


@pytest.mark.parametrize(
    ("witness", "name"),
    [
        (Witness.AGREES, VerdictName.MEMBER_LOST),
        (Witness.CONTRADICTS, VerdictName.PROBE_PATH_BROKEN),
        (Witness.SILENT, VerdictName.SUSPECT),
    ],
)
def test_without_a_second_witness_that_agrees_no_member_is_lost(witness: Witness, name: VerdictName) -> None:
    assert watch(every(5, seen(*SERVICES, witnesses=all_with(witness)), until=300)).name is name


@pytest.mark.parametrize(
    ("failing", "name"), [(SERVICES, VerdictName.MEMBER_LOST), (("livy",), VerdictName.SERVICE_DOWN)]
)
def test_a_standby_that_no_balancer_checks_is_given_up_on_direct_checks_alone(
    failing: tuple[str, ...], name: VerdictName
) -> None:
    alone = replace(seen(*failing, witnesses=all_with(Witness.SILENT)), stands_by=True)
    assert watch(every(5, alone, until=45)).health is Health.SUSPECT
    assert watch(every(5, alone, until=300)).name is name
    assert watch(every(5, alone, until=300)).health is Health.LOST


def test_one_service_that_the_balancer_still_reaches_keeps_a_member_from_being_lost() -> None:
    doubt = seen(*SERVICES, witnesses={"name-node": Witness.CONTRADICTS})
    assert watch(every(5, doubt, until=300)).name is VerdictName.PROBE_PATH_BROKEN


@pytest.mark.parametrize(
    ("witness", "name"),
    [
        (Witness.AGREES, VerdictName.SERVICE_DOWN),
        (Witness.CONTRADICTS, VerdictName.PROBE_PATH_BROKEN),
        (Witness.SILENT, VerdictName.SUSPECT),
    ],
)
def test_a_service_is_down_only_if_the_balancer_agrees(witness: Witness, name: VerdictName) -> None:
    verdict = watch(every(5, seen("livy", witnesses={"livy": witness}), until=300))
    assert verdict.name is name
    assert (verdict.service == "livy") is (name is VerdictName.SERVICE_DOWN)


def test_a_service_has_a_longer_window_than_a_member() -> None:
    assert watch(every(5, seen("livy"), until=115)).health is Health.SUSPECT
    assert watch(every(5, seen("livy"), until=120)).health is Health.LOST


def test_a_service_that_is_down_may_be_a_reason_only_to_ask() -> None:
    asking = replace(DETECTION, replace_on_service_down=False)
    verdict = watch(every(5, seen("livy"), until=300), asking)
    assert (verdict.name, verdict.health) == (VerdictName.SERVICE_DOWN, Health.SUSPECT)


@pytest.mark.parametrize("state", [EmrState.ENDING, EmrState.ENDED])
def test_the_word_of_emr_suffices(state: EmrState) -> None:
    assert watch([(0, seen(emr=state))]).name is VerdictName.MEMBER_LOST


def test_with_aws_out_of_reach_failures_prove_nothing() -> None:
    verdict = watch(every(5, seen(*SERVICES, aws=False), until=300))
    assert (verdict.name, verdict.health) == (VerdictName.BLIND, Health.UNKNOWN)


def test_with_aws_out_of_reach_good_answers_are_still_good() -> None:
    assert watch([(0, seen(aws=False))]).name is VerdictName.HEALTHY


def test_a_cluster_that_could_not_be_asked_is_neither_healthy_nor_lost() -> None:
    verdict = watch([(0, Evidence("j-1", None))])
    assert (verdict.name, verdict.health) == (VerdictName.BLIND, Health.UNKNOWN)


def test_a_cluster_that_still_starts_is_said_to_start_and_is_neither_healthy_nor_lost() -> None:
    verdict = watch([(0, Evidence("j-1", EmrState.STARTING))])
    assert (verdict.name, verdict.health) == (VerdictName.STARTING, Health.UNKNOWN)


def test_a_verdict_says_what_failed_and_how() -> None:
    assert "livy: refused" in watch([(0, seen("livy"))]).why


def elsewhere(evidence: Evidence, *failing: str, vantage: str = "az-b") -> Evidence:
    """The same evidence with what a controller at another vantage sees."""
    return replace(evidence, others=((vantage, seen(*failing).probes),))


def alone(*failing: str) -> Evidence:
    """Failures of which the balancer says nothing."""
    return seen(*failing, witnesses=all_with(Witness.SILENT))


def test_another_vantage_that_sees_the_same_is_a_second_witness() -> None:
    assert watch(every(5, elsewhere(alone(*SERVICES), *SERVICES), until=60)).name is VerdictName.MEMBER_LOST
    down = watch(every(5, elsewhere(alone("livy"), "livy"), until=120))
    assert (down.name, down.health) == (VerdictName.SERVICE_DOWN, Health.LOST)
    assert "the controller at az-b" in down.why


def test_one_answer_lost_elsewhere_is_no_second_witness() -> None:
    rounds = every(5, elsewhere(alone("livy")), until=300)
    assert watch([*rounds, (305, elsewhere(alone("livy"), "livy"))]).health is Health.SUSPECT


def test_a_machine_that_ec2_calls_gone_answers_nobody_whatever_another_vantage_says() -> None:
    gone = replace(elsewhere(seen(*SERVICES)), host=HostHealth.GONE)
    assert watch(every(5, gone, until=60)).name is VerdictName.MEMBER_LOST


def test_another_vantage_that_reaches_the_member_is_a_veto_whatever_the_balancer_says() -> None:
    verdict = watch(every(5, elsewhere(seen(*SERVICES)), until=300))
    assert (verdict.name, verdict.health) == (VerdictName.PROBE_PATH_BROKEN, Health.SUSPECT)


@pytest.mark.parametrize("host", [HostHealth.IMPAIRED, HostHealth.GONE])
def test_the_word_of_ec2_is_a_second_witness_that_a_member_is_lost(host: HostHealth) -> None:
    verdict = watch(every(5, replace(alone(*SERVICES), host=host), until=60))
    assert verdict.name is VerdictName.MEMBER_LOST
    assert f"EC2 calls its machine {host}" in verdict.why


def test_the_word_of_ec2_alone_loses_nobody_whose_services_answer() -> None:
    assert watch(every(5, replace(seen(), host=HostHealth.IMPAIRED), until=300)).name is VerdictName.HEALTHY


def test_the_word_of_ec2_says_nothing_of_a_service() -> None:
    verdict = watch(every(5, replace(alone("livy"), host=HostHealth.IMPAIRED), until=300))
    assert verdict.name is VerdictName.SUSPECT


def test_a_machine_that_runs_is_no_veto_when_nothing_on_it_answers() -> None:
    verdict = watch(every(5, replace(seen(*SERVICES), host=HostHealth.OK), until=60))
    assert verdict.name is VerdictName.MEMBER_LOST


def test_a_service_that_says_of_itself_that_it_is_not_well_needs_no_balancer_to_agree() -> None:
    word = ProbeResult("resource-manager", ok=False, detail="haState is STANDBY", own_word=True)
    shallow = seen("resource-manager", witnesses={"resource-manager": Witness.CONTRADICTS})
    said = replace(shallow, probes=tuple(word if p.service == word.service else p for p in shallow.probes))
    assert watch(every(5, said, until=115)).health is Health.SUSPECT
    verdict = watch(every(5, said, until=120))
    assert (verdict.name, verdict.service) == (VerdictName.SERVICE_DOWN, "resource-manager")
    assert "it says so itself" in verdict.why


def test_with_no_control_target_reached_it_is_us() -> None:
    verdict = watch(every(5, replace(seen(*SERVICES), sees=False), until=300))
    assert (verdict.name, verdict.health) == (VerdictName.BLIND, Health.UNKNOWN)


def test_a_balancer_that_does_not_reach_what_answers_is_named_and_replaces_nothing() -> None:
    unrouted = seen(witnesses={"livy": Witness.AGREES})
    assert watch(every(5, unrouted, until=115)).name is VerdictName.HEALTHY
    verdict = watch(every(5, unrouted, until=120))
    assert (verdict.name, verdict.health) == (VerdictName.BALANCER_PATH_BROKEN, Health.HEALTHY)
