"""What the lab runs on a node before its services start: our own bootstrap action, and no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emr_dr.aws.seeding import ACTION_NAME, seeding_script
from emr_dr.errors import PermanentError
from emr_dr.lab.cluster.bootstrap_actions import run_bootstrap_actions
from emr_dr.lab.cluster.settings import Node, Script
from emr_dr.lab.cluster.spark_settings import livy_conf
from emr_dr.lab.machines import BootstrapAction, Launch
from emr_dr.lab.parts.layout import parts_at
from emr_dr.lab.real import RealMachines
from emr_dr.spec.recovery_store import SETTINGS, STORE_FOLDER


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node("127.4.5.6", tmp_path / "j-1")
    node.logs.mkdir(parents=True)
    return node


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[RealMachines]:
    made = RealMachines(
        parts_at(tmp_path / "parts"), lab_id="none-runs", root=tmp_path / "clusters", objects=tmp_path / "s3"
    )
    yield made
    made.close()


def test_the_store_is_seeded_where_livy_looks_for_it(node: Node) -> None:
    run_bootstrap_actions(node, (Script(seeding_script(), ("7000000", STORE_FOLDER)),))
    store = Path(urlsplit(str(livy_conf(node, SETTINGS)["livy.server.recovery.state-store.url"])).path)
    assert json.loads((store / "v1/batch/state").read_text()) == {"nextSessionId": 7_000_000}
    assert store.is_relative_to(node.home)
    assert (node.logs / "bootstrap-actions.log").read_text() == "emr-dr: batches begin with 7000000\n"


def test_an_action_that_fails_ends_the_launch_and_those_behind_it_are_not_run(node: Node) -> None:
    behind = Script(b'touch "$EMR_DR_ROOT/behind"')
    with pytest.raises(PermanentError, match=r"bootstrap action 2 returned a non-zero return code \(3\)"):
        run_bootstrap_actions(node, (Script(b"exit 0"), Script(b"exit 3"), behind))
    assert not (node.root / "behind").exists()


def test_a_launch_whose_script_is_not_on_s3_fails_as_on_emr(machines: RealMachines) -> None:
    ours = BootstrapAction(ACTION_NAME, "s3://acme-artifacts/emr-dr/seed.sh", ("7000000", STORE_FOLDER))
    with pytest.raises(PermanentError, match=r"is not at s3://acme-artifacts/emr-dr/seed\.sh"):
        machines.start(Launch("j-1", "127.4.5.6", "us-east-1a", bootstrap_actions=(ours,)))
