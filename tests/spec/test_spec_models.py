"""What a loaded spec means: durations, defaults, the floor of the RTO, the AZs of its subnets."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from emr_dr.spec import Spec, check_placements, rto_floor
from emr_dr.spec.address import Check
from emr_dr.spec.fields import Duration, GroupName, format_duration, parse_duration
from emr_dr.spec.models import ControlTarget
from spec.spec_examples import FULL, SMALL, changed, loaded


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("1m30s", 90), ("10m", 600), ("24h", 86400), ("1d12h", 129600), ("0s", 0), ("1.5s", 1.5), ("90s", 90)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "5", "5 s", "-5s", "5s1m", "1m1m", "٣s", "5S", "1e3s", "1.5m", "5s\n", None, True]
)
def test_what_is_not_a_duration_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)


@settings(derandomize=True, max_examples=200, database=None)
@given(st.integers(0, 86_400_000))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


def test_a_spec_with_every_key_loads() -> None:
    spec = loaded(FULL)
    assert spec.cluster.instances.fleets is not None
    assert spec.cluster.instances.fleets.core is not None
    assert spec.cluster.instances.fleets.core.timeout == 600
    assert spec.cluster.configurations[0].configurations[0].properties == {"PYSPARK_PYTHON": "/usr/bin/python3"}
    assert spec.address.balancer.health_check.interval == 10
    assert spec.recovery.boot_deadline == 1500


def test_what_is_left_away_has_its_default() -> None:
    spec = loaded(SMALL[: SMALL.index("services:")] + SMALL[SMALL.index("placements:") :])
    assert {name: service.port for name, service in spec.services.declared().items()} == {
        "livy": 8998,
        "resource-manager": 8088,
        "name-node": 9870,
    }
    assert {(service.scheme, service.ca, service.credentials) for service in spec.services.declared().values()} == {
        ("http", None, None)
    }
    spec = loaded(FULL)
    assert (spec.detection.interval, spec.detection.member_lost, spec.detection.service_down) == (5, 60, 120)
    assert (spec.recovery.attempts, spec.recovery.cooldown, spec.recovery.retire_unconfirmed_after) == (2, 1800, 86400)


@pytest.mark.parametrize("text", [SMALL, FULL])
def test_a_spec_written_as_json_is_a_spec_again(text: str) -> None:
    spec = loaded(text)
    assert loaded(spec.model_dump_json(by_alias=True, exclude_none=True)) == spec


def test_a_spec_cannot_be_changed() -> None:
    spec = loaded(SMALL)
    with pytest.raises(ValidationError, match="frozen"):
        spec.detection.interval = 1


def test_a_check_needs_an_expression_that_compiles() -> None:
    assert Check.model_validate({"name": "history", "port": 18080, "matches": "[[a]"}).path == "/"
    with pytest.raises(ValidationError, match="is not a regular expression"):
        Check.model_validate({"name": "history", "port": 18080, "matches": "("})
    with pytest.raises(ValidationError, match="has no effect without matches"):
        Check.model_validate({"name": "history", "port": 18080, "pointer": "/spark"})


def test_services_and_checks_are_spoken_to_each_in_its_own_way() -> None:
    assert [(path, access.scheme, access.port) for path, access in loaded(FULL).accesses()] == [
        (("services", "livy"), "https", 18998),
        (("services", "resource-manager"), "https", 18088),
        (("services", "name-node"), "http", 9870),
        (("checks", 0), "https", 18480),
    ]


@pytest.mark.parametrize(
    "address", ["10.0.0.2", "fd00::2", "::1", "emr.us-east-1.amazonaws.com", "bastion", "ip_1.corp"]
)
def test_a_control_target_is_an_ip_address_or_a_name(address: str) -> None:
    assert ControlTarget(address=address, port=53).address == address


def test_rules_hold_for_specs_made_without_a_file_too() -> None:
    data = json.loads(loaded(SMALL).model_dump_json(by_alias=True, exclude_none=True))
    data["detection"]["member_lost"] = "6s"
    with pytest.raises(ValidationError, match="less than two intervals"):
        Spec.model_validate(data)


@pytest.mark.parametrize("suffix", ["-livy", "-rm", "-nn"])
def test_the_longest_group_name_leaves_room_for_target_group_names(suffix: str) -> None:
    assert len(TypeAdapter(GroupName).validate_python("a" * 24) + suffix) <= 32
    with pytest.raises(ValidationError):
        TypeAdapter(GroupName).validate_python("a" * 25)


def _with_strategy(strategy: str) -> Spec:
    data = loaded(SMALL).model_dump(mode="json", by_alias=True, exclude_none=True)
    data["address"]["balancer"]["stickiness"] = "source_ip"
    return Spec.model_validate({**data, "strategy": strategy})


def test_the_floor_of_active_passive_is_dominated_by_the_launch() -> None:
    assert rto_floor(loaded(SMALL)) == [("detection", 65), ("launch", 360), ("prove", 30), ("switch", 40)]
    assert rto_floor(loaded(FULL)) == [("detection", 65), ("launch", 510), ("prove", 30), ("switch", 60)]


def test_the_floor_of_strategies_with_a_second_member_has_no_launch() -> None:
    assert rto_floor(_with_strategy("warm-standby")) == [("detection", 65), ("launch", 0), ("prove", 0), ("switch", 40)]
    assert rto_floor(_with_strategy("active-active")) == [
        ("detection", 10),
        ("launch", 0),
        ("prove", 0),
        ("switch", 30),
    ]


def _with_gateways(strategy: str) -> Spec:
    data = loaded(SMALL).model_dump(mode="json", by_alias=True, exclude_none=True)
    data["address"]["mode"] = "gateway"
    return Spec.model_validate({**data, "strategy": strategy})


def test_gateways_switch_without_the_balancer() -> None:
    for strategy, launch, prove in (("active-passive", 360, 30), ("warm-standby", 0, 0)):
        floor = [("detection", 65), ("launch", launch), ("prove", prove), ("switch", 1)]
        assert rto_floor(_with_gateways(strategy)) == floor


def test_with_gateways_another_serving_member_takes_work_as_soon_as_one_is_missed() -> None:
    floor = [("detection", 1), ("launch", 0), ("prove", 0), ("switch", 0)]
    assert rto_floor(_with_gateways("active-active")) == floor


def test_placements_in_two_azs_are_well() -> None:
    assert check_placements(loaded(SMALL), {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b"}) == []


def test_placements_that_aws_sees_in_one_az_are_refused_with_their_line() -> None:
    spec = loaded(changed("[subnet-a, subnet-b]", "[subnet-c, subnet-d]"))
    problems = check_placements(spec, {"subnet-a": "us-east-1a", "subnet-b": "us-east-1a"})
    assert [(problem.line, problem.field, problem.what) for problem in problems] == [
        (11, "placements[1].subnet", "is in us-east-1a, as placements[0] is")
    ]


def test_balancer_subnets_in_one_az_are_refused_with_their_line() -> None:
    spec = loaded(changed("[subnet-a, subnet-b]", "[subnet-a, subnet-c]"))
    zones = {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b", "subnet-c": "us-east-1a"}
    (problem,) = check_placements(spec, zones)
    assert (problem.line, problem.field) == (6, "address.balancer.subnets[1]")
    assert problem.what == "shares us-east-1a with address.balancer.subnets[0]"


def test_a_subnet_that_aws_does_not_know_or_has_elsewhere_is_refused() -> None:
    problems = check_placements(loaded(FULL), {"subnet-b": "us-east-1c"})
    assert [str(problem) for problem in problems] == [
        "placements[0].subnet: AWS knows no subnet-a in us-east-1; correct the subnet, the region, or the AWS account",
        "placements[1].az: subnet-b is in us-east-1c, not in us-east-1b; correct the az or the subnet",
    ]
