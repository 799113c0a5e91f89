"""What each strategy asks of the rest of the spec."""

import pytest

from emr_dr.spec import STRATEGY_NAMES, remarks
from spec.spec_examples import SMALL, changed, loaded, refused, refused_change

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


GATEWAY = changed("mode: direct", "mode: gateway")


def _fields(text: str) -> list[str]:
    return [remark.field for remark in remarks(loaded(text))]


def test_with_gateways_it_is_said_what_they_do_not_protect_from() -> None:
    fields = ["store.sqlite", "gateway.users.scheme", "gateway.tls", "gateway.rescue.rules"]
    assert _fields(GATEWAY) == fields
    assert _fields(_sticky(GATEWAY)) == ["address.balancer.stickiness", *fields]
    first = remarks(loaded(GATEWAY))[0]
    assert str(first).startswith("store.sqlite: all gateways and controllers have to run on the machine that holds")
    assert first.line == 26


def test_what_gateways_do_protect_from_is_not_remarked() -> None:
    users = "gateway: {users: {scheme: basic, file: users}, tls: {certificate: c.pem, key: k.pem}, rescue: "
    text = f"{GATEWAY}{users}{{rules: [{{when: {{queue: nightly}}, class: idempotent}}]}}}}\n"
    assert _fields(text) == ["store.sqlite"]
    assert _fields(f"{GATEWAY}{users}{{mode: 'off'}}}}\n") == ["store.sqlite", "gateway.rescue.mode"]


def test_passwords_without_tls_are_remarked_as_such() -> None:
    told = remarks(loaded(f"{GATEWAY}gateway: {{users: {{scheme: basic, file: users}}}}\n"))
    assert [r.what for r in told if r.field == "gateway.tls"] == [
        "passwords and batches travel in the clear between clients and gateways"
    ]


def test_what_is_said_of_gateways_without_any_is_remarked() -> None:
    (only,) = remarks(loaded(f"{SMALL}gateway: {{port: 9000}}\n"))
    assert str(only) == "gateway: has no effect in mode direct; say address.mode: gateway, or keep it until you do"


def test_batches_are_sent_to_zones_of_the_region_only_and_to_each_once() -> None:
    rule = "gateway: {{routing: [{{when: {{queue: etl}}, zones: [us-east-1a, {}]}}]}}\n"
    loaded(GATEWAY + rule.format("us-east-1b"))
    (line,) = refused(GATEWAY + rule.format("eu-west-1a"))
    told = "etl.yaml:27: gateway.routing[0].zones[1]: eu-west-1a is not in us-east-1; a group lives in one region"
    assert line == told
    (line,) = refused(GATEWAY + rule.format("us-east-1a"))
    assert "gateway.routing[0].zones[1]: " in line


@pytest.mark.parametrize("strategy", ["active-passive", "warm-standby"])
def test_one_member_that_serves_may_have_sticky_clients_and_nothing_is_remarked(strategy: str) -> None:
    spec = loaded(_sticky(changed("strategy: active-passive", f"strategy: {strategy}")))
    assert spec.address.balancer.stickiness == "source_ip"
    assert remarks(spec) == ()


def test_a_remark_has_the_line_of_what_it_is_about() -> None:
    told = remarks(loaded(_sticky(changed(*TWO))))
    assert {remark.line for remark in told if remark.field == "address.balancer.stickiness"} == {6}


OWN_ROLES = "placements: [{subnet: subnet-a, instance_role: etl-a}, {subnet: subnet-b, instance_role: etl-b}]"
SHARED = "placements: [{subnet: subnet-a}, {subnet: subnet-b}]"


def test_roles_are_denied_only_where_each_placement_has_one_of_its_own() -> None:
    denying = changed("recovery: {", "recovery: {deny_role: true, ", GATEWAY)
    assert loaded(changed(SHARED, OWN_ROLES, denying)).recovery.deny_propagation == 60
    said = refused(denying)
    assert all("is missing with recovery.deny_role" in each for each in said)
    assert [each.split(": ")[1] for each in said] == ["placements[0].instance_role", "placements[1].instance_role"]


def test_two_placements_never_share_a_role() -> None:
    (said,) = refused(changed(SHARED, OWN_ROLES.replace("etl-b", "etl-a")))
    assert "placements[1].instance_role" in said


def test_denying_roles_has_no_effect_in_mode_direct() -> None:
    (said,) = refused(changed(SHARED, OWN_ROLES, changed("recovery: {", "recovery: {deny_role: true, ")))
    assert "has no effect in mode direct" in said
