"""Stories of the DAGs on real Airflow: the monitor with the daemon, without it and twice at once, and a job."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from airflow_lines.airflow import Airflow, Answer
from airflow_lines.line import EXAMPLES, LINES
from lab.rehearsal import COMMAND, Rehearsal, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.airflow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=LINES[:2], ids=lambda line: f"airflow-{line.name}")
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """The lines that MWAA offers; the newest one is slow to run a DAG, and learns no more from these stories."""
    return Airflow.of(request.param, tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab for all stories of this module: each leaves one healthy member serving."""
    with rehearsal(tmp_path_factory.mktemp("town"), "--stand-in") as found:
        yield found


def variables(town: Rehearsal) -> dict[str, str]:
    """What tells the monitor of a group, and emr-dr of the lab's AWS."""
    aws = {name: value for name, value in town.env.items() if name.startswith(("AWS_", "EMR_DR_"))}
    return {"AIRFLOW_VAR_EMR_DR_COMMAND": " ".join(COMMAND), "AIRFLOW_VAR_EMR_DR_SPEC": str(town.spec), **aws}


def monitored(airflow: Airflow, town: Rehearsal) -> Answer:
    """What one run of the monitor came to."""
    return airflow.ask("run", "emr_dr_monitor", env=variables(town))


def connection(town: Rehearsal) -> str:
    """The example's connection, with the balancer's name of this lab."""
    example = json.loads((EXAMPLES / "connections.json").read_text())["livy_default"]
    return json.dumps(example | {"host": town.balancer()})


def test_without_a_daemon_the_monitor_leads_and_finds_nothing_outstanding(airflow: Airflow, town: Rehearsal) -> None:
    before = town.clusters()
    answer = monitored(airflow, town)
    assert answer.value == {"run": "success", "tasks": {"tick": "success"}}, answer.said
    assert "nothing outstanding" in answer.said
    assert town.clusters() == before


def test_beside_a_daemon_the_monitor_sees_that_it_leads_and_ends(airflow: Airflow, town: Rehearsal) -> None:
    before = town.clusters()
    with town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 90, "the daemon leads")
        answer = monitored(airflow, town)
        assert answer.value == {"run": "success", "tasks": {"tick": "success"}}, answer.said
        assert "another controller leads" in answer.said
        assert sum(e["event"] == "lease_taken" for e in watch.events) == 1
    assert town.clusters() == before


def test_the_job_runs_through_the_balancer_on_the_serving_member(airflow: Airflow, town: Rehearsal) -> None:
    serving = town.serving()["address"]
    before = batches(serving)
    answer = airflow.ask("run", "livy_spark", env={"AIRFLOW_CONN_LIVY_DEFAULT": connection(town)})
    assert answer.value == {"run": "success", "tasks": {"spark": "success"}}, answer.said
    assert batches(serving) == before + 1


def batches(address: str) -> int:
    with urlopen(f"http://{address}:8998/batches", timeout=20) as answer:
        return int(json.load(answer)["total"])


def operations(town: Rehearsal) -> Counter[str]:
    """How often each operation of AWS was asked for so far, as IAM names what it needs."""
    counted = json.loads(town.verb("lab", "status", "--json"))["calls"]
    by_iam = {"HEAD": "GetObject", "GET": "GetObject", "PUT": "PutObject"}  # the lab counts S3 by method
    asked: Counter[str] = Counter()
    for name, number in counted.items():
        operation = name.partition(":")[2]
        asked[by_iam.get(operation, operation)] += number
    return asked


def allowed() -> set[str]:
    """The operations of the example's execution role."""
    statements = json.loads((EXAMPLES / "execution-role.json").read_text())["Statement"]
    actions = [each["Action"] for each in statements]
    listed = [action for each in actions for action in ([each] if isinstance(each, str) else each)]
    return {action.partition(":")[2] for action in listed}


def test_two_monitors_at_once_of_different_lines_replace_a_lost_member_once(town: Rehearsal, tmp_path: Path) -> None:
    old, before, calls = town.serving(), set(town.clusters()), operations(town)
    pair = [Airflow.of(line, tmp_path / line.name) for line in LINES[:2]]
    town.fault("kill-member", old["cluster"])
    said = ""
    for _minute in range(4):
        with ExitStack() as stack:
            both = [stack.enter_context(each.asking("run", "emr_dr_monitor", env=variables(town))) for each in pair]
            said += "".join(each.communicate(timeout=150)[0] for each in both)
            assert [each.returncode for each in both] == [0, 0], said
        if town.converged_without(old["cluster"]):
            break
    assert town.converged_without(old["cluster"]), said
    assert "another controller leads" in said, "they were never there at once"
    assert len(set(town.clusters()) - before) == 1
    asked = operations(town) - calls
    assert asked["RunJobFlow"] == 1
    assert set(asked) <= allowed(), "the example's execution role lacks what a recovery asks of AWS"
    assert town.decides_the_same_again() > 0
