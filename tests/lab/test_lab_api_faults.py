"""AWS calls that are throttled, refused, or answered into the void; and names of operations that there are not."""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from emr_dr.errors import UsageError
from lab.lab_world import World, unique


def names(world: World) -> set[str]:
    return {each["Name"] for each in world.aws("emr").list_clusters()["Clusters"]}


@pytest.mark.parametrize(
    ("service", "operation", "call", "code"),
    [
        ("emr", "ListClusters", "list_clusters", "ThrottlingException"),
        ("ec2", "DescribeVpcs", "describe_vpcs", "RequestLimitExceeded"),
        ("elbv2", "DescribeLoadBalancers", "describe_load_balancers", "Throttling"),
        ("s3", "ListBuckets", "list_buckets", "SlowDown"),
    ],
)
def test_each_service_throttles_in_its_own_words(
    world: World, service: str, operation: str, call: str, code: str
) -> None:
    world.orders.throttle(operation)
    with pytest.raises(ClientError) as error:
        getattr(world.aws(service), call)()
    assert error.value.response["Error"]["Code"] == code
    getattr(world.aws(service), call)()


def test_without_an_operation_any_call_is_throttled_until_the_faults_are_cleared(world: World) -> None:
    world.orders.throttle(times=0)
    for service, call in (("emr", "list_clusters"), ("ec2", "describe_vpcs"), ("emr", "list_clusters")):
        with pytest.raises(ClientError):
            getattr(world.aws(service), call)()
    world.orders.clear_faults()
    world.aws("emr").list_clusters()


def test_a_lost_reply_is_of_a_call_that_was_carried_out(world: World) -> None:
    world.orders.lose_reply("RunJobFlow")
    request = world.request()
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        world.aws("emr").run_job_flow(**request)
    assert request["Name"] in names(world)


def test_an_error_comes_instead_of_the_call_with_its_code_message_and_status(world: World) -> None:
    world.orders.api_error("RunJobFlow", "AccessDeniedException", message="not you", status=403, times=2)
    request = world.request()
    for left in (1, 0):
        with pytest.raises(ClientError) as error:
            world.aws("emr").run_job_flow(**request)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
        assert error.value.response["Error"]["Message"] == "not you"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert [each["times"] for each in world.orders.status()["faults"]] == [left][:left]
    assert request["Name"] not in names(world)


def test_operations_of_s3_go_by_their_names_though_the_wire_has_none(world: World) -> None:
    s3, key = world.aws("s3"), unique("key")
    world.orders.api_error("PutObject", "AccessDenied", status=403)
    world.orders.api_error("ListObjectsV2", "NoSuchBucket", status=404)
    s3.list_buckets()
    s3.list_objects(Bucket="acme-artifacts")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="acme-artifacts", Key=key, Body=b"1")
    s3.put_object(Bucket="acme-artifacts", Key=key, Body=b"1")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="acme-artifacts")
    assert s3.get_object(Bucket="acme-artifacts", Key=key)["Body"].read() == b"1"


def test_a_wrong_name_of_an_operation_is_refused_with_the_right_one(world: World) -> None:
    with pytest.raises(UsageError, match="RunJobFlow"):
        world.orders.throttle("RunJobflow")
    with pytest.raises(UsageError, match="write it as AWS does"):
        world.orders.lose_reply("Explode")
    with pytest.raises(UsageError, match="needs a code"):
        world.orders.api_error("RunJobFlow", "")
    with pytest.raises(UsageError, match="400 to 599"):
        world.orders.api_error("RunJobFlow", "Fine", status=200)
    assert world.orders.status()["faults"] == []


def test_a_fault_strikes_route_53_by_the_names_of_its_operations(world: World) -> None:
    route53 = world.aws("route53")
    zone = route53.create_hosted_zone(Name=f"{unique('z')}.internal", CallerReference=unique("c"))["HostedZone"]["Id"]
    assert zone.startswith("/hostedzone/Z")
    world.orders.throttle("ListResourceRecordSets")
    assert route53.get_hosted_zone(Id=zone)["HostedZone"]["Id"] == zone
    with pytest.raises(ClientError, match="Throttling"):
        route53.list_resource_record_sets(HostedZoneId=zone)
    assert len(route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]) == 2
