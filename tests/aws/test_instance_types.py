"""Types to ask for when EC2 has no room for the declared one: declared, turned into rungs, and launched."""

from typing import Any

import pytest
from pydantic import ValidationError

from aws.aws_examples import TEMPLATE
from emr_dr.aws.launch_request import launch_request
from emr_dr.core.group import Placement
from emr_dr.spec.cluster import ClusterTemplate
from emr_dr.spec.instances import Instances, rungs

PRIMARY: dict[str, Any] = {"type": "m5.xlarge", "alternatives": ["m6i.xlarge", "m5a.xlarge"]}
CORE: dict[str, Any] = {"type": "r5.xlarge", "alternatives": ["m6i.xlarge"]}


def instances(**groups: object) -> Instances:
    return Instances.model_validate({"groups": groups})


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"primary": {"type": "m5.xlarge"}}, (("m5.xlarge",),)),
        ({"primary": {"type": "m5.xlarge"}, "core": {"type": "m5.xlarge"}}, (("m5.xlarge",),)),
        (
            {"primary": PRIMARY, "core": CORE, "task": {"type": "c5.xlarge"}},
            (
                ("m5.xlarge", "r5.xlarge", "c5.xlarge"),
                ("m6i.xlarge", "c5.xlarge"),
                ("m5a.xlarge", "m6i.xlarge", "c5.xlarge"),
            ),
        ),
    ],
)
def test_a_rung_is_the_types_of_all_roles_and_a_role_without_more_keeps_its_last(
    groups: dict[str, Any], expected: tuple[tuple[str, ...], ...]
) -> None:
    assert rungs(instances(**groups)) == expected


def test_fleets_have_one_rung_without_types_for_emr_chooses_itself() -> None:
    primary = {"target_on_demand": 1, "types": [{"type": "m5.xlarge"}, {"type": "m6i.xlarge"}]}
    assert rungs(Instances.model_validate({"fleets": {"primary": primary}})) == ((),)


@pytest.mark.parametrize(
    ("alternatives", "what"),
    [
        (["m6i.xlarge", "m5.xlarge"], "m5.xlarge is the type itself"),
        (["m6i.xlarge", "m5a.xlarge", "m6i.xlarge"], r"m6i.xlarge is in item \[0\] too"),
        (["large"], '"large" is not well formed'),
    ],
)
def test_a_type_that_would_be_asked_for_twice_is_refused(alternatives: list[str], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        instances(primary={"type": "m5.xlarge", "alternatives": alternatives})


@pytest.mark.parametrize(
    ("rung", "expected"),
    [
        (0, ("m5.xlarge", "r5.xlarge")),
        (1, ("m6i.xlarge", "m6i.xlarge")),
        (2, ("m5a.xlarge", "m6i.xlarge")),
        (9, ("m5a.xlarge", "m6i.xlarge")),
    ],
)
def test_a_launch_asks_for_the_types_of_its_rung(rung: int, expected: tuple[str, str]) -> None:
    declared = ClusterTemplate.model_validate({**TEMPLATE, "instances": {"groups": {"primary": PRIMARY, "core": CORE}}})
    placement = Placement("subnet-a", "us-east-1a", rung)
    request = launch_request("etl", declared, number=1, origin="o", placement=placement)
    assert tuple(group["InstanceType"] for group in request["Instances"].get("InstanceGroups", ())) == expected
