"""Cut paths and revoked rules: who gets no answer, who does, and that everything goes on when it is healed."""

import socket
from collections.abc import Iterator

import pytest
from botocore.exceptions import ReadTimeoutError

from emr_dr.errors import UsageError
from emr_dr.lab import world as plan
from emr_dr.lab.aws.resources import client as aws_client
from emr_dr.lab.cluster.settings import Service
from emr_dr.lab.orders import Source
from emr_dr.lab.paths import networks_but, screens_for
from lab.lab_world import World, eventually

_REQUEST = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
_GOOD = b"HTTP/1.1 200"


def connect(address: str, port: int = 8998, source: str = "") -> socket.socket:
    return socket.create_connection((address, port), timeout=0.4, source_address=(source, 0) if source else None)


def answers(address: str, port: int = 8998, source: str = "") -> bool:
    """Whether a new connection gets an answer; False is silence, and anything else an error."""
    try:
        with connect(address, port, source) as connection:
            connection.sendall(_REQUEST)
            return connection.recv(5) == b"HTTP/"
    except TimeoutError:
        return False


def answer_on(connection: socket.socket, seconds: float) -> bytes | None:
    connection.settimeout(seconds)
    try:
        return connection.recv(len(_GOOD))
    except TimeoutError:
        return None


def behind_balancer(world: World, address: str) -> tuple[str, str]:
    """Return a balancer's address and its group, with the member as its one healthy target."""
    balancer, group = world.balancer(), world.target_group()
    world.listen(balancer, group)
    world.aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": address}])
    eventually(lambda: set(world.health(group).values()) == {("healthy", None)})
    return str(balancer["DNSName"]), group


@pytest.fixture
def member(world: World) -> Iterator[tuple[str, str]]:
    cluster = world.launch()
    yield cluster, world.address(cluster)
    world.aws("emr").terminate_job_flows(JobFlowIds=[cluster])


def test_a_cut_monitor_hears_nothing_while_the_balancer_and_the_member_itself_do(
    world: World, member: tuple[str, str]
) -> None:
    cluster, address = member
    front, group = behind_balancer(world, address)
    assert world.orders.cut("monitor", cluster) == [cluster]
    for port in (8998, 8088, 9870):
        assert not answers(address, port)
    assert not answers(address, source="127.0.0.99")
    assert answers(address, source=address)
    assert answers(address, source=world.lab.addresses.lab)
    assert answers(front)
    assert set(world.health(group).values()) == {("healthy", None)}
    assert world.orders.heal("monitor", cluster) == [cluster]
    assert answers(address)
    assert world.orders.heal("monitor", cluster) == []


def test_a_cut_balancer_finds_its_target_timed_out_while_the_monitor_is_answered(
    world: World, member: tuple[str, str]
) -> None:
    cluster, address = member
    front, group = behind_balancer(world, address)
    world.orders.cut("balancer", cluster)
    assert answers(address)
    eventually(lambda: set(world.health(group).values()) == {("unhealthy", "Target.Timeout")})
    assert not answers(front)
    world.orders.heal()
    eventually(lambda: set(world.health(group).values()) == {("healthy", None)})
    assert answers(front)


def test_an_established_connection_stalls_and_goes_on_when_it_is_healed(world: World, member: tuple[str, str]) -> None:
    cluster, address = member
    front, group = behind_balancer(world, address)
    keep = {"Key": "target_health_state.unhealthy.connection_termination.enabled", "Value": "false"}
    world.aws("elbv2").modify_target_group_attributes(TargetGroupArn=group, Attributes=[keep])
    for source, place in (("monitor", address), ("everyone", front)):
        with connect(place) as connection:
            connection.sendall(_REQUEST)
            assert answer_on(connection, 2) == _GOOD
            while answer_on(connection, 0.1):
                pass
            world.orders.cut(source, cluster)
            connection.sendall(_REQUEST)
            assert answer_on(connection, 0.4) is None
            world.orders.heal(source, cluster)
            assert answer_on(connection, 10) == _GOOD


def test_an_answer_that_was_on_its_way_stays_away_too(world: World, member: tuple[str, str]) -> None:
    cluster, address = member
    world.orders.freeze(cluster, "livy")
    with connect(address) as connection:
        connection.sendall(_REQUEST)
        assert answer_on(connection, 0.2) is None
        world.orders.cut("monitor", cluster)
        world.orders.thaw(cluster, "livy")
        assert answer_on(connection, 0.5) is None
        world.orders.heal()
        assert answer_on(connection, 10) == _GOOD


def test_everyone_in_an_az_is_its_members_of_now_and_nobody_elsewhere(world: World) -> None:
    here, there = world.launch("us-east-1b"), world.launch("us-east-1c")
    assert here in world.orders.cut("everyone", "us-east-1b")
    assert not answers(world.address(here))
    assert not answers(world.address(here), source=f"127.{world.lab.addresses.octet}.200.7")
    assert answers(world.address(there))
    later = world.launch("us-east-1b")
    assert answers(world.address(later))
    assert world.state(here) == "WAITING"
    world.orders.heal("everyone", "us-east-1b")
    assert answers(world.address(here))


def test_a_cut_is_healed_by_the_half_and_shown_as_what_is_left(world: World, member: tuple[str, str]) -> None:
    cluster, address = member
    world.orders.cut("monitor", cluster)
    world.orders.cut("balancer", cluster)
    assert world.orders.status()["cuts"] == [{"source": "everyone", "target": cluster}]
    world.orders.heal("balancer", cluster)
    assert world.orders.status()["cuts"] == [{"source": "monitor", "target": cluster}]
    assert not answers(address)
    assert answers(address, source=f"127.{world.lab.addresses.octet}.200.7")


def test_calls_to_a_cut_off_aws_get_no_answer_and_are_not_carried_out(world: World) -> None:
    request = world.request()
    impatient = aws_client("emr", world.lab.url, read_timeout=0.5)
    world.orders.cut("monitor", "aws")
    with pytest.raises(ReadTimeoutError):
        impatient.run_job_flow(**request)
    impatient.close()
    assert world.orders.status()["cuts"] == [{"source": "monitor", "target": "aws"}]
    assert world.orders.heal("everyone", "aws") == ["aws"]
    assert request["Name"] not in {each["Name"] for each in world.aws("emr").list_clusters()["Clusters"]}


def test_a_call_that_was_held_is_cut_when_aws_is_back(world: World) -> None:
    world.orders.cut("everyone", "aws")
    host, _, port = world.lab.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as held:
        held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_on(held, 0.3) is None
        world.orders.heal("everyone", "aws")
        assert answer_on(held, 5) == b""


def test_a_revoked_rule_keeps_new_connections_out_and_leaves_established_ones(
    world: World, member: tuple[str, str]
) -> None:
    cluster, address = member
    front, group = behind_balancer(world, address)
    with connect(address) as connection:
        connection.sendall(_REQUEST)
        assert answer_on(connection, 2) == _GOOD
        world.orders.revoke_rule(cluster, "livy")
        assert not answers(address)
        assert answers(address, 8088)
        assert answers(address, source=address)
        eventually(lambda: set(world.health(group).values()) == {("unhealthy", "Target.Timeout")})
        assert not answers(front)
        while answer_on(connection, 0.1):
            pass
        connection.sendall(_REQUEST)
        assert answer_on(connection, 2) == _GOOD
    assert world.orders.status()["revoked"] == [{"cluster_id": cluster, "service": "livy"}]
    assert world.orders.restore_rule() == [cluster]
    assert answers(address)


def test_without_a_service_all_three_are_closed_and_heal_opens_them_again(
    world: World, member: tuple[str, str]
) -> None:
    cluster, address = member
    world.orders.revoke_rule(cluster)
    assert not any(answers(address, port) for port in (8998, 8088, 9870))
    assert world.orders.restore_rule(cluster, "name-node") == [cluster]
    assert answers(address, 9870)
    assert world.orders.heal() == [cluster]
    assert all(answers(address, port) for port in (8998, 8088, 9870))
    assert world.orders.status()["revoked"] == []


def test_a_cut_member_that_is_lost_and_comes_back_is_still_cut(world: World, member: tuple[str, str]) -> None:
    cluster, address = member
    world.orders.cut("monitor", cluster)
    world.orders.kill_member(cluster)
    balancer = f"127.{world.lab.addresses.octet}.200.7"
    assert not answers(address, source=balancer)
    world.orders.come_back(cluster)
    assert answers(address, source=balancer)
    assert not answers(address)
    world.orders.heal()
    assert answers(address)


def test_a_cut_ends_with_its_member(world: World) -> None:
    cluster = world.launch()
    world.orders.cut("monitor", cluster)
    world.aws("emr").terminate_job_flows(JobFlowIds=[cluster])
    eventually(lambda: world.state(cluster) == "TERMINATED")
    assert world.orders.status()["cuts"] == []
    again = world.launch()
    assert answers(world.address(again))


def test_a_launch_that_was_just_begun_can_be_cut_and_comes_up_all_the_same(world: World) -> None:
    cluster = world.launch(wait=False)
    eventually(lambda: world.state(cluster) in ("BOOTSTRAPPING", "WAITING"))
    world.orders.cut("everyone", cluster)
    eventually(lambda: world.state(cluster) == "WAITING")
    assert not answers(world.address(cluster))


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("mars", "us-east-1a", "use one of monitor, balancer, everyone"),
        ("monitor", "mars", "use one of .*us-east-1a, us-east-1b, us-east-1c, aws"),
        ("balancer", "aws", "use monitor or everyone"),
    ],
)
def test_a_path_that_is_none_is_refused_with_what_there_is(world: World, source: str, target: str, told: str) -> None:
    for order in (world.orders.cut, world.orders.heal):
        with pytest.raises(UsageError, match=told):
            order(source, target)


def test_what_has_no_machines_cannot_be_cut_off(world: World) -> None:
    world.orders.hang_starting()
    cluster = world.launch(wait=False)
    eventually(lambda: world.orders.status()["faults"] == [])
    with pytest.raises(UsageError, match="no machines: it is STARTING"):
        world.orders.cut("monitor", cluster)
    with pytest.raises(UsageError, match="no machines"):
        world.orders.revoke_rule(cluster)
    with pytest.raises(UsageError, match="name both, or neither"):
        world.orders.heal("monitor")
    with pytest.raises(UsageError, match="livy, resource-manager, name-node"):
        world.orders.revoke_rule(world.launch(), "spark")


def test_networks_but_some_are_all_the_others() -> None:
    networks = networks_but(["127.10.200.0/24", "127.10.0.1"])
    assert "127.10.201.0/24" in networks
    assert "127.10.0.0/32" in networks
    assert not {"127.10.200.0/24", "127.10.0.1/32", "0.0.0.0/0"} & set(networks)


def test_a_revoked_rule_says_nothing_of_who_is_there_already() -> None:
    addresses = plan.Addresses(10)
    screens = screens_for(addresses, "127.10.1.10", {Source.BALANCER}, {Service.LIVY})
    assert screens["livy"].established == ("127.10.200.0/24",)
    assert screens["livy"].arriving == networks_but(["127.10.1.10", "127.10.0.1"])
    assert screens["name-node"].arriving == ("127.10.200.0/24",)
    assert screens_for(addresses, "127.10.1.10", (), ()) == {}


def test_targets_see_their_balancer_s_own_address(world: World) -> None:
    *_, host = world.lab.addresses.hosts("us-east-1a")
    with socket.create_server((host, 8998)) as target:
        target.settimeout(10)
        balancer, group = world.balancer(), world.target_group()
        world.listen(balancer, group)
        world.aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": host}])
        eventually(lambda: set(world.health(group).values()) == {("healthy", None)})
        checked, (peer, _) = target.accept()
        checked.close()
        assert peer == balancer["DNSName"]
        with connect(balancer["DNSName"]) as client:
            client.sendall(b"hello")
            while True:
                flow, (peer, _) = target.accept()
                with flow:
                    assert peer == balancer["DNSName"]
                    if flow.recv(5) == b"hello":
                        break
