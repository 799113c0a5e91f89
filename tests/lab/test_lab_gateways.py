"""Gateways in the lab: processes of their own in the AZs, targets of the group's balancer, and gone like machines."""

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from emr_dr.errors import PermanentError, UsageError
from emr_dr.lab.cluster.processes import marked
from emr_dr.lab.cluster.settings import LAB_MARKER
from emr_dr.lab.commands import lab
from emr_dr.lab.gateway_start import await_gateways
from emr_dr.lab.spec import lab_spec
from emr_dr.lab.world import lab_id
from lab.lab_world import World, eventually

GATEWAY = """
import http.server, sys
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = given["--name"].encode()
        self.send_response(200 if self.path == "/gateway/health" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer((given["--listen"], 8998), Answer).serve_forever()
"""
"""Answers to its name; what of `emr-dr gateway` the lab depends on."""


@pytest.fixture
def spec(world: World, tmp_path: Path) -> Iterator[Path]:
    """A spec in mode gateway whose balancer is there, and a stand-in for the verb that serves."""
    described = json.loads(json.dumps(world.orders.description["resources"]))
    path = tmp_path / "emr-dr.yaml"
    path.write_text(lab_spec(described, "active-active", "gate", "gateway"))
    balancer, group = world.balancer(Name=BALANCER), world.target_group(Name="gate-gateway", **CHECK)
    listener = world.listen(balancer, group)
    with _verb_that_serves(world, tmp_path):
        yield path
        world.orders.run_gateways(0, path)
    elbv2 = world.aws("elbv2")
    elbv2.delete_listener(ListenerArn=listener)
    elbv2.delete_target_group(TargetGroupArn=group)
    elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


BALANCER = "gate-livy"
CHECK = {"HealthCheckProtocol": "HTTP", "HealthCheckPath": "/gateway/health", "Matcher": {"HttpCode": "200"}}


@contextmanager
def _verb_that_serves(world: World, folder: Path) -> Iterator[None]:
    gateways = world.lab.gateways
    program = folder / "serve.py"
    program.write_text(GATEWAY)
    before, gateways.verb = gateways.verb, (sys.executable, str(program), "gateway")
    try:
        yield
    finally:
        gateways.verb = before


def running(world: World) -> dict[str, Mapping[str, object]]:
    return {each["name"]: each for each in world.orders.status()["gateways"]}


def asked(address: str) -> str:
    with socket.create_connection((address, 8998), timeout=2) as connection:
        connection.sendall(b"GET /gateway/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        connection.settimeout(2)
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode().rpartition("\r\n")[2]


def front_of(world: World) -> str:
    """The address of this group's balancer; the world may have those of other tests, too."""
    [balancer] = world.aws("elbv2").describe_load_balancers(Names=[BALANCER])["LoadBalancers"]
    return str(balancer["DNSName"])


def test_gateways_run_in_different_azs_are_targets_and_answer_at_the_address(world: World, spec: Path) -> None:
    world.orders.run_gateways(3, spec)
    seen = await_gateways(world.orders)
    zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert [(g["name"], g["availability_zone"]) for g in seen] == [
        (f"gate-gateway-{n}", zone) for n, zone in enumerate(zones, 1)
    ]
    assert len({g["address"] for g in seen}) == 3
    front = front_of(world)
    assert {asked(front) for _ in range(30)} == {g["name"] for g in seen}
    world.orders.run_gateways(1, spec)
    assert list(running(world)) == ["gate-gateway-1"]
    with pytest.raises(ConnectionRefusedError):
        asked(seen[2]["address"])
    assert world.orders.run_gateways(0, spec) == []
    assert marked(LAB_MARKER, lab_id(world.lab.directory)) == []


def test_a_killed_gateway_refuses_and_nobody_starts_it_again_but_an_order(world: World, spec: Path) -> None:
    world.orders.run_gateways(2, spec)
    first, second = await_gateways(world.orders)
    world.orders.kill_gateway(first["name"])
    with pytest.raises(ConnectionRefusedError):
        asked(first["address"])
    eventually(lambda: running(world)[first["name"]]["target"] == "unhealthy")
    assert running(world)[first["name"]]["state"] == "ended"
    front = front_of(world)
    assert {asked(front) for _ in range(10)} == {second["name"]}
    with pytest.raises(PermanentError, match="it has ended"):
        await_gateways(world.orders)
    world.orders.come_back(first["name"])
    await_gateways(world.orders)
    assert asked(first["address"]) == first["name"]


def test_gateways_fall_silent_with_their_az_and_are_started_again_with_it(world: World, spec: Path) -> None:
    world.orders.run_gateways(2, spec)
    first, second = await_gateways(world.orders)
    with socket.create_connection((first["address"], 8998), timeout=2) as held:
        held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while not received.endswith(first["name"].encode()):
            received += held.recv(4096)
        assert world.orders.kill_az("us-east-1a")["gateways"] == [first["name"]]
        assert running(world)[first["name"]]["state"] == "lost"
        with pytest.raises(TimeoutError):
            socket.create_connection((first["address"], 8998), timeout=0.3)
        held.settimeout(0.3)
        held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):  # a machine that is gone closes nothing
            held.recv(1)
    left = marked(LAB_MARKER, lab_id(world.lab.directory))
    assert not any("serve.py" in Path(f"/proc/{pid}/cmdline").read_text() and _zone(pid) == "1" for pid in left)
    eventually(lambda: running(world)[first["name"]]["target"] == "unhealthy")
    with pytest.raises(UsageError, match="us-east-1a is dead"):
        world.orders.come_back(first["name"])
    world.orders.restore_az("us-east-1a")
    await_gateways(world.orders)
    assert asked(first["address"]) == first["name"]
    assert asked(second["address"]) == second["name"]


def _zone(pid: int) -> str:
    """The third number of the address that a process was given."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return next(v for v in variables if v.startswith("SPARK_LOCAL_IP=")).split(".")[2]


def test_all_of_it_by_hand(world: World, spec: Path) -> None:
    def told(*words: str) -> str:
        ran = CliRunner().invoke(lab, ["--dir", str(world.lab.directory), *words])
        assert ran.exit_code == 0, ran.output + repr(ran.exception)
        return ran.output

    lines = told("gateways", "2", "--spec", str(spec)).splitlines()
    assert [line.split()[:4] + line.split()[-2:] for line in lines] == [
        ["gateway", f"gate-gateway-{n}", "in", zone, "target", "healthy"]
        for n, zone in enumerate(("us-east-1a", "us-east-1b"), 1)
    ]
    assert told("kill-gateway", "gate-gateway-2") == "gate-gateway-2 is killed\n"
    shown = next(line for line in told("status").splitlines() if "gate-gateway-2" in line)
    assert "ended" in shown
    assert told("come-back", "gate-gateway-2") == "gate-gateway-2 boots again\n"
    lost = told("kill-az", "us-east-1b")
    assert lost.startswith("us-east-1b is dead; lost: ")
    assert lost.rstrip().endswith("gate-gateway-2")
    assert told("restore-az", "us-east-1b") == "us-east-1b takes launches again\n"
    assert told("gateways", "0", "--spec", str(spec)) == "no gateway runs\n"


def test_what_cannot_be_run_is_told(world: World, tmp_path: Path) -> None:
    resources = world.orders.description["resources"]
    path = tmp_path / "emr-dr.yaml"
    path.write_text(lab_spec(resources, "active-active", "none", "direct"))
    with pytest.raises(UsageError, match="direct"):
        world.orders.run_gateways(1, path)
    path.write_text(lab_spec(resources, "active-active", "none", "gateway"))
    with pytest.raises(UsageError, match="no such target group"):
        world.orders.run_gateways(1, path)
    with pytest.raises(UsageError, match="no gateway is called 'x'"):
        world.orders.kill_gateway("x")
    assert world.orders.status()["gateways"] == []
