"""The real `aws` command line, and the post's own procedure, against the lab."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.lab_world import World, eventually

_PROCEDURE = Path(__file__).with_name("blog-procedure.sh")
_PORTS = (8998, 8088, 9870)


def environment(world: World) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(world.lab.directory), **world.lab.environment()}


def aws(world: World, *arguments: str) -> str:
    ran = subprocess.run(
        ["aws", *arguments],  # noqa: S607  found in the environment's PATH
        env=environment(world),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_aws_command_line_works_unchanged(world: World) -> None:
    cluster = world.launch(Instances={"TerminationProtected": True})
    query = ("--query", "Instances[*].PrivateIpAddress", "--output", "text")
    listed = aws(world, "emr", "list-instances", "--cluster-id", cluster, "--instance-group-types", "MASTER", *query)
    assert listed == world.address(cluster)
    aws(world, "emr", "modify-cluster-attributes", "--cluster-id", cluster, "--no-termination-protected")
    assert not world.describe(cluster)["TerminationProtected"]


def test_the_posts_procedure_ends_with_a_new_cluster_registered(world: World) -> None:
    missing = [each for each in ("bash", "jq", "curl") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"the post's procedure needs {', '.join(missing)}, which this machine lacks")
    emr, elb = world.aws("emr"), world.aws("elbv2")
    old = world.launch("us-east-1a", Instances={"TerminationProtected": True})
    old_address = world.address(old)
    balancer = world.balancer()
    groups = {port: world.target_group(Port=port) for port in _PORTS}
    for port, group in groups.items():
        world.listen(balancer, group, port)
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": old_address}])
    for port, group in groups.items():
        key = f"{old_address}:{port}"
        eventually(lambda group=group, key=key: world.health(group)[key][0] == "healthy")  # type: ignore[misc]

    for service in ("livy", "resource-manager", "name-node"):
        world.orders.kill_service(old, service)
    name = {"REGION": "us-east-1", "NLB_DNS": balancer["DNSName"], "WAIT": "1s"}
    ran = subprocess.run(
        ["bash", str(_PROCEDURE), old],  # noqa: S607
        env=environment(world) | name,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert "done:" in ran.stdout, ran.stdout + ran.stderr
    new = ran.stdout.rpartition("done: ")[2].split()[0]
    assert world.state(new) == "WAITING"
    assert world.describe(new)["Ec2InstanceAttributes"]["Ec2AvailabilityZone"] == "us-east-1b"
    for port, group in groups.items():
        assert f"{world.address(new)}:{port}" in world.health(group)
        assert world.health(group)[f"{old_address}:{port}"][0] == "draining"
    eventually(lambda: world.state(old) == "TERMINATED")
    emr.terminate_job_flows(JobFlowIds=[new])
