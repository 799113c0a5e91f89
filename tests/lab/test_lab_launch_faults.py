"""Launches that EC2 or EMR lets down, and those that are spared."""

from typing import Any

import pytest

from emr_dr.errors import UsageError
from lab.lab_world import World, eventually


def fleets(world: World, *zones: str, types: tuple[str, ...] = ("m5.xlarge",)) -> str:
    instances = {
        "Ec2SubnetIds": [world.lab.resources.subnets[zone] for zone in zones],
        "KeepJobFlowAliveWhenNoSteps": True,
        "InstanceFleets": [
            {
                "InstanceFleetType": role,
                "TargetOnDemandCapacity": 8,
                "InstanceTypeConfigs": [
                    {"InstanceType": each, "WeightedCapacity": 4 if each.endswith(".xlarge") else 8} for each in types
                ],
            }
            for role in ("MASTER", "CORE")
        ],
    }
    return str(world.aws("emr").run_job_flow(**(world.request() | {"Instances": instances}))["JobFlowId"])


def error(world: World, cluster: str) -> dict[str, Any]:
    """The one entry of ErrorDetails of a cluster that ends, or has ended."""
    eventually(lambda: world.state(cluster) in ("TERMINATING", "TERMINATED_WITH_ERRORS"))
    (found,) = world.describe(cluster)["Status"]["ErrorDetails"]
    return dict(found)


def ends_with_errors(world: World, cluster: str) -> None:
    eventually(lambda: world.state(cluster) == "TERMINATED_WITH_ERRORS")


def test_without_capacity_a_launch_ends_with_what_aws_tells_of_it(world: World) -> None:
    world.orders.no_capacity("us-east-1a")
    elsewhere, struck = world.launch("us-east-1b"), world.launch("us-east-1a", wait=False)
    told = error(world, struck)
    assert told["ErrorCode"] == "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"
    assert told["ErrorData"][0]["instance-type"] == "m5.xlarge"
    assert told["ErrorData"][0]["availability-zone"] == "us-east-1a"
    assert told["ErrorData"][0]["public-doc"].endswith("INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ.html")
    assert "m5.xlarge capacity" in told["ErrorMessage"]
    ends_with_errors(world, struck)
    spared = world.launch("us-east-1a")
    assert world.state(spared) == world.state(elsewhere) == "WAITING"


def test_without_capacity_emr_may_also_wait_for_ever(world: World) -> None:
    world.orders.no_capacity(hang=True)
    cluster = world.launch(wait=False)
    eventually(lambda: world.orders.status()["faults"] == [])
    world.clock.skip(7200)
    assert world.state(cluster) == "STARTING"
    assert world.aws("emr").list_instances(ClusterId=cluster)["Instances"] == []
    world.aws("emr").terminate_job_flows(JobFlowIds=[cluster])
    eventually(lambda: world.state(cluster) == "TERMINATED")


def test_a_lack_of_one_type_strikes_only_launches_that_ask_for_it(world: World) -> None:
    world.orders.no_capacity(instance_type="r5.xlarge", times=0)
    assert world.state(world.launch()) == "WAITING"
    groups = [
        {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
        {"InstanceRole": "CORE", "InstanceType": "r5.xlarge", "InstanceCount": 1},
    ]
    struck = world.launch(wait=False, Instances={"InstanceGroups": groups})
    assert error(world, struck)["ErrorData"][0]["instance-type"] == "r5.xlarge"
    fleet = fleets(world, "us-east-1a", types=("r5.xlarge",))
    assert error(world, fleet)["ErrorData"][0]["instance-type"] == "r5.xlarge"


def test_a_fleet_takes_another_type_and_as_many_as_it_needs_of_it(world: World) -> None:
    world.orders.no_capacity(instance_type="m5.xlarge", times=0)
    cluster = fleets(world, "us-east-1a", types=("m5.xlarge", "m5.2xlarge"))
    eventually(lambda: world.state(cluster) == "WAITING")
    cores = world.aws("emr").list_instances(ClusterId=cluster, InstanceFleetType="CORE")["Instances"]
    assert [each["InstanceType"] for each in cores] == ["m5.2xlarge"]
    world.orders.no_capacity(instance_type="m5.2xlarge")
    assert error(world, fleets(world, "us-east-1a", types=("m5.xlarge", "m5.2xlarge")))
    left = [(each["instance_type"], each["times"]) for each in world.orders.status()["faults"]]
    assert left == [("m5.xlarge", 0)]


def test_a_fleet_goes_to_an_az_that_has_capacity_and_uses_no_rule_up(world: World) -> None:
    world.orders.no_capacity("us-east-1a")
    cluster = fleets(world, "us-east-1a", "us-east-1c")
    eventually(lambda: world.state(cluster) == "WAITING")
    assert world.describe(cluster)["Ec2InstanceAttributes"]["Ec2AvailabilityZone"] == "us-east-1c"
    assert [each["times"] for each in world.orders.status()["faults"]] == [1]


def test_a_boot_failure_says_which_machine_and_which_action(world: World) -> None:
    world.orders.boot_failure("us-east-1b", times=2)
    for _ in range(2):
        cluster = world.launch("us-east-1b", wait=False)
        told = error(world, cluster)
        primary = world.aws("emr").list_instances(ClusterId=cluster, InstanceGroupTypes=["MASTER"])["Instances"][0]
        assert told["ErrorCode"] == "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"
        assert told["ErrorData"][0]["primary-instance-id"] == primary["Ec2InstanceId"]
        words = (
            f"On the master instance ({primary['Ec2InstanceId']}), bootstrap action 1 returned a non-zero return code"
        )
        reason = world.describe(cluster)["Status"]["StateChangeReason"]
        assert reason == {"Code": "BOOTSTRAP_FAILURE", "Message": words}
    assert world.state(world.launch("us-east-1b")) == "WAITING"


def test_a_launch_hangs_in_starting_until_it_is_terminated(world: World) -> None:
    world.orders.hang_starting("us-east-1c", times=0)
    first, second = (world.launch("us-east-1c", wait=False) for _ in range(2))
    assert world.state(world.launch("us-east-1a")) == "WAITING"
    world.clock.skip(7200)
    assert {world.state(first), world.state(second)} == {"STARTING"}
    world.orders.clear_faults()
    assert world.state(world.launch("us-east-1c")) == "WAITING"
    world.aws("emr").terminate_job_flows(JobFlowIds=[first, second])


def test_a_launch_fault_that_cannot_be_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="use one of us-east-1a"):
        world.orders.no_capacity("mars")
    with pytest.raises(UsageError, match="0 or more times"):
        world.orders.hang_starting(times=-1)
    with pytest.raises(UsageError, match="no-capacity"):
        world.orders.order("fault", launch={"kind": "boot-failure", "hang": True})
    with pytest.raises(UsageError, match="no launch fault is called"):
        world.orders.order("fault", launch={"kind": "explode"})
    assert world.orders.status()["faults"] == []
