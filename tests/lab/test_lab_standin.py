"""The stand-in machines answer as the captured Livy, ResourceManager and NameNode do."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from emr_dr.aws.seeding import ACTION_NAME
from emr_dr.errors import UsageError
from emr_dr.lab import world
from emr_dr.lab.machines import BootstrapAction, Launch
from emr_dr.lab.standin import StandInMachines
from emr_dr.spec.recovery_store import SETTINGS, STORE_FOLDER
from lab.lab_world import eventually


class Cluster:
    def __init__(self, machines: StandInMachines, cluster_id: str, address: str) -> None:
        self.machines = machines
        self.id = cluster_id
        self.address = address

    def call(self, method: str, path: str, body: object = None, port: int = 8998) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address, port, timeout=5)
        try:
            text = body if isinstance(body, str) else json.dumps(body) if body is not None else None
            connection.request(method, path, text)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path: str, port: int = 8998) -> Any:  # noqa: ANN401
        status, content = self.call("GET", path, port=port)
        assert status == 200
        return content


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with world.claim_addresses() as addresses:
        machines = StandInMachines(batch_seconds=0.4)
        address = next(addresses.hosts("us-east-1a"))
        machines.start(Launch("j-1", address, "us-east-1a"))
        machines.start(Launch("j-1", address, "us-east-1a"))
        yield Cluster(machines, "j-1", address)
        machines.close()
        machines.close()


def test_a_batch_goes_from_starting_over_running_to_success(cluster: Cluster) -> None:
    status, batch = cluster.call("POST", "/batches", {"file": "s3://acme-artifacts/a.py", "name": "n"})
    assert (status, batch["id"], batch["state"], batch["appId"]) == (201, 0, "starting", None)
    eventually(lambda: cluster.get("/batches/0/state")["state"] == "running")
    application = cluster.get("/batches/n")["appId"]
    running = cluster.get("/ws/v1/cluster/apps?states=RUNNING,ACCEPTED", 8088)["apps"]["app"]
    assert [each["id"] for each in running] == [application]
    eventually(lambda: cluster.get("/batches/0/state")["state"] == "success")
    assert cluster.get("/ws/v1/cluster/apps", 8088)["apps"]["app"][0]["finalStatus"] == "SUCCEEDED"
    assert cluster.get("/batches")["total"] == 1
    assert cluster.get("/batches/0/log?from=0&size=1") == {"id": 0, "from": 0, "total": 3, "log": ["stdout: "]}
    assert cluster.call("DELETE", "/batches/0") == (200, {"msg": "deleted"})


@pytest.mark.parametrize(("told", "first"), [(SETTINGS, 7_000_000), ({}, 0)], ids=["told to recover", "not told"])
def test_batches_are_numbered_from_what_our_bootstrap_action_seeds(
    cluster: Cluster, told: Mapping[str, str], first: int
) -> None:
    cluster.machines.stop(cluster.id)
    action = BootstrapAction(ACTION_NAME, "s3://acme-artifacts/seed.sh", ("7000000", STORE_FOLDER))
    launch = Launch(
        cluster.id, cluster.address, "us-east-1a", configurations={"livy-conf": told}, bootstrap_actions=(action,)
    )
    cluster.machines.start(launch)
    assert [cluster.call("POST", "/batches", {"file": "f"})[1]["id"] for _ in "ab"] == [first, first + 1]
    cluster.machines.lose(cluster.id)
    cluster.machines.come_back(cluster.id)
    assert cluster.call("POST", "/batches", {"file": "f"})[1]["id"] == first + 2


def test_refusals_read_like_livys(cluster: Cluster) -> None:
    assert cluster.call("GET", "/batches/9999") == (404, {"msg": "Session '9999' not found."})
    assert cluster.call("POST", "/batches", "{")[0] == 400
    status, text = cluster.call("POST", "/batches", {"file": "f", "nosuch": 1})
    assert (status, type(text)) == (400, str)
    cluster.call("POST", "/batches", {"file": "f", "name": "n"})
    duplicate = cluster.call("POST", "/batches", {"file": "f", "name": "n"})
    assert duplicate == (400, {"msg": "Duplicate session name: Some(n) for session 1"})
    assert cluster.call("POST", "/batches", {"file": "f"})[1]["id"] == 2


def test_the_services_answer_health_checks(cluster: Cluster) -> None:
    assert cluster.get("/sessions") == {"from": 0, "total": 0, "sessions": []}
    assert cluster.get("/version")["version"].startswith("0.7")
    info = cluster.get("/ws/v1/cluster", 8088)["clusterInfo"]
    assert (info["state"], info["haState"], info["id"]) == ("STARTED", "ACTIVE", info["startedOn"])
    assert cluster.get("/ws/v1/cluster/metrics", 8088)["clusterMetrics"]["activeNodes"] == 1
    name = "Hadoop:service=NameNode,name=NameNodeStatus"
    assert [each["State"] for each in cluster.get(f"/jmx?qry={name}", 9870)["beans"]] == ["active"]


def test_each_start_has_an_identity_of_its_own(cluster: Cluster) -> None:
    first = cluster.get("/ws/v1/cluster/info", 8088)["clusterInfo"]["id"]
    cluster.machines.stop(cluster.id)
    assert not cluster.machines.healthy(cluster.id)
    cluster.machines.start(Launch(cluster.id, cluster.address, "us-east-1a"))
    assert cluster.machines.healthy(cluster.id)
    assert cluster.get("/ws/v1/cluster/info", 8088)["clusterInfo"]["id"] != first


def test_lost_machines_are_silent_on_every_port_and_can_be_cleared_away(cluster: Cluster) -> None:
    cluster.machines.lose(cluster.id)
    cluster.machines.lose(cluster.id)
    assert not cluster.machines.healthy(cluster.id)
    for port in (8998, 8088, 9870):
        connection = http.client.HTTPConnection(cluster.address, port, timeout=0.2)
        with pytest.raises(TimeoutError):
            connection.connect()
    cluster.machines.stop(cluster.id)
    with pytest.raises(ConnectionRefusedError):
        cluster.get("/version")


def test_a_lost_machine_that_somebody_still_waits_for_can_be_cleared_away_too(cluster: Cluster) -> None:
    waiting = http.client.HTTPConnection(cluster.address, 8998, timeout=5)
    waiting.request("GET", "/batches")
    waiting.getresponse().read()
    cluster.machines.lose(cluster.id)
    waiting.request("GET", "/batches")  # by the connection it has; nothing will answer
    cluster.machines.stop(cluster.id)
    with pytest.raises(OSError, match=r"reset|without response"):
        waiting.getresponse()
    waiting.close()


def test_an_unknown_service_is_refused_and_an_unknown_cluster_is_nothing(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="livy, resource-manager, name-node"):
        cluster.machines.kill_service(cluster.id, "spark")
    cluster.machines.stop("j-2")
    cluster.machines.lose("j-2")
    cluster.machines.freeze("j-2", "livy")
    assert not cluster.machines.healthy("j-2")
