"""Stories on real processes: what a controller must do, and must not do, to clusters that really run Spark."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emr_dr.lab import client, world
from emr_dr.lab.cluster.processes import marked
from emr_dr.lab.cluster.settings import LAB_MARKER
from emr_dr.lab.world import ZONES
from lab.rehearsal import COMMAND, Rehearsal, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab for all stories of this module: each leaves one healthy member serving."""
    with rehearsal(tmp_path_factory.mktemp("town")) as found:
        yield found


def test_to_apply_again_changes_nothing(town: Rehearsal) -> None:
    before = town.clusters()
    told = json.loads(town.verb("apply", "--spec", str(town.spec), "--json"))
    assert told == {"changes": [], "address": town.balancer(), "balancer": town.balancer()}
    assert town.clusters() == before


def test_one_lost_probe_causes_nothing(town: Rehearsal) -> None:
    serving, before = town.serving()["cluster"], town.clusters()
    with town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 60, "it leads")
        town.verb("lab", "freeze", "livy", serving)
        eventually(lambda: watch.told("verdict_changed", to="Suspect"), 30, "a lost probe is noticed")
        town.verb("lab", "thaw", "livy", serving)
        quiet_since = time.monotonic()
        eventually(lambda: time.monotonic() - quiet_since > 20, 30, "more than a whole window has passed")
        assert [e for e in watch.events if e["event"] in ("stage_changed", "entitlement_moved")] == []
        eventually(lambda: watch.events[-1].get("to") == "Healthy", 30, "it is healthy again")
    assert town.clusters() == before


def test_livy_frozen_not_killed_is_replaced_and_the_old_ones_running_job_finishes(town: Rehearsal) -> None:
    old = town.serving()
    number = town.submit(old["address"], "long", seconds=45)
    assert town.answer(old["address"], number) == 200
    eventually(lambda: town.marked("long", "started"), 90, "the job runs")
    with town.watching() as watch:
        town.verb("lab", "freeze", "livy", old["cluster"])
        eventually(lambda: watch.told("verdict_changed", to="ServiceDown"), 60, "a dead service is believed")
        eventually(lambda: watch.told("stage_changed", to="retiring"), 240, "the old one is retired")
        assert town.marked("long", "completed"), "it was retired while its job ran"
        eventually(lambda: town.converged_without(old["cluster"]), 120, "one other member is left")
    new = town.serving()
    assert new["az"] != old["az"]
    assert len(town.clusters()) == 2
    assert_old_numbers_are_unknown(town, number, new)


def assert_old_numbers_are_unknown(town: Rehearsal, old_number: int, new: dict[str, Any]) -> None:
    """Whoever still asks for a job of the lost member gets a 404 at its successor, and never another job's state."""
    assert town.answer(new["address"], old_number) == 404
    first, last = new["batch_ids"]
    numbers = [*town.batches(new["address"]), town.submit(new["address"], "short", seconds=1)]
    assert old_number not in numbers
    assert all(first <= number <= last for number in numbers)
    assert numbers[-1] != numbers[0]
    assert town.status()["remarks"] == []


def test_a_killed_watch_started_again_finishes_the_recovery_with_one_replacement(town: Rehearsal) -> None:
    old, before = town.serving(), set(town.clusters())
    with town.watching() as watch:
        town.verb("lab", "kill-az", old["az"])
        eventually(lambda: watch.told("stage_changed", to="launching"), 90, "the loss is believed")
        watch.kill()
    with town.watching():
        eventually(lambda: town.converged_without(old["cluster"]), 300, "the recovery is finished")
    assert len(set(town.clusters()) - before) == 1


def test_the_posts_procedure_runs_unchanged_and_ends_with_a_new_cluster_registered(town: Rehearsal) -> None:
    missing = [tool for tool in ("bash", "jq", "curl") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"the post's procedure needs {', '.join(missing)}, which this machine lacks")
    for zone in ZONES:  # it takes the first other AZ, dead or alive: let it be alive
        client.require(town.folder / "lab").restore_az(zone)
    old, before = town.serving(), set(town.clusters())
    for service in ("livy", "resource-manager", "name-node"):
        town.verb("lab", "kill-service", service, old["cluster"])
    ran = subprocess.run(
        ["bash", str(Path(__file__).with_name("blog-procedure.sh")), old["cluster"]],  # noqa: S607 - bash, wherever it is
        env={**town.env, **town.aws_path, "REGION": "us-east-1", "NLB_DNS": town.balancer(), "WAIT": "20s"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "done:" in ran.stdout, ran.stdout + ran.stderr
    (new,) = set(town.clusters()) - before
    assert town.address_of(new) in town.registered()
    eventually(lambda: town.clusters()[new] == "WAITING", 90, "its cluster is up")
    eventually(lambda: town.clusters()[old["cluster"]] == "TERMINATED", 60, "the old one has ended")


def test_a_crashed_lab_leaves_no_process_behind(town: Rehearsal) -> None:
    found = client.require(town.folder / "lab")
    mark = world.lab_id(town.folder / "lab")
    assert marked(LAB_MARKER, mark), "clusters run"
    os.kill(found.description["pid"], signal.SIGKILL)
    eventually(lambda: not marked(LAB_MARKER, mark), 30, "every process of the lab has ended")


def test_the_demo_tells_the_whole_story(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*COMMAND, "demo", "active-passive", "--json", str(report)],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(report.read_text())
    assert told["ok"]
    assert told["batches"]["interrupted"] >= 1
    assert (told["batches"]["lost"], told["batches"]["failed"], told["batches"]["ran_twice"]) == (0, 0, 0)
    assert told["batches"]["succeeded"] == told["batches"]["accepted"]
    assert told["clusters"] == {"launched": 2, "left_running": 1, "ended": 1}
    assert {line.split()[-1] for line in told["targets"]} == {"healthy"}
