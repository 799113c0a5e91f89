"""What a spec declares becomes the limits of decisions."""

from emr_dr.bootstrap import policy_of
from emr_dr.controller.act import EFFECT_DEADLINE
from emr_dr.controller.tenure import LEASE_SECONDS
from emr_dr.core.view import VIEW_SECONDS
from emr_dr.spec import Spec
from provision.test_provision import SPEC


def test_a_launch_has_all_of_settle_to_be_listed_once_its_call_has_ended() -> None:
    """Else the list may be asked too soon after a lost reply, and one licence makes two clusters."""
    spec = Spec.model_validate({**SPEC, "recovery": {"settle": "20s"}})
    assert policy_of(spec, ()).settle >= spec.recovery.settle + EFFECT_DEADLINE


def test_a_gateway_may_act_on_an_old_view_until_well_after_the_save_that_changed_it() -> None:
    """A fence counts from the look that led to it; its save may come a lease's length later."""
    assert not policy_of(Spec.model_validate(SPEC), ()).by_gateway
    declared = Spec.model_validate(SPEC)
    spec = declared.model_copy(update={"address": declared.address.model_copy(update={"mode": "gateway"})})
    policy = policy_of(spec, ())
    assert policy.by_gateway
    assert policy.views_last >= VIEW_SECONDS + LEASE_SECONDS
