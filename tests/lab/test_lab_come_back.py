"""Lost machines that boot again before anybody has given them up, and an AZ that takes launches again."""

import http.client
import json
from typing import Any

import pytest

from emr_dr.errors import UsageError
from lab.lab_world import World, eventually


def livy(address: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    connection = http.client.HTTPConnection(address, 8998, timeout=5)
    try:
        connection.request(method, path, json.dumps(body) if body else None)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_a_lost_member_answers_again_at_its_address_and_its_batches_are_dead(world: World) -> None:
    cluster = world.launch()
    address = world.address(cluster)
    done = livy(address, "POST", "/batches", {"file": "f"})["id"]
    eventually(lambda: livy(address, "GET", f"/batches/{done}")["state"] == "success")
    running = livy(address, "POST", "/batches", {"file": "f"})["id"]
    eventually(lambda: livy(address, "GET", f"/batches/{running}")["state"] == "running")
    world.orders.kill_member(cluster)
    world.clock.skip(100)
    world.orders.come_back(cluster)
    assert livy(address, "GET", f"/batches/{running}")["state"] == "recovering"
    eventually(lambda: livy(address, "GET", f"/batches/{running}")["state"] == "dead")
    # What had ended well too: the new ResourceManager does not know its application (captured).
    assert livy(address, "GET", f"/batches/{done}")["state"] == "dead"
    assert livy(address, "POST", "/batches", {"file": "f"})["id"] == running + 1
    world.clock.skip(10_000)
    assert world.state(cluster) == "WAITING"
    assert not next(each for each in world.orders.status()["clusters"] if each["id"] == cluster)["lost"]


def test_what_was_lost_while_it_booted_comes_up(world: World) -> None:
    cluster = world.launch(wait=False)
    eventually(lambda: world.state(cluster) in ("BOOTSTRAPPING", "WAITING"))
    world.orders.kill_member(cluster)
    world.orders.come_back(cluster)
    eventually(lambda: world.state(cluster) == "WAITING")
    assert livy(world.address(cluster), "GET", "/sessions")["total"] == 0


def test_what_was_not_lost_or_was_given_up_does_not_come_back(world: World) -> None:
    cluster = world.launch()
    with pytest.raises(UsageError, match="not lost"):
        world.orders.come_back(cluster)
    world.orders.kill_member(cluster)
    world.clock.skip(121)
    eventually(lambda: world.state(cluster) == "TERMINATING")
    with pytest.raises(UsageError, match="EMR has noticed that its machines are gone: it is TERMINATING"):
        world.orders.come_back(cluster)
    world.clock.skip(180)
    eventually(lambda: world.state(cluster) == "TERMINATED_WITH_ERRORS")
    with pytest.raises(UsageError, match="it is TERMINATED_WITH_ERRORS"):
        world.orders.come_back(cluster)
    with pytest.raises(UsageError, match="no living cluster"):
        world.orders.come_back("j-NOSUCH")


def test_an_az_takes_launches_again_while_what_was_lost_in_it_stays_lost(world: World) -> None:
    lost = world.launch("us-east-1c")
    world.orders.kill_az("us-east-1c")
    refused = world.launch("us-east-1c", wait=False)
    eventually(lambda: world.state(refused) == "TERMINATED_WITH_ERRORS")
    world.orders.restore_az("us-east-1c")
    assert world.state(world.launch("us-east-1c")) == "WAITING"
    assert next(each for each in world.orders.status()["clusters"] if each["id"] == lost)["lost"]
    with pytest.raises(UsageError, match="use one of us-east-1a"):
        world.orders.restore_az("mars")
