"""Times of a running lab are changed by hand and by order, from then on."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from emr_dr.errors import UsageError
from emr_dr.lab.commands import lab
from lab.lab_world import World, eventually


@pytest.fixture(autouse=True)
def _times_as_they_were(world: World) -> Iterator[None]:
    before = world.orders.status()["times"]
    yield
    world.orders.set_times(**before)


def test_the_next_cluster_starts_as_slowly_as_was_set(world: World) -> None:
    first = world.launch()
    now = world.orders.set_times(cluster_start=240)
    assert now["cluster_start"] == 240
    assert now["health_check_speed"] == 50, "what was not named stays"
    slow = world.launch(wait=False)
    world.clock.skip(200)
    slower = world.launch(wait=False)
    world.clock.skip(41)
    eventually(lambda: world.state(slow) == "WAITING")
    assert world.state(slower) == "STARTING"
    assert world.state(first) == "WAITING"


def test_a_target_registered_later_takes_effect_as_late_as_was_set(world: World) -> None:
    address = world.address(world.launch())
    group = world.target_group()
    world.listen(world.balancer(), group)
    world.orders.set_times(balancer_propagation=120)
    world.aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": address}])
    world.clock.skip(110)
    assert world.health(group)[f"{address}:8998"][0] == "initial"
    world.clock.skip(11)
    eventually(lambda: world.health(group)[f"{address}:8998"][0] == "healthy")


def test_times_are_set_by_hand_and_shown(world: World) -> None:
    words = ["--dir", str(world.lab.directory), "set", "cluster_start=90", "emr_notices_after=never"]
    said = CliRunner().invoke(lab, words)
    assert said.output == "times: cluster_start=90 emr_notices_after=never health_check_speed=50\n"
    told = json.loads(CliRunner().invoke(lab, [*words, "--json"]).output)
    assert told["times"] == world.orders.status()["times"]
    assert told["times"]["cluster_start"] == 90


@pytest.mark.parametrize("wrong", ["no_such_time=1", "cluster_start", "cluster_start=-1", "cluster_start=soon"])
def test_a_wrong_time_is_told_and_changes_nothing(world: World, wrong: str) -> None:
    before = world.orders.status()["times"]
    ran = CliRunner().invoke(lab, ["--dir", str(world.lab.directory), "set", "cluster_end=7", wrong])
    assert isinstance(ran.exception, UsageError)
    assert wrong.partition("=")[0] in str(ran.exception)
    assert world.orders.status()["times"] == before
    with pytest.raises(UsageError, match="no time is given"):
        world.orders.order("set", times={})
