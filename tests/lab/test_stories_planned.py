"""Stories of planned change under load: what clients see while a person moves service to another AZ."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.load import Load, loading
from lab.rehearsal import BUCKET, COMMAND, Rehearsal, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

FAKE = {"file": "s3://acme-artifacts/jobs/job.py"}
OURS = 5.0
"""Seconds for which submissions may be refused beyond the balancer's own time."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab of stand-ins for the stories of this module: each leaves one healthy member serving."""
    with rehearsal(tmp_path_factory.mktemp("town"), "--stand-in") as found:
        yield found


def planned(town: Rehearsal, verb: str, *options: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(town.verb(verb, "--spec", str(town.spec), "--json", *options, seconds=400))
    return told


def seen_right(load: Load, told: dict[str, Any], began: float) -> None:
    """What must hold of a switch under load."""
    assert load.wrong == 0, "a poll was answered about another job"
    assert told["refused_seconds"] <= told["balancer_seconds"] + OURS
    assert load.longest_refusal() <= told["balancer_seconds"] + OURS
    since = max(load.refused, default=began)
    after = load.accepted_since(since)
    assert after, "batches are accepted after the switch"
    assert [s for s in after if s.unanswered or s.state != "success"] == []


@pytest.mark.controllers
def test_a_switchover_and_a_failback_under_load_refuse_no_longer_than_they_say_and_answer_for_no_other_job(
    town: Rehearsal,
) -> None:
    old = town.serving()
    with town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 60, "it leads")
        for verb in ("switchover", "failback"):
            began = time.time()
            with loading(town.balancer(), FAKE) as load:
                eventually(lambda: len(load.sent) > 5, 30, "batches are accepted")
                looked = planned(town, verb, "--dry-run")
                assert len(looked["unfinished"]) >= 1
                told = planned(town, verb, "--yes", "--drain-timeout", "2s")
                served = time.time()
                eventually(lambda: len(load.accepted_since(served)) > 5, 30, "and more")  # noqa: B023
            assert told["outcome"] == "handed over"
            seen_right(load, told, began)
            eventually(lambda: town.converged_without(told["leaving"]["cluster"]), 120, "the old one is retired")  # noqa: B023
    assert town.serving()["az"] == old["az"], "the failback led to where it was before"


@pytest.mark.controllers
def test_unfinished_batches_are_asked_about_and_without_a_yes_nothing_is_written(town: Rehearsal) -> None:
    before = town.status()
    with loading(town.balancer(), FAKE) as load:
        eventually(lambda: len(load.sent) > 5, 30, "batches are accepted")
        asked = subprocess.run(
            [*COMMAND, "switchover", "--spec", str(town.spec)],
            env=town.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert asked.returncode == 2
    assert "unfinished on it" in asked.stdout
    assert "batch" in asked.stdout
    assert "nobody can be asked here" in asked.stderr
    assert town.status()["version"] == before["version"]


@pytest.mark.long
def test_a_switchover_on_real_clusters_under_load_keeps_its_word_and_waits_for_what_runs(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as town, town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 60, "it leads")
        old = town.serving()
        number = town.submit(town.balancer(), "long", seconds=40)
        eventually(lambda: town.marked("long", "started"), 120, "the job runs")
        looked = planned(town, "switchover", "--dry-run")
        assert [u["name"] for u in looked["unfinished"]] == ["long"]
        told = planned(town, "switchover", "--yes", "--drain-timeout", "3m")
        assert town.marked("long", "completed"), "it was waited for"
        assert told["refused_seconds"] <= told["balancer_seconds"] + OURS
        assert told["successor"]["az"] != old["az"]
        began = time.time()
        body = {"file": f"s3://{BUCKET}/jobs/job.py", "args": ["after", str(town.marks), "1"]}
        with loading(town.balancer(), body, period=0.5, width=1) as load:
            eventually(lambda: any(s.state == "success" for s in load.sent), 120, "a batch succeeds at the new one")
        assert (load.wrong, load.refused) == (0, [])
        assert [s for s in load.accepted_since(began) if s.unanswered] == []
        assert town.answer(town.balancer(), number) == 404, "the old number is nobody's"
        eventually(lambda: town.converged_without(old["cluster"]), 180, "the old one is retired")
