"""A lab with stand-in machines and a clock that can be moved, and short ways to say what its tests say often."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from emr_dr.lab import client
from emr_dr.lab.aws.resources import client as aws_client
from emr_dr.lab.server import Lab

_names = itertools.count(1)
_DEADLINE = 10.0


class Clock:
    """The lab's time: real time, and what a test has skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.time() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


@dataclass
class World:
    """A lab, clients for it, and short ways to say what tests say often."""

    lab: Lab
    clock: Clock
    orders: client.RunningLab
    clients: dict[str, Any] = field(default_factory=dict)

    def aws(self, service: str) -> Any:  # noqa: ANN401
        if service not in self.clients:
            # Without the client's own checks it is the lab that must refuse what AWS would.
            self.clients[service] = aws_client(service, self.lab.url, parameter_validation=False)
        return self.clients[service]

    def launch(self, zone: str = "us-east-1a", *, wait: bool = True, **more: Any) -> str:  # noqa: ANN401
        request = self.request(zone)
        request["Instances"] |= more.pop("Instances", {})
        cluster_id = str(self.aws("emr").run_job_flow(**request, **more)["JobFlowId"])
        if wait:
            eventually(lambda: self.state(cluster_id) == "WAITING")
        return cluster_id

    def request(self, zone: str = "us-east-1a") -> dict[str, Any]:
        return {
            "Name": unique("cluster"),
            "ReleaseLabel": "emr-7.9.0",
            "Instances": {
                "Ec2SubnetId": self.lab.resources.subnets[zone],
                "KeepJobFlowAliveWhenNoSteps": True,
                "InstanceGroups": [
                    {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                    {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2},
                ],
            },
        }

    def describe(self, cluster_id: str) -> Any:  # noqa: ANN401
        return self.aws("emr").describe_cluster(ClusterId=cluster_id)["Cluster"]

    def state(self, cluster_id: str) -> str:
        return str(self.describe(cluster_id)["Status"]["State"])

    def address(self, cluster_id: str) -> str:
        found = self.aws("emr").list_instances(ClusterId=cluster_id, InstanceGroupTypes=["MASTER"])["Instances"]
        return str(found[0]["PrivateIpAddress"])

    def balancer(self, **more: Any) -> Any:  # noqa: ANN401
        subnets = more.pop("Subnets", list(self.lab.resources.subnets.values()))
        name = more.pop("Name", unique("nlb"))
        made = self.aws("elbv2").create_load_balancer(
            Name=name, Type="network", Scheme="internal", Subnets=subnets, **more
        )
        return made["LoadBalancers"][0]

    def target_group(self, **more: Any) -> str:  # noqa: ANN401
        settings: dict[str, Any] = {
            "Name": unique("tg"),
            "Protocol": "TCP",
            "Port": 8998,
            "VpcId": self.lab.resources.vpc,
            "TargetType": "ip",
            "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 2,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 2,
        }
        made = self.aws("elbv2").create_target_group(**(settings | more))
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listen(self, balancer: Any, group: str, port: int = 8998) -> str:  # noqa: ANN401
        action = {"Type": "forward", "TargetGroupArn": group}
        made = self.aws("elbv2").create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=port, DefaultActions=[action]
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def health(self, group: str) -> dict[str, tuple[str, str | None]]:
        """`address:port` to state and reason."""
        described = self.aws("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {
            f"{each['Target']['Id']}:{each['Target']['Port']}": (
                each["TargetHealth"]["State"],
                each["TargetHealth"].get("Reason"),
            )
            for each in described
        }


def unique(kind: str) -> str:
    return f"{kind}-{next(_names)}"


def eventually(holds: Callable[[], object], deadline: float = _DEADLINE) -> None:
    """Wait until something holds; fail loudly when it does not in time."""
    end = time.monotonic() + deadline
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"did not come to hold within {deadline} s")
        time.sleep(0.02)
