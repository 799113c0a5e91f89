"""What a demo's report makes of what was seen, strategy by strategy."""

from dataclasses import replace
from typing import Any

from emr_dr.lab.demo.client import Batch, Client, Fate, Tally
from emr_dr.lab.demo.declaring import declared_by_conf, declared_by_header
from emr_dr.lab.demo.places import Attempt, ByAttempts
from emr_dr.lab.demo.plots import GATEWAY_PLOTS, PLOTS
from emr_dr.lab.demo.report import Event, Evidence, Launched, report

KILLED = 1000.0


def stage(at: float, member: int, was: str, now: str) -> Event:
    return Event(at, "stage_changed", "watch", {"member": member, "from": was, "to": now})


def lost(at: float) -> Event:
    return Event(at, "verdict_changed", "watch", {"cluster": "j-1", "to": "MemberLost"})


def cluster(number: int, created: float, state: str = "WAITING") -> Launched:
    return Launched(f"j-{number}", state, created, created + 15)


def batch(number: int, *, interrupted: bool = False) -> Batch:
    return Batch(f"batch-{number}", Fate.SUCCEEDED, accepted=1, interrupted=interrupted, numbers=[number])


WARM = Evidence(
    plot=PLOTS["warm-standby"],
    killed_at=KILLED,
    killed_cluster="j-1",
    timeline=[
        lost(1018.0),
        stage(1018.0, 2, "standby", "admitting"),
        stage(1027.0, 2, "admitting", "serving"),
        stage(1035.0, 3, "booting", "proving"),
        stage(1060.0, 3, "proving", "standby"),
    ],
    outage=(999.5, 1026.0),
    longest=(999.5, 1026.0),
    accepted_by_member={"1": 2, "2": 1},
    tally=Tally(attempted=3, batches=[batch(11, interrupted=True), batch(12), batch(21)]),
    marks=[],
    clusters=[cluster(1, 900, "TERMINATED"), cluster(2, 900), cluster(3, 1018)],
    left_running=2,
    targets=[],
    shortened=[],
)
SHARED = replace(
    WARM,
    plot=PLOTS["active-active"],
    timeline=[
        lost(1018.0),
        stage(1035.0, 3, "booting", "proving"),
        stage(1060.0, 3, "proving", "admitting"),
        stage(1066.0, 3, "admitting", "serving"),
    ],
    outage=(999.5, 1012.0),
    longest=(980.0, 993.5),
)


def told(seen: Evidence) -> dict[str, Any]:
    return report(seen)


def test_a_standby_s_switch_counts_from_its_promotion_and_the_new_standby_from_the_loss() -> None:
    found = told(WARM)
    assert (found["ok"], found["problems"]) == (True, [])
    assert (found["detect_seconds"], found["switch_seconds"], found["rto_seconds"]) == (18.0, 8.0, 26.5)
    assert (found["replaced_seconds"], found["prove_seconds"], found["launch_seconds"]) == (60.0, 25.0, 15.0)
    assert found["overhead_seconds"] is None, "no launch was waited for"


def test_a_new_standby_that_was_never_proven_is_missed() -> None:
    unproven = replace(WARM, timeline=WARM.timeline[:-1])
    assert "replaced_seconds was never seen" in told(unproven)["problems"]


def test_two_that_serve_are_whole_again_when_the_new_one_serves_and_the_longest_gap_is_any_client_s() -> None:
    found = told(SHARED)
    assert (found["ok"], found["problems"]) == (True, [])
    assert (found["rto_seconds"], found["longest_gap_seconds"], found["replaced_seconds"]) == (12.5, 13.5, 66.0)
    assert found["switch_seconds"] is None
    assert found["accepted_by_member"] == {"1": 2, "2": 1}


def test_a_member_that_was_given_no_work_proves_nothing() -> None:
    idle = replace(SHARED, accepted_by_member={"1": 1, "2": 0}, tally=Tally(batches=[batch(11, interrupted=True)]))
    assert told(idle)["problems"] == ["member 2 served and was given no batch"]


def test_one_cluster_too_many_or_too_few_is_not_right() -> None:
    more = replace(SHARED, left_running=3, clusters=[*SHARED.clusters, cluster(4, 1019)])
    assert told(more)["problems"] == ["3 clusters left running, 2 is right", "4 clusters launched, 3 are right"]


def test_only_batches_of_the_lost_member_are_interrupted() -> None:
    client = Client("http://127.0.0.1:1", lambda _: {}, lambda *_: None)
    client.tally.batches += [
        Batch("a", Fate.RUNNING, numbers=[11]),
        Batch("b", Fate.RUNNING, numbers=[11, 21]),
        Batch("c", Fate.SUCCEEDED, numbers=[12]),
    ]
    assert client.interrupt(lambda b: b.on(range(10, 20))) == 1
    assert [b.interrupted for b in client.tally.batches] == [True, False, False]
    assert client.interrupt() == 2


def attempt(cluster: str, sent: float, proof: float | None = None) -> Attempt:
    return Attempt(cluster, confirmed=True, sent_at=sent, proof_at=proof)


GATEWAY = replace(
    SHARED,
    plot=GATEWAY_PLOTS["active-active"],
    outage=None,
    longest=None,
    attempts={
        1: [attempt("j-1", 990.0, proof=1047.0), attempt("j-2", 1047.5)],
        2: [attempt("j-2", 991.0)],
        3: [attempt("j-2", 1000.4)],
    },
)


def test_behind_gateways_the_recovery_ends_when_a_member_takes_new_work_and_rescue_is_told_apart_from_proof() -> None:
    found = told(GATEWAY)
    assert (found["ok"], found["problems"], found["mode"]) == (True, [], "gateway")
    assert (found["rto_seconds"], found["longest_gap_seconds"]) == (0.4, 0.0)
    assert (found["rescued"], found["proof_seconds"], found["rescue_seconds"]) == (1, 47.0, 0.5)


def test_behind_gateways_nobody_is_refused_nobody_submits_again_and_what_was_interrupted_is_rescued() -> None:
    tally = replace(GATEWAY.tally, refused=2)
    tally.batches[0].accepted = 2
    bad = replace(GATEWAY, tally=tally, attempts={2: [attempt("j-2", 1001.0)]})
    assert told(bad)["problems"] == [
        "proof_seconds was never seen",
        "rescue_seconds was never seen",
        "2 submissions were refused",
        "1 batches were submitted again by their clients",
        "no batch was rescued",
    ]
    tally.batches[0].accepted = 1


async def test_batches_are_where_their_last_attempt_is_and_each_attempt_was_a_submission() -> None:
    places = ByAttempts("http://127.0.0.1:1", attempts=dict(GATEWAY.attempts))
    places.remember([{"cluster": "j-1", "number": 1}, {"cluster": "j-2", "number": 2}, {"cluster": None, "number": 3}])
    batches = [batch(number) for number in (1, 2, 3, 4)]
    assert [places.on(each, "2") for each in batches] == [True, True, True, False]
    assert places.accepted(batches) == {"1": 1, "2": 3}
    await places.look(batches)  # nobody answers there: what is known stays known
    assert places.accepted(batches) == {"1": 1, "2": 3}


def test_every_batch_of_a_gateway_s_demo_declares_itself_by_one_of_the_two_ways() -> None:
    payload = declared_by_conf(lambda key: {"name": key})
    for key in ("batch-01", "batch-02"):
        by_header = "X-Emr-Dr-Rescue" in declared_by_header(key)
        assert ("conf" in payload(key)) is not by_header
        assert declared_by_header(key)["X-Emr-Dr-Idempotency-Key"] == key
