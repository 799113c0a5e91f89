"""The fault matrix where witnesses disagree, are cut off, or are the only ones: other vantages, our own blindness."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from emr_dr.controller.loop import Controller
from emr_dr.core.evidence import Sighting
from emr_dr.core.group import Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.memory import Machine
from simulation.acts import (
    HOUR,
    MINUTE,
    carried_out,
    go_on,
    led,
    live,
    reach,
    serves,
    stands,
    together,
    verdicts,
    why,
)
from simulation.harness import GROUP, MortalStore, Scene
from simulation.odd_ports import MuteBalancer


async def with_a_witness(store: MortalStore | None = None) -> tuple[Scene, Machine, Controller, Controller]:
    """A group that is served, its member, whoever leads at one place, and whoever follows at another."""
    scene = Scene()
    scene.store = store or scene.store
    await scene.declare()
    leader = scene.controller(vantage="here")
    await reach(leader, lambda done: done.converged)
    return scene, next(iter(scene.cloud.machines.values())), leader, scene.controller(vantage="there", elsewhere=True)


# Row 8
async def test_a_path_broken_from_here_only_is_told_by_the_balancers_word() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    scene.cloud.unreachable.add(member.address)
    await go_on(controller, HOUR)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.PROBE_PATH_BROKEN]
    assert "the balancer can reach it" in await why(scene, member, VerdictName.PROBE_PATH_BROKEN)
    assert await carried_out(scene, since) == []


# Row 8
async def test_a_path_broken_from_here_only_is_told_by_another_controllers_word_where_the_balancer_is_mute() -> None:
    scene, member, leader, other = await with_a_witness()
    since = scene.clock.now()
    leader.observer = replace(leader.observer, balancer=MuteBalancer(scene.cloud))
    scene.cloud.unreachable.add(member.address)
    await together(scene, HOUR, leader, other)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.PROBE_PATH_BROKEN]
    assert "the controller at there can reach it" in await why(scene, member, VerdictName.PROBE_PATH_BROKEN)
    assert await carried_out(scene, since) == []


# Row 8
async def test_a_failure_that_nobody_else_can_speak_of_stays_a_suspicion() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    controller.observer = replace(controller.observer, balancer=MuteBalancer(scene.cloud))
    scene.cloud.unreachable.add(member.address)
    done = await go_on(controller, HOUR)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]
    assert done.observation is not None
    assert "no second witness has spoken" in done.observation.verdicts[member.id].why
    assert await carried_out(scene, since) == []


async def test_two_controllers_at_one_place_are_one_witness() -> None:
    scene, member, leader, _ = await with_a_witness()
    since = scene.clock.now()
    leader.observer = replace(leader.observer, balancer=MuteBalancer(scene.cloud))
    neighbour = scene.controller(vantage="here")
    scene.cloud.freeze(member.id)
    await together(scene, HOUR, leader, neighbour)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]
    assert await carried_out(scene, since) == []


async def test_a_loss_that_two_places_see_is_believed_where_the_balancer_is_mute() -> None:
    scene, member, leader, other = await with_a_witness()
    leader.observer = replace(leader.observer, balancer=MuteBalancer(scene.cloud))
    scene.cloud.freeze(member.id)
    await together(scene, 5 * MINUTE, leader, other)
    assert "so does the controller at there" in await why(scene, member, VerdictName.MEMBER_LOST)


# Row 8, with a standby of which nobody else can speak
async def test_a_path_broken_to_all_members_costs_no_standby_and_no_launch() -> None:
    scene, _, controller = await led(Wanted(1, 1))
    scene.cloud.unreachable |= {m.address for m in scene.cloud.machines.values()}
    await go_on(controller, HOUR)
    assert len(scene.cloud.machines) == 2


# A check that the user declared, and that has no listener
@pytest.mark.parametrize("watched_by_two", [True, False], ids=["a second vantage", "alone"])
async def test_a_declared_check_that_the_balancer_cannot_make_needs_a_second_vantage(*, watched_by_two: bool) -> None:
    scene = Scene()
    scene.cloud.checks = ("history",)
    await scene.declare()
    leader, other = scene.controller(vantage="here"), scene.controller(vantage="there", elsewhere=True)
    await reach(leader, lambda done: done.converged)
    member = next(iter(scene.cloud.machines.values()))
    scene.cloud.stop_service(member.id, "history")
    await together(scene, 5 * MINUTE, leader, *([other] if watched_by_two else []))
    if watched_by_two:
        assert "history" in await why(scene, member, VerdictName.SERVICE_DOWN)
        assert scene.cloud.targets == {scene.cloud.machines["j-0000000000002"].address}
    else:
        assert await verdicts(scene, member) == [VerdictName.SUSPECT]
        assert live(scene) == [1]


# Row 9
async def test_a_monitor_that_is_cut_off_says_that_it_is_blind_and_begins_nothing() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    scene.cloud.isolated = True
    scene.cloud.kill(member.id)
    done = await go_on(controller, 30)
    assert await verdicts(scene, member) == [VerdictName.BLIND]
    assert "no control target of ours is reached" in await why(scene, member, VerdictName.BLIND)
    assert any(refusal.startswith("blind: probes") for refusal in done.group.refusals)
    assert await carried_out(scene, since) == []


# Row 9
async def test_a_monitor_that_is_cut_off_replaces_nobody_in_an_hour() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    scene.cloud.isolated = True
    scene.cloud.freeze(member.id)
    await go_on(controller, HOUR)
    assert await carried_out(scene, since) == []
    scene.cloud.isolated = False
    await reach(controller, serves(2))


# Row 9
async def test_a_monitor_that_is_cut_off_leaves_the_lease_to_one_that_is_not_and_that_one_recovers_a_loss() -> None:
    scene, member, leader, other = await with_a_witness()
    await together(scene, 30, leader, other)
    scene.cloud.isolated = True
    left, leads = await together(scene, 30, leader, other)
    assert (left.leader, leads.leader) == (other.holder, other.holder)
    scene.cloud.kill(member.id)
    left, leads = await together(scene, 5 * MINUTE, leader, other)
    assert leads.converged
    assert left.observation is None
    assert live(scene) == [2]


# Row 9
async def test_two_monitors_that_are_both_cut_off_do_not_hand_the_lease_to_and_fro() -> None:
    scene, _, leader, _ = await with_a_witness()
    neighbour = scene.controller(vantage="next door")
    await together(scene, 30, leader, neighbour)
    scene.cloud.isolated = True
    since = scene.clock.now()
    rounds = await together(scene, 10 * MINUTE, leader, neighbour)
    assert len({done.leader for done in rounds}) == 1
    assert len([e for e in await scene.events("lease_taken") if e.at >= since]) <= 1


# Row 9, in the middle of a recovery
async def test_a_candidate_is_not_given_up_because_its_monitor_is_cut_off() -> None:
    scene, member, controller = await led()
    scene.cloud.freeze(member.id)
    await reach(controller, stands(2, Stage.PROVING))
    scene.cloud.isolated = True
    await go_on(controller, 10 * MINUTE)
    scene.cloud.isolated = False
    await reach(controller, serves(2))
    assert live(scene) == [1, 2]


class DeafStore(MortalStore):
    """A store that keeps documents, and has trouble with sightings."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    async def tell(self, group: str, sighting: Sighting) -> None:
        if self.error is not None:
            raise self.error
        await super().tell(group, sighting)

    async def sightings(self, group: str) -> Sequence[Sighting]:
        if self.error is not None:
            raise self.error
        return await super().sightings(group)


@pytest.mark.parametrize("error", [TransientError("locked"), PermanentError("damaged")], ids=["locked", "damaged"])
async def test_sightings_that_cannot_be_kept_or_read_neither_delay_nor_end_a_recovery(error: Exception) -> None:
    scene, member, leader, other = await with_a_witness(DeafStore(error))
    scene.cloud.kill(member.id)
    leads, follows = await together(scene, 5 * MINUTE, leader, other)
    assert leads.converged
    assert follows.leader == leader.holder
    assert live(scene) == [2]


async def test_what_another_place_saw_long_ago_is_no_witness() -> None:
    scene, member, leader, other = await with_a_witness()
    await together(scene, 30, leader, other)
    leader.observer = replace(leader.observer, balancer=MuteBalancer(scene.cloud))
    await scene.clock.sleep(leader.observer.detection.gap)
    scene.cloud.unreachable.add(member.address)
    await go_on(leader, 5 * MINUTE)
    assert await scene.store.sightings(GROUP)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]
