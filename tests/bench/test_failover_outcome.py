"""What a run of the failover benchmark is made into: figures, what broke, medians and bounds."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.failover.cases import Contender
from benchmarks.failover.outcome import Look, Requests, Seen, Started, outcome
from benchmarks.failover.summary import problems, summary
from emr_dr.lab.demo.client import Batch, Fate
from emr_dr.lab.demo.report import Launched

KILLED = 1000.0


def launched(name: str, created: float, ready: float | None, state: str = "WAITING") -> Launched:
    return Launched(name, state, created, ready)


LOST = launched("j-LOST", 800, 810, "TERMINATED")
GOOD = Seen(
    contender="ours",
    case="fast",
    killed_at=KILLED,
    killed_cluster="j-LOST",
    ended_at=1080,
    outage=(999.8, 1048.1),
    serves=True,
    requests=Requests(submissions=10, polls=2, canary=20),
    wrong_answers=0,
    batches=[Batch("a", Fate.SUCCEEDED, 1), Batch("b", Fate.SUCCEEDED, 2, interrupted=True)],
    marks=["a.1.completed", "b.1.started", "b.2.completed"],
    clusters=[LOST, launched("j-NEW", 1020, 1026)],
    looks=[
        Look(1000, {"10.0.0.1": "healthy"}),
        Look(1010, {}),
        Look(1014, {"10.0.0.2": "initial"}),
        Look(1020, {"10.0.0.2": "healthy"}),
    ],
)


def test_overhead_is_the_recovery_time_less_the_launch() -> None:
    told = outcome(GOOD)
    assert (told["rto_seconds"], told["launch_seconds"], told["overhead_seconds"]) == (48.3, 6.0, 42.3)
    assert told["requests_lost"] == 32
    assert told["empty_balancer_seconds"] == 4
    assert told["most_serving_at_once"] == 1
    assert (told["clusters_launched"], told["clusters_left"]) == (1, 0)
    assert told["broke"] == []


def test_the_launch_that_counts_is_of_the_first_cluster_that_was_up_when_the_service_came_back() -> None:
    clusters = [
        LOST,
        launched("j-HUNG", 1001, None, "STARTING"),
        launched("j-LATE", 1002, 1100),
        launched("j-BACK", 1010, 1030),
        launched("j-MORE", 1020, 1025),
    ]
    told = outcome(replace(GOOD, clusters=clusters))
    assert told["launch_seconds"] == 20
    assert told["clusters_left"] == 3


def test_a_service_that_never_came_back_has_no_figures_and_says_what_was_left() -> None:
    starts = [Started(30, 170, 0, done=True, said=["done: j-A serves"]), Started(90, 95, 1, done=False, said=[])]
    seen = replace(
        GOOD,
        outage=None,
        serves=False,
        ended_at=KILLED + 500,
        clusters=[LOST, launched("j-A", 1040, 1290), launched("j-B", 1100, None, "STARTING")],
        looks=[*GOOD.looks, Look(1400, {})],
        starts=starts,
        batches=[Batch("a", Fate.LOST, 1, interrupted=True)],
        marks=[],
    )
    told = outcome(seen)
    assert (told["rto_seconds"], told["overhead_seconds"]) == (None, None)
    assert told["launch_seconds"] == 250
    assert told["empty_balancer_seconds"] == 104
    assert told["broke"] == [
        "nothing served when the run ended 500 s after the loss",
        "1 starts said “done” with exit code 0",
        "the balancer was left without a target",
        "clusters left running beside the one that should serve: 1",
        "batches lost: 1",
    ]


def test_what_clusters_and_work_suffered_is_said() -> None:
    seen = replace(
        GOOD,
        clusters=[LOST, launched("j-A", 1010, 1020, "TERMINATING"), launched("j-B", 1020, 1030)],
        looks=[Look(1050, {"10.0.0.2": "healthy", "10.0.0.3": "healthy", "10.0.0.1": "unhealthy"})],
        wrong_answers=3,
        batches=[Batch("a", Fate.FAILED, 2), Batch("b", Fate.SUCCEEDED, 2)],
        marks=["b.1.completed", "b.2.completed"],
    )
    assert outcome(seen)["broke"] == [
        "clusters that answered for one address at once: 2",
        "clusters ended that were not lost: 1",
        "batches failed: 1",
        "batches that completed twice: 1",
        "polls answered about another job: 3",
    ]


def run(contender: Contender, overhead: float | None, case: str = "fast", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    rto = None if overhead is None else overhead + 5
    told: dict[str, Any] = {
        "rto_seconds": rto,
        "overhead_seconds": overhead,
        "requests_lost": 10,
        "clusters_left": 0,
        "broke": [],
    }
    return {"contender": contender, "case": case, **told, **more}


def test_medians_are_of_the_runs_at_fast_start_only() -> None:
    runs = [run(Contender.OURS, each) for each in (40, 44, 90)]
    runs += [run(Contender.BASELINE, each, clusters_left=2) for each in (200, 180, 220)]
    runs += [run(Contender.OURS, 300, "propagation"), run(Contender.BASELINE, None, "slow-start")]
    figures = summary(runs)
    assert figures == {
        "rto_seconds": 49,
        "overhead_seconds": 44,
        "requests_lost": 10,
        "clusters_left": 0,
        "baseline_rto_seconds": 205,
        "baseline_overhead_seconds": 200,
        "baseline_requests_lost": 10,
        "baseline_clusters_left": 2,
        "overhead_ratio": 0.22,
    }
    assert problems(figures, runs) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (61, 200, ["overhead at fast start: 61.0 s, bound 60 s"]),
        (50, 90, ["overhead_ratio at fast start: 0.56, bound 0.5"]),
        (None, 90, ["overhead at fast start: it never came back, bound 60 s"]),
        (60, 120, []),
        (60, None, []),
    ],
)
def test_a_broken_bound_is_told(ours: float | None, theirs: float | None, words: list[str]) -> None:
    runs = [run(Contender.OURS, ours), run(Contender.BASELINE, theirs)]
    assert problems(summary(runs), runs) == words


def test_what_our_own_runs_broke_is_a_problem_in_every_case_and_what_the_procedure_broke_is_none() -> None:
    runs = [run(Contender.OURS, 300, "propagation", broke=["batches lost: 1"])]
    runs += [run(Contender.BASELINE, 300, broke=["batches lost: 9"])]
    assert problems(summary(runs), runs) == ["propagation, emr-dr: batches lost: 1"]


def test_a_median_run_that_never_came_back_has_no_figure() -> None:
    figures = summary([run(Contender.BASELINE, each) for each in (None, 180, None)])
    assert figures["baseline_rto_seconds"] is None
    assert figures["overhead_seconds"] is None
    assert figures["overhead_ratio"] is None
    assert summary([run(Contender.BASELINE, each) for each in (None, 180, 190)])["baseline_overhead_seconds"] == 190
