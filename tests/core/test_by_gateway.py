"""`decide` in mode gateway: nobody is a target, work ends where it began, and a proof of death stays."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.scenes import POLICY, B, cluster, group, member
from emr_dr.core.effects import AllowRole, DenyRole, DeregisterTarget, Effect, RegisterTarget, TerminateCluster
from emr_dr.core.group import Denial, Group, Member, Order, Placement, Stage, Wanted
from emr_dr.core.orders import released
from emr_dr.core.published import routed_by_gateways
from emr_dr.core.recovery import decide
from emr_dr.core.view import Proof, ProofKind
from emr_dr.core.world import Cluster, EmrState, Health, HostHealth, World

T = 100_000.0
GATEWAY = replace(POLICY, by_gateway=True, protect=False, probation=100.0, views_last=15.0)
DEAD = Proof(ProofKind.TERMINATED, T - 50, "EMR says that the cluster has ended")


def decided(before: Group, *seen: Cluster, at: float = T) -> tuple[Group, Sequence[Effect]]:
    """What the core says of what an observer of this mode sees."""
    after, effects = decide(before, routed_by_gateways(before, World(at, seen, strangers=("10.0.9.9",))), GATEWAY)
    assert not any(isinstance(e, RegisterTarget | DeregisterTarget) for e in effects)
    return after, effects


def stages(after: Group) -> dict[int, Stage]:
    return {m.number: m.stage for m in after.members}


def fenced_beside_one_that_serves(*, since: float = 0.0, death: Proof | None = None) -> Group:
    old = replace(member(1, Stage.FENCING, since=since, epoch=2), death=death)
    return group(old, member(2, Stage.SERVING, epoch=2, placement=B))


def death_of(after: Group, number: int = 1) -> Proof | None:
    return next(m.death for m in after.members if m.number == number)


class TestEntitlement:
    def test_a_switchover_waits_for_no_work_and_fences_and_admits_in_one_save(self) -> None:
        asked = replace(
            group(member(1, Stage.SERVING, epoch=1), member(2, Stage.STANDBY, placement=B)),
            leaving=1,
            order=Order(drain=3600.0),
        )
        after, _ = decided(asked, replace(cluster(1), unfinished=20), cluster(2))
        assert stages(after) == {1: Stage.FENCING, 2: Stage.ADMITTING}
        assert (after.epoch, after.leaving) == (2, None)
        after, _ = decided(after, replace(cluster(1), unfinished=20), cluster(2), at=T + 5)
        assert stages(after) == {1: Stage.FENCING, 2: Stage.SERVING}, "published and healthy is in service"

    def test_a_switchover_waits_until_somebody_proven_can_take_over(self) -> None:
        candidate = member(2, Stage.PROVING, since=T)
        asked = replace(group(member(1, Stage.SERVING, epoch=1), candidate), leaving=1, order=Order())
        after, _ = decided(asked, cluster(1), replace(cluster(2), health=Health.SUSPECT))
        assert stages(after) == {1: Stage.SERVING, 2: Stage.PROVING}

    @pytest.mark.parametrize("health", [Health.SUSPECT, Health.UNKNOWN])
    def test_a_switchover_needs_the_leaver_well(self, health: Health) -> None:
        asked = replace(group(member(1, Stage.SERVING, epoch=1), member(2, Stage.STANDBY)), leaving=1, order=Order())
        after, _ = decided(asked, cluster(1, health=health), cluster(2))
        assert stages(after)[1] is Stage.SERVING

    def test_one_of_two_that_is_lost_is_fenced_at_once_and_replaced_in_the_background(self) -> None:
        two = group(member(1, Stage.SERVING, epoch=1), member(2, Stage.SERVING, epoch=1, placement=B), wanted=Wanted(2))
        after, _ = decided(two, cluster(1, health=Health.LOST), cluster(2))
        assert stages(after) == {1: Stage.FENCING, 2: Stage.SERVING, 3: Stage.LAUNCHING}

    def test_one_of_too_many_is_fenced_without_a_drain(self) -> None:
        two = group(member(1, Stage.SERVING, epoch=1), member(2, Stage.SERVING, epoch=1, placement=B))
        after, _ = decided(two, cluster(1), cluster(2))
        assert stages(after) == {1: Stage.SERVING, 2: Stage.FENCING}
        after, _ = decided(two, cluster(1, health=Health.SUSPECT), cluster(2))
        assert stages(after) == {1: Stage.SERVING, 2: Stage.SERVING}, "the last one that is well stays"

    def test_whoever_drained_in_mode_direct_serves_on(self) -> None:
        after, _ = decided(group(member(1, Stage.DRAINING, epoch=1)), cluster(1))
        assert stages(after) == {1: Stage.SERVING}


class TestRetiring:
    @pytest.mark.parametrize(
        ("since", "unfinished", "why"),
        [
            (T - 14, 0, "nothing shows that it ended or runs nothing"),
            (T - 500, 1, "batches on it have not ended"),
            (T - 500, None, "nobody could tell which batches are on it"),
        ],
    )
    def test_idle_counts_once_no_gateway_may_send_and_the_ledger_has_nothing_on_it(
        self, since: float, unfinished: int | None, why: str
    ) -> None:
        idle = replace(cluster(1, idle=True), unfinished=unfinished)
        after, _ = decided(fenced_beside_one_that_serves(since=since), idle, cluster(2))
        assert stages(after)[1] is Stage.FENCING
        assert after.refusals == (f"member 1 is kept: {why}",)

    def test_idle_and_without_batches_it_is_retired(self) -> None:
        after, effects = decided(fenced_beside_one_that_serves(since=T - 15), cluster(1, idle=True), cluster(2))
        assert stages(after)[1] is Stage.RETIRING
        assert effects == (TerminateCluster("j-1"),)

    @pytest.mark.parametrize("unfinished", [1, None])
    def test_one_that_ended_is_remembered_until_no_batch_waits_for_word_of_it(self, unfinished: int | None) -> None:
        before = group(member(1, Stage.RETIRING, epoch=2), member(2, Stage.SERVING, epoch=2, placement=B))
        ended = replace(cluster(1, emr=EmrState.ENDED), unfinished=unfinished)
        after, _ = decided(before, ended, cluster(2))
        assert death_of(after) == Proof(ProofKind.TERMINATED, T, "EMR says that the cluster has ended")
        after, _ = decided(after, replace(ended, unfinished=0), cluster(2), at=T + 5)
        assert stages(after) == {2: Stage.SERVING}

    def test_one_that_is_ended_and_never_confirmed_dead_is_said_to_be_waited_for_until_a_person_is_sure(self) -> None:
        before = group(member(1, Stage.RETIRING, epoch=2), member(2, Stage.SERVING, epoch=2, placement=B))
        ending = replace(cluster(1, emr=EmrState.ENDING), unfinished=3)
        after, _ = decided(before, ending, cluster(2))
        assert death_of(after) is None
        assert after.refusals == ("batches of member 1 wait: it is being ended, and nothing proves it dead yet",)
        sure, _ = decided(released(after, after.members[0]), ending, cluster(2), at=T + 5)
        assert death_of(sure) == Proof(ProofKind.PERSON, T + 5, "a person released it; the journal says who")
        assert sure.refusals == ()

    def test_one_that_was_forgotten_is_remembered_again_while_the_ledger_speaks_of_it(self) -> None:
        before = replace(group(member(2, Stage.SERVING, epoch=2)), launched=2)
        after, _ = decided(before, replace(cluster(1, emr=EmrState.ENDED), unfinished=1), cluster(2))
        assert stages(after)[1] is Stage.CONDEMNED
        assert death_of(after) is not None


class TestProofOfDeath:
    @pytest.mark.parametrize(
        ("seen", "evidence"),
        [
            (cluster(1, emr=EmrState.ENDED), "EMR says that the cluster has ended"),
            (
                replace(cluster(1, emr=EmrState.ENDING), machines_ended=3),
                "EC2 says that all its machines, 3, are terminated",
            ),
            (
                replace(cluster(1, health=Health.LOST), machines_ended=2),
                "EC2 says that all its machines, 2, are terminated",
            ),
        ],
    )
    def test_it_is_emrs_word_or_ec2s_on_every_machine(self, seen: Cluster, evidence: str) -> None:
        after, _ = decided(fenced_beside_one_that_serves(), replace(seen, unfinished=1), cluster(2))
        assert death_of(after) == Proof(ProofKind.TERMINATED, T, evidence)

    @pytest.mark.parametrize(
        "seen",
        [
            cluster(1, health=Health.LOST),
            cluster(1, emr=EmrState.ENDING),
            replace(cluster(1, health=Health.LOST), host=HostHealth.IMPAIRED),
            replace(cluster(1, health=Health.LOST), host=HostHealth.GONE),
        ],
    )
    def test_what_may_still_run_gives_none(self, seen: Cluster) -> None:
        after, _ = decided(fenced_beside_one_that_serves(since=T - 10), replace(seen, unfinished=1), cluster(2))
        assert death_of(after) is None

    @pytest.mark.parametrize("stage", [Stage.SERVING, Stage.PROVING])
    def test_of_one_that_has_not_left_nothing_is_known_yet(self, stage: Stage) -> None:
        before = group(member(1, stage, since=T, epoch=2))
        after, _ = decided(before, replace(cluster(1, health=Health.SUSPECT), machines_ended=3))
        assert death_of(after) is None

    def test_a_persons_word_is_one_and_outlasts_the_stage_it_was_given_in(self) -> None:
        before = fenced_beside_one_that_serves(since=T - 500)
        after, _ = decided(released(before, before.members[0]), cluster(1, health=Health.LOST), cluster(2))
        assert stages(after)[1] is Stage.RETIRING
        person = Proof(ProofKind.PERSON, T, "a person released it; the journal says who")
        assert death_of(after) == person
        after, _ = decided(after, replace(cluster(1, emr=EmrState.ENDED), unfinished=1), cluster(2), at=T + 60)
        assert death_of(after) == person, "what was published once does not change"

    def test_whoever_was_proven_dead_is_never_taken_back(self) -> None:
        dead = replace(member(1, Stage.FENCING, epoch=2), death=DEAD)
        alone = group(dead)
        after, _ = decided(alone, cluster(1))
        assert stages(after) == {1: Stage.FENCING, 2: Stage.LAUNCHING}

    def test_in_mode_direct_there_is_none(self) -> None:
        before = fenced_beside_one_that_serves()
        after, _ = decide(before, World(T, (cluster(1, emr=EmrState.ENDING), cluster(2))), POLICY)
        assert all(m.death is None for m in after.members)


class TestDenial:
    ALONE, OTHER = Placement("subnet-a", "az-a", role="role-a"), Placement("subnet-b", "az-b", role="role-b")
    DENYING = replace(GATEWAY, placements=(ALONE, OTHER), deny_role=True, deny_propagation=60.0)
    LOST = cluster(1, health=Health.LOST)

    def before(self, *, denial: Denial | None = None, stage: Stage = Stage.FENCING, role: str = "role-b") -> Group:
        old = replace(member(1, stage, since=T - 20, epoch=2, placement=self.ALONE), denial=denial)
        return group(old, member(2, Stage.SERVING, epoch=2, placement=replace(self.OTHER, role=role)))

    def decided(self, before: Group, *seen: Cluster, at: float = T) -> tuple[Member, list[DenyRole | AllowRole]]:
        after, effects = decide(before, routed_by_gateways(before, World(at, seen)), self.DENYING)
        roles = [e for e in effects if isinstance(e, DenyRole | AllowRole)]
        return next(m for m in after.members if m.number == 1), roles

    def test_it_is_saved_before_it_is_asked_for_and_counts_once_it_was_read_back_for_long_enough(self) -> None:
        after, effects = self.decided(self.before(), self.LOST, cluster(2))
        assert (after.denial, effects) == (Denial(), [DenyRole("j-1", "role-a")])
        denied = replace(self.LOST, denied=True)
        after, effects = self.decided(self.before(denial=Denial()), denied, cluster(2), at=T + 5)
        assert (after.denial, after.death, effects) == (Denial(T + 5), None, [])
        after, _ = self.decided(self.before(denial=Denial(T + 5)), denied, cluster(2), at=T + 64)
        assert after.death is None
        after, _ = self.decided(self.before(denial=Denial(T + 5)), denied, cluster(2), at=T + 65)
        assert after.death is not None
        assert after.death.kind is ProofKind.ROLE_DENIED

    @pytest.mark.parametrize("seen", [False, None])
    def test_one_that_is_not_read_back_counts_from_the_next_time(self, *, seen: bool | None) -> None:
        after, _ = self.decided(self.before(denial=Denial(T - 500)), replace(self.LOST, denied=seen), cluster(2))
        assert (after.denial, after.death) == (Denial(), None)

    @pytest.mark.parametrize("stage", [Stage.SERVING, Stage.STANDBY, Stage.CONDEMNED])
    def test_only_one_that_left_is_denied(self, stage: Stage) -> None:
        before = replace(self.before(stage=stage), wanted=Wanted(3))
        after, effects = self.decided(before, self.LOST, replace(cluster(2), health=Health.SUSPECT))
        assert (after.denial, effects) == (None, [])

    @pytest.mark.parametrize("health", [Health.HEALTHY, Health.SUSPECT, Health.UNKNOWN])
    def test_only_one_that_is_lost_is_denied(self, health: Health) -> None:
        assert self.decided(self.before(), replace(cluster(1), health=health, unfinished=1), cluster(2))[1] == []

    def test_a_role_that_another_has_too_is_never_denied(self) -> None:
        assert self.decided(self.before(role="role-a"), self.LOST, cluster(2))[1] == []

    def test_while_the_region_is_in_trouble_no_role_is_denied(self) -> None:
        third = replace(member(3, Stage.FENCING, epoch=2), placement=Placement("subnet-c", "az-c"))
        before = self.before()
        before = replace(before, members=(*before.members, third), launched=3)
        assert self.decided(before, self.LOST, cluster(2), cluster(3, health=Health.LOST))[1] == []

    @pytest.mark.parametrize("health", [Health.HEALTHY, Health.LOST])
    def test_it_is_taken_back_from_one_that_is_well_again_and_from_no_other(self, health: Health) -> None:
        seen = replace(cluster(1), health=health, denied=True, unfinished=1)
        after, effects = self.decided(self.before(denial=Denial(T - 5)), seen, cluster(2))
        well = health is Health.HEALTHY
        assert (after.denial is None, effects) == (well, [AllowRole("j-1", "role-a")] if well else [])

    def test_one_that_was_proven_dead_by_it_stays_denied_until_it_has_ended(self) -> None:
        dead = replace(DEAD, kind=ProofKind.ROLE_DENIED)
        before = self.before(denial=Denial(T - 500))
        before = replace(before, members=(replace(before.members[0], death=dead), before.members[1]))
        after, effects = self.decided(before, replace(cluster(1), denied=True), cluster(2))
        assert (after.denial, effects) == (Denial(T - 500), [])
        ended = replace(cluster(1, emr=EmrState.ENDED), denied=True)
        after, effects = self.decided(before, ended, cluster(2))
        assert (after.denial, after.death, effects) == (None, dead, [AllowRole("j-1", "role-a")])

    def test_nobody_is_launched_into_a_placement_whose_role_is_denied(self) -> None:
        before = replace(self.before(denial=Denial()), wanted=Wanted(2))
        after, _ = decide(before, routed_by_gateways(before, World(T, (self.LOST, cluster(2)))), self.DENYING)
        assert [m.placement for m in after.at(Stage.LAUNCHING)] == [self.OTHER]
        only = replace(self.DENYING, placements=(self.ALONE,))
        after, _ = decide(before, routed_by_gateways(before, World(T, (self.LOST, cluster(2)))), only)
        assert after.at(Stage.LAUNCHING) == ()
        assert (
            after.refusals[0] == "the role of every placement is denied, until the members are ended for which it was"
        )


def test_being_published_takes_the_place_of_the_balancers_word() -> None:
    before: tuple[Member, ...] = (member(1, Stage.SERVING, epoch=1), member(2, Stage.FENCING, epoch=1))
    world = routed_by_gateways(group(*before), World(T, (cluster(1), cluster(2)), ("10.0.9.9",), foreign=("10.0.9.9",)))
    assert [c.target.value for c in world.clusters] == ["in-service", "absent"]
    assert (world.strangers, world.foreign) == ((), ())
