"""Batch id ranges in a launch: settings, bootstrap action, and that a cluster launched so differs in nothing."""

import re
from typing import Any

import pytest

from aws.answers import FLEETS, answered
from aws.test_launch_request import EVERYTHING
from emr_dr.aws.cluster_facts import is_ranged
from emr_dr.aws.compare import differences
from emr_dr.aws.launch_request import launch_request
from emr_dr.aws.seeding import ACTION_NAME, seeding, seeding_file
from emr_dr.core.group import Placement
from emr_dr.spec.cluster import ClusterTemplate
from emr_dr.spec.recovery_store import SETTINGS

Json = dict[str, Any]
RANGES = {"batch_id_ranges": True}


def request(declared: Json, number: int = 7) -> Any:  # noqa: ANN401 - RunJobFlow's parameters
    template = ClusterTemplate.model_validate(declared)
    return launch_request(
        "etl",
        template,
        number=number,
        origin="0ff1ce",
        placement=Placement("subnet-a", "us-east-1a"),
        own_bootstrap=seeding(template, number),
    )


def test_without_ranges_a_launch_is_as_declared() -> None:
    made = request(EVERYTHING)
    assert [each["Name"] for each in made["BootstrapActions"]] == ["setup"]
    assert "recovery" not in str(made["Configurations"])


def test_our_action_runs_first_with_the_number_and_the_store_that_livy_is_told_of() -> None:
    made = request(EVERYTHING | RANGES)
    ours, theirs = made["BootstrapActions"]
    assert (ours["Name"], theirs["Name"]) == (ACTION_NAME, "setup")
    script = ours["ScriptBootstrapAction"]
    assert script["Path"] == f"s3://acme-artifacts/emr-dr/{seeding_file()}"
    assert script["Args"] == ["7000000", "/var/lib/emr-dr/livy-state"]
    (livy,) = [each["Properties"] for each in made["Configurations"] if each["Classification"] == "livy-conf"]
    assert livy["livy.server.recovery.state-store.url"] == f"file://{script['Args'][1]}"
    assert (livy["livy.server.recovery.mode"], livy["livy.server.recovery.state-store"]) == ("recovery", "filesystem")


def test_settings_of_livy_that_are_declared_stay_and_others_are_not_touched() -> None:
    before, after = request(EVERYTHING)["Configurations"], request(EVERYTHING | RANGES)["Configurations"]
    assert after[0] == before[0]
    assert after[1]["Properties"] == {"livy.server.session.timeout": "2h", **SETTINGS}
    none_declared = request({**EVERYTHING, **RANGES, "configurations": []})["Configurations"]
    assert none_declared == [{"Classification": "livy-conf", "Properties": dict(SETTINGS)}]


def test_the_next_generation_begins_a_million_later() -> None:
    arguments = [
        request(EVERYTHING | RANGES, n)["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"] for n in (1, 2)
    ]
    assert [each[0] for each in arguments] == ["1000000", "2000000"]


def test_the_script_lies_under_a_name_that_changes_with_it() -> None:
    assert re.fullmatch(r"seed-batch-ids-[0-9a-f]{12}\.sh", seeding_file())


@pytest.mark.parametrize("declared", [EVERYTHING, FLEETS], ids=["groups", "fleets"])
def test_a_cluster_launched_with_ranges_differs_in_nothing(declared: Json) -> None:
    sent = request(declared | RANGES)
    assert differences(sent, answered(sent)) == ()


def test_of_a_running_cluster_emr_tells_whether_it_was_launched_with_ranges() -> None:
    assert is_ranged(answered(request(EVERYTHING | RANGES)).cluster)
    assert not is_ranged(answered(request(EVERYTHING)).cluster)
    assert not is_ranged({"Configurations": None})


def test_a_cluster_launched_without_ranges_is_not_what_the_spec_declares_with_them() -> None:
    told = differences(request(EVERYTHING | RANGES), answered(request(EVERYTHING)))
    assert {(each.field, each.must) for each in told} == {("bootstrap", True), ("configurations.livy-conf", True)}
