"""An alias and its mark are made, found and deleted in Route 53, and what somebody else has there is told."""

from typing import Any

import boto3
import pytest
from moto.route53.models import route53_backends

from aws.aws_examples import Wire, any_reply, refusal
from emr_dr.aws.names import FoundName, Route53Names
from emr_dr.aws.session import Session
from emr_dr.errors import PermanentError, ThrottledError, UsageError

NAME = "livy.etl.example.internal"
TARGET = ("etl-livy-0a.elb.us-east-1.amazonaws.com", "Z26RNL4JYFTOTI")


@pytest.fixture
def route53(moto: boto3.session.Session) -> Any:  # noqa: ANN401 - boto3's clients are generated
    route53_backends.clear()
    return moto.client("route53")


@pytest.fixture
def zone(route53: Any) -> str:  # noqa: ANN401
    made = route53.create_hosted_zone(Name="example.internal", CallerReference="-")
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def put(route53: Any, zone: str, record: dict[str, Any]) -> None:  # noqa: ANN401
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


async def test_an_alias_and_its_mark_are_made_found_and_deleted_and_made_again(session: Session, zone: str) -> None:
    names = Route53Names(session)
    for _ in range(2):
        nothing = await names.find(zone, NAME)
        assert (nothing.target, nothing.owner, nothing.other) == ("", "", "")
        await names.point(zone, NAME, TARGET, "etl", nothing)
        found = await names.find(zone, f"{NAME.upper()}.")
        assert (found.target, found.owner, found.other) == (TARGET[0], "etl", "")
        await names.point(zone, NAME, TARGET, "etl", found)
        await names.forget(zone, found)


async def test_an_alias_that_leads_elsewhere_is_turned(session: Session, zone: str) -> None:
    names = Route53Names(session)
    await names.point(zone, NAME, ("old.elb.us-east-1.amazonaws.com", "Z2"), "etl", FoundName("", "", ""))
    await names.point(zone, NAME, TARGET, "etl", await names.find(zone, NAME))
    assert (await names.find(zone, NAME)).target == TARGET[0]


async def test_what_the_console_writes_is_the_same_target(session: Session, zone: str, route53: Any) -> None:  # noqa: ANN401
    alias = {"DNSName": f"dualstack.{TARGET[0].upper()}.", "HostedZoneId": TARGET[1], "EvaluateTargetHealth": True}
    put(route53, zone, {"Name": NAME, "Type": "A", "AliasTarget": alias})
    found = await Route53Names(session).find(zone, NAME)
    assert (found.target, found.owner) == (TARGET[0], "")


@pytest.mark.parametrize(
    ("record", "other"),
    [
        ({"Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "old.example.com"}]}, "CNAME old.example.com"),
        ({"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}, "A 10.0.0.1"),
    ],
)
async def test_records_that_are_no_alias_are_told(
    session: Session,
    zone: str,
    route53: Any,  # noqa: ANN401
    record: dict[str, Any],
    other: str,
) -> None:
    put(route53, zone, {"Name": NAME, **record})
    put(route53, zone, {"Name": f"z.{NAME}", **record})
    found = await Route53Names(session).find(zone, NAME)
    assert (found.target, found.other) == ("", other)


async def test_a_mark_that_somebody_made_for_something_else_is_none(session: Session, zone: str, route53: Any) -> None:  # noqa: ANN401
    record = {"Name": f"_emr-dr.{NAME}", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"hello"'}]}
    put(route53, zone, record)
    assert (await Route53Names(session).find(zone, NAME)).owner == ""


@pytest.mark.usefixtures("route53")
async def test_a_zone_that_does_not_exist_and_a_name_outside_it_are_told(session: Session, zone: str) -> None:
    with pytest.raises(UsageError, match=r"no name in hosted zone .*choose one that ends in \.example\.internal"):
        await Route53Names(session).find(zone, "livy.elsewhere.internal")
    with pytest.raises(UsageError, match="no name in hosted zone"):
        await Route53Names(session).find(zone, "livyexample.internal")
    with pytest.raises(PermanentError, match=r"hosted zone Z0NE: does not exist; correct address\.balancer\.dns\.zone"):
        await Route53Names(session).find("Z0NE", NAME)


async def test_to_be_refused_is_told_with_the_action_to_allow(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: refusal("GET", "AccessDenied")
    with pytest.raises(PermanentError, match="not allowed: route53:GetHostedZone"):
        await Route53Names(quick).find("Z1", NAME)
    text = "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
    wire.answer = lambda _, __: any_reply("400 Bad Request", text)
    with pytest.raises(ThrottledError):
        await Route53Names(quick).find("Z1", NAME)
