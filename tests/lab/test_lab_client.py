"""The lab as a process of its own: found, ordered, ended, and what a crash leaves."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from emr_dr.errors import ConflictError, PermanentError, UsageError
from emr_dr.lab import client, world
from emr_dr.lab.aws.resources import client as aws_client
from emr_dr.lab.times import LabTimes
from lab.lab_world import eventually


def test_the_directory_is_the_chosen_one_then_the_environments_then_the_state_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/x")
    monkeypatch.delenv("EMR_DR_LAB_DIR", raising=False)
    assert client.state_directory() == Path("/x/emr-dr/lab")
    monkeypatch.setenv("EMR_DR_LAB_DIR", "/y")
    assert client.state_directory() == Path("/y")
    assert client.state_directory(Path("/z")) == Path("/z")


def test_a_lab_that_crashed_is_not_found(tmp_path: Path) -> None:
    own = psutil.Process()
    state = {"pid": own.pid, "pid_started": own.create_time() - 5, "url": "http://127.0.0.1:1"}
    (tmp_path / world.STATE_FILE).write_text(json.dumps(state))
    assert client.find(tmp_path) is None
    with pytest.raises(UsageError, match="emr-dr lab up"):
        client.require(tmp_path)


@pytest.mark.lab
def test_a_lab_starts_apart_serves_and_ends_without_a_trace(tmp_path: Path) -> None:
    waited: list[float] = []
    lab = client.up(tmp_path, ["--stand-in", "--time", "emr_notices_after=1"], progress=waited.append)
    try:
        assert waited
        process = psutil.Process(lab.description["pid"])
        assert os.getsid(process.pid) == process.pid
        assert lab.description["shortened"] == {"emr_notices_after": 1.0}
        assert lab.status()["zones"] == dict.fromkeys(world.ZONES, "alive")
        emr = aws_client("emr", lab.environment["AWS_ENDPOINT_URL"])
        assert emr.list_clusters()["Clusters"] == []
        emr.close()
        with pytest.raises(ConflictError):
            client.up(tmp_path)
        with pytest.raises(UsageError, match="us-east-1c"):
            lab.kill_az("mars")
    finally:
        lab.down()
    lab.down()
    assert client.find(tmp_path) is None
    assert not (tmp_path / world.STATE_FILE).exists()


@pytest.mark.lab
def test_sigterm_ends_a_lab_cleanly_and_sigkill_frees_its_directory(tmp_path: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        lab = client.up(tmp_path, ["--stand-in"])
        process = psutil.Process(lab.description["pid"])
        process.send_signal(number)
        process.wait(20)
        eventually(lambda: client.find(tmp_path) is None)
    assert not (tmp_path / world.STATE_FILE).exists()


@pytest.mark.lab
def test_a_lab_ends_with_its_owner(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        lab = client.up(tmp_path, ["--stand-in", "--owner", str(owner.pid)])
        owner.communicate(b"\n")
    psutil.Process(lab.description["pid"]).wait(20)
    assert client.find(tmp_path) is None


@pytest.mark.lab
def test_a_lab_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no time is called 'tea'"):
        client.up(tmp_path, ["--stand-in", "--time", "tea=5"])


def test_two_labs_have_ranges_of_their_own() -> None:
    with world.claim_addresses() as first, world.claim_addresses() as second:
        assert first.octet != second.octet
        assert not first.contains(next(second.hosts("us-east-1a")))
    with world.claim_addresses() as again:
        assert again.octet == first.octet


def test_times_are_read_from_names_and_refused_when_wrong() -> None:
    assert LabTimes.parse({"cluster_start": "30"}).shortened() == {"cluster_start": 30.0}
    for wrong in ({"cluster_start": "soon"}, {"cluster_start": "-1"}, {"health_check_speed": "0"}):
        with pytest.raises(UsageError):
            LabTimes.parse(wrong)
