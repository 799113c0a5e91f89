"""What Airflow of each line makes of the DAGs, and how the monitor's task takes what emr-dr says."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from airflow_lines.airflow import Airflow
from airflow_lines.line import LINES

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def seen(airflow: Airflow) -> dict[str, Any]:
    """What reading the folder of DAGs came to."""
    value: dict[str, Any] = airflow.ask("look").value
    return value


def execute(airflow: Airflow, *commands: str, **more: str) -> list[dict[str, str]]:
    asked = [{"command": command, "spec": "emr-dr.yaml", **more} for command in commands]
    answers: list[dict[str, str]] = airflow.ask("execute", json.dumps(asked)).value
    return answers


def says(words: str, code: int) -> str:
    """A command that prints words and exits with a code, whatever it is told."""
    return shlex.join(["sh", "-c", f"echo {shlex.quote(words)}; exit {code}"])


def test_the_dags_are_read_without_an_error_or_a_warning(seen: dict[str, Any]) -> None:
    assert seen["errors"] == {}
    assert seen["warnings"] == {"emr_dr_monitor.py": [], "livy_spark.py": []}
    assert set(seen["dags"]) == {"emr_dr_monitor", "livy_spark"}


def test_the_monitor_runs_each_minute_one_at_a_time_in_a_pool_of_its_own(seen: dict[str, Any]) -> None:
    monitor = seen["dags"]["emr_dr_monitor"]
    tick = monitor["tasks"]["tick"]
    assert (monitor["schedule"], monitor["catchup"], monitor["max_active_runs"]) == ("* * * * *", False, 1)
    assert (tick["pool"], tick["retries"], tick["execution_timeout"]) == ("emr_dr", 0, 120)
    assert tick["execution_timeout"] < monitor["dagrun_timeout"], "a run that never began must end"
    assert 'airflow pools set emr_dr 1 "emr-dr monitor"' in monitor["doc"]
    assert "no tick is ever begun" in monitor["doc"]


def test_the_job_is_submitted_in_cluster_mode_polled_and_tried_again_after_five_minutes(seen: dict[str, Any]) -> None:
    job = seen["dags"]["livy_spark"]
    spark = job["tasks"]["spark"]
    assert job["catchup"] is False
    assert (spark["type"], spark["retries"], spark["retry_delay"]) == ("LivyOperator", 1, 300)
    assert spark["spark"]["conf"]["spark.submit.deployMode"] == "cluster"
    assert spark["durable"] is False, "a retry would ask another cluster for the lost one's number"


def test_exit_codes_mean_for_a_task_what_they_mean_for_emr_dr(airflow: Airflow) -> None:
    words = ["all is well", "somebody saved", "throttled", "no room in any AZ", "line 3: no such field", "odd"]
    commands = [says(each, code) for each, code in zip(words, (0, 3, 75, 1, 2, 9), strict=True)]
    answers = execute(airflow, *commands)
    assert [each["raised"] for each in answers] == [
        "",
        "AirflowSkipException",
        "AirflowSkipException",
        "AirflowFailException",
        "AirflowFailException",
        "AirflowFailException",
    ]
    assert [each["said"] for each in answers] == [
        "",
        "somebody else decided first (exit 3): somebody saved",
        "try again (exit 75): throttled",
        "failed for good (exit 1): no room in any AZ",
        "wrong use, or could not tell (exit 2): line 3: no such field",
        "ended unexpectedly (exit 9): odd",
    ]


def test_to_try_again_next_minute_is_no_failure_of_the_run(tmp_path: Path) -> None:
    airflow = Airflow.of(LINES[1], tmp_path)
    answer = airflow.ask("run", "emr_dr_monitor", env={"AIRFLOW_VAR_EMR_DR_COMMAND": says("throttled", 75)})
    assert answer.value == {"run": "success", "tasks": {"tick": "skipped"}}, answer.said
    assert "try again (exit 75): throttled" in answer.said


def test_an_emr_dr_that_is_not_there_or_has_no_spec_says_what_to_do(airflow: Airflow) -> None:
    missing, specless = execute(airflow, "/opt/nowhere/emr-dr", f"{sys.executable} -m emr_dr")
    assert missing["raised"] == specless["raised"] == "AirflowFailException"
    assert missing["said"].startswith("/opt/nowhere/emr-dr: No such file or directory; say how to start emr-dr")
    assert "(exit 2): emr-dr.yaml: there is no such file" in specless["said"]


@pytest.mark.parametrize(
    ("blow", "raised", "said"),
    [
        ("kill", "AirflowFailException", "ended unexpectedly (exit -15)"),
        ("timeout", "TimeoutError", "the task's time is over"),
    ],
)
def test_a_tick_that_airflow_ends_is_ended_with_all_that_it_started(
    airflow: Airflow, tmp_path: Path, blow: str, raised: str, said: str
) -> None:
    mark = tmp_path / "child"
    script = f"sleep 60 & echo $! > {mark}.new; mv {mark}.new {mark}; wait; touch {mark}.finished"
    (answer,) = execute(airflow, shlex.join(["sh", "-c", script]), mark=str(mark), blow=blow)
    assert answer["raised"] == raised
    assert answer["said"].startswith(said)
    assert not mark.with_name("child.finished").exists(), "it was waited for"
    child = int(mark.read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
