"""Where to launch next, row by row."""

from dataclasses import replace

from core.scenes import POLICY, A, B, C, cluster, group, member
from emr_dr.core.group import Avoidance, Placement, Stage, Wanted
from emr_dr.core.placement import avoid, choose, forget
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
    failed = avoid(group(), A.subnet, 4000, "no capacity")
    assert choose(failed, world(), POLICY) == B


def test_an_occupied_zone_is_better_than_one_that_failed_lately() -> None:
    failed = avoid(group(member(1, Stage.SERVING, placement=A)), B.subnet, 4000, "no capacity")
    assert choose(failed, world(cluster(1)), replace(POLICY, placements=(A, B))) == A


def test_with_every_placement_in_trouble_the_oldest_trouble_is_tried() -> None:
    failed = replace(group(), avoid=tuple(Avoidance(p.subnet, at, "") for p, at in ((A, 4300), (B, 4100), (C, 4200))))
    assert choose(failed, world(), POLICY) == B


def test_the_latest_failure_of_a_placement_replaces_the_one_before() -> None:
    twice = avoid(avoid(group(), A.subnet, 1000, "no capacity"), A.subnet, 2000, "no address")
    assert twice.avoid == (Avoidance(A.subnet, 2000, "no address"),)


def test_a_failure_is_forgotten_in_time() -> None:
    failed = avoid(group(), A.subnet, 1000, "no capacity")
    assert forget(failed, 1000 + POLICY.avoid_for - 1, POLICY).avoid
    assert not forget(failed, 1000 + POLICY.avoid_for, POLICY).avoid


def test_without_zones_subnets_are_told_apart() -> None:
    one, other = Placement("subnet-1"), Placement("subnet-2")
    policy = replace(POLICY, placements=(one, other))
    assert choose(group(member(1, Stage.SERVING, placement=one)), world(cluster(1)), policy) == other
