"""The bootstrap action itself, under bash: what it writes, what it leaves alone, and that it never fails a launch."""

import getpass
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from emr_dr.aws.seeding import seeding_script

FOLDER = "/var/lib/emr-dr/livy-state"
STATE = "var/lib/emr-dr/livy-state/v1/batch/state"
PRIMARY = '{"instanceId": "i-0", "isMaster": true, "isRunningNameNode": true}'
CORE = PRIMARY.replace("true", "false")
BASH = shutil.which("bash") or "bash"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that stands for the root of a primary."""
    return node(tmp_path / "root", PRIMARY)


def node(root: Path, instance: str) -> Path:
    info = root / "mnt/var/lib/info/instance.json"
    info.parent.mkdir(parents=True)
    info.write_text(instance)
    return root


def run(root: Path, *arguments: str, user: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run it as EMR does, and return the one line that it says."""
    script = root.parent / "seed.sh"
    script.write_bytes(seeding_script())
    done = subprocess.run(
        [BASH, str(script), *arguments],
        env={**os.environ, "EMR_DR_ROOT": str(root), "EMR_DR_LIVY_USER": user, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (said,) = done.stdout.splitlines()
    return said


def modes(root: Path) -> set[int]:
    store = root / FOLDER.removeprefix("/")
    return {each.stat().st_mode & 0o777 for each in (store, *store.rglob("*"))}


def eventually(root: Path, wanted: set[int]) -> None:
    until = time.monotonic() + 15
    while modes(root) != wanted:
        assert time.monotonic() < until, modes(root)
        time.sleep(0.05)  # between two looks


@pytest.mark.parametrize("user", ["", getpass.getuser()], ids=["whoever runs it", "a user who is there"])
def test_on_the_primary_livys_first_number_is_written_where_only_livy_reads_it(root: Path, user: str) -> None:
    assert run(root, "7000000", FOLDER, user=user) == "emr-dr: batches begin with 7000000"
    assert json.loads((root / STATE).read_text()) == {"nextSessionId": 7_000_000}
    assert [each.name for each in (root / STATE).parent.iterdir()] == ["state"]
    assert modes(root) == {0o700, 0o600}


def test_a_livy_whose_user_is_not_there_yet_can_write_and_is_given_the_store_when_it_is(
    root: Path, tmp_path: Path
) -> None:
    """`id` knows the user once a file is there; that is all of the real one that is not asked."""
    there = tmp_path / "installed"
    imitation = tmp_path / "bin" / "id"
    imitation.parent.mkdir()
    imitation.write_text(f"#!{BASH}\ntest -e {there}\n")
    imitation.chmod(0o755)
    path = {"PATH": f"{imitation.parent}:{os.environ['PATH']}"}
    said = run(root, "7000000", FOLDER, user=getpass.getuser(), environment=path)
    assert said == "emr-dr: batches begin with 7000000"
    assert modes(root) == {0o777, 0o666}
    there.touch()
    eventually(root, {0o700, 0o600})


def test_on_other_nodes_nothing_is_written(tmp_path: Path) -> None:
    root = node(tmp_path / "root", CORE)
    assert run(root, "7000000", FOLDER) == "emr-dr: nothing to do: this is not the primary"
    assert not (root / "var").exists()


def test_a_node_that_does_not_know_what_it_is_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    assert "unknown whether this is the primary" in run(tmp_path / "root", "7000000", FOLDER)
    assert not (tmp_path / "root" / "var").exists()


def test_a_store_that_is_there_is_livys_own(root: Path) -> None:
    run(root, "7000000", FOLDER)
    (root / STATE).write_text('{"nextSessionId":7000042}')
    assert "is there already" in run(root, "7000000", FOLDER)
    assert (root / STATE).read_text() == '{"nextSessionId":7000042}'


def test_a_folder_that_cannot_be_written_fails_no_launch_and_is_told(root: Path) -> None:
    (root / "var/lib").mkdir(parents=True)
    (root / "var/lib/emr-dr").write_text("in the way, for root too")
    said = run(root, "7000000", FOLDER)
    assert said.startswith("emr-dr: nothing is seeded: ")
    assert said.endswith(f"{STATE} cannot be written")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "the first number is ''"),
        (("seven", FOLDER), "the first number is 'seven'"),
        (("7", ), "'' is no absolute path"),
        (("7", "livy-state"), "'livy-state' is no absolute path"),
    ],
)  # fmt: skip
def test_what_it_cannot_make_sense_of_fails_no_launch_and_is_told(
    root: Path, arguments: tuple[str, ...], why: str
) -> None:
    assert run(root, *arguments) == f"emr-dr: nothing is seeded: {why}"
    assert not (root / "var").exists()
