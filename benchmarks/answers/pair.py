"""Two real clusters in two AZs behind a plain balancer, set up by hand as the post does it; nothing of ours runs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from benchmarks.answers import job

COMMAND = (sys.executable, "-m", "emr_dr")
NAME = "emr-livy-dr"
BUCKET, KEY = "acme-artifacts", "jobs/answers.py"
BOOT_SECONDS = 240.0
# A batch in YARN takes two containers and half a minute here; in one process it takes seconds. Its number is Livy's own
# either way. Recovery is off as EMR has it, and has to be: it needs YARN.
LIVY_CONF = {"livy.spark.master": "local[1]", "livy.spark.deploy-mode": "client", "livy.server.recovery.mode": "off"}
CHECKS = {
    "HealthCheckIntervalSeconds": 10,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 3,
    "UnhealthyThresholdCount": 3,
}


@dataclass(frozen=True)
class Pair:
    """Two clusters that both serve, the address in front of them, and how to break one."""

    env: Mapping[str, str]
    clusters: tuple[str, str]
    address: str

    @property
    def job(self) -> str:
        """URL of the job's file."""
        return f"s3://{BUCKET}/{KEY}"

    def kill_one(self) -> None:
        """Let the second cluster vanish as in a power cut."""
        verb(self.env, "lab", "kill-member", self.clusters[1])


@contextmanager
def pair(folder: Path, *options: str) -> Iterator[Pair]:
    """Bring a lab, two clusters and their balancer up; everything is down when the block has ended."""
    env = {**os.environ, "EMR_DR_LAB_DIR": str(folder / "lab")}
    up = ("lab", "up", "--detach", "--owner", str(os.getpid()), "--set", "emr_notices_after=never", *options)
    try:
        verb(env, *up)
        env |= json.loads(verb(env, "lab", "env", "--json"))
        there = json.loads((folder / "lab" / "lab.json").read_text())["resources"]
        client(env, "s3").put_object(Bucket=BUCKET, Key=KEY, Body=Path(job.__file__).read_bytes())
        subnets = list(there["subnets"].values())[:2]
        ours = [launch(client(env, "emr"), subnet, there) for subnet in subnets]
        until(lambda: states(env, ours) == {"WAITING"}, "both clusters are up")
        address = _balance(client(env, "elbv2"), there["vpc"], subnets, [primary(env, each) for each in ours])
        yield Pair(env, (ours[0], ours[1]), address)
    finally:
        verb(env, "lab", "down")


def verb(env: Mapping[str, str], *args: str) -> str:
    """Run one verb of emr-dr and return what it printed."""
    done = subprocess.run([*COMMAND, *args], env=env, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"emr-dr {' '.join(args)}: {done.stderr or done.stdout}")
    return done.stdout


def launch(emr: Any, subnet: str, there: Mapping[str, Any], conf: Mapping[str, str] = LIVY_CONF) -> str:  # noqa: ANN401 - boto3's clients are made at run time
    """Ask for one cluster of two machines; return its id."""
    groups = there["security_groups"]
    machines = [
        {"InstanceRole": role, "InstanceType": "m4.large", "InstanceCount": 1, "Name": role}
        for role in ("MASTER", "CORE")
    ]
    made = emr.run_job_flow(
        Name=f"{NAME}-{subnet}",
        ReleaseLabel="emr-6.4.0",
        Applications=[{"Name": "Spark"}, {"Name": "Livy"}],
        ServiceRole=there["service_role"],
        JobFlowRole=there["instance_role"],
        Configurations=[{"Classification": "livy-conf", "Properties": dict(conf)}],
        Instances={
            "InstanceGroups": machines,
            "Ec2SubnetId": subnet,
            "KeepJobFlowAliveWhenNoSteps": True,
            "EmrManagedMasterSecurityGroup": groups["primary"],
            "EmrManagedSlaveSecurityGroup": groups["core"],
        },
    )
    return str(made["JobFlowId"])


def states(env: Mapping[str, str], ours: list[str]) -> set[str]:
    """The states of clusters, as EMR tells them."""
    emr = client(env, "emr")
    return {emr.describe_cluster(ClusterId=each)["Cluster"]["Status"]["State"] for each in ours}


def primary(env: Mapping[str, str], cluster: str) -> str:
    """The address of a cluster's primary."""
    found = client(env, "emr").list_instances(ClusterId=cluster, InstanceGroupTypes=["MASTER"])
    return str(found["Instances"][0]["PrivateIpAddress"])


def _balance(elbv2: Any, vpc: str, subnets: list[str], masters: list[str]) -> str:  # noqa: ANN401 - as above
    """The post's balancer for active-active: one target group with both, one listener, everything else as it comes."""
    balancer = elbv2.create_load_balancer(Name=NAME, Type="network", Scheme="internal", Subnets=subnets)
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    made = elbv2.create_target_group(Name=NAME, Protocol="TCP", Port=8998, VpcId=vpc, TargetType="ip", **CHECKS)
    group = made["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elbv2.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=8998, DefaultActions=forward)
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": each} for each in masters])

    def healthy() -> bool:
        told = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [each["TargetHealth"]["State"] for each in told] == ["healthy"] * len(masters)

    until(healthy, "the balancer calls both healthy")
    return str(balancer["LoadBalancers"][0]["DNSName"])


def until(met: Callable[[], bool], what: str) -> None:
    """Wait for it, as long as a cluster may take to boot."""
    until = time.monotonic() + BOOT_SECONDS
    while not met():
        if time.monotonic() > until:
            raise RuntimeError(f"not within {BOOT_SECONDS:g} s: {what}")
        time.sleep(0.5)  # between two looks


def client(env: Mapping[str, str], service: str) -> Any:  # noqa: ANN401 - as above
    """A client of the lab's AWS."""
    session: Any = boto3.session.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_DEFAULT_REGION"]
    )
    return session.client(service, endpoint_url=env["AWS_ENDPOINT_URL"])
