"""Hosted zones and records in the lab: batches are carried out whole or not at all, and refused as AWS refuses them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.lab_world import World, unique


@pytest.fixture
def zone(world: World) -> str:
    made = world.aws("route53").create_hosted_zone(Name="example.internal", CallerReference=unique("zone"))
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def change(world: World, zone: str, *changes: tuple[str, str]) -> None:
    batch = [{"Action": action, "ResourceRecordSet": record(name)} for action, name in changes]
    world.aws("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch})


def record(name: str) -> dict[str, Any]:
    return {"Name": name, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"x"'}]}


def names(world: World, zone: str) -> list[str]:
    found = world.aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return [each["Name"] for each in found if each["Type"] == "TXT"]


def refused(world: World, zone: str, *changes: tuple[str, str]) -> str:
    with pytest.raises(ClientError) as error:
        change(world, zone, *changes)
    assert error.value.response["Error"]["Code"] == "InvalidChangeBatch"
    return str(error.value)


def test_a_record_is_created_once_deleted_once_and_created_again(world: World, zone: str) -> None:
    assert zone.startswith("Z")
    change(world, zone, ("CREATE", "z.a.example.internal"))
    for _ in range(2):
        change(world, zone, ("CREATE", "a.example.internal"))
        assert "already exists" in refused(world, zone, ("CREATE", "a.example.internal."))
        change(world, zone, ("DELETE", "a.example.internal"))
        assert "was not found" in refused(world, zone, ("DELETE", "a.example.internal"))
    change(world, zone, ("UPSERT", "a.example.internal"))
    assert sorted(names(world, zone)) == ["a.example.internal.", "z.a.example.internal."]


def test_of_a_batch_that_is_refused_nothing_is_kept(world: World, zone: str) -> None:
    change(world, zone, ("CREATE", "b.example.internal"))
    refused(world, zone, ("CREATE", "a.example.internal"), ("CREATE", "b.example.internal"))
    assert names(world, zone) == ["b.example.internal."]
