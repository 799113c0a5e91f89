"""The declared balancer comes about, once, from wherever it was broken off, and nobody else's things are touched."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

from emr_dr.errors import ConflictError, PermanentError, UsageError
from emr_dr.provision.apply import ensure, plan
from emr_dr.provision.desired import DesiredBalancer, desired_balancer, target_group_names
from emr_dr.spec import Spec
from emr_dr.spec.address import Credentials, Service
from provision.memory_account import Found, KilledError, MemoryAccount

SPEC: dict[str, object] = {
    "group": "etl",
    "region": "us-east-1",
    "strategy": "active-passive",
    "address": {"balancer": {"name": "etl-livy", "subnets": ["subnet-a", "subnet-b"]}},
    "placements": [{"subnet": "subnet-a"}, {"subnet": "subnet-b"}],
    "cluster": {
        "release": "emr-7.9.0",
        "applications": ["Spark", "Livy"],
        "roles": {"service": "EMR_DefaultRole_V2", "instance": "EMR_EC2_DefaultRole"},
        "security_groups": {"primary": "sg-p", "core": "sg-c"},
        "instances": {"groups": {"primary": {"type": "m5.xlarge"}}},
        "artifacts": "s3://acme-artifacts/emr-dr/",
    },
    "store": {"sqlite": "./emr-dr.db"},
}


def declared(**changes: object) -> DesiredBalancer:
    balancer = {"name": "etl-livy", "subnets": ["subnet-a", "subnet-b"], **changes}
    return desired_balancer(Spec.model_validate({**SPEC, "address": {"balancer": balancer}}))


async def test_a_first_run_makes_everything_as_declared() -> None:
    account = MemoryAccount()
    told: list[str] = []
    changes = await ensure(account, declared(), lambda change: told.append(change.resource))

    assert told == [change.resource for change in changes]
    assert all(change.creates for change in changes)
    assert set(account.parts) == {
        "balancer/etl-livy", "group/etl-livy", "group/etl-rm", "group/etl-nn",
        "listener/balancer/etl-livy/8998", "listener/balancer/etl-livy/8088", "listener/balancer/etl-livy/9870",
    }  # fmt: skip
    assert account.parts["balancer/etl-livy"].fields["load_balancing.cross_zone.enabled"] == "true"
    assert account.parts["balancer/etl-livy"].fields["Scheme"] == "internal"
    assert account.parts["group/etl-nn"].fields == {
        "Protocol": "TCP",
        "Port": "9870",
        "TargetType": "ip",
        "VpcId": "vpc-1",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus",
        "HealthCheckIntervalSeconds": "5",
        "HealthCheckTimeoutSeconds": "4",
        "HealthyThresholdCount": "2",
        "UnhealthyThresholdCount": "2",
        "Matcher": "200",
        "deregistration_delay.timeout_seconds": "0",
        "deregistration_delay.connection_termination.enabled": "true",
        "target_health_state.unhealthy.connection_termination.enabled": "true",
        "preserve_client_ip.enabled": "false",
        "stickiness.enabled": "false",
    }
    assert all(part.tags["emr-dr:group"] == "etl" for part in account.parts.values())


async def test_a_second_run_changes_nothing() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.writes.clear()
    assert await ensure(account, declared()) == []
    assert account.writes == []


async def test_a_plan_touches_nothing_and_says_what_a_run_would_do() -> None:
    account = MemoryAccount()
    planned = await plan(account, declared())
    assert account.writes == []
    made = await ensure(account, declared())
    parts = [each for each in planned if each.kind != "rule"]
    assert parts == [each for each in made if each.kind != "rule"]
    assert str(planned[0]).startswith("balancer etl-livy: new (Type=network, Scheme=internal")


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the call", "after the call"])
async def test_broken_off_at_any_call_it_converges_when_it_is_run_again(*, carried_out: bool) -> None:
    whole = MemoryAccount()
    await ensure(whole, declared())
    for kill_at in itertools.count(1):
        account = MemoryAccount(kill_at=kill_at, killed_after=carried_out)
        try:
            await ensure(account, declared())
        except KilledError:
            account.kill_at = None
            await ensure(account, declared())
            assert (account.parts, account.rules.open()) == (whole.parts, whole.rules.open())
            assert await plan(account, declared()) == []
            continue
        break
    assert kill_at == len(whole.writes) + 1


@pytest.mark.parametrize("tags", [{}, {"emr-dr:group": "other"}], ids=["untagged", "another group's"])
@pytest.mark.parametrize("arn", ["balancer/etl-livy", "group/etl-rm", "listener/balancer/etl-livy/8998"])
async def test_what_is_not_ours_is_refused_and_nothing_is_changed(arn: str, tags: Mapping[str, str]) -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.parts[arn] = replace(account.parts[arn], tags=tags)
    account.writes.clear()
    with pytest.raises(ConflictError, match="is there already"):
        await ensure(account, declared(health_check={"interval": "10s"}))
    assert account.writes == []


async def test_a_change_says_what_from_what_to_and_why() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    found = account.parts["group/etl-livy"]
    account.parts["group/etl-livy"] = replace(
        found, fields={**found.fields, "preserve_client_ip.enabled": "true"}, tags={"emr-dr:group": "etl"}
    )
    by_field = {change.field: change for change in await ensure(account, declared())}
    assert by_field.keys() == {"preserve_client_ip.enabled", "tag emr-dr:service"}
    assert by_field["preserve_client_ip.enabled"].as_dict() == {
        "resource": "target group etl-livy",
        "field": "preserve_client_ip.enabled",
        "from": "true",
        "to": "false",
        "why": "a job on the primary may call Livy through the balancer; with its own address kept that hangs",
    }
    assert await plan(account, declared()) == []


async def test_a_changed_spec_changes_only_what_differs() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    account.writes.clear()
    changes = await ensure(account, declared(subnets=["subnet-a", "subnet-b", "subnet-c"], admit=False))
    assert [(c.field, c.before, c.after) for c in changes] == [
        ("Subnets", "subnet-a,subnet-b", "subnet-a,subnet-b,subnet-c")
    ]
    assert account.writes == ["change balancer/etl-livy"]


@pytest.mark.parametrize(
    ("arn", "name", "value"),
    [
        ("balancer/etl-livy", "Type", "application"),
        ("balancer/etl-livy", "VpcId", "vpc-9"),
        ("balancer/etl-livy", "SecurityGroups", "sg-1"),
        ("group/etl-livy", "HealthCheckProtocol", "TCP"),
        ("group/etl-livy", "TargetType", "instance"),
    ],
)
async def test_what_aws_cannot_change_in_place_is_told_before_anything_is_changed(
    arn: str, name: str, value: str
) -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    found = account.parts[arn]
    account.parts[arn] = Found(arn, {**found.fields, name: value}, found.tags)
    account.writes.clear()
    with pytest.raises(PermanentError, match=f"cannot be changed in place: .*{name}: {value} -> .*apply again|delete"):
        await ensure(account, declared(health_check={"interval": "10s"}))
    assert account.writes == []


@pytest.mark.parametrize(
    ("subnets", "match"),
    [
        (["subnet-a", "subnet-a2"], "two subnets lie in one AZ"),
        (["subnet-a", "subnet-x"], "several VPCs"),
        (["subnet-a", "subnet-c"], "none of them lies in us-east-1b, where placement subnet-b is"),
    ],
)
async def test_subnets_that_do_not_go_together_are_told_before_anything_is_made(subnets: list[str], match: str) -> None:
    account = MemoryAccount()
    with pytest.raises(UsageError, match=match):
        await ensure(account, declared(subnets=subnets))
    assert account.writes == []


SHARED = {
    **SPEC,
    "strategy": "active-active",
    "address": {"balancer": {"name": "etl-livy", "subnets": ["subnet-a", "subnet-b"], "stickiness": "source_ip"}},
}


async def test_where_two_members_serve_livy_alone_has_a_listener_and_it_is_sticky() -> None:
    account, spec = MemoryAccount(), Spec.model_validate(SHARED)
    await ensure(account, desired_balancer(spec))
    assert set(account.parts) == {"balancer/etl-livy", "group/etl-livy", "listener/balancer/etl-livy/8998"}
    fields = account.parts["group/etl-livy"].fields
    assert (fields["stickiness.enabled"], fields["stickiness.type"]) == ("true", "source_ip")
    assert {port for _, port, _, _ in account.rules.open()} == {8998}
    assert target_group_names(spec) == {"livy": "etl-livy"}


async def test_stickiness_that_was_switched_off_is_switched_on_again_and_off_when_it_is_declared_no_more() -> None:
    account = MemoryAccount()
    await ensure(account, declared(stickiness="source_ip"))
    found = account.parts["group/etl-livy"]
    account.parts["group/etl-livy"] = replace(found, fields={**found.fields, "stickiness.enabled": "false"})
    (change,) = await ensure(account, declared(stickiness="source_ip"))
    assert (change.resource, change.field, change.after) == ("target group etl-livy", "stickiness.enabled", "true")
    changes = await ensure(account, declared())
    assert {(each.field, each.after) for each in changes} == {("stickiness.enabled", "false")}
    assert await ensure(account, declared()) == []


async def test_a_service_with_a_password_is_healthy_when_it_asks_for_it() -> None:
    livy = Service(port=8998, scheme="https", path="/gate/", credentials=Credentials(env="LIVY"))
    account = MemoryAccount()
    await ensure(account, replace(declared(), services={"livy": livy}))
    fields = account.parts["group/etl-livy"].fields
    assert (fields["HealthCheckProtocol"], fields["HealthCheckPath"]) == ("HTTPS", "/gate/batches?size=1")
    assert fields["Matcher"] == "200,401"


def test_target_groups_are_named_after_group_and_service() -> None:
    assert target_group_names(Spec.model_validate(SPEC)) == {
        "livy": "etl-livy",
        "resource-manager": "etl-rm",
        "name-node": "etl-nn",
    }
    longest = Spec.model_validate({**SPEC, "group": "a" * 24})
    assert all(len(name) <= 32 for name in target_group_names(longest).values())


async def test_the_balancer_asks_livy_for_what_it_is_there_for_and_not_for_its_version() -> None:
    account = MemoryAccount()
    await ensure(account, declared())
    assert account.parts["group/etl-livy"].fields["HealthCheckPath"] == "/batches?size=1"
