"""The job DAG on real Airflow against a real cluster: Livy submits it, YARN runs it, Airflow is told how it ended."""

import json
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from airflow_lines.airflow import Airflow
from airflow_lines.line import EXAMPLES, LINES, Line
from lab.rehearsal import Rehearsal, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.airflow, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab of real clusters, with the example's job where the DAG looks for it."""
    with rehearsal(tmp_path_factory.mktemp("town")) as found:
        found.aws("s3", "cp", str(EXAMPLES / "jobs" / "pi.py"), "s3://acme-artifacts/jobs/pi.py")
        yield found


@pytest.mark.parametrize("line", LINES[:2], ids=lambda line: f"airflow-{line.name}")
def test_the_job_runs_in_cluster_mode_through_the_balancer(
    line: Line, town: Rehearsal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    airflow = Airflow.of(line, tmp_path_factory.mktemp("airflow"))
    connection = json.loads((EXAMPLES / "connections.json").read_text())["livy_default"] | {"host": town.balancer()}
    answer = airflow.ask("run", "livy_spark", env={"AIRFLOW_CONN_LIVY_DEFAULT": json.dumps(connection)}, seconds=240)
    assert answer.value == {"run": "success", "tasks": {"spark": "success"}}, answer.said
    assert "terminated with state: success" in answer.said
    with urlopen(f"http://{town.serving()['address']}:8088/ws/v1/cluster/apps", timeout=20) as reply:
        apps = json.load(reply)["apps"]["app"]
    assert {each["finalStatus"] for each in apps if each["name"] == "livy_spark"} == {"SUCCEEDED"}
