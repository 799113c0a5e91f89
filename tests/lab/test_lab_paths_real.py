"""A real cluster whose paths are cut, whose rules are revoked, and whose machines are lost and come back."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emr_dr.errors import PermanentError
from emr_dr.lab import client
from emr_dr.lab.aws.resources import client as aws_client
from emr_dr.lab.cluster.settings import HTTP_PORTS
from emr_dr.lab.parts import find_parts
from lab.lab_world import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# It runs until a file is there, so that the test says when it ends.
_JOB = """
import pathlib, sys, time
from pyspark import SparkContext
print(SparkContext().parallelize(range(9), 2).sum())
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.2)
"""
_BOOT_SECONDS = 180.0
_BATCH_SECONDS = 240.0
_PUBLISHED = (8998, 8088, 9870)


@dataclass
class Town:
    """A lab with one member, which is a target of one balancer."""

    lab: client.RunningLab
    emr: Any
    cluster: str
    address: str
    front: str

    def state(self, batch: int) -> str | None:
        """A batch's state as the balancer's path tells it."""
        return str(ask(self.front, f"/batches/{batch}")["state"])


def ask(host: str, path: str, body: object = None, *, port: int = 8998) -> Any:  # noqa: ANN401 - JSON
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        method, headers = ("POST" if body else "GET"), {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def is_silent(address: str, port: int) -> bool:
    """Whether a new connection is neither made nor refused."""
    try:
        with socket.create_connection((address, port), timeout=0.7):
            return False
    except TimeoutError:
        return True


def request_on(connection: socket.socket, seconds: float) -> bytes | None:
    """Ask on a connection that is there, and return how the answer begins; None if there is none in time."""
    connection.settimeout(seconds)
    connection.sendall(b"GET /batches?size=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        return connection.recv(4096)[:12]
    except TimeoutError:
        return None


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    if find_parts() is None:
        pytest.skip("the lab's parts are not here; fetch them with: emr-dr lab fetch")
    directory = tmp_path_factory.mktemp("real")
    lab = client.up(directory, ["--time", "health_check_speed=10"])
    services = {name: aws_client(name, lab.url) for name in ("emr", "elbv2", "s3")}
    try:
        yield settle(lab, services)
    finally:
        for each in services.values():
            each.close()
        lab.down()


def settle(lab: client.RunningLab, services: dict[str, Any]) -> Town:
    emr, elbv2, resources = services["emr"], services["elbv2"], lab.description["resources"]
    services["s3"].put_object(Bucket="acme-artifacts", Key="jobs/job.py", Body=_JOB.encode())
    subnet = resources["subnets"]["us-east-1a"]
    instances = {"Ec2SubnetId": subnet, "KeepJobFlowAliveWhenNoSteps": True, "MasterInstanceType": "m5.xlarge"}
    cluster = emr.run_job_flow(Name="c", ReleaseLabel="emr-7.9.0", Instances=instances | {"InstanceCount": 1})[
        "JobFlowId"
    ]
    waits = lambda: emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"] == "WAITING"  # noqa: E731
    eventually(waits, _BOOT_SECONDS)
    address = emr.list_instances(ClusterId=cluster)["Instances"][0]["PrivateIpAddress"]
    made = elbv2.create_load_balancer(Name="front", Type="network", Scheme="internal", Subnets=[subnet])
    balancer = made["LoadBalancers"][0]
    settings = {"Name": "livy", "Protocol": "TCP", "Port": 8998, "VpcId": resources["vpc"], "TargetType": "ip"}
    group = elbv2.create_target_group(**settings, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=8998, DefaultActions=forward
    )
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": address}])

    def is_healthy() -> bool:
        (seen,) = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return bool(seen["TargetHealth"]["State"] == "healthy")

    eventually(is_healthy, 60)
    return Town(lab, emr, cluster, address, balancer["DNSName"])


def test_a_cut_monitor_hears_nothing_while_the_balancer_is_answered_and_the_batch_ends_well(
    town: Town, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    batch = ask(town.front, "/batches", {"file": "s3://acme-artifacts/jobs/job.py", "args": [str(go)]})["id"]
    eventually(lambda: ask(town.address, f"/batches/{batch}")["state"] == "running", _BATCH_SECONDS)
    with socket.create_connection((town.address, 8998), timeout=5) as held:
        assert request_on(held, 10) == b"HTTP/1.1 200"
        try:
            town.lab.cut("monitor", town.cluster)
        except PermanentError as refused:
            pytest.skip(f"this machine's kernel does not let the lab cut paths: {refused}")
        for port in HTTP_PORTS.values():
            assert is_silent(town.address, port)
        assert request_on(held, 1) is None
        assert town.state(batch) == "running"
        go.touch()
        eventually(lambda: town.state(batch) == "success", _BATCH_SECONDS)
        assert is_silent(town.address, 8998)
        town.lab.heal("monitor", town.cluster)
        held.settimeout(60)
        assert held.recv(4096)[:12] == b"HTTP/1.1 200"
    assert not any(is_silent(town.address, port) for port in HTTP_PORTS.values())


def test_a_revoked_rule_keeps_everybody_new_out_and_leaves_who_is_there(town: Town) -> None:
    with socket.create_connection((town.address, 8998), timeout=5) as held:
        assert request_on(held, 10) == b"HTTP/1.1 200"
        town.lab.revoke_rule(town.cluster)
        for port in _PUBLISHED:
            assert is_silent(town.address, port)
        with pytest.raises((TimeoutError, OSError)):
            ask(town.front, "/batches")
        assert request_on(held, 10) is not None
    with socket.create_connection((town.address, 8998), timeout=5, source_address=(town.address, 0)) as own:
        assert request_on(own, 10) == b"HTTP/1.1 200"
    assert town.lab.restore_rule() == [town.cluster]
    assert ask(town.address, "/batches?size=1")["total"] == 1


def test_lost_machines_come_back_with_their_disks_and_the_cut_that_was_there(town: Town) -> None:
    url = "/webhdfs/v1/kept?op=GETFILESTATUS"
    made = http.client.HTTPConnection(town.address, 9870, timeout=20)
    made.request("PUT", "/webhdfs/v1/kept?op=MKDIRS&user.name=hadoop")
    assert json.loads(made.getresponse().read())["boolean"]
    made.close()
    batches = ask(town.address, "/batches")["sessions"]
    town.lab.cut("balancer", town.cluster)
    town.lab.kill_member(town.cluster)
    assert all(is_silent(town.address, port) for port in _PUBLISHED)
    town.lab.come_back(town.cluster)

    def is_back() -> bool:
        try:
            return len(ask(town.address, "/batches")["sessions"]) == len(batches)
        except (OSError, http.client.HTTPException, ValueError):
            return False

    eventually(is_back, _BOOT_SECONDS)
    eventually(lambda: ask(town.address, url, port=9870)["FileStatus"]["type"] == "DIRECTORY", _BOOT_SECONDS)
    with pytest.raises(TimeoutError):
        socket.create_connection((town.address, 8998), timeout=0.7, source_address=(town.front, 0))
    assert town.emr.describe_cluster(ClusterId=town.cluster)["Cluster"]["Status"]["State"] == "WAITING"
