"""`lab down` where a lab was killed: what it left is ended, and its state file goes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emr_dr.errors import ConflictError
from emr_dr.lab import client
from emr_dr.lab.cluster.settings import LAB_MARKER
from emr_dr.lab.world import STATE_FILE, alone_in, lab_id


def test_what_a_killed_lab_left_is_ended_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("{}")
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env=os.environ | {LAB_MARKER: lab_id(tmp_path)}
    )
    assert client.clean_up(tmp_path)
    assert left.wait(10) < 0
    assert not client.clean_up(tmp_path)


def test_a_lab_that_just_starts_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("{}")
    with alone_in(tmp_path), pytest.raises(ConflictError):
        client.clean_up(tmp_path)
