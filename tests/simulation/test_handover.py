"""Planned change over memory and virtual time: switchover, failback, failover by hand, and what is refused."""

from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.core.entitlement import FAILED_OVER
from emr_dr.core.group import Stage, Wanted
from emr_dr.core.world import EmrState
from emr_dr.errors import ConflictError, PermanentError, TransientError, UsageError
from emr_dr.service import Kind, Site, Switched
from simulation.acts import MINUTE, first, go_on, left, live, newest, reach, remembered, say, serves, serving, state
from simulation.harness import GROUP, POLICY, Crash, Life, Scene, site
from simulation.test_crashes import each_crash


async def handed_over(
    found: Site, kind: Kind = Kind.SWITCHOVER, *, to: str = "", drain: float | None = None
) -> Switched:
    """What a person does: look, agree, and wait for the end."""
    handover = await service.prepare(found, kind, to=to, drain=drain)
    await service.ask(found, handover)
    return await service.see_through(found, handover, lambda _: None)


async def events(scene: Scene, name: str) -> list[dict[str, object]]:
    return [dict(e.detail) for e in await scene.events(name)]


async def test_a_switchover_moves_service_to_another_az_and_the_old_one_is_retired_once_idle() -> None:
    scene, old = await serving()
    ended = await handed_over(site(scene))
    new = newest(scene)
    assert (ended.outcome, ended.leaving.number) == ("handed over", 1)
    assert ended.successor is not None
    assert ended.successor.cluster == new.id
    assert new.placement.az != old.placement.az
    assert left(scene) == ([1, 2], {new.address}), "the old one is out of the balancer, and not ended yet"
    await scene.converge()
    assert (live(scene), state(scene, old)) == ([2], EmrState.ENDED)


async def test_the_gap_that_clients_saw_is_told_apart_from_the_balancers_own_time() -> None:
    scene, _ = await serving()
    ended = await handed_over(site(scene))
    assert ended.gap is not None
    assert scene.cloud.delays.healthy <= ended.gap.balancer
    assert 0 < ended.gap.refused - ended.gap.balancer <= 5 + scene.cloud.delays.draining


async def test_unfinished_work_is_listed_and_waited_for() -> None:
    scene, old = await serving()
    scene.cloud.begin_job(old.id, "nightly")
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    assert [str(each) for each in handover.unfinished or ()] == ["application nightly (nightly) RUNNING"]
    await service.ask(found, handover)
    done_at = scene.clock.now() + 45
    scene.clock.at(done_at, lambda: scene.cloud.finish_job(old.id, "nightly"))
    ended = await service.see_through(found, handover, lambda _: None)
    assert ended.successor is not None
    (moved,) = [e.at for e in await scene.events("entitlement_moved") if e.detail["epoch"] == 2]
    assert moved >= done_at
    assert ended.unfinished == ()


async def test_work_that_outlasts_the_drain_runs_on_at_the_old_one_which_is_kept_until_it_has_ended() -> None:
    scene, old = await serving()
    scene.cloud.begin_job(old.id, "endless")
    ended = await handed_over(site(scene), drain=10)
    assert [each.name for each in ended.unfinished or ()] == ["endless"]
    controller = scene.controller()
    await go_on(controller, 10 * MINUTE)
    assert state(scene, old) is EmrState.UP
    scene.cloud.finish_job(old.id, "endless")
    await reach(controller, lambda done: done.converged)
    assert state(scene, old) is EmrState.ENDED


async def test_a_standby_takes_over_and_the_roles_are_exchanged_without_a_launch() -> None:
    scene, old = await serving(Wanted(1, 1))
    ended = await handed_over(site(scene))
    assert ended.successor is not None
    assert ended.successor.number == 2
    await scene.converge()
    stages = {m.number: m.stage for m in (await remembered(scene)).members}
    assert stages == {1: Stage.STANDBY, 2: Stage.SERVING}
    assert state(scene, old) is EmrState.UP


async def test_a_failback_leads_to_where_it_was_before() -> None:
    scene, old = await serving()
    with pytest.raises(UsageError, match="no other member served before"):
        await service.previous_place(site(scene))
    await handed_over(site(scene))
    await scene.converge()
    place = await service.previous_place(site(scene))
    assert place == old.placement.subnet
    await handed_over(site(scene), to=place)
    assert newest(scene).placement.az == old.placement.az


async def test_a_failover_by_hand_replaces_one_that_looks_well_and_waits_for_no_work() -> None:
    scene, old = await serving()
    scene.cloud.begin_job(old.id, "nightly")
    began = scene.clock.now()
    ended = await handed_over(site(scene), Kind.FAILOVER)
    assert ended.successor is not None
    assert scene.clock.now() - began < 2 * MINUTE
    fenced = (await remembered(scene)).at(Stage.FENCING)
    assert [(m.number, m.reason) for m in fenced] == [(1, FAILED_OVER)]
    assert state(scene, old) is EmrState.UP, "its job may run on"


async def test_a_failover_by_hand_overrules_a_hold_and_a_cooldown() -> None:
    scene = Scene(policy=replace(POLICY, cooldown=3600))
    await serving(scene=scene)
    await say(
        scene, lambda group: replace(group, held="3 candidates spent", attempts=3, recovered_at=scene.clock.now())
    )
    with pytest.raises(PermanentError, match="emr-dr release"):
        await handed_over(site(scene))
    assert (await handed_over(site(scene), Kind.FAILOVER)).successor is not None
    assert (await remembered(scene)).held == ""


async def test_a_switchover_is_called_off_when_its_candidate_fails_and_nothing_else_changes() -> None:
    scene, old = await serving()
    scene.cloud.next_fails_to_boot = 1
    ended = await handed_over(site(scene))
    assert (ended.outcome, ended.successor) == ("called off", None)
    assert "bootstrap action failed" in ended.reason
    await scene.converge()
    assert left(scene) == ([1], {old.address})
    assert len(scene.cloud.machines) == 2, "no second launch"


async def test_an_order_can_be_taken_back_before_the_switch() -> None:
    scene, old = await serving()
    scene.cloud.begin_job(old.id, "nightly")
    found = site(scene)
    await service.ask(found, await service.prepare(found, Kind.SWITCHOVER))
    controller = scene.controller()
    draining = await reach(controller, lambda done: bool(done.group.at(Stage.DRAINING)))
    assert draining.group.leaving == 1
    assert await service.call_off(found) == 1
    assert await service.call_off(found) is None
    await reach(controller, lambda done: serves(1)(done) and done.converged)
    assert left(scene) == ([1], {old.address})
    assert [e["reason"] for e in await events(scene, "handover_ended")] == ["a person called it off"]


async def test_a_loss_while_draining_goes_on_as_an_unplanned_one() -> None:
    scene, old = await serving()
    scene.cloud.begin_job(old.id, "nightly")
    found = site(scene)
    await service.ask(found, await service.prepare(found, Kind.SWITCHOVER))
    controller = scene.controller()
    await reach(controller, lambda done: bool(done.group.at(Stage.DRAINING)))
    scene.cloud.kill(old.id)
    await reach(controller, serves(2))
    assert scene.cloud.targets == {newest(scene).address}


async def test_whoever_does_not_lead_follows_until_it_is_over() -> None:
    scene, _ = await serving()
    leader = scene.controller()
    await leader.round()
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    await service.ask(found, handover)
    done = await reach(leader, serves(2))
    assert done.leader == leader.holder
    ended = await service.see_through(found, handover, lambda _: None)
    assert (ended.outcome, ended.led) == ("handed over", True)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda group: replace(group, leaving=1), ConflictError, "asked to leave already"),
        (lambda group: replace(group, held="3 candidates spent"), PermanentError, "stopped itself"),
        (lambda group: replace(group, launches=(1e12,) * 6), PermanentError, "budget"),
    ],
    ids=["under way", "held", "budget"],
)
async def test_what_is_in_the_way_is_said_before_anything_is_written(
    change: object, error: type[Exception], words: str
) -> None:
    scene, _ = await serving()
    await say(scene, change)  # type: ignore[arg-type]
    before = await scene.store.load(GROUP)
    handover = await service.prepare(site(scene), Kind.SWITCHOVER)
    assert isinstance(handover.refusal, error)
    assert words in str(handover.refusal)
    with pytest.raises(error, match=words):
        await service.ask(site(scene), handover)
    assert await scene.store.load(GROUP) == before


async def test_a_switchover_wants_the_one_that_leaves_to_be_well_and_says_what_to_do_if_not() -> None:
    scene, old = await serving()
    scene.cloud.stop_service(old.id, "livy")
    await scene.clock.sleep(5)
    handover = await service.prepare(site(scene), Kind.SWITCHOVER)
    assert handover.unfinished is None
    assert "livy" in handover.unknown
    assert "emr-dr failover" in str(handover.refusal)


async def test_nothing_is_begun_while_blind() -> None:
    scene, _ = await serving()
    scene.cloud.faults.aws_down = True
    handover = await service.prepare(site(scene), Kind.FAILOVER)
    assert isinstance(handover.refusal, TransientError)


@pytest.mark.parametrize(
    ("to", "words"), [("subnet-z", "no placement"), ("az-a", "serves from there already"), ("subnet-a", "already")]
)
async def test_a_place_that_cannot_be_is_refused(to: str, words: str) -> None:
    scene, _ = await serving()
    with pytest.raises(UsageError, match=words):
        await service.prepare(site(scene), Kind.SWITCHOVER, to=to)


async def test_a_standby_elsewhere_is_not_passed_over_for_a_place() -> None:
    scene = Scene(Wanted(1, 1), policy=replace(POLICY, placements=(*POLICY.placements, THIRD)))
    await serving(scene=scene)
    with pytest.raises(UsageError, match="leave --to out"):
        await service.prepare(site(scene), Kind.SWITCHOVER, to=THIRD.subnet)


async def test_of_several_that_serve_a_person_says_who_goes() -> None:
    scene, old = await serving(Wanted(2))
    with pytest.raises(UsageError, match="--member"):
        await service.prepare(site(scene), Kind.SWITCHOVER)
    with pytest.raises(UsageError, match="no such member serves"):
        await service.prepare(site(scene), Kind.SWITCHOVER, leaving="7")
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER, leaving=old.id)
    await service.ask(found, handover)
    ended = await service.see_through(found, handover, lambda _: None)
    assert {m.number for m in (await remembered(scene)).entitled} == {2, 3}
    assert (handover.others, ended.gap) == (1, None), "the other one served on"


async def test_an_order_is_not_written_when_the_member_lost_its_place_meanwhile() -> None:
    scene, old = await serving()
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    scene.cloud.kill(old.id)
    await scene.converge()
    with pytest.raises(ConflictError, match="does not serve any more"):
        await service.ask(found, handover)
    assert (await remembered(scene)).leaving is None


async def switched_over(life: Life) -> Scene:
    scene, _ = await serving()
    found = site(scene)
    await service.ask(found, await service.prepare(found, Kind.SWITCHOVER))
    try:
        done = await scene.converge(life)
    except Crash:
        done = await scene.converge()
    assert done.converged
    return scene


async def test_a_switchover_ends_well_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        old, *others = scene.cloud.machines.values()
        assert len(others) == 1, "exactly one successor"
        assert state(scene, old) is EmrState.ENDED
        assert scene.cloud.targets == {newest(scene).address}
        assert first(scene) is old

    await each_crash(switched_over, check)


THIRD = replace(POLICY.placements[0], subnet="subnet-c", az="az-c")
