"""What a person may ask of the machine: a switchover, a failover by hand, the release of a member that is kept."""

from dataclasses import replace

import pytest

from core.scenes import POLICY, A, B, C, cluster, group, member
from emr_dr.core.entitlement import FAILED_OVER
from emr_dr.core.group import Group, Order, Stage, Wanted
from emr_dr.core.placement import choose
from emr_dr.core.recovery import decide
from emr_dr.core.world import Cluster, EmrState, Health, TargetState, World

T = 100_000.0
IN_SERVICE = cluster(1, target=TargetState.IN_SERVICE, protected=True)
SUSPECT = replace(IN_SERVICE, health=Health.SUSPECT)


def asked(order: Order, *others: tuple[int, Stage], since: float = T, stage: Stage = Stage.SERVING) -> Group:
    """Member 1 serves and is asked to go; the others are on their way."""
    members = [member(n, s, since=T, placement=B) for n, s in others]
    return replace(group(member(1, stage, since=since, epoch=1), *members), leaving=1, order=order)


def stages(before: Group, *seen: Cluster, at: float = T) -> dict[int, Stage]:
    after, _ = decide(before, World(at, seen), POLICY)
    return {m.number: m.stage for m in after.members}


def test_a_switchover_drains_only_when_its_successor_is_proven() -> None:
    assert stages(asked(Order()), IN_SERVICE) == {1: Stage.SERVING, 2: Stage.LAUNCHING}
    assert stages(asked(Order(), (2, Stage.STANDBY)), IN_SERVICE, cluster(2)) == {1: Stage.DRAINING, 2: Stage.STANDBY}


@pytest.mark.parametrize(
    ("drain", "after", "busy"),
    [(None, POLICY.drain, Stage.FENCING), (60.0, 60.0, Stage.FENCING), (60.0, 59.0, Stage.DRAINING)],
    ids=["the policy's limit", "the person's limit", "before it"],
)
def test_unfinished_work_is_waited_for_as_long_as_was_asked(drain: float | None, after: float, busy: Stage) -> None:
    draining = asked(Order(drain=drain), (2, Stage.STANDBY), stage=Stage.DRAINING)
    assert stages(draining, IN_SERVICE, cluster(2), at=T + after)[1] is busy
    assert stages(draining, replace(IN_SERVICE, idle=True), cluster(2), at=T + 1)[1] is Stage.FENCING


def test_a_switchover_is_called_off_when_its_candidate_fails_and_costs_no_second_launch() -> None:
    ended = cluster(2, emr=EmrState.ENDED, health=Health.UNKNOWN)
    after, effects = decide(asked(Order(), (2, Stage.BOOTING)), World(T, (IN_SERVICE, ended)), POLICY)
    assert (after.leaving, after.order) == (None, None)
    assert [m.stage for m in after.members] == [Stage.SERVING, Stage.CONDEMNED]
    assert effects == ()


def test_a_failover_by_hand_goes_on_with_another_candidate() -> None:
    ended = cluster(2, emr=EmrState.ENDED, health=Health.UNKNOWN)
    after, _ = decide(asked(Order(failover=True), (2, Stage.BOOTING)), World(T, (SUSPECT, ended)), POLICY)
    assert after.leaving == 1
    assert [m.stage for m in after.members] == [Stage.SERVING, Stage.CONDEMNED, Stage.LAUNCHING]


@pytest.mark.parametrize("seen", [IN_SERVICE, SUSPECT, replace(IN_SERVICE, health=Health.LOST)])
def test_a_failover_by_hand_waits_for_a_proven_successor_and_for_nothing_else(seen: Cluster) -> None:
    cooling = replace(asked(Order(failover=True)), recovered_at=T)
    assert stages(cooling, seen)[1] is Stage.SERVING
    ready = replace(asked(Order(failover=True), (2, Stage.STANDBY)), recovered_at=T)
    after, _ = decide(ready, World(T, (seen, cluster(2))), POLICY)
    assert [(m.stage, m.reason) for m in after.members] == [(Stage.FENCING, FAILED_OVER), (Stage.ADMITTING, "")]
    unwell = replace(cluster(2), health=Health.SUSPECT)
    assert stages(ready, seen, unwell)[1] is Stage.SERVING, "nobody healthy takes over"


def test_the_order_ends_with_the_switch() -> None:
    switched = asked(Order(failover=True), (2, Stage.ADMITTING), stage=Stage.FENCING)
    after, _ = decide(switched, World(T, (SUSPECT, cluster(2))), POLICY)
    assert (after.leaving, after.order) == (None, None)


def test_a_successor_goes_where_it_was_asked_to() -> None:
    lost_there = cluster(3, health=Health.LOST)
    ordered = asked(Order(subnet=C.subnet))
    assert choose(ordered, World(T, (IN_SERVICE,)), POLICY) == C
    with_lost = replace(ordered, members=(*ordered.members, member(3, Stage.FENCING, placement=C)))
    assert choose(with_lost, World(T, (IN_SERVICE, lost_there)), POLICY) == C
    assert choose(asked(Order()), World(T, (IN_SERVICE,)), POLICY) == B
    assert choose(asked(Order(failover=True, subnet=A.subnet)), World(T, (IN_SERVICE,)), POLICY) == A


def test_a_released_member_is_retired_without_evidence_but_never_before_its_successor_has_served_well() -> None:
    kept = replace(member(1, Stage.FENCING, since=T, epoch=2), released=True)
    served = group(kept, member(2, Stage.SERVING, since=T, epoch=2, placement=B))
    dark = cluster(1, health=Health.LOST)
    new = cluster(2, target=TargetState.IN_SERVICE, protected=True)
    at = T + POLICY.probation
    assert stages(served, dark, new, at=at)[1] is Stage.RETIRING
    assert stages(served, dark, new, at=at - 1)[1] is Stage.FENCING
    assert stages(served, dark, replace(new, health=Health.SUSPECT), at=at)[1] is Stage.FENCING
    unreleased = replace(served, members=(replace(kept, released=False), served.members[1]))
    assert stages(unreleased, dark, new, at=at)[1] is Stage.FENCING


def test_a_release_holds_only_for_the_stage_it_was_given_in() -> None:
    kept = replace(member(1, Stage.FENCING, epoch=1), released=True)
    back, _ = decide(group(kept, wanted=Wanted(1)), World(T, (cluster(1),)), POLICY)
    assert [(m.stage, m.released) for m in back.members] == [(Stage.PROVING, False)]
