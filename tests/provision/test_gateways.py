"""In mode gateway the balancer leads to gateways, which others register; there or back, no client is ever lost."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from emr_dr.errors import TransientError
from emr_dr.provision.apply import ensure, plan
from emr_dr.provision.desired import DesiredBalancer, desired_balancer, target_group_names
from emr_dr.provision.moving import FOLLOWED_SECONDS, HEALTHY_SECONDS, nobody_there
from emr_dr.provision.removal import remove
from emr_dr.spec import Spec
from provision.memory_account import KilledError, MemoryAccount, Target
from provision.test_provision import SPEC

PORTS = (8998, 8088, 9870)
LIVY = "listener/balancer/etl-livy/8998"


def spec(gateway: Mapping[str, Any] | None = None, *, mode: str = "gateway", **more: object) -> Spec:
    address = {"mode": mode, "balancer": {"name": "etl-livy", "subnets": ["subnet-a", "subnet-b"]}}
    return Spec.model_validate({**SPEC, "address": address, "gateway": gateway or {}, **more})


def declared(gateway: Mapping[str, Any] | None = None, *, mode: str = "gateway", **more: object) -> DesiredBalancer:
    return desired_balancer(spec(gateway, mode=mode, **more))


def account() -> MemoryAccount:
    made = MemoryAccount()
    made.rules.groups["sg-gw"] = {}
    return made


class Passing:
    """Time that passes at once; something may become true with it."""

    def __init__(self, account: MemoryAccount, healthy_after: float | None = 10.0, group: str = "etl-gateway") -> None:
        self.account, self.healthy_after, self.group, self.passed = account, healthy_after, group, 0.0
        self.led_to: list[str] = []

    async def __call__(self, seconds: float) -> None:
        self.passed += seconds
        self.led_to.append(self.account.parts[LIVY].fields["TargetGroup"])
        arn = f"group/{self.group}"
        if self.healthy_after is not None and self.passed >= self.healthy_after and arn in self.account.registered:
            self.account.registered[arn] = [Target(t.address, t.port, "healthy") for t in self.account.registered[arn]]


async def test_one_target_group_checks_gateways_for_their_own_health_and_nobody_is_registered() -> None:
    one = account()
    await ensure(one, declared())
    assert set(one.parts) == {"balancer/etl-livy", "group/etl-gateway", LIVY}
    assert one.parts[LIVY].fields["TargetGroup"] == "etl-gateway"
    fields = one.parts["group/etl-gateway"].fields
    assert (fields["HealthCheckProtocol"], fields["HealthCheckPath"]) == ("HTTP", "/gateway/health")
    assert (fields["Port"], fields["TargetType"], fields["Matcher"]) == ("8998", "ip", "200")
    assert fields["HealthCheckPort"] == "traffic-port"
    assert one.registered == {}
    assert await plan(one, declared()) == []
    assert target_group_names(spec()) == {"livy": "etl-gateway"}


async def test_it_is_said_when_clients_reach_no_gateway_yet() -> None:
    one = account()
    await ensure(one, declared())
    assert (await nobody_there(one, declared())).startswith("no gateway is registered in target group etl-gateway yet")
    one.registered["group/etl-gateway"] = [Target("10.0.1.90", 8998)]
    assert "calls no gateway in target group etl-gateway healthy yet" in await nobody_there(one, declared())
    one.registered["group/etl-gateway"].append(Target("10.0.2.90", 8998, "healthy"))
    assert await nobody_there(one, declared()) == ""
    assert await nobody_there(account(), declared(mode="direct")) == ""


async def test_gateways_have_a_port_and_tls_of_their_own_while_clients_use_livys_port() -> None:
    one = account()
    services = {"livy": {"port": 8998, "credentials": {"env": "LIVY_LOGIN"}}}
    await ensure(one, declared({"port": 9443, "tls": {"certificate": "c", "key": "k"}}, services=services))
    fields = one.parts["group/etl-gateway"].fields
    assert (fields["Port"], fields["HealthCheckProtocol"], fields["Matcher"]) == ("9443", "HTTPS", "200")
    assert one.parts[LIVY].fields["Port"] == "8998"


async def test_gateways_are_let_in_at_members_by_their_groups_and_the_balancer_is_not() -> None:
    one = account()
    one.rules.groups["sg-gw2"] = {}
    desired = declared({"security_groups": ["sg-gw", "sg-gw2"]})
    changes = await ensure(one, desired)
    assert one.rules.open() == {("sg-p", port, group, "etl") for port in PORTS for group in ("sg-gw", "sg-gw2")}
    rules = [change for change in changes if change.kind == "rule"]
    assert {c.why for c in rules} >= {"else gateways cannot reach livy of a member"}
    assert all(change.asks for change in rules)
    assert await plan(one, desired) == []


async def test_without_groups_nobody_is_let_in_and_no_interface_is_waited_for() -> None:
    one = account()
    one.rules.late = 1000
    await ensure(one, declared())
    assert one.rules.open() == set()


async def test_a_gateway_group_that_is_declared_no_more_is_shut_out() -> None:
    one = account()
    await ensure(one, declared({"security_groups": ["sg-gw"]}))
    assert {c.why for c in await ensure(one, declared())} == {"no gateway comes from there"}
    assert one.rules.open() == set()


async def test_placements_in_zones_that_the_balancer_lacks_are_well_for_no_member_is_a_target() -> None:
    placements = [{"subnet": "subnet-a"}, {"subnet": "subnet-c"}]
    await ensure(account(), declared(placements=placements))


async def _direct() -> MemoryAccount:
    one = account()
    await ensure(one, declared(mode="direct"))
    for name, port in (("livy", 8998), ("rm", 8088), ("nn", 9870)):
        one.registered[f"group/etl-{name}"] = [Target("10.0.1.50", port, "healthy")]
    one.writes.clear()
    return one


async def test_while_no_gateway_is_registered_clients_are_left_where_they_are() -> None:
    one = await _direct()
    for _ in range(2):
        with pytest.raises(TransientError, match="no gateway is registered there; clients are led to etl-livy as"):
            await ensure(one, declared({"security_groups": ["sg-gw"]}))
        assert one.parts[LIVY].fields["TargetGroup"] == "etl-livy"
    assert "group/etl-gateway" in one.parts
    assert {rule.source for rule in one.rules.rules.values()} == {"sg-gw", "10.0.1.7/32", "10.0.2.7/32"}
    trials = [key for key, part in one.parts.items() if part.tags.get("emr-dr:service") == "trial"]
    assert trials == ["listener/balancer/etl-livy/65535"]


async def test_clients_are_led_to_gateways_once_the_balancer_calls_one_healthy_and_then_the_rest_goes() -> None:
    one = await _direct()
    one.registered["group/etl-gateway"] = [Target("10.0.1.90", 8998), Target("10.0.2.90", 8998)]
    time = Passing(one)
    desired = declared({"security_groups": ["sg-gw"]})
    planned = [str(change) for change in await plan(one, desired)]
    assert one.writes == []
    changes = await ensure(one, desired, pause=time)
    on_trial = "listener etl-livy:65535: removed (nothing that is declared is served there)"
    assert [str(change) for change in changes if str(change) != on_trial] == planned
    assert time.led_to == ["etl-livy", "etl-livy", "etl-gateway"]
    assert time.passed == 10 + FOLLOWED_SECONDS
    assert set(one.parts) == {"balancer/etl-livy", "group/etl-gateway", LIVY}
    assert one.rules.open() == {("sg-p", port, "sg-gw", "etl") for port in PORTS}
    turned = one.writes.index(f"change {LIVY}")
    gone = [one.writes.index(w) for w in one.writes if w.startswith(("delete", "revoke"))]
    assert min(gone) > turned
    assert await plan(one, desired) == []


async def test_gateways_that_never_become_healthy_are_told_with_what_the_balancer_says() -> None:
    one = await _direct()
    one.registered["group/etl-gateway"] = [Target("10.0.1.90", 8998, "unhealthy", "Target.Timeout")]
    time = Passing(one, healthy_after=None)
    with pytest.raises(TransientError, match=r"10\.0\.1\.90:8998 is unhealthy Target\.Timeout"):
        await ensure(one, declared(), pause=time)
    assert time.passed == HEALTHY_SECONDS
    assert set(time.led_to) == {"etl-livy"}


async def test_back_to_members_the_address_waits_for_one_of_them() -> None:
    one = account()
    await ensure(one, declared({"security_groups": ["sg-gw"]}))
    one.registered["group/etl-gateway"] = [Target("10.0.1.90", 8998, "healthy")]
    desired = declared(mode="direct")
    with pytest.raises(TransientError, match="no member is registered") as caught:
        await ensure(one, desired)
    assert "emr-dr tick" in caught.value.remedy
    assert one.parts[LIVY].fields["TargetGroup"] == "etl-gateway"
    one.registered["group/etl-livy"] = [Target("10.0.1.50", 8998)]
    await ensure(one, desired, pause=Passing(one, group="etl-livy"))
    assert one.parts[LIVY].fields["TargetGroup"] == "etl-livy"
    assert "group/etl-gateway" not in one.parts
    assert "sg-gw" not in {source for _, _, source, _ in one.rules.open()}
    assert await plan(one, desired) == []


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the call", "after the call"])
async def test_broken_off_at_any_call_the_change_goes_on_and_never_leads_to_nobody(*, carried_out: bool) -> None:
    desired = declared({"security_groups": ["sg-gw"]})
    for kill_at in itertools.count(1):
        one = await _direct()
        one.registered["group/etl-gateway"] = [Target("10.0.1.90", 8998)]
        one.kill_at, one.killed_after = kill_at, carried_out
        try:
            await ensure(one, desired, pause=Passing(one))
        except KilledError:
            led_to = one.parts[LIVY].fields["TargetGroup"]
            assert any(each.health == "healthy" for each in await one.targets(f"group/{led_to}"))
            one.kill_at = None
            await ensure(one, desired, pause=Passing(one))
            assert set(one.parts) == {"balancer/etl-livy", "group/etl-gateway", LIVY}
            assert await plan(one, desired) == []
            continue
        break
    assert kill_at > 10


async def test_what_is_not_ours_stays_though_nothing_of_ours_leads_there() -> None:
    one = await _direct()
    one.parts["listener/balancer/etl-livy/9999"] = one.parts["listener/balancer/etl-livy/9870"]
    foreign = one.parts.pop("listener/balancer/etl-livy/9870")
    one.parts["listener/balancer/etl-livy/9999"] = type(foreign)(foreign.id, {"TargetGroup": "x", "Port": "9999"}, {})
    one.registered["group/etl-gateway"] = [Target("10.0.1.90", 8998)]
    await ensure(one, declared(), pause=Passing(one))
    assert "listener/balancer/etl-livy/9999" in one.parts


async def test_all_of_it_is_destroyed_on_trial_or_not() -> None:
    one = await _direct()
    with pytest.raises(TransientError):
        await ensure(one, declared({"security_groups": ["sg-gw"]}))
    await remove(one, declared())
    assert one.parts == {}
    assert one.rules.open() == set()
