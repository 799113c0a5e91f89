"""What a spec declares becomes the limits of decisions."""

from emr_dr.bootstrap import policy_of
from emr_dr.controller.act import EFFECT_DEADLINE
from emr_dr.spec import Spec
from provision.test_provision import SPEC


def test_a_launch_has_all_of_settle_to_be_listed_once_its_call_has_ended() -> None:
    """Else the list may be asked too soon after a lost reply, and one licence makes two clusters."""
    spec = Spec.model_validate({**SPEC, "recovery": {"settle": "20s"}})
    assert policy_of(spec, ()).settle >= spec.recovery.settle + EFFECT_DEADLINE
