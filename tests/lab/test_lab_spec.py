"""The spec that fits a running lab."""

from dataclasses import asdict, replace

import pytest
import yaml

from emr_dr.lab.spec import lab_spec
from emr_dr.lab.world import Resources
from emr_dr.spec import MODE_NAMES, STRATEGY_NAMES
from emr_dr.spec.load import read_spec

LAB = Resources(
    vpc="vpc-0123456789abcdef0",
    subnets={f"us-east-1{each}": f"subnet-{each}123456789abcdef0" for each in "abc"},
    security_groups=dict.fromkeys(("primary", "core", "service_access", "balancer"), "sg-0123456789abcdef0"),
    buckets=("acme-artifacts", "acme-logs"),
    service_role="EMR_DefaultRole_V2",
    instance_role="EMR_EC2_DefaultRole",
)


@pytest.mark.parametrize("mode", MODE_NAMES)
@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_the_spec_of_a_lab_keeps_every_rule(strategy: str, mode: str) -> None:
    spec = read_spec(lab_spec(asdict(LAB), strategy, "nightly", mode).encode(), "emr-dr.yaml")
    assert (spec.group, spec.strategy, spec.address.mode) == ("nightly", strategy, mode)


def test_the_next_lab_begins_with_a_store_that_remembers_no_cluster_of_the_last() -> None:
    other = replace(LAB, vpc="vpc-1123456789abcdef0")
    stores = [yaml.safe_load(lab_spec(asdict(each), "active-passive"))["store"]["sqlite"] for each in (LAB, other)]
    assert stores[0] != stores[1]
