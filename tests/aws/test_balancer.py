"""The balancer: provisioned in an account that AWS's own client sees, and a place for targets."""

from dataclasses import dataclass, replace

import boto3
import pytest

from aws.aws_examples import REGION
from emr_dr.aws.account import AwsAccount
from emr_dr.aws.ec2 import Subnets
from emr_dr.aws.elbv2 import NetworkBalancer, target_health
from emr_dr.aws.errors import NotFoundError
from emr_dr.aws.session import Session
from emr_dr.errors import ConflictError, PermanentError, TransientError
from emr_dr.ports import TargetHealth
from emr_dr.provision.apply import ensure, plan
from emr_dr.provision.desired import DesiredBalancer, Gateways
from emr_dr.spec.address import Balancer, HealthCheck, Services

GROUPS = {"livy": "etl-livy", "resource-manager": "etl-rm", "name-node": "etl-nn"}


@dataclass(frozen=True)
class Network:
    vpc: str
    subnets: tuple[str, ...]


@pytest.fixture(scope="module")
def network(moto_url: str) -> Network:
    ec2 = boto3.session.Session("AKIATESTTESTTESTTEST", "not-a-secret", region_name=REGION).client(
        "ec2", endpoint_url=moto_url
    )
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for n, zone in enumerate("abc")
    ]
    return Network(vpc, tuple(each["SubnetId"] for each in subnets))


def declared(network: Network, **changes: object) -> DesiredBalancer:
    balancer = Balancer.model_validate({"name": "etl-livy", "subnets": network.subnets[:2], **changes})
    return DesiredBalancer("etl", balancer, Services().declared(), network.subnets[:2])


def balancer(session: Session, group: str = "etl") -> NetworkBalancer:
    return NetworkBalancer(session, group=group, name="etl-livy", target_groups=GROUPS)


async def test_aws_has_what_was_declared_and_a_second_run_changes_nothing(
    moto: boto3.session.Session, session: Session, network: Network
) -> None:
    account = AwsAccount(session)
    assert len(await ensure(account, declared(network))) == 7
    assert await ensure(account, declared(network)) == []

    elbv2 = moto.client("elbv2")
    (made,) = elbv2.describe_load_balancers(Names=["etl-livy"])["LoadBalancers"]
    assert (made["Type"], made["Scheme"], made["VpcId"]) == ("network", "internal", network.vpc)
    listeners = elbv2.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])["Listeners"]
    assert sorted((each["Protocol"], each["Port"]) for each in listeners) == [
        ("TCP", 8088), ("TCP", 8998), ("TCP", 9870),
    ]  # fmt: skip
    (livy,) = elbv2.describe_target_groups(Names=["etl-livy"])["TargetGroups"]
    assert (livy["TargetType"], livy["HealthCheckProtocol"], livy["HealthCheckPath"]) == (
        "ip",
        "HTTP",
        "/batches?size=1",
    )
    attributes = elbv2.describe_target_group_attributes(TargetGroupArn=livy["TargetGroupArn"])["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "0"} in attributes
    assert {"Key": "deregistration_delay.connection_termination.enabled", "Value": "true"} in attributes


async def test_a_changed_declaration_is_carried_out_in_place(session: Session, network: Network) -> None:
    account = AwsAccount(session)
    await ensure(account, declared(network))
    slower = declared(
        network, subnets=network.subnets, health_check=HealthCheck.model_validate({"interval": "10s", "unhealthy": 4})
    )
    changes = await ensure(account, slower)
    assert {(c.field, c.after) for c in changes if c.field != "Subnets"} == {
        ("HealthCheckIntervalSeconds", "10"),
        ("UnhealthyThresholdCount", "4"),
    }
    assert await plan(account, slower) == []


async def test_the_address_is_turned_from_members_to_gateways_that_are_healthy(
    moto: boto3.session.Session, session: Session, network: Network
) -> None:
    account, elbv2, services = AwsAccount(session), moto.client("elbv2"), Services().declared()
    await ensure(account, declared(network))
    gateways = Gateways(8998, "http", (), services)
    to_them = replace(declared(network), services={"livy": services["livy"]}, gateways=gateways)

    async def no_pause(_: float) -> None:
        """AWS in memory is never behind."""

    with pytest.raises(TransientError, match="no gateway is registered"):
        await ensure(account, to_them, pause=no_pause)
    arn = elbv2.describe_target_groups(Names=["etl-gateway"])["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.90", "Port": 8998}])
    assert [(t.address, t.port, t.health) for t in await account.targets(arn)] == [("10.0.0.90", 8998, "healthy")]
    await ensure(account, to_them, pause=no_pause)
    (made,) = elbv2.describe_load_balancers(Names=["etl-livy"])["LoadBalancers"]
    (only,) = elbv2.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])["Listeners"]
    assert (only["Port"], only["DefaultActions"][0]["TargetGroupArn"]) == (8998, arn)
    assert [g["TargetGroupName"] for g in elbv2.describe_target_groups()["TargetGroups"]] == ["etl-gateway"]
    assert await plan(account, to_them) == []
    await account.delete_listener(only["ListenerArn"])
    await account.delete_target_group(arn)
    assert await account.targets(arn) == ()


async def test_a_balancer_of_another_owner_is_refused(
    moto: boto3.session.Session, session: Session, network: Network
) -> None:
    moto.client("elbv2").create_load_balancer(Name="etl-livy", Type="network", Subnets=list(network.subnets))
    with pytest.raises(ConflictError, match="not tagged as ours"):
        await ensure(AwsAccount(session), declared(network))
    with pytest.raises(ConflictError, match="does not carry our tag"):
        await balancer(session).address()


async def test_an_address_is_let_into_every_group_and_out_again(session: Session, network: Network) -> None:
    await ensure(AwsAccount(session), declared(network))
    ours = balancer(session)
    assert await ours.targets() == []
    await ours.register("10.0.0.5")
    await ours.register("10.0.0.5")
    assert {(t.service, t.address) for t in await ours.targets()} == {(service, "10.0.0.5") for service in GROUPS}
    await ours.deregister("10.0.0.5")
    await ours.deregister("10.0.0.5")
    assert await ours.targets() == []


async def test_an_address_is_taken_out_on_whatever_port_somebody_let_it_in(
    moto: boto3.session.Session, session: Session, network: Network
) -> None:
    await ensure(AwsAccount(session), declared(network))
    elbv2 = moto.client("elbv2")
    arn = elbv2.describe_target_groups(Names=["etl-rm"])["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.9", "Port": 18088}])
    ours = balancer(session)
    await ours.deregister("10.0.0.9")
    assert elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] == []


async def test_target_groups_made_anew_meanwhile_are_found_again(
    moto: boto3.session.Session, session: Session, network: Network
) -> None:
    account, ours = AwsAccount(session), balancer(session)
    await ensure(account, declared(network))
    await ours.register("10.0.0.5")
    elbv2 = moto.client("elbv2")
    for each in elbv2.describe_load_balancers()["LoadBalancers"]:
        for listener in elbv2.describe_listeners(LoadBalancerArn=each["LoadBalancerArn"])["Listeners"]:
            elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    for group in elbv2.describe_target_groups()["TargetGroups"]:
        elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    with pytest.raises(PermanentError, match="emr-dr apply makes it"):
        await ours.targets()
    await ensure(account, declared(network))
    await ours.register("10.0.0.6")
    assert {t.address for t in await ours.targets()} == {"10.0.0.6"}


async def test_the_balancers_address_is_its_dns_name(session: Session, network: Network) -> None:
    with pytest.raises(PermanentError, match="emr-dr apply makes it"):
        await balancer(session).address()
    await ensure(AwsAccount(session), declared(network))
    assert (await balancer(session).address()).endswith(".amazonaws.com")


async def test_another_groups_targets_are_not_touched(session: Session, network: Network) -> None:
    await ensure(AwsAccount(session), declared(network))
    with pytest.raises(ConflictError):
        await balancer(session, "other").register("10.0.0.5")
    assert await balancer(session).targets() == []


@pytest.mark.parametrize(
    ("state", "health"),
    [
        ("healthy", TargetHealth.HEALTHY),
        ("draining", TargetHealth.DRAINING),
        ("unhealthy.draining", TargetHealth.DRAINING),
        ("something new", TargetHealth.UNAVAILABLE),
        (None, TargetHealth.UNAVAILABLE),
    ],
)
def test_a_state_we_do_not_know_speaks_neither_for_nor_against_a_target(state: object, health: TargetHealth) -> None:
    assert target_health(state) is health


async def test_subnets_tell_their_vpc_and_zone(session: Session, network: Network) -> None:
    facts = await Subnets(session).describe(network.subnets)
    assert {each.az for each in facts.values()} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    assert {each.vpc for each in facts.values()} == {network.vpc}
    with pytest.raises(NotFoundError, match="subnet-0000"):
        await Subnets(session).describe(["subnet-0000"])
