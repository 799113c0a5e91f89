"""Security groups' rules are found whole, made with their tags and taken away, each as often as one likes."""

from typing import Any

import boto3
import pytest

from aws.aws_examples import Wire, any_reply, refusal
from emr_dr.aws.rules import Ec2Rules, FoundInterface
from emr_dr.aws.session import Session
from emr_dr.errors import PermanentError, ThrottledError

OURS = {"emr-dr:group": "etl", "emr-dr:service": "livy"}
ARN = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/etl-livy/0123456789abcdef"


@pytest.fixture
def ec2(moto: boto3.session.Session) -> Any:  # noqa: ANN401 - boto3's clients are generated
    return moto.client("ec2")


@pytest.fixture
def group(ec2: Any, request: pytest.FixtureRequest) -> str:  # noqa: ANN401
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    return str(ec2.create_security_group(GroupName=request.node.name, Description="-", VpcId=vpc)["GroupId"])


async def test_a_rule_is_made_with_its_tags_found_again_and_taken_away(session: Session, group: str) -> None:
    rules = Ec2Rules(session)
    for _ in range(2):
        await rules.admit(group, 8998, "10.0.1.5/32", OURS, "emr-dr etl: balancer to livy")
    (rule,) = await rules.ingress([group])
    assert (rule.group, rule.protocol, rule.ports, rule.source) == (group, "tcp", (8998, 8998), "10.0.1.5/32")
    assert rule.tags == OURS
    assert rule in await rules.tagged("emr-dr:group", "etl")
    assert rule not in await rules.tagged("emr-dr:group", "other")
    for _ in range(2):
        await rules.revoke(group, rule.id)
    assert await rules.ingress([group]) == []


async def test_rules_by_group_and_of_every_protocol_are_read_as_they_are(
    session: Session,
    group: str,
    ec2: Any,  # noqa: ANN401
) -> None:
    rules = Ec2Rules(session)
    await rules.admit(group, 8088, group, OURS, "text")
    everything: dict[str, Any] = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everything])
    found = {(rule.protocol, rule.ports, rule.source) for rule in await rules.ingress([group])}
    assert found == {("tcp", (8088, 8088), group), ("-1", (-1, -1), "10.0.0.0/16")}


async def test_a_groups_tags_say_whose_it_is_and_a_missing_one_is_told(
    session: Session,
    group: str,
    ec2: Any,  # noqa: ANN401
) -> None:
    ec2.create_tags(Resources=[group], Tags=[{"Key": "emr-dr:group", "Value": "etl"}])
    rules = Ec2Rules(session)
    assert await rules.owners([group, group]) == {group: {"emr-dr:group": "etl"}}
    with pytest.raises(PermanentError, match=r"sg-0123456789abcdef0.*; correct cluster\.security_groups"):
        await rules.owners(["sg-0123456789abcdef0"])


async def test_a_balancers_interfaces_are_known_by_their_description(
    session: Session,
    ec2: Any,  # noqa: ANN401
) -> None:
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet, Description="ELB net/etl-livy/0123456789abcdef")
    ec2.create_network_interface(SubnetId=subnet, Description="ELB net/etl-livy/fedcba9876543210")
    address = made["NetworkInterface"]["PrivateIpAddress"]
    assert await Ec2Rules(session).interfaces(ARN) == [FoundInterface(subnet, (address,))]


async def test_rules_are_read_over_all_pages(wire: Wire, quick: Session) -> None:
    def page(operation: str, asked: dict[str, Any]) -> bytes:
        number = 2 if asked.get("NextToken") else 1
        item = f"<item><securityGroupRuleId>sgr-{number}</securityGroupRuleId><groupId>sg-1</groupId></item>"
        token = "" if number == 2 else "<nextToken>more</nextToken>"
        text = f"<securityGroupRuleSet>{item}</securityGroupRuleSet>{token}"
        return any_reply("200 OK", f"<{operation}Response>{text}</{operation}Response>")

    wire.answer = page
    assert [rule.id for rule in await Ec2Rules(quick).ingress(["sg-1"])] == ["sgr-1", "sgr-2"]


async def test_to_be_refused_is_told_with_the_action_to_allow(wire: Wire, quick: Session) -> None:
    wire.answer = lambda operation, _: refusal(operation, "UnauthorizedOperation", "You are not authorized")
    with pytest.raises(PermanentError, match=r"not allowed: ec2:AuthorizeSecurityGroupIngress .*allow"):
        await Ec2Rules(quick).admit("sg-1", 8998, "10.0.0.1/32", OURS, "text")
    wire.answer = lambda operation, _: refusal(operation, "RequestLimitExceeded")
    with pytest.raises(ThrottledError):
        await Ec2Rules(quick).ingress(["sg-1"])
