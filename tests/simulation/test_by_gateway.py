"""A group behind gateways over memory and virtual time: losses and their proofs, planned change, and who sees what."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from contracts.values import ended
from emr_dr import service
from emr_dr.cli.render import status_json
from emr_dr.controller.loop import Controller, Round
from emr_dr.controller.replay import replay
from emr_dr.controller.vantage import Vantage
from emr_dr.core.batch import Batch, NewBatch, RescueClass, SubmitState
from emr_dr.core.document import Document
from emr_dr.core.evidence import GATEWAY
from emr_dr.core.group import Placement, Policy, Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.core.view import Load, MemberView, ProofKind, Role
from emr_dr.core.world import EmrState
from emr_dr.errors import TransientError, UsageError
from emr_dr.lab.memory import Delays, Machine, MemoryProbes
from emr_dr.ports import JournalEntry
from emr_dr.service import Answer, Kind
from emr_dr.stores.memory import MemoryLedger
from simulation.acts import (
    MINUTE,
    carried_out,
    first,
    go_on,
    live,
    newest,
    reach,
    refusals,
    remembered,
    serves,
    stands,
    verdicts,
    why,
)
from simulation.acts import state as emr_state
from simulation.harness import DELAYS, GROUP, POLICY, MortalStore, Scene, site

NEVER = float("inf")


class WatchedStore(MortalStore):
    """A store that remembers all views that gateways could have read."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[MemberView, ...]] = []

    async def save(
        self, document: Document, *, views: Sequence[MemberView] = (), entries: Sequence[JournalEntry] = ()
    ) -> Document:
        saved = await super().save(document, views=views, entries=entries)
        self.published.append(tuple(views))
        return saved


async def begun(
    wanted: Wanted | None = None, *, delays: Delays = DELAYS, policy: Policy = POLICY
) -> tuple[Scene, Machine, Controller]:
    """A group in mode gateway that has all it wants, its first cluster, and the controller that leads."""
    scene = Scene(wanted, delays=delays, policy=policy, by_gateway=True)
    scene.store = WatchedStore()
    await scene.declare()
    controller = scene.controller()
    await reach(controller, lambda done: done.converged)
    return scene, first(scene), controller


def ledger_of(scene: Scene) -> MemoryLedger:
    assert scene.ledger is not None
    return scene.ledger


async def given(scene: Scene, member: Machine) -> Batch:
    """A batch that a gateway sent to a member, and that runs there."""
    ledger = ledger_of(scene)
    new = NewBatch("t1", "{}", scene.clock.now(), cluster_id=member.id, sent=True, rescue=RescueClass.IDEMPOTENT)
    batch = (await ledger.create(new)).batch
    scene.cloud.begin_job(member.id, batch.last.yarn_tag)
    return await ledger.save(batch.with_last(replace(batch.last, submit=SubmitState.CONFIRMED, livy_id=1)))


async def view_of(scene: Scene, member: Machine) -> MemberView:
    published = await scene.store.views(GROUP)
    assert published is not None
    return next(v for v in published.views if v.cluster_id == member.id)


async def rescued(scene: Scene, batch: Batch, away_from: Machine, to: Machine) -> None:
    """What a rescuer does with the proof in a member's view."""
    death = (await view_of(scene, away_from)).death
    assert death is not None
    dead = batch.with_last(replace(batch.last, proof=death))
    await ledger_of(scene).save(dead.again(scene.clock.now(), cluster_id=to.id))


async def beside_gateways(scene: Scene, seconds: float, controller: Controller, *places: str) -> Round:
    """Let the controller do its rounds while gateways at these places tell what they see."""
    end = scene.clock.now() + seconds

    async def tells(place: str) -> None:
        probes = MemoryProbes(scene.cloud, elsewhere=True)
        vantage = Vantage(GROUP, scene.store, probes, scene.clock, place, scene.detection.interval)
        with scene.clock.taking_part():
            while scene.clock.now() < end:
                await vantage.look()
                await scene.clock.sleep(vantage.interval)

    async def leads() -> Round:
        with scene.clock.taking_part():
            return await go_on(controller, seconds)

    telling = [asyncio.ensure_future(tells(place)) for place in places]
    done = await leads()
    await asyncio.gather(*telling)
    return done


# First start


async def test_a_first_start_admits_whoever_is_proven_and_touches_no_target() -> None:
    scene, member, _ = await begun()
    assert not {"RegisterTarget", "DeregisterTarget"} & set(await carried_out(scene))
    assert scene.cloud.registrations == []
    view = await view_of(scene, member)
    assert (view.role, view.accepts_new, view.death) == (Role.SERVING, True, None)


async def test_the_balancers_targets_are_nobodys_business_even_if_they_cannot_be_read() -> None:
    scene, _, controller = await begun()
    await controller.actor.balancer.register("10.9.9.9")  # a gateway
    scene.cloud.faults.fail("targets", TransientError("throttled"), times=1000)
    done = await go_on(controller, MINUTE)
    assert done.converged
    assert "10.9.9.9" in scene.cloud.targets


# Losses


async def test_one_of_two_that_is_killed_is_fenced_proven_dead_and_forgotten_once_its_batches_have_moved() -> None:
    scene, member, controller = await begun(Wanted(2))
    other = newest(scene)
    batch = await given(scene, member)
    scene.cloud.kill(member.id)
    await beside_gateways(scene, 50, controller, "az-b")
    view = await view_of(scene, member)
    assert (view.role, view.accepts_new, view.death) == (Role.FENCED, False, None)
    assert live(scene) == [1, 2, 3], "replaced in the background, while EMR has not noticed"
    await beside_gateways(scene, 5 * MINUTE, controller, "az-b")
    view = await view_of(scene, member)
    assert view.death is not None
    assert (view.death.kind, view.death.evidence) == (ProofKind.TERMINATED, "EMR says that the cluster has ended")
    died = view.death
    await go_on(controller, 10 * MINUTE)
    assert (await view_of(scene, member)).death == died, "kept while a batch waits for word of it, and unchanged"
    await rescued(scene, batch, member, other)
    await go_on(controller, MINUTE)
    assert member.id not in {m.cluster for m in (await remembered(scene)).members}
    assert [e.detail["proof"] for e in await scene.events("member_dead")] == ["terminated"]


async def test_a_batch_sent_to_one_that_was_forgotten_already_is_told_of_its_death_all_the_same() -> None:
    scene, member, controller = await begun(Wanted(2))
    scene.cloud.kill(member.id)
    done = await reach(controller, lambda done: done.converged)
    assert member.id not in {m.cluster for m in done.group.members}
    batch = await given(scene, member)  # by a gateway that had not read the news
    await go_on(controller, 30)
    assert (await view_of(scene, member)).death is not None
    await rescued(scene, batch, member, newest(scene))
    await reach(controller, lambda done: done.converged)


async def test_ec2s_word_on_all_machines_is_a_proof_before_emr_knows() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=10, ec2_confirms=120, ending=NEVER)
    scene, member, controller = await begun(Wanted(2), delays=delays)
    await given(scene, member)
    scene.cloud.kill(member.id)
    await go_on(controller, 100)
    assert (await view_of(scene, member)).death is None, (
        "its primary is impaired, which proves nothing of its other nodes"
    )
    await go_on(controller, MINUTE)
    assert emr_state(scene, member) is not EmrState.ENDED
    death = (await view_of(scene, member)).death
    assert death is not None
    assert death.evidence == "EC2 says that all its machines, 3, are terminated"


async def test_without_any_confirmation_nobody_is_dead_until_a_person_says_so() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await begun(Wanted(2), delays=delays)
    await given(scene, member)
    scene.cloud.freeze(member.id)
    done = await beside_gateways(scene, 20 * MINUTE, controller, "az-b")
    assert stands(1, Stage.FENCING)(done)
    assert (await view_of(scene, member)).death is None
    assert "member 1 is kept: batches on it have not ended" in await refusals(scene)
    found = site(scene)
    (kept,) = await service.kept(found)
    await service.release(found, kept.member, by="ann")
    assert [e.detail["by"] for e in await scene.events("member_released")] == ["ann"]
    await beside_gateways(scene, MINUTE, controller, "az-b")
    death = (await view_of(scene, member)).death
    assert death is not None
    assert death.kind is ProofKind.PERSON


async def test_one_that_emr_ends_for_ever_may_still_be_called_dead_by_a_person() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=10, ending=NEVER)
    scene, member, controller = await begun(Wanted(2), delays=delays)
    await given(scene, member)
    scene.cloud.kill(member.id)
    done = await go_on(controller, 20 * MINUTE)
    assert stands(1, Stage.RETIRING)(done)
    waits = "batches of member 1 wait: it is being ended, and nothing proves it dead yet"
    assert waits in await refusals(scene)
    found = site(scene)
    (kept,) = await service.kept(found)
    await service.release(found, kept.member)
    await go_on(controller, MINUTE)
    death = (await view_of(scene, member)).death
    assert death is not None
    assert death.kind is ProofKind.PERSON
    assert await service.kept(found) == []


async def test_a_member_that_a_person_called_dead_never_serves_again() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await begun(delays=delays)
    await given(scene, member)
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, 3 * MINUTE, controller, "az-b")
    found = site(scene)
    await service.release(found, (await service.kept(found))[0].member)
    scene.cloud.heal(member.id)
    scene.cloud.kill(newest(scene).id)
    await beside_gateways(scene, 10 * MINUTE, controller, "az-b")
    assert [m.number for m in (await remembered(scene)).entitled] == [3]


async def test_while_the_ledger_cannot_be_read_nobody_is_ended_as_idle_and_nobody_is_forgotten() -> None:
    scene, member, controller = await begun(Wanted(2))
    scene.cloud.kill(member.id)

    class AwayLedger(MemoryLedger):
        async def backlog(self) -> dict[str, int]:
            raise TransientError("the ledger is locked")

    seen, controller.observer = controller.observer, replace(controller.observer, backlog=AwayLedger())
    done = await go_on(controller, 30 * MINUTE)
    assert 1 in {m.number for m in done.group.members}
    assert done.observation is not None
    assert any("the ledger is locked" in trouble for trouble in done.observation.troubles)
    controller.observer = seen
    await reach(controller, lambda done: done.converged)


# Denied roles

ROLES = tuple(Placement(f"subnet-{n}", f"az-{n}", role=f"role-{n}") for n in "abc")
DENYING = replace(POLICY, placements=ROLES, deny_role=True, deny_propagation=60)
UNCONFIRMED = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)


async def test_a_lost_members_role_is_denied_and_after_its_propagation_that_is_a_proof() -> None:
    scene, member, controller = await begun(Wanted(2), delays=UNCONFIRMED, policy=DENYING)
    await given(scene, member)
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, 60, controller, "az-b")
    assert scene.cloud.denials == {("role-a", member.id)}
    assert (await view_of(scene, member)).death is None, "not heeded everywhere yet"
    await beside_gateways(scene, 80, controller, "az-b")
    death = (await view_of(scene, member)).death
    assert death is not None
    assert (death.kind, death.evidence.split(" has ")[0]) == (ProofKind.ROLE_DENIED, "its role role-a")
    assert newest(scene).placement.subnet == "subnet-c", "nobody is launched where the role is denied"


async def test_a_denial_is_taken_back_once_its_member_has_ended_and_only_then_is_it_forgotten() -> None:
    delays = replace(DELAYS, emr_notices=240, ec2_notices=NEVER)
    scene, member, controller = await begun(Wanted(2), delays=delays, policy=DENYING)
    scene.cloud.kill(member.id)
    await beside_gateways(scene, 3 * MINUTE, controller, "az-b")
    assert scene.cloud.denials == {("role-a", member.id)}
    scene.cloud.faults.fail("allow", TransientError("throttled"), times=3)
    await beside_gateways(scene, 70, controller, "az-b")
    await reach(controller, lambda done: done.converged)
    assert scene.cloud.denials == set()
    done = await carried_out(scene)
    assert done.count("DenyRole") == 1


async def test_one_that_is_well_again_before_its_denial_counts_is_allowed_and_taken_back() -> None:
    policy = replace(DENYING, deny_propagation=600, attempts=10)
    scene, member, controller = await begun(delays=UNCONFIRMED, policy=policy)
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, 2 * MINUTE, controller, "az-b")
    assert scene.cloud.denials == {("role-a", member.id)}
    scene.cloud.kill(newest(scene).id)
    scene.cloud.heal(member.id)
    await beside_gateways(scene, 5 * MINUTE, controller, "az-b")
    assert ("role-a", member.id) not in scene.cloud.denials
    assert 1 in [m.number for m in (await remembered(scene)).entitled]


async def test_a_role_that_another_member_has_too_is_left_alone() -> None:
    shared = replace(DENYING, placements=ROLES[:1])
    scene, member, controller = await begun(Wanted(2), delays=UNCONFIRMED, policy=shared)
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, 5 * MINUTE, controller, "az-b")
    assert stands(1, Stage.FENCING)(await go_on(controller, 5))
    assert scene.cloud.denials == set()


async def test_a_denial_that_cannot_be_read_back_proves_nothing() -> None:
    scene, member, controller = await begun(Wanted(2), delays=UNCONFIRMED, policy=DENYING)
    scene.cloud.freeze(member.id)
    scene.cloud.faults.fail("denied", TransientError("throttled"), times=10_000)
    await beside_gateways(scene, 10 * MINUTE, controller, "az-b")
    assert (await view_of(scene, member)).death is None


async def test_a_denial_that_came_too_late_is_taken_back() -> None:
    scene, member, controller = await begun(policy=DENYING)
    scene.cloud.denials.add(("role-a", member.id))
    done = await go_on(controller, 10)
    assert scene.cloud.denials == set()
    assert done.converged


async def test_the_role_of_one_that_is_well_is_never_denied_though_it_left() -> None:
    scene, old, _ = await begun(policy=DENYING)
    await given(scene, old)
    found = site(scene)
    await service.ask(found, await service.prepare(found, Kind.SWITCHOVER))
    await service.see_through(found, await service.prepare(found, Kind.FAILOVER), lambda _: None)
    await go_on(scene.controller(), 20 * MINUTE)
    assert scene.cloud.denials == set()


async def test_every_decision_of_a_loss_with_its_proof_can_be_replayed() -> None:
    scene, member, controller = await begun(Wanted(2), delays=replace(DELAYS, ec2_notices=NEVER), policy=DENYING)
    batch = await given(scene, member)
    scene.cloud.kill(member.id)
    await beside_gateways(scene, 5 * MINUTE, controller, "az-b")
    await rescued(scene, batch, member, newest(scene))
    await reach(controller, lambda done: done.converged)
    decisions = await scene.events("decided")
    assert len(decisions) > 10
    assert [replay(each).words for each in decisions if not replay(each).same] == []


# Planned change


async def test_through_a_switchover_somebody_always_takes_new_work_and_the_old_ones_batches_end_there() -> None:
    scene, old, _ = await begun()
    await given(scene, old)
    store = scene.store
    assert isinstance(store, WatchedStore)
    store.published.clear()
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    await service.ask(found, handover)
    switched = await service.see_through(found, handover, lambda _: None)
    assert switched.successor is not None
    assert all(any(v.accepts_new for v in views) for views in store.published)
    assert all(sum(v.accepts_new for v in views) == 1 for views in store.published)
    controller = scene.controller()
    done = await go_on(controller, 20 * MINUTE)
    assert stands(1, Stage.FENCING)(done)
    assert "member 1 is kept: batches on it have not ended" in done.group.refusals
    assert emr_state(scene, old) is EmrState.UP


async def test_the_old_one_is_ended_when_yarn_and_the_ledger_have_nothing_left_on_it() -> None:
    scene, old, _ = await begun()
    batch = await given(scene, old)
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    await service.ask(found, handover)
    await service.see_through(found, handover, lambda _: None)
    controller = scene.controller()
    scene.cloud.finish_job(old.id, batch.last.yarn_tag)
    await go_on(controller, 10 * MINUTE)
    assert emr_state(scene, old) is EmrState.UP, "its end was not saved by a gateway yet"
    await ledger_of(scene).save(ended(batch))
    await reach(controller, serves(2))
    await go_on(controller, 10 * MINUTE)
    assert emr_state(scene, old) is EmrState.ENDED


async def test_with_a_standby_roles_are_exchanged_and_the_old_one_is_shown_all_the_while() -> None:
    scene, old, _ = await begun(Wanted(1, 1))
    store = scene.store
    assert isinstance(store, WatchedStore)
    store.published.clear()
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    await service.ask(found, handover)
    await service.see_through(found, handover, lambda _: None)
    done = await go_on(scene.controller(), 5 * MINUTE)
    assert done.converged
    assert stands(1, Stage.STANDBY)(done)
    shown = [next(v for v in views if v.cluster_id == old.id) for views in store.published]
    assert [v.role for n, v in enumerate(shown) if n == 0 or v.role is not shown[n - 1].role] == [
        Role.SERVING,
        Role.FENCED,
        Role.STANDBY,
    ]


async def test_a_handover_says_that_nothing_is_waited_for_or_refused_and_takes_no_drain_timeout() -> None:
    scene, old, _ = await begun()
    await given(scene, old)
    found = site(scene)
    handover = await service.prepare(found, Kind.SWITCHOVER)
    assert (handover.by_gateway, handover.drain) == (True, 0.0)
    assert [str(each) for each in handover.unfinished or ()] == ["batch 1 starting"]
    await service.ask(found, handover)
    switched = await service.see_through(found, handover, lambda _: None)
    assert (switched.by_gateway, switched.gap) == (True, None)
    assert [str(each) for each in switched.unfinished or ()] == ["batch 1 starting"]
    with pytest.raises(UsageError, match="has no effect with gateways"):
        await service.prepare(found, Kind.SWITCHOVER, drain=60)


async def test_a_failover_by_hand_fences_the_old_one_as_soon_as_somebody_proven_takes_over() -> None:
    scene, old, _ = await begun()
    found = site(scene)
    handover = await service.prepare(found, Kind.FAILOVER)
    await service.ask(found, handover)
    switched = await service.see_through(found, handover, lambda _: None)
    assert switched.successor is not None
    assert (await view_of(scene, old)).accepts_new is False


async def test_a_lost_members_batches_are_known_to_the_ledger_though_nobody_can_ask_the_member() -> None:
    scene, member, controller = await begun(Wanted(2))
    await given(scene, member)
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, 3 * MINUTE, controller, "az-b")
    (kept,) = await service.kept(site(scene))
    assert (kept.by_gateway, [str(each) for each in kept.unfinished or ()]) == (True, ["batch 1 starting"])


async def test_destroy_waits_for_no_batch() -> None:
    scene, member, _ = await begun()
    await given(scene, member)
    found = site(scene)
    doomed = await service.doom(found)
    assert [str(each) for each in doomed.clusters[0].unfinished or ()] == ["batch 1 starting"]
    await service.destroy(found, lambda _: None, changed=lambda _: None)
    assert (live(scene), (await remembered(scene)).members) == ([], ())


async def test_status_tells_the_gateways_that_work_and_what_is_unfinished_on_each_member() -> None:
    scene, member, _ = await begun()
    await given(scene, member)
    ledger, now = ledger_of(scene), scene.clock.now()
    await ledger.report_loads("gateway-1", [Load(member.id, 1, now - 5)])
    await ledger.report_loads("gateway-2", [Load(member.id, 1, now - 500)])
    await ledger.report_loads("gateway-3", [])
    seen = await service.status(site(scene))
    assert seen.answer == 0
    assert seen.gateways == ("gateway-1",)
    told = status_json(seen)
    assert told["gateways"] == ["gateway-1"]
    shown = json.loads(json.dumps(told))["members"]
    assert [(m["unfinished"], m["target"], m["death"]) for m in shown] == [(1, None, None)]


async def test_without_a_gateway_that_works_the_group_is_not_healthy_whatever_its_members_are() -> None:
    scene, _, _ = await begun()
    assert (await service.status(site(scene))).answer == Answer.NOT_HEALTHY
    await ledger_of(scene).report_loads("gateway-1", [Load("", 0, scene.clock.now())])
    assert (await service.status(site(scene))).answer == Answer.HEALTHY


# Who sees what


@pytest.mark.parametrize("gateways", [("az-b",), ("az-a", "az-b")])
async def test_gateways_are_the_second_witness_of_a_loss(gateways: tuple[str, ...]) -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await begun(delays=delays)
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, 3 * MINUTE, controller, *gateways)
    assert f"so does the gateway at {', '.join(gateways)}" in await why(scene, member, VerdictName.MEMBER_LOST)
    assert [m.number for m in (await remembered(scene)).entitled] == [2]


async def test_gateways_are_the_second_witness_of_a_dead_service() -> None:
    scene, member, controller = await begun()
    scene.cloud.stop_service(member.id, "livy")
    await beside_gateways(scene, 3 * MINUTE, controller, "az-b")
    assert "so does the gateway at az-b" in await why(scene, member, VerdictName.SERVICE_DOWN)


async def test_a_gateway_that_reaches_the_member_contradicts() -> None:
    scene, member, controller = await begun()
    scene.cloud.unreachable.add(member.address)
    await beside_gateways(scene, 10 * MINUTE, controller, "az-b")
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.PROBE_PATH_BROKEN]
    assert "the gateway at az-b can reach it" in await why(scene, member, VerdictName.PROBE_PATH_BROKEN)


@pytest.mark.parametrize("place", ["", "here"])
async def test_without_gateways_elsewhere_a_silent_member_stays_a_suspicion_and_that_is_said(place: str) -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await begun(delays=delays)
    controller.observer = replace(controller.observer, vantage="here")
    scene.cloud.freeze(member.id)
    done = await beside_gateways(scene, 20 * MINUTE, controller, *filter(None, [place]))
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]
    assert done.observation is not None
    assert any("no gateway tells of the members" in trouble for trouble in done.observation.troubles)
    assert live(scene) == [1]


async def test_without_gateways_ec2s_word_is_the_second_witness() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=30)
    scene, member, controller = await begun(delays=delays)
    scene.cloud.kill(member.id)
    await go_on(controller, 3 * MINUTE)
    assert "EC2 calls its machine impaired" in await why(scene, member, VerdictName.MEMBER_LOST)


async def test_what_a_dead_gateway_told_is_no_witness() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await begun(delays=delays)
    await beside_gateways(scene, 30, controller, "az-b")
    await go_on(controller, MINUTE)
    scene.cloud.freeze(member.id)
    await go_on(controller, 20 * MINUTE)
    assert [s.vantage for s in await scene.store.sightings(GROUP)] == [f"{GATEWAY}az-b"]
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]


async def test_a_gateway_that_died_with_the_member_does_not_speak_for_it() -> None:
    delays = replace(DELAYS, emr_notices=NEVER, ec2_notices=NEVER)
    scene, member, controller = await begun(delays=delays)
    await beside_gateways(scene, 30, controller, "az-a", "az-b")
    scene.cloud.freeze(member.id)
    await beside_gateways(scene, MINUTE, controller, "az-b")
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.MEMBER_LOST]


async def test_a_controller_that_is_cut_off_leaves_the_lease_to_no_gateway() -> None:
    scene, _, controller = await begun()
    scene.cloud.isolated = True
    done = await beside_gateways(scene, MINUTE, controller, "az-b")
    assert done.leader == controller.holder
    assert any(refusal.startswith("blind: probes") for refusal in done.group.refusals)
