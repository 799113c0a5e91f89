"""Where to launch next, row by row."""

from dataclasses import replace

import pytest

from core.scenes import POLICY, A, B, C, cluster, group, member
from emr_dr.core.group import Avoidance, Placement, Stage, Wanted
from emr_dr.core.placement import avoid, cause_of, choose, forget
from emr_dr.core.world import Cluster, EmrState, Health, World


def world(*clusters: Cluster, at: float = 5000) -> World:
    return World(at, clusters)


def test_the_first_member_goes_where_the_order_begins() -> None:
    assert choose(group(), world(), POLICY) == A


def test_a_second_member_goes_to_another_zone() -> None:
    assert choose(group(member(1, Stage.SERVING, placement=A)), world(cluster(1)), POLICY) == B


def test_a_zone_that_holds_a_lost_member_comes_last() -> None:
    lost = group(member(1, Stage.SERVING, placement=A), member(2, Stage.SERVING, placement=B), wanted=Wanted(2))
    assert choose(lost, world(cluster(1, health=Health.LOST), cluster(2)), POLICY) == C


def test_a_lost_zone_is_avoided_through_all_its_subnets() -> None:
    same_zone = Placement("subnet-a2", "az-a")
    policy = replace(POLICY, placements=(A, same_zone, B))
    lost = group(member(1, Stage.SERVING, placement=A))
    assert choose(lost, world(cluster(1, emr=EmrState.ENDED)), policy) == B


def test_a_placement_that_failed_lately_comes_last() -> None:
    failed = avoid(group(), Avoidance(A.subnet, 4000, "no capacity"))
    assert choose(failed, world(), POLICY) == B


def test_an_occupied_zone_is_better_than_one_that_failed_lately() -> None:
    failed = avoid(group(member(1, Stage.SERVING, placement=A)), Avoidance(B.subnet, 4000, "no capacity"))
    assert choose(failed, world(cluster(1)), replace(POLICY, placements=(A, B))) == A


def test_with_every_placement_in_trouble_the_oldest_trouble_is_tried() -> None:
    failed = replace(group(), avoid=tuple(Avoidance(p.subnet, at, "") for p, at in ((A, 4300), (B, 4100), (C, 4200))))
    assert choose(failed, world(), POLICY) == B


def test_the_latest_failure_of_a_placement_replaces_the_one_before() -> None:
    once = avoid(group(), Avoidance(A.subnet, 1000, "no capacity"))
    twice = avoid(once, Avoidance(A.subnet, 2000, "no address"))
    assert twice.avoid == (Avoidance(A.subnet, 2000, "no address"),)


def test_a_failure_is_forgotten_in_time() -> None:
    failed = avoid(group(), Avoidance(A.subnet, 1000, "no capacity"))
    assert forget(failed, 1000 + POLICY.avoid_for - 1, POLICY).avoid
    assert not forget(failed, 1000 + POLICY.avoid_for, POLICY).avoid


def test_without_zones_subnets_are_told_apart() -> None:
    one, other = Placement("subnet-1"), Placement("subnet-2")
    policy = replace(POLICY, placements=(one, other))
    assert choose(group(member(1, Stage.SERVING, placement=one)), world(cluster(1)), policy) == other


def test_another_instance_type_may_find_room_where_one_was_lacking() -> None:
    rungs = [replace(p, rung=n, types=(t,)) for n, t in enumerate(("m5.xlarge", "m6i.xlarge")) for p in (A, B)]
    policy = replace(POLICY, placements=tuple(rungs))
    failed = group()
    for tried in rungs:
        assert choose(failed, world(), policy) == tried
        failed = avoid(failed, Avoidance(tried.subnet, 4000, "no capacity", instance_type=tried.types[0]))
    assert not failed.held


def test_the_same_cause_in_two_placements_stops_and_asks() -> None:
    once = avoid(group(), Avoidance(A.subnet, 4000, "action 1 failed on i-0a1", cause_of("action 1 failed on i-0a1")))
    assert not once.held
    twice = avoid(once, Avoidance(B.subnet, 4100, "action 1 failed on i-0b2", cause_of("action 1 failed on i-0b2")))
    assert twice.held == (
        "candidates in subnet-a and subnet-b failed alike, so it is not the place: action 1 failed on i-0b2"
    )


def test_the_same_cause_twice_in_one_placement_may_be_the_placements() -> None:
    failure = Avoidance(A.subnet, 4000, "failed", "failed")
    assert not avoid(avoid(group(), failure), failure).held


def test_different_causes_in_two_placements_are_bad_luck() -> None:
    once = avoid(group(), Avoidance(A.subnet, 4000, "boot", "boot"))
    assert not avoid(once, Avoidance(B.subnet, 4100, "proof", "proof")).held


def test_want_of_capacity_everywhere_says_nothing_of_the_spec() -> None:
    once = avoid(group(), Avoidance(A.subnet, 4000, "no capacity"))
    assert not avoid(once, Avoidance(B.subnet, 4100, "no capacity")).held


def test_a_cause_is_remembered_as_long_as_candidates_of_the_same_recovery_are_tried() -> None:
    failed = replace(avoid(group(), Avoidance(A.subnet, 1000, "boot", "boot")), attempts=1)
    assert forget(failed, 1000 + POLICY.avoid_for, POLICY).avoid
    assert not forget(replace(failed, attempts=0), 1000 + POLICY.avoid_for, POLICY).avoid


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("On the master instance (i-0abc12), action 1 failed", "On the master instance (i-0ffe99), action 1 failed"),
        ("no subnet-11 in us-east-1a", "no subnet-22 in us-east-1b"),
        ("j-2AXXXXXXGAPLF ended", "j-3BYYYYYYGAPLF ended"),
    ],
)
def test_equal_causes_are_told_by_what_does_not_differ_from_launch_to_launch(one: str, other: str) -> None:
    assert cause_of(one) == cause_of(other)
    assert cause_of(one) != cause_of("something else")
