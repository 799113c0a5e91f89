"""What a person gets wrong with the lab's verbs is one line with a remedy, and never a traceback."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from emr_dr.errors import UsageError
from emr_dr.lab import client
from emr_dr.lab.commands import lab
from emr_dr.lab.world import STATE_FILE


@pytest.mark.parametrize("written", ["garbage", "{}", "[]", '{"pid": "x"}'])
def test_a_state_file_that_no_lab_wrote_is_told(written: str, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text(written)
    with pytest.raises(UsageError, match="remove it"):
        client.find(tmp_path)


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for use in (client.find, client.refuse_second):
        with pytest.raises(UsageError, match="choose another --dir"):
            use(tmp_path / "file")


def test_a_port_that_no_machine_has_is_refused(tmp_path: Path) -> None:
    ran = CliRunner().invoke(lab, ["--dir", str(tmp_path), "up", "--stand-in", "--port", "80000"])
    assert ran.exit_code == 2
    assert "80000" in ran.output


@pytest.mark.parametrize("more", [(), ("--detach",)])
def test_a_wrong_time_is_told_before_anything_starts(more: tuple[str, ...], tmp_path: Path) -> None:
    ran = CliRunner().invoke(lab, ["--dir", str(tmp_path), "up", "--stand-in", "--set", "no_such_time=1", *more])
    assert isinstance(ran.exception, UsageError)
    assert not list(tmp_path.iterdir())
