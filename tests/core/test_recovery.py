"""`decide`, one save at a time: the loss of the only serving member from the verdict to the last trace of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.scenes import POLICY, A, B, cluster, group, member
from emr_dr.core.effects import (
    DeregisterTarget,
    Effect,
    LaunchCluster,
    ProtectCluster,
    ProveMember,
    RegisterTarget,
    TerminateCluster,
    UnprotectCluster,
)
from emr_dr.core.group import Group, Pause, Stage, Wanted
from emr_dr.core.recovery import decide
from emr_dr.core.world import Cluster, EmrState, Health, ProvingResult, RefusedLaunch, Sight, TargetState, World

T = 100_000.0
SERVING = replace(group(member(1, Stage.SERVING, epoch=1)), recovered_at=None)
LOST = cluster(1, health=Health.LOST, target=TargetState.WAITING, protected=True)


def decided(before: Group, *seen: Cluster, at: float = T, **rest: object) -> tuple[Group, Sequence[Effect]]:
    return decide(before, replace(World(at, seen), **rest), POLICY)  # type: ignore[arg-type]


def stages(after: Group) -> dict[int, Stage]:
    return {m.number: m.stage for m in after.members}


def replacing(stage: Stage, old: Stage = Stage.SERVING, *, since: float = T) -> Group:
    """The group on its way: the old member in one stage, its replacement in another."""
    epoch = 2 if old is not Stage.SERVING else 1
    new = member(2, stage, since=since, epoch=epoch if stage in (Stage.ADMITTING, Stage.SERVING) else 0, placement=B)
    return group(member(1, old, since=since, epoch=epoch), new)


def test_1_a_lost_member_keeps_its_place_while_a_replacement_is_launched_elsewhere() -> None:
    after, effects = decided(SERVING, LOST)
    assert stages(after) == {1: Stage.SERVING, 2: Stage.LAUNCHING}
    assert effects == (LaunchCluster(2, B),)


def test_2_one_save_licenses_one_call() -> None:
    after, effects = decided(replacing(Stage.LAUNCHING), LOST, at=T + 5)
    assert stages(after)[2] is Stage.LAUNCHING
    assert effects == ()


def test_3_the_cluster_is_found_by_its_tag() -> None:
    starting = cluster(2, emr=EmrState.STARTING, health=Health.UNKNOWN)
    after, effects = decided(replacing(Stage.LAUNCHING), LOST, starting, at=T + 5)
    assert (after.members[1].stage, after.members[1].cluster) == (Stage.BOOTING, "j-2")
    assert effects == ()


def test_4_once_up_it_is_proven() -> None:
    after, effects = decided(replacing(Stage.BOOTING), LOST, cluster(2, proving=ProvingResult.PENDING), at=T + 300)
    assert after.members[1].stage is Stage.PROVING
    assert [type(e) for e in effects] == [ProveMember]


def test_5_once_proven_it_takes_over_in_the_same_save_that_fences_the_lost_one() -> None:
    after, effects = decided(replacing(Stage.PROVING), LOST, cluster(2))
    assert stages(after) == {1: Stage.FENCING, 2: Stage.ADMITTING}
    assert after.epoch == 2
    assert {type(e) for e in effects} == {DeregisterTarget, ProtectCluster}


def test_6_it_is_registered_only_when_the_lost_one_is_seen_out_of_the_balancer() -> None:
    switched = replacing(Stage.ADMITTING, Stage.FENCING)
    new = cluster(2, protected=True)
    for state in (TargetState.WAITING, TargetState.DRAINING, TargetState.PARTIAL, TargetState.UNSEEN):
        _, effects = decided(switched, replace(LOST, target=state), new)
        assert RegisterTarget not in {type(e) for e in effects}
    _, effects = decided(switched, replace(LOST, target=TargetState.ABSENT), new)
    assert effects == (RegisterTarget("j-2", "10.0.0.2", 2),)


def test_6_a_target_of_some_groups_only_is_registered_again() -> None:
    switched = replacing(Stage.ADMITTING, Stage.FENCING)
    half = cluster(2, protected=True, target=TargetState.PARTIAL)
    _, effects = decided(switched, replace(LOST, target=TargetState.ABSENT), half)
    assert effects == (RegisterTarget("j-2", "10.0.0.2", 2),)


def test_7_it_serves_when_the_balancer_reaches_it() -> None:
    switched = replacing(Stage.ADMITTING, Stage.FENCING)
    gone = replace(LOST, target=TargetState.ABSENT)
    after, _ = decided(switched, gone, cluster(2, protected=True, target=TargetState.IN_SERVICE))
    assert stages(after) == {1: Stage.FENCING, 2: Stage.SERVING}


NEW = cluster(2, protected=True, target=TargetState.IN_SERVICE)
OUT = replace(LOST, target=TargetState.ABSENT)


def test_8_the_lost_one_is_kept_through_probation_and_longer_without_evidence() -> None:
    served = replacing(Stage.SERVING, Stage.FENCING)
    for at, seen in ((T + POLICY.probation - 1, replace(OUT, idle=True)), (T + POLICY.probation, OUT)):
        after, effects = decided(served, seen, NEW, at=at)
        assert stages(after)[1] is Stage.FENCING
        assert effects == ()


def test_9_with_evidence_it_is_retired_and_loses_its_protection_first() -> None:
    served = replacing(Stage.SERVING, Stage.FENCING)
    after, effects = decided(served, replace(OUT, idle=True), NEW, at=T + POLICY.probation)
    assert stages(after)[1] is Stage.RETIRING
    assert effects == (UnprotectCluster("j-1"),)


def test_10_it_is_ended_once_it_is_seen_unprotected() -> None:
    retiring = replacing(Stage.SERVING, Stage.RETIRING)
    _, effects = decided(retiring, replace(OUT, protected=False), NEW)
    assert effects == (TerminateCluster("j-1"),)


def test_11_it_is_forgotten_once_it_has_ended() -> None:
    retiring = replacing(Stage.SERVING, Stage.RETIRING)
    ending, _ = decided(retiring, replace(OUT, emr=EmrState.ENDING), NEW)
    ended, _ = decided(retiring, replace(OUT, emr=EmrState.ENDED), NEW)
    assert stages(ending) == {1: Stage.RETIRING, 2: Stage.SERVING}
    assert stages(ended) == {2: Stage.SERVING}


def test_a_launch_whose_outcome_is_unknown_is_repeated_once_the_list_has_settled() -> None:
    launching = replacing(Stage.LAUNCHING)
    _, early = decided(launching, LOST, at=T + POLICY.settle - 1)
    after, late = decided(launching, LOST, at=T + POLICY.settle)
    assert early == ()
    assert late == (LaunchCluster(2, B),)
    assert after.members[1].tries == 2


def test_a_refused_launch_is_tried_elsewhere_under_a_new_number() -> None:
    after, effects = decided(replacing(Stage.LAUNCHING), LOST, refused=(RefusedLaunch(2, "no capacity"),))
    assert stages(after) == {1: Stage.SERVING, 3: Stage.LAUNCHING}
    assert [a.subnet for a in after.avoid] == [B.subnet]
    (launch,) = effects
    assert isinstance(launch, LaunchCluster)
    assert launch.placement not in (A, B)


def test_a_pause_begins_nothing_and_says_so() -> None:
    paused = replace(SERVING, pause=Pause("change window", T + 60))
    after, effects = decided(paused, LOST)
    assert effects == ()
    assert stages(after) == {1: Stage.SERVING}
    assert after.refusals == ("paused: change window",)


def test_a_pause_ends_by_itself() -> None:
    after, effects = decided(replace(SERVING, pause=Pause("change window", T)), LOST)
    assert after.pause is None
    assert effects


def test_a_blind_round_begins_nothing_and_says_so() -> None:
    after, effects = decided(SERVING, LOST, blind=frozenset({Sight.TARGETS}))
    assert effects == ()
    assert after.refusals == ("blind: targets",)


def test_a_store_older_than_the_world_begins_nothing_and_ends_nothing() -> None:
    unknown = cluster(7, target=TargetState.IN_SERVICE)
    after, effects = decided(SERVING, LOST, unknown)
    assert effects == ()
    assert stages(after) == {1: Stage.SERVING}
    assert "the store is older than the world" in after.refusals[0]


def test_a_store_older_than_the_world_does_not_take_out_who_was_taken_back_since() -> None:
    """In this memory 1 is fenced for 2; since then 2 was lost, 1 taken back, and 3 launched."""
    before = replacing(Stage.SERVING, Stage.FENCING)
    serves = cluster(1, target=TargetState.IN_SERVICE, protected=True)
    ended = cluster(2, emr=EmrState.ENDED, health=Health.LOST)
    after, effects = decided(before, serves, ended, cluster(3))
    assert effects == ()
    assert stages(after) == stages(before)


def test_a_cluster_of_ours_that_nobody_remembers_is_condemned_before_it_is_touched() -> None:
    current = replace(SERVING, launched=7)
    well = cluster(1, target=TargetState.IN_SERVICE, protected=True)
    after, _ = decided(current, well, cluster(7))
    assert stages(after) == {1: Stage.SERVING, 7: Stage.CONDEMNED}


def test_a_stranger_serves_on_until_somebody_is_there_to_take_over() -> None:
    _, effects = decided(group(), strangers=("10.9.9.9",))
    assert {type(e) for e in effects} == {LaunchCluster}
    admitting = group(member(1, Stage.ADMITTING, since=T, epoch=1))
    _, effects = decided(admitting, cluster(1, protected=True), strangers=("10.9.9.9",))
    assert effects == (DeregisterTarget("", "10.9.9.9", 1),)


def test_a_candidate_that_is_not_what_the_spec_declares_is_never_admitted() -> None:
    building = group(member(1, Stage.SERVING, epoch=1), member(2, Stage.PROVING, placement=B))
    differs = replace(cluster(2), differs=("release: emr-7.9.0 is declared, the cluster has emr-7.8.0",))
    after, _ = decide(building, World(1000, (cluster(1, health=Health.LOST), differs)), POLICY)
    (candidate,) = after.at(Stage.CONDEMNED)
    assert "emr-7.8.0" in candidate.reason
    assert after.avoid[0].cause


@pytest.mark.parametrize(
    ("seen", "cause", "lacking"),
    [
        (replace(cluster(2, emr=EmrState.ENDED), no_room=True, lacking="m5.xlarge"), "", "m5.xlarge"),
        (replace(cluster(2, emr=EmrState.ENDED), reason="action 1 failed"), "ended while booting: action # failed", ""),
    ],
    ids=["no capacity", "a bootstrap action failed"],
)
def test_what_failed_a_candidate_is_remembered_with_whose_fault_it_is(seen: Cluster, cause: str, lacking: str) -> None:
    building = group(member(1, Stage.SERVING, epoch=1), member(2, Stage.BOOTING, placement=B))
    after, _ = decide(building, World(1000, (cluster(1, health=Health.LOST), seen)), POLICY)
    (failure,) = after.avoid
    assert (failure.subnet, failure.cause, failure.instance_type) == (B.subnet, cause, lacking)


def test_silence_in_starting_is_the_placements_own_trouble() -> None:
    building = group(member(1, Stage.SERVING, epoch=1), member(2, Stage.BOOTING, placement=B))
    seen = (cluster(1, health=Health.LOST), cluster(2, emr=EmrState.STARTING, health=Health.UNKNOWN))
    after, _ = decide(building, World(POLICY.boot, seen), POLICY)
    assert [a.cause for a in after.avoid] == [""]


def test_a_held_group_launches_nothing_but_a_loss_is_still_answered_by_a_proven_standby() -> None:
    held = replace(group(member(1, Stage.SERVING, epoch=1), member(2, Stage.STANDBY), wanted=Wanted(1, 1)), held="why")
    after, effects = decide(held, World(10_000, (cluster(1, health=Health.LOST), cluster(2))), POLICY)
    assert {m.number: m.stage for m in after.members} == {1: Stage.FENCING, 2: Stage.ADMITTING}
    assert not [e for e in effects if isinstance(e, LaunchCluster)]
