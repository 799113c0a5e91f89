"""What EC2's status checks say of the machines of clusters, and when."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from emr_dr.errors import UsageError
from emr_dr.lab.times import NEVER, LabTimes
from lab.lab_world import World, eventually
from lab.test_lab_command_line import aws
from lab.test_lab_lifecycle import Stage


def ids(world: World, cluster: str) -> list[str]:
    listed = world.aws("emr").list_instances(ClusterId=cluster)["Instances"]
    return [str(each["Ec2InstanceId"]) for each in listed]


def seen(world: World, cluster: str, *, everything: bool = True) -> set[tuple[str, str, str, str]]:
    """State, system's status, instance's status and reachability of all machines of a cluster."""
    found = world.aws("ec2").describe_instance_status(InstanceIds=ids(world, cluster), IncludeAllInstances=everything)
    return {
        (
            each["InstanceState"]["Name"],
            each["SystemStatus"]["Status"],
            each["InstanceStatus"]["Status"],
            next((detail["Status"] for detail in each["InstanceStatus"].get("Details", [])), "-"),
        )
        for each in found["InstanceStatuses"]
    }


def test_checks_pass_then_fail_a_minute_after_the_loss_and_end_with_the_machine(world: World) -> None:
    cluster = world.launch()
    assert seen(world, cluster) == {("running", "ok", "ok", "passed")}
    world.orders.kill_member(cluster)
    world.clock.skip(55)
    assert seen(world, cluster) == {("running", "ok", "ok", "passed")}
    world.clock.skip(6)
    assert seen(world, cluster, everything=False) == {("running", "impaired", "impaired", "failed")}
    world.aws("emr").terminate_job_flows(JobFlowIds=[cluster])
    assert seen(world, cluster) == {("shutting-down", "not-applicable", "not-applicable", "-")}
    assert seen(world, cluster, everything=False) == set()
    world.clock.skip(240)
    eventually(lambda: seen(world, cluster) == {("terminated", "not-applicable", "not-applicable", "-")})


def test_an_impaired_machine_says_since_when(world: World) -> None:
    cluster = world.launch()
    world.orders.kill_member(cluster)
    world.clock.skip(90)
    (status,) = world.aws("ec2").describe_instance_status(InstanceIds=ids(world, cluster)[:1])["InstanceStatuses"]
    since = status["SystemStatus"]["Details"][0]["ImpairedSince"].timestamp()
    assert 25 < world.clock() - since < 40


def test_a_machine_that_boots_initializes(world: World) -> None:
    cluster = world.launch(wait=False)
    eventually(lambda: ids(world, cluster))
    assert seen(world, cluster) <= {
        ("running", "initializing", "initializing", "initializing"),
        ("running", "ok", "ok", "passed"),
    }


def test_an_unknown_machine_is_refused(world: World) -> None:
    with pytest.raises(ClientError) as error:
        world.aws("ec2").describe_instance_status(InstanceIds=["i-00000000000000000"], IncludeAllInstances=True)
    assert error.value.response["Error"]["Code"] == "InvalidInstanceID.NotFound"
    assert error.value.response["Error"]["Message"] == "The instance ID 'i-00000000000000000' does not exist"


def test_the_aws_command_line_reads_it(world: World) -> None:
    cluster = world.launch()
    told = aws(
        world, "ec2", "describe-instance-status", "--include-all-instances", "--instance-ids", *ids(world, cluster)
    )
    assert {each["SystemStatus"]["Status"] for each in json.loads(told)["InstanceStatuses"]} == {"ok"}


@pytest.fixture
def for_ever() -> Iterator[Stage]:
    times = LabTimes.parse({"emr_notices_after": "never", "ec2_notices_after": "never"})
    made = Stage(times)
    made.machines.up = True
    yield made
    made.lifecycle.close()


def test_what_nobody_ever_notices_waits_for_ever_and_ends_only_when_it_is_told_to(for_ever: Stage) -> None:
    cluster = for_ever.launch()
    for_ever.becomes(cluster, "WAITING")
    for_ever.lifecycle.lose({cluster.id: cluster})
    for_ever.after(1e9)
    assert cluster.state == "WAITING"
    cluster.lost_at = for_ever.now
    cluster.begin_to_end(for_ever.now, "USER_REQUEST", "")
    for_ever.after(299)
    assert cluster.state == "TERMINATING"
    for_ever.after(1)
    for_ever.becomes(cluster, "TERMINATED")


def test_never_is_a_time_that_json_can_hold() -> None:
    times = LabTimes.parse({"ec2_confirms_after": "never"})
    assert json.loads(json.dumps(times.shortened())) == {"ec2_confirms_after": NEVER}
    for wrong in ({"health_check_speed": "never"}, {"cluster_start": "inf"}, {"cluster_start": "nan"}):
        with pytest.raises(UsageError):
            LabTimes.parse(wrong)
