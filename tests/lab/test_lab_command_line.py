"""The real `aws` command line against the lab."""

import os
import subprocess
import sys
from pathlib import Path

from lab.lab_world import World


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
