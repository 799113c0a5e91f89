"""The fault matrix of launches: one call a licence whatever becomes of it, the next place, and when to stop."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from emr_dr.controller.loop import Controller
from emr_dr.core.group import Placement, Stage
from emr_dr.core.world import EmrState
from emr_dr.errors import PermanentError, ThrottledError, TransientError
from emr_dr.lab.memory import Machine
from simulation.acts import (
    HOUR,
    first,
    go_on,
    held,
    led,
    live,
    newest,
    reach,
    remembered,
    serves,
    stands,
    state,
)
from simulation.harness import DELAYS, PLACEMENTS, POLICY, Scene
from simulation.odd_ports import CountedClusters, RedeclaredClusters, ReversedClusters

Fault = Callable[[Scene, CountedClusters], None]


def counted(scene: Scene, controller: Controller) -> CountedClusters:
    """Have the controller launch through clusters that count."""
    clusters = CountedClusters(scene.cloud)
    controller.actor = replace(controller.actor, clusters=clusters)
    return clusters


def lose_call(_: Scene, clusters: CountedClusters) -> None:
    clusters.lost_calls = 1


FAULTS: dict[str, tuple[Fault, int]] = {
    "none": (lambda _, __: None, 1),
    "reply lost": (lambda scene, _: scene.cloud.faults.lose_reply("launch"), 1),
    "500, not carried out": (lose_call, 2),
    "no connection": (lambda scene, _: scene.cloud.faults.fail("launch", TransientError("no connection")), 2),
    "throttled": (lambda scene, _: scene.cloud.faults.fail("launch", ThrottledError("slow down")), 2),
}


# Row 23
@pytest.mark.parametrize("listed", [0, 15], ids=["a prompt list", "a list that lags"])
@pytest.mark.parametrize(("fault", "calls"), FAULTS.values(), ids=FAULTS)
async def test_whatever_becomes_of_the_call_one_cluster_is_adopted_and_each_licence_is_one_call(
    fault: Fault, calls: int, listed: float
) -> None:
    scene, member, controller = await led(scene=Scene(delays=replace(DELAYS, listed=listed)))
    clusters = counted(scene, controller)
    licences = len((await remembered(scene)).launches)
    fault(scene, clusters)
    scene.cloud.kill(member.id)
    done = await reach(controller, lambda done: done.converged)
    assert clusters.calls == [2] * calls
    assert len(done.group.launches) - licences == calls
    assert len(scene.cloud.machines) == 2
    assert live(scene) == [2]


# Row 23, when the list lags for longer than was declared
async def test_of_two_clusters_of_one_number_one_is_adopted_and_the_other_is_ended() -> None:
    scene, member, controller = await led()
    scene.cloud.delays = replace(DELAYS, listed=POLICY.settle + 10)
    clusters = counted(scene, controller)
    controller.observer = replace(controller.observer, clusters=ReversedClusters(scene.cloud))
    scene.cloud.faults.lose_reply("launch")
    scene.cloud.kill(member.id)
    await reach(controller, lambda done: done.converged)
    assert clusters.calls == [2, 2]
    assert (len(scene.cloud.machines), live(scene)) == (3, [2])
    assert scene.cloud.targets == {scene.cloud.live[0].address}


# Row 24
async def test_a_list_that_lags_for_a_minute_and_a_stranger_of_the_same_name_make_no_duplicate() -> None:
    policy = replace(POLICY, settle=75)
    scene, member, controller = await led(scene=Scene(policy=policy, delays=replace(DELAYS, listed=60)))
    stranger = scene.cloud.create(2, "another-store", PLACEMENTS[0])
    clusters = counted(scene, controller)
    controller.observer = replace(controller.observer, clusters=ReversedClusters(scene.cloud))
    scene.cloud.faults.lose_reply("launch")
    scene.cloud.kill(member.id)
    await reach(controller, lambda done: done.converged)
    assert clusters.calls == [2]
    assert [m for m in scene.cloud.live if m.number == 2 and m.origin != stranger.origin] == [newest(scene)]
    assert state(scene, stranger) is EmrState.UP
    assert scene.cloud.targets == {newest(scene).address}


RUNGS = tuple(
    replace(place, rung=rung, types=(kind,))
    for rung, kind in enumerate(("m5.xlarge", "m6i.xlarge"))
    for place in PLACEMENTS
)


def tried(scene: Scene) -> list[tuple[str, str]]:
    """Where and of what candidates were launched, in their order."""
    return [(m.placement.subnet, *m.placement.types) for m in list(scene.cloud.machines.values())[1:]]  # type: ignore[misc]


LADDER = [(place.subnet, place.types[0]) for place in RUNGS]
CAPACITY = {
    "of one type in one AZ": ({("subnet-b", "m5.xlarge")}, [("subnet-b", "m5.xlarge"), ("subnet-b", "m6i.xlarge")]),
    "of one type": (
        {("subnet-a", "m5.xlarge"), ("subnet-b", "m5.xlarge")},
        [("subnet-b", "m5.xlarge"), ("subnet-b", "m6i.xlarge")],
    ),
    "in one AZ": (
        {("subnet-b", "m5.xlarge"), ("subnet-b", "m6i.xlarge")},
        [("subnet-b", "m5.xlarge"), ("subnet-b", "m6i.xlarge"), ("subnet-a", "m5.xlarge")],
    ),
}


# Row 25; az-a holds the lost member, so it comes last
@pytest.mark.parametrize(("full", "expected"), CAPACITY.values(), ids=CAPACITY)
async def test_without_capacity_the_rungs_are_tried_in_their_order(
    full: set[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    scene, member, controller = await led(scene=Scene(policy=replace(POLICY, placements=RUNGS, attempts=4)))
    scene.cloud.full = full
    scene.cloud.kill(member.id)
    await reach(controller, lambda done: done.converged)
    assert tried(scene) == expected


# Row 25
async def test_without_any_capacity_every_rung_is_tried_once_then_the_group_is_held_and_the_old_one_kept() -> None:
    scene, member, controller = await led(scene=Scene(policy=replace(POLICY, placements=RUNGS, attempts=4)))
    scene.cloud.full = {(place.subnet, place.types[0]) for place in RUNGS}
    scene.cloud.freeze(member.id)
    done = await reach(controller, held)
    assert sorted(tried(scene)) == sorted(LADDER)
    assert done.group.held == "4 candidates spent without success"
    await go_on(controller, HOUR)
    assert len(scene.cloud.machines) == 5
    assert scene.cloud.targets == {member.address}
    assert state(scene, member) is EmrState.UP
    scene.cloud.heal(member.id)
    await reach(controller, lambda done: done.converged)
    assert live(scene) == [1]


# Row 26
async def test_a_candidate_that_stays_in_starting_is_given_up_at_its_deadline_and_the_next_place_is_tried() -> None:
    policy = replace(POLICY, placements=(*PLACEMENTS, Placement("subnet-c", "az-c")))
    scene, member, controller = await led(scene=Scene(policy=policy))
    scene.cloud.next_hang = 1
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, Stage.BOOTING))
    begun = scene.clock.now()
    await reach(controller, stands(3, Stage.LAUNCHING), seconds=policy.boot + 10)
    assert scene.clock.now() - begun >= policy.boot - 5
    await reach(controller, serves(3))
    assert [m.placement.subnet for m in scene.cloud.machines.values()] == ["subnet-a", "subnet-b", "subnet-c"]
    assert state(scene, scene.cloud.machines["j-0000000000002"]) is EmrState.ENDED


# Row 27
async def test_a_boot_that_fails_once_is_made_again_elsewhere() -> None:
    scene, member, controller = await led()
    scene.cloud.next_fails_to_boot = 1
    scene.cloud.kill(member.id)
    await reach(controller, lambda done: done.converged)
    assert [m.placement.subnet for m in scene.cloud.machines.values()] == ["subnet-a", "subnet-b", "subnet-a"]
    assert live(scene) == [3]


# Row 27
async def test_boots_that_fail_alike_in_two_places_hold_the_group_with_the_cause() -> None:
    scene, member, controller = await led()
    scene.cloud.next_fails_to_boot = 100
    scene.cloud.freeze(member.id)
    done = await reach(controller, held)
    assert "subnet-b and subnet-a failed alike" in done.group.held
    assert "BOOTSTRAP_FAILURE: a bootstrap action failed" in done.group.held
    await go_on(controller, HOUR)
    assert len(scene.cloud.machines) == 3


# Row 27
async def test_candidates_that_fail_each_in_its_own_way_spend_the_attempts() -> None:
    scene, member, controller = await led(scene=Scene(policy=replace(POLICY, boot=60)))
    scene.cloud.next_fails_to_boot = 1
    scene.cloud.freeze(member.id)
    await reach(controller, stands(3, Stage.BOOTING))
    scene.cloud.machines["j-0000000000003"].unfit = True
    await reach(controller, stands(4, Stage.BOOTING))
    scene.cloud.hang("j-0000000000004")
    done = await reach(controller, held)
    assert done.group.held == f"{POLICY.attempts} candidates spent without success"
    await go_on(controller, HOUR)
    assert len(scene.cloud.machines) == 1 + POLICY.attempts


# Row 28
async def test_a_candidate_that_is_up_and_whose_livy_never_listens_is_condemned_when_its_proof_is_overdue() -> None:
    scene, member, controller = await led()
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, Stage.BOOTING))
    scene.cloud.stop_service("j-0000000000002", "livy")
    await reach(controller, stands(2, Stage.CONDEMNED), seconds=DELAYS.boot + POLICY.prove + 10)
    (condemned,) = (await remembered(scene)).at(Stage.CONDEMNED)
    assert condemned.reason == "not proven within 120 s"
    await reach(controller, serves(3))
    assert state(scene, scene.cloud.machines["j-0000000000002"]) is EmrState.ENDED


DIFFERENCE = "release: emr-7.9.0 is declared, the cluster has emr-7.8.0"


# Row 29
async def test_a_candidate_that_differs_from_the_spec_is_never_admitted_and_the_difference_is_told() -> None:
    scene, member, controller = await led()
    scene.cloud.next_differ = 1
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, Stage.CONDEMNED))
    assert DIFFERENCE in (await remembered(scene)).at(Stage.CONDEMNED)[0].reason
    await reach(controller, serves(3))
    assert [e.detail["entitled"] for e in await scene.events("entitlement_moved")] == [
        [first(scene).id],
        [newest(scene).id],
    ]


# Row 29
async def test_two_candidates_that_differ_alike_hold_the_group_with_the_difference() -> None:
    scene, member, controller = await led()
    scene.cloud.next_differ = 100
    scene.cloud.freeze(member.id)
    done = await reach(controller, held)
    assert DIFFERENCE in done.group.held
    assert len(scene.cloud.machines) == 3
    assert scene.cloud.targets == {member.address}


# Row 29
async def test_a_candidate_that_could_not_be_compared_yet_is_not_admitted_yet() -> None:
    scene, member, controller = await led()
    scene.cloud.faults.fail("differences", TransientError("no answer"), times=20)
    scene.cloud.next_differ = 1
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, Stage.CONDEMNED))
    assert DIFFERENCE in (await remembered(scene)).at(Stage.CONDEMNED)[0].reason
    assert scene.cloud.targets == {member.address}


# Row 49
@pytest.mark.parametrize("stage", [Stage.BOOTING, Stage.PROVING])
async def test_a_candidate_of_a_spec_that_was_edited_since_is_refused_with_the_difference(stage: Stage) -> None:
    scene, member, controller = await led()
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, stage))
    await controller.release()
    successor = scene.controller()
    clusters = RedeclaredClusters(scene.cloud)
    successor.observer = replace(successor.observer, clusters=clusters)
    successor.actor = replace(successor.actor, clusters=clusters)
    await reach(successor, stands(2, Stage.CONDEMNED))
    (refused,) = (await remembered(scene)).at(Stage.CONDEMNED)
    assert "release: emr-7.10.0 is declared, the cluster has emr-7.9.0" in refused.reason
    await reach(successor, serves(3))


def machine(scene: Scene, number: int) -> Machine:
    return next(m for m in scene.cloud.machines.values() if m.number == number)


# Row 25, refused by the call itself
async def test_a_refused_call_is_tried_elsewhere_and_refused_alike_twice_holds_the_group() -> None:
    scene, member, controller = await led()
    clusters = counted(scene, controller)
    scene.cloud.faults.fail("launch", PermanentError("not allowed: iam:PassRole"), times=5)
    scene.cloud.freeze(member.id)
    done = await reach(controller, held)
    assert clusters.calls == [2, 3]
    assert "iam:PassRole" in done.group.held
