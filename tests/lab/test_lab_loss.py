"""What AWS says, and when, about machines that vanished."""

import socket

import pytest

from lab.lab_world import World, eventually


def statuses(world: World, cluster: str) -> set[str]:
    ids = [each["Ec2InstanceId"] for each in world.aws("emr").list_instances(ClusterId=cluster)["Instances"]]
    found = world.aws("ec2").describe_instance_status(InstanceIds=ids, IncludeAllInstances=True)["InstanceStatuses"]
    return {each["InstanceStatus"]["Status"] for each in found}


def test_emr_notices_a_dead_az_late_and_ec2_confirms_it_later(world: World) -> None:
    cluster = world.launch("us-east-1a")
    other = world.launch("us-east-1b")
    address = world.address(cluster)
    assert cluster in world.orders.kill_az("us-east-1a")["lost"]

    with pytest.raises(TimeoutError):
        socket.create_connection((address, 8998), timeout=0.3)
    world.clock.skip(50)
    assert statuses(world, cluster) == {"ok"}
    world.clock.skip(50)
    assert world.state(cluster) == "WAITING"
    assert statuses(world, cluster) == {"impaired"}
    zones = world.aws("ec2").describe_availability_zones(ZoneNames=["us-east-1a"])["AvailabilityZones"]
    assert zones[0]["State"] == "available"

    world.clock.skip(21)
    eventually(lambda: world.state(cluster) == "TERMINATING")
    assert world.describe(cluster)["Status"]["StateChangeReason"]["Code"] == "INSTANCE_FAILURE"
    world.clock.skip(170)
    assert world.state(cluster) == "TERMINATING"

    world.clock.skip(10)
    eventually(lambda: world.state(cluster) == "TERMINATED_WITH_ERRORS")
    assert world.state(other) == "WAITING"


def test_a_lost_cluster_that_is_terminated_stays_terminating_until_ec2_confirms(world: World) -> None:
    cluster = world.launch("us-east-1c")
    world.orders.kill_member(cluster)
    world.aws("emr").terminate_job_flows(JobFlowIds=[cluster])
    assert world.state(cluster) == "TERMINATING"
    world.clock.skip(290)
    assert world.state(cluster) == "TERMINATING"
    world.clock.skip(11)
    eventually(lambda: world.state(cluster) == "TERMINATED")


def test_a_launch_into_a_dead_az_ends_for_want_of_capacity(world: World) -> None:
    world.orders.kill_az("us-east-1b")
    cluster = world.launch("us-east-1b", wait=False)
    eventually(lambda: world.state(cluster) == "TERMINATED_WITH_ERRORS")
    status = world.describe(cluster)["Status"]
    assert status["StateChangeReason"]["Code"] == "INTERNAL_ERROR"
    assert status["ErrorDetails"][0]["ErrorCode"] == "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"
    assert status["ErrorDetails"][0]["ErrorData"][0]["availability-zone"] == "us-east-1b"


def test_a_launch_can_lack_capacity_fail_to_boot_or_hang(world: World) -> None:
    codes = {}
    for kind in ("no-capacity", "boot-failure", "hang-starting"):
        world.orders.order("fault", launch={"kind": kind})
        codes[kind] = world.launch(wait=False)
        eventually(lambda: world.orders.status()["faults"] == [])
    eventually(lambda: world.state(codes["no-capacity"]) == "TERMINATED_WITH_ERRORS")
    eventually(lambda: world.state(codes["boot-failure"]) == "TERMINATED_WITH_ERRORS")
    assert world.describe(codes["boot-failure"])["Status"]["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    world.clock.skip(3600)
    assert world.state(codes["hang-starting"]) == "STARTING"
    world.aws("emr").terminate_job_flows(JobFlowIds=[codes["hang-starting"]])
    eventually(lambda: world.state(codes["hang-starting"]) == "TERMINATED")


def test_a_dead_service_refuses_and_a_frozen_one_is_silent_while_emr_says_waiting(world: World) -> None:
    cluster = world.launch()
    address = world.address(cluster)
    world.orders.kill_service(cluster, "livy")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 8998), timeout=2)
    world.orders.freeze(cluster, "name-node")
    with socket.create_connection((address, 9870), timeout=2) as frozen:
        frozen.settimeout(0.3)
        frozen.sendall(b"GET /jmx HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            frozen.recv(1)
        world.orders.thaw(cluster, "name-node")
        frozen.settimeout(5)
        assert frozen.recv(12) == b"HTTP/1.1 200"
    assert world.state(cluster) == "WAITING"


def test_a_balancer_leaves_a_dead_az_for_the_target_that_still_answers(world: World) -> None:
    lost, left = world.launch("us-east-1a"), world.launch("us-east-1b")
    addresses = [world.address(each) for each in (lost, left)]
    balancer, group = world.balancer(), world.target_group()
    world.listen(balancer, group)
    targets = [{"Id": each} for each in addresses]
    world.aws("elbv2").register_targets(TargetGroupArn=group, Targets=targets)
    eventually(lambda: set(world.health(group).values()) == {("healthy", None)})

    world.orders.kill_az("us-east-1a")
    gone, there = (f"{each}:8998" for each in addresses)
    eventually(lambda: world.health(group)[gone] == ("unhealthy", "Target.Timeout"))
    assert world.health(group)[there] == ("healthy", None)
    for _ in range(5):
        with socket.create_connection((balancer["DNSName"], 8998), timeout=2) as connection:
            connection.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
