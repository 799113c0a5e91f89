"""What gateways are told of each member, by its saved stage alone."""

from dataclasses import replace

import pytest

from core.scenes import group, member
from emr_dr.controller.publish import views_of
from emr_dr.core.group import Member, Stage
from emr_dr.core.view import MemberView, Proof, ProofKind, Role

DEAD = Proof(ProofKind.TERMINATED, 90.0, "EMR says that the cluster has ended")


def shown(*members: Member) -> tuple[MemberView, ...]:
    return views_of(group(*members), lambda service, address: f"http://{address}/{service}")


@pytest.mark.parametrize(
    ("stage", "role", "accepts_new"),
    [
        (Stage.PROVING, Role.FENCED, False),
        (Stage.STANDBY, Role.STANDBY, False),
        (Stage.ADMITTING, Role.SERVING, True),
        (Stage.SERVING, Role.SERVING, True),
        (Stage.DRAINING, Role.DRAINING, False),
        (Stage.FENCING, Role.FENCED, False),
        (Stage.RETIRING, Role.RETIRED, False),
        (Stage.CONDEMNED, Role.RETIRED, False),
    ],
)
def test_one_that_ever_served_is_shown_in_every_stage(stage: Stage, role: Role, *, accepts_new: bool) -> None:
    (view,) = shown(member(1, stage, epoch=3))
    assert (view.role, view.accepts_new, view.epoch) == (role, accepts_new, 3)
    assert (view.livy_url, view.rm_url) == ("http://10.0.0.1/livy", "http://10.0.0.1/resource-manager")


@pytest.mark.parametrize("stage", [Stage.LAUNCHING, Stage.BOOTING, Stage.PROVING])
def test_a_candidate_is_not_shown_before_it_stands_by(stage: Stage) -> None:
    assert shown(member(1, stage)) == ()
    assert len(shown(member(1, Stage.STANDBY))) == 1


@pytest.mark.parametrize("stage", [Stage.SERVING, Stage.FENCING, Stage.CONDEMNED])
def test_a_proof_of_death_is_shown_as_it_is_remembered_and_the_dead_are_given_nothing(stage: Stage) -> None:
    (view,) = shown(replace(member(1, stage, epoch=2), death=DEAD))
    assert (view.death, view.accepts_new) == (DEAD, False)
