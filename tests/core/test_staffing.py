"""How many are launched, and when no more are: attempts, the budget of the day, and what may be retired."""

from dataclasses import replace

import pytest

from core.scenes import POLICY, A, B, C, cluster, group, member
from emr_dr.core.group import Group, Policy, Stage, Wanted
from emr_dr.core.staffing import DAY, retire, staff
from emr_dr.core.world import Cluster, EmrState, Health, HostHealth, TargetState, World

NOW = 10 * DAY


def staffed(before: Group, *clusters: Cluster, policy: Policy = POLICY) -> Group:
    return staff(before, World(NOW, clusters), policy)


@pytest.mark.parametrize(("wanted", "launched"), [(Wanted(1), 1), (Wanted(1, 1), 2), (Wanted(2), 2), (Wanted(2, 1), 3)])
def test_a_first_start_launches_what_is_wanted(wanted: Wanted, launched: int) -> None:
    after = staffed(group(wanted=wanted))
    assert [m.stage for m in after.members] == [Stage.LAUNCHING] * launched
    assert after.launches == (NOW,) * launched


def test_members_of_a_first_start_go_to_different_zones() -> None:
    after = staffed(group(wanted=Wanted(2)))
    assert [m.placement for m in after.members] == [A, B]


def test_the_budget_of_the_day_is_kept_and_its_refusal_says_so() -> None:
    spent = replace(group(), launches=(NOW - 3600,) * POLICY.launches_a_day)
    after = staffed(spent)
    assert after.members == ()
    assert after.refusals == ("budget: 6 launches in the last 24 h, 6 are allowed",)


def test_launches_of_yesterday_count_no_more() -> None:
    spent = replace(group(), launches=(NOW - DAY, *(NOW - 3600,) * (POLICY.launches_a_day - 1)))
    after = staffed(spent)
    assert len(after.members) == 1
    assert len(after.launches) == POLICY.launches_a_day


def test_a_budget_for_one_lets_only_one_of_two_begin() -> None:
    after = staffed(group(wanted=Wanted(2)), policy=replace(POLICY, launches_a_day=1))
    assert len(after.members) == 1
    assert after.refusals


def test_spent_attempts_hold_the_group() -> None:
    after = staffed(replace(group(), attempts=POLICY.attempts))
    assert after.members == ()
    assert after.held


def test_with_all_attempts_spent_a_fenced_one_that_is_well_is_taken_back_or_a_person_is_told() -> None:
    """Waiting for it without doing either would look like an outage that somebody looks after."""
    fenced = replace(group(member(1, Stage.FENCING, epoch=2)), attempts=POLICY.attempts)
    after = staffed(fenced, cluster(1))
    assert after.held or after.at(Stage.PROVING)


def test_a_fenced_one_that_is_well_again_is_taken_back_before_another_is_launched() -> None:
    fenced = group(member(1, Stage.FENCING, epoch=2))
    (back,) = staffed(fenced, cluster(1)).members
    assert (back.number, back.stage) == (1, Stage.PROVING)


def test_while_a_fenced_one_that_is_well_leaves_the_balancer_nobody_is_launched() -> None:
    fenced = group(member(1, Stage.FENCING, epoch=2))
    assert staffed(fenced, cluster(1, target=TargetState.DRAINING)).members == fenced.members


def test_a_candidate_too_many_is_given_up_only_while_enough_serve() -> None:
    two = group(member(1, Stage.SERVING, epoch=1), member(2, Stage.BOOTING))
    assert staffed(two, cluster(1), cluster(2)).at(Stage.CONDEMNED)
    assert not staffed(two, cluster(1, health=Health.SUSPECT), cluster(2)).at(Stage.CONDEMNED)


REPLACED = group(member(1, Stage.FENCING, since=NOW - 7200, epoch=2), member(2, Stage.SERVING, epoch=2))


def retired(seen: Cluster, *, successor: Cluster | None = None, policy: Policy = POLICY) -> Group:
    return retire(REPLACED, World(NOW, (seen, successor or cluster(2))), policy)


@pytest.mark.parametrize(
    ("seen", "ends"),
    [
        (cluster(1, emr=EmrState.ENDING, health=Health.LOST), True),
        (cluster(1, emr=EmrState.ENDED, health=Health.LOST), True),
        (cluster(1, health=Health.LOST, idle=True), True),
        (cluster(1, health=Health.LOST), False),
        (cluster(1), False),
        (cluster(1, idle=True), True),
        (cluster(1, idle=True, target=TargetState.IN_SERVICE), False),
        (cluster(1, idle=True, target=TargetState.DRAINING), False),
        (replace(cluster(1, health=Health.LOST), host=HostHealth.IMPAIRED), True),
        (replace(cluster(1, health=Health.SUSPECT), host=HostHealth.GONE), True),
        (replace(cluster(1, health=Health.SUSPECT), host=HostHealth.IMPAIRED), False),
        (replace(cluster(1, health=Health.LOST), host=HostHealth.OK), False),
    ],
    ids=[
        "terminating",
        "terminated",
        "lost, and YARN runs nothing",
        "lost, and nobody knows what runs",
        "well, and something runs",
        "well, and nothing runs",
        "idle, but new work may still come",
        "idle, but old connections are still served",
        "lost, and EC2 calls its machine impaired",
        "EC2 says that its machine does not run",
        "EC2 calls its machine impaired, but something answers there",
        "lost, but EC2 calls its machine well",
    ],
)
def test_a_replaced_one_is_retired_on_evidence(seen: Cluster, *, ends: bool) -> None:
    after = retired(seen)
    assert bool(after.at(Stage.RETIRING)) is ends
    assert bool(after.refusals) is not ends


def test_without_evidence_a_replaced_one_is_retired_after_the_long_wait() -> None:
    lost = cluster(1, health=Health.LOST)
    assert not retired(lost, policy=replace(POLICY, retire_unconfirmed_after=7201)).at(Stage.RETIRING)
    assert retired(lost, policy=replace(POLICY, retire_unconfirmed_after=7200)).at(Stage.RETIRING)


def test_nobody_is_retired_while_its_successor_is_not_well() -> None:
    ended = cluster(1, emr=EmrState.ENDED)
    assert not retired(ended, successor=cluster(2, health=Health.SUSPECT)).at(Stage.RETIRING)


def test_nobody_is_retired_before_its_successor_has_passed_probation() -> None:
    fresh = replace(REPLACED, members=(REPLACED.members[0], replace(REPLACED.members[1], since=NOW - 599)))
    world = World(NOW, (cluster(1, emr=EmrState.ENDED), cluster(2)))
    assert not retire(fresh, world, POLICY).at(Stage.RETIRING)


def test_with_members_lost_in_two_zones_whatever_may_be_of_use_is_kept() -> None:
    back, lost = member(1, Stage.FENCING, epoch=1, placement=A), member(3, Stage.FENCING, epoch=1, placement=B)
    other = member(4, Stage.FENCING, epoch=1, placement=C)
    region = group(back, member(2, Stage.SERVING, epoch=2, placement=C), lost, other)
    seen = (cluster(1, idle=True), cluster(2), cluster(3, health=Health.LOST), cluster(4, health=Health.LOST))
    after = retire(region, World(NOW, seen), replace(POLICY, retire_unconfirmed_after=NOW + 1))
    assert not after.at(Stage.RETIRING)
    assert "RegionTrouble, members are lost in az-b and az-c" in after.refusals[0]
    one_zone = retire(region, World(NOW, seen[:3]), replace(POLICY, retire_unconfirmed_after=NOW + 1))
    assert [m.number for m in one_zone.at(Stage.RETIRING)] == [1]
