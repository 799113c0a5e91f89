"""What each strategy asks of the rest of the spec."""

import pytest

from emr_dr.spec import STRATEGY_NAMES, remarks
from spec.spec_examples import SMALL, changed, loaded, refused_change

TWO = ("strategy: active-passive", "strategy: active-active")


def _sticky(text: str) -> str:
    return changed("name: etl-livy,", "name: etl-livy, stickiness: source_ip,", text)


def test_two_members_that_serve_need_clients_to_stick_to_one() -> None:
    line = refused_change(*TWO)
    assert line.startswith("etl.yaml:6: address.balancer.stickiness: ")
    assert "a client would ask one for the other's; say source_ip" in line


def test_two_members_that_serve_have_livy_alone_at_the_balancer() -> None:
    assert list(loaded(_sticky(changed(*TWO))).routed()) == ["livy"]
    assert list(loaded(SMALL).routed()) == ["livy", "resource-manager", "name-node"]


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_behind_gateways_livy_alone_is_at_the_balancer_and_no_client_has_to_stick(strategy: str) -> None:
    spec = loaded(changed("mode: direct", "mode: gateway", changed(TWO[0], f"strategy: {strategy}")))
    assert list(spec.routed()) == ["livy"]
    assert not spec.shared


@pytest.mark.parametrize("strategy", ["active-passive", "warm-standby"])
def test_one_member_that_serves_may_have_sticky_clients_and_nothing_is_remarked(strategy: str) -> None:
    spec = loaded(_sticky(changed("strategy: active-passive", f"strategy: {strategy}")))
    assert spec.address.balancer.stickiness == "source_ip"
    assert remarks(spec) == ()


def test_a_remark_has_the_line_of_what_it_is_about() -> None:
    told = remarks(loaded(_sticky(changed(*TWO))))
    assert {remark.line for remark in told if remark.field == "address.balancer.stickiness"} == {6}
