"""Stories of the strategies with a second member: a standby that takes over, and two that serve side by side."""

import http.client
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from emr_dr.core.batch_ids import batch_id_range
from lab.rehearsal import COMMAND, Rehearsal, Watch, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

SOON = {"emr_notices_after": "20", "ec2_confirms_after": "20"}
SOURCES = tuple(f"127.0.0.{last}" for last in range(2, 18))


def asked(balancer: str, source: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Ask Livy at the balancer from an address; status and JSON. A silence is an OSError."""
    line = http.client.HTTPConnection(balancer, 8998, timeout=3, source_address=(source, 0))
    try:
        line.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = line.getresponse()
        return answer.status, json.load(answer)
    finally:
        line.close()


def submitted(balancer: str, sources: Iterable[str]) -> dict[str, int]:
    """The number that each source's batch was given."""
    body = {"file": "s3://acme-artifacts/jobs/job.py"}
    return {source: asked(balancer, source, "POST", "/batches", body)[1]["id"] for source in sources}


def answers(balancer: str, source: str, path: str) -> bool:
    try:
        return asked(balancer, source, "GET", path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def stages(town: Rehearsal) -> dict[str, list[dict[str, Any]]]:
    """The members by stage."""
    found: dict[str, list[dict[str, Any]]] = {}
    for member in town.status()["members"]:
        found.setdefault(member["stage"], []).append(member)
    return found


def numbers(town: Rehearsal) -> dict[str, list[int]]:
    """The numbers of the members by stage."""
    return {stage: [m["number"] for m in members] for stage, members in stages(town).items()}


def living(town: Rehearsal) -> set[str]:
    return {c for c, state in town.clusters().items() if not state.startswith("TERMINATED")}


def place(watch: Watch, **detail: object) -> int:
    """Where in the order of events a stage was changed so."""
    told = [i for i, e in enumerate(watch.events) if e["event"] == "stage_changed" and detail.items() <= e.items()]
    assert told, f"no stage_changed with {detail}"
    return told[0]


@pytest.mark.controllers
def test_a_standby_takes_over_before_its_own_successor_is_launched(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--stand-in", strategy="warm-standby", **SOON) as town, town.watching() as watch:
        before = stages(town)
        (old,), (standby,) = before["serving"], before["standby"]
        assert old["az"] != standby["az"]
        assert town.registered() == {old["address"]}
        town.verb("lab", "kill-az", old["az"])
        # Which of the two comes first is not said: a stand-in boots faster than a balancer checks.
        eventually(lambda: numbers(town) == {"serving": [2], "standby": [3]}, 300, "all that is wanted, and no other")
        after = stages(town)
        assert living(town) == {m["cluster"] for m in (*after["serving"], *after["standby"])}
        assert [m["cluster"] for m in after["serving"]] == [standby["cluster"]]
        assert after["standby"][0]["az"] not in {old["az"], standby["az"]}
        assert town.registered() == {standby["address"]}
        assert place(watch, member=2, **{"from": "standby", "to": "admitting"}) < place(watch, member=3, to="launching")
        assert len(town.clusters()) == 3
        assert town.decides_the_same_again() > 0


@pytest.mark.controllers
def test_of_two_that_serve_a_lost_one_is_routed_away_from_and_replaced(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--stand-in", strategy="active-active", **SOON) as town, town.watching() as watch:
        first, second = stages(town)["serving"]
        assert first["az"] != second["az"]
        assert town.registered() == {first["address"], second["address"]}
        listeners = json.loads(town.aws("elbv2", "describe-target-groups"))["TargetGroups"]
        assert [group["Port"] for group in listeners] == [8998]

        front, numbers = town.balancer(), submitted(town.balancer(), SOURCES)
        theirs = {s: n for s, n in numbers.items() if n in batch_id_range(1)}
        others = {s: n for s, n in numbers.items() if n in batch_id_range(2)}
        assert theirs.keys() | others.keys() == numbers.keys()
        assert len(theirs) * len(others) > 0, "both members were given work"
        assert all(answers(front, s, f"/batches/{n}") for s, n in numbers.items()), "each stays with its own"

        town.verb("lab", "kill-az", first["az"])
        moved = next(iter(theirs))
        eventually(lambda: answers(front, moved, "/batches?size=1"), 40, "a client of the lost one is led to the other")
        assert asked(front, moved, "GET", f"/batches/{theirs[moved]}")[0] == 404
        assert all(answers(front, s, f"/batches/{n}") for s, n in others.items()), "clients of the other see nothing"
        eventually(lambda: watch.told("stage_changed", member=3, to="serving"), 180, "two serve again")
        eventually(lambda: len(living(town)) == 2, 120, "the lost one has ended")
        after = stages(town)["serving"]
        assert {m["cluster"] for m in after} == living(town)
        assert len({m["az"] for m in after} | {first["az"]}) == 3
        assert town.registered() == {m["address"] for m in after}
        assert place(watch, member=1, to="fencing") < place(watch, member=3, to="serving")
        assert town.decides_the_same_again() > 0


def demo(strategy: str, tmp_path: Path) -> dict[str, Any]:
    """The report of a demo that went well."""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*COMMAND, "demo", strategy, "--json", str(report)], capture_output=True, text=True, timeout=580, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(report.read_text())
    assert (told["ok"], told["problems"], told["wrong_answers"]) == (True, [], 0)
    assert told["batches"]["interrupted"] >= 1
    assert (told["batches"]["lost"], told["batches"]["failed"], told["batches"]["ran_twice"]) == (0, 0, 0)
    assert told["batches"]["succeeded"] == told["batches"]["accepted"]
    assert told["clusters"] == {"launched": 3, "left_running": 2, "ended": 1}
    return told


@pytest.mark.long
def test_the_demo_of_a_warm_standby_switches_without_a_launch(tmp_path: Path) -> None:
    told = demo("warm-standby", tmp_path)
    assert told["rto_seconds"] < told["detect_seconds"] + told["launch_seconds"]
    assert told["replaced_seconds"] > told["detect_seconds"] + told["switch_seconds"]
    assert len(told["targets"]) == 3, "one member's three services"


@pytest.mark.long
def test_the_demo_of_two_that_serve_gives_both_work_and_loses_none(tmp_path: Path) -> None:
    told = demo("active-active", tmp_path)
    assert min(list(told["accepted_by_member"].values())[:2]) >= 1
    assert told["longest_gap_seconds"] >= told["rto_seconds"] > 0
    assert len(told["targets"]) == 2, "two members' Livy"
