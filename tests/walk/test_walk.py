"""That the walk walks, in seconds; `make walk` does the rest."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from walk.parts import Parts
from walk.planted import PLANTED
from walk.report import Report, choose
from walk.runs import LARGE, ONE, QUICK, TWO, adversary
from walk.search import Result, Walk
from walk.setup import Budget, Decide, Setup
from walk.story import RULES, Story

PRODUCT: Decide = ONE.decide


@pytest.mark.parametrize(
    "name",
    [
        "1+0 fail, back, unfit, stale",
        "1+0 fail, back, unfit; termination protection",
        "1+1 fail, pause",
        "2+0 fail, back, blind",
        "2+1 fail, back",
        "1+0 fail, back, work, release; behind gateways",
        "1+1 fail, switch; behind gateways",
        "2+0 void, work; behind gateways",
    ],
)
def test_a_strategy_holds_and_is_never_stuck(name: str) -> None:
    result = Walk(QUICK[name].setup).run()
    assert result.exhausted
    assert not result.faults, result.story()


def test_calls_that_wake_up_late_break_only_what_the_next_round_mends() -> None:
    result = Walk(replace(TWO, bounded=False, budget=adversary("fail, lease"))).run()
    assert result.exhausted
    assert result.codes == {"I3"}, result.story()


@pytest.mark.parametrize(
    "name",
    [
        "no compare-and-set: the last writer wins",
        "an abort leaves its candidate alone",
        "a hold stops the switch to a proven standby",
        "one is forgotten though a batch is on it",
        "a lost one is called dead",
    ],
)
def test_a_planted_fault_is_found(name: str) -> None:
    planted = PLANTED[name]
    assert planted.code in Walk(planted.setup).run(first=True).codes


def test_parts_put_together_decide_as_the_product_does() -> None:
    for setup in (replace(ONE, budget=adversary("fail, back, unfit")), replace(TWO, budget=adversary("fail, back"))):
        whole = Walk(replace(setup, decide=PRODUCT)).run()
        parts = Walk(replace(setup, decide=Parts().decide)).run()
        assert (whole.states, whole.faults, whole.marks) == (parts.states, parts.faults, parts.marks)


def test_a_walk_that_hits_its_limit_says_so() -> None:
    result = Walk(replace(ONE, budget=adversary("fail, back"), limit=50)).run()
    assert (result.states, result.exhausted) == (50, False)


def test_a_story_names_the_rule_and_gives_clusters_lasting_names() -> None:
    result = Walk(PLANTED["the new one is registered before the old one is out"].setup).run(first=True)
    told = result.story().splitlines()
    assert told[0] == "I2 a revoked member and its successor are live targets together"
    assert told[1] == "  The rule: never do more clusters serve than are wanted, nor an old one beside its successor."
    steps = [line.partition(". ")[2] for line in told if re.match(r" +\d+\. ", line)]
    assert steps[0] == "A stops answering"
    assert "launch 2 is B" in " ".join(steps)
    assert "A goes from serving to fencing; B goes from proving to admitting" in " ".join(steps)
    assert steps[-1] == "it does: register B"
    assert "<" not in result.story()


def test_a_story_keeps_names_though_clusters_come_and_go() -> None:
    result = Walk(PLANTED["one comes back from retiring"].setup).run(first=True)
    told = result.story()
    assert "it does: deregister A" in told
    assert "A goes from fencing to retiring; and then to terminate A" in told
    assert "decides: A goes from retiring to proving" in told
    assert not re.search(r"<[#~a-z]", told)


def test_what_ci_walks_spends_every_budget_and_every_strategy() -> None:
    spent = {name for name in Budget._fields for run in QUICK.values() if getattr(run.setup.budget, name)}
    assert spent == set(Budget._fields)
    assert {name[:3] for name in QUICK} == {"1+0", "1+1", "2+0", "2+1"}
    assert not QUICK.keys() & LARGE.keys()


def test_every_code_that_may_break_has_a_rule() -> None:
    assert {planted.code for planted in PLANTED.values()} <= RULES.keys()


def test_words_choose_runs_and_planted_faults() -> None:
    assert choose(everything=False, words=["2+1"]) == ["2+1 fail, back"]
    assert len(choose(everything=True, words=["2+1"])) == 2
    assert set(choose(everything=False, words=["planted"])) == set(PLANTED)


def test_the_last_line_is_as_promised() -> None:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root / "tests")}
    command = [sys.executable, "-m", "walk", "fail, pause"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"states [1-9]\d* violations 0 exhausted yes planted 0 found 0", last), done.stdout
    assert done.returncode == 0


BROKEN = Result(7, 0.1, exhausted=True, faults={"I1 oh": Story((), ("a step",), ()), "I3 oh": Story((), (), ())})


def test_what_a_run_may_break_is_no_violation() -> None:
    report = Report()
    late = next(name for name, run in QUICK.items() if run.residual == {"I3"})
    line = report.add(late, BROKEN)
    assert "a step" in line
    assert str(report) == "states 7 violations 1 exhausted yes planted 0 found 0"
    assert not report.fine


def test_a_run_that_is_cut_off_is_not_fine() -> None:
    report = Report()
    report.add("2+1 fail, back", replace(BROKEN, exhausted=False, faults={}))
    assert str(report) == "states 7 violations 0 exhausted no planted 0 found 0"
    assert not report.fine


def test_a_planted_fault_that_is_not_found_is_not_fine() -> None:
    report = Report()
    name = next(iter(PLANTED))
    report.add(name, replace(BROKEN, faults={}))
    assert str(report) == "states 0 violations 0 exhausted yes planted 1 found 0"
    assert not report.fine


def test_a_setup_knows_whether_two_candidates_may_fail_alike() -> None:
    assert Setup(budget=Budget(unfit=1, refuse=1)).alike
    assert not Setup(budget=Budget(unfit=1)).alike
