"""The schedule of the post's procedure: on time, overlapping as cron would, and no longer than it is asked to."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmarks.failover.cases import Rules
from benchmarks.failover.schedule import NEEDS, PROCEDURE, Schedule, of_procedure
from emr_dr.errors import UsageError


def schedule(folder: Path, script: str, period: float = 0.1) -> Schedule:
    return Schedule((str(shutil.which("bash")), "-c", script), os.environ, folder / "schedule", period)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - what it waits for is a process
            await asyncio.sleep(0.01)


async def test_a_start_does_not_wait_for_the_one_before(tmp_path: Path) -> None:
    made = schedule(tmp_path, "echo begun; sleep 60")
    running = asyncio.create_task(made.run())
    await until(lambda: len(made.starts) >= 3)
    assert made.running == len(made.starts), "they overlap"
    await until(lambda: made.starts[0].said() == ["begun"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert made.running == 0, "what was started ends with the schedule"
    assert not any(psutil.pid_exists(each.process.pid) for each in made.starts)
    assert made.starts[0].ended_at is not None


async def test_starts_are_a_period_apart_however_long_each_takes(tmp_path: Path) -> None:
    made = schedule(tmp_path, "sleep 0.3", period=0.5)
    made.only(3)
    await made.run()
    first, *_, last = made.starts
    assert len(made.starts) == 3
    assert 0.9 <= last.at - first.at <= 2.5
    assert made.used_up
    assert made.running == 0


async def test_the_moment_before_a_start_is_found(tmp_path: Path) -> None:
    made = schedule(tmp_path, "true", period=1.0)
    running = asyncio.create_task(made.run())
    await until(lambda: len(made.starts) == 1)
    await made.until_before_next(0.4)
    moment, before = time.time(), len(made.starts)
    await until(lambda: len(made.starts) > before)
    assert 0.3 <= made.starts[before].at - moment < 0.9
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("line", "healthy", "done"),
    [
        ("cluster j-1 (etl-1) is healthy", True, False),
        ("done: j-2 serves from us-east-1b", False, True),
        ("Livy is not reachable", False, False),
    ],
)
async def test_what_a_start_found_is_read_from_what_it_said(
    tmp_path: Path, line: str, *, healthy: bool, done: bool
) -> None:
    made = schedule(tmp_path, f"echo '{line}'")
    made.only(1)
    await made.run()
    (start,) = made.starts
    assert (start.found_healthy, start.done) == (healthy, done)


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in NEEDS), reason="the procedure's tools are not here")
def test_the_procedure_is_started_with_the_first_cluster_and_only_the_labs_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    env = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    made = of_procedure("j-FIRST", "127.10.200.1", env, folder=tmp_path, rules=Rules(wait="7s"))
    assert made.command[1:] == (str(PROCEDURE), "j-FIRST")
    assert PROCEDURE.is_file()
    assert made.period == 60
    told = {name: made.env.get(name) for name in ("REGION", "NLB_DNS", "WAIT", "AWS_ENDPOINT_URL", "AWS_PROFILE")}
    assert told == {
        "REGION": "us-east-1",
        "NLB_DNS": "127.10.200.1",
        "WAIT": "7s",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_PROFILE": None,
    }


def test_a_tool_that_the_procedure_needs_and_the_machine_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="jq"):
        of_procedure("j-1", "127.10.200.1", {}, folder=tmp_path, rules=Rules())
