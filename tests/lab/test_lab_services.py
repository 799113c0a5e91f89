"""The rest of the lab's AWS: EC2's network, S3 with its files, IAM, faults on API calls."""

import http.client
import json
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from emr_dr.lab import world as plan
from lab.lab_world import World, unique


def test_the_network_is_three_zones_of_loopback_with_tagged_groups(world: World) -> None:
    ec2, resources = world.aws("ec2"), world.lab.resources
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [each["ZoneName"] for each in zones] == list(plan.ZONES)
    subnets = ec2.describe_subnets()["Subnets"]
    assert {each["AvailabilityZone"]: each["SubnetId"] for each in subnets} == resources.subnets
    assert all(each["CidrBlock"].startswith(f"127.{world.lab.addresses.octet}.") for each in subnets)
    assert [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]] == [resources.vpc]
    group = ec2.describe_security_groups(GroupIds=[resources.security_groups["primary"]])["SecurityGroups"][0]
    assert {"for-use-with-amazon-emr-managed-policies"} <= {tag["Key"] for tag in group["Tags"]}
    assert 8998 in {rule["FromPort"] for rule in group["IpPermissions"]}
    ec2.create_tags(Resources=[group["GroupId"]], Tags=[{"Key": "x", "Value": "y"}])
    filters = [{"Name": "tag:x", "Values": ["y"]}]
    assert len(ec2.describe_security_groups(Filters=filters)["SecurityGroups"]) == 1


def test_instances_are_found_by_filter(world: World) -> None:
    cluster = world.launch("us-east-1c")
    filters = [
        {"Name": "tag:aws:elasticmapreduce:job-flow-id", "Values": [cluster]},
        {"Name": "tag:aws:elasticmapreduce:instance-group-role", "Values": ["MASTER"]},
    ]
    found = world.aws("ec2").describe_instances(Filters=filters)["Reservations"]
    assert [each["Instances"][0]["PrivateIpAddress"] for each in found] == [world.address(cluster)]
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        world.aws("ec2").describe_instances(InstanceIds=["i-00000000000000000"])


def test_objects_are_files_too_until_they_are_deleted(world: World) -> None:
    s3, root = world.aws("s3"), world.lab.directory / "s3" / "acme-artifacts"
    s3.put_object(Bucket="acme-artifacts", Key="emr-dr/a b/proof.py", Body=b"print(1)")
    assert (root / "emr-dr" / "a b" / "proof.py").read_bytes() == b"print(1)"
    assert s3.get_object(Bucket="acme-artifacts", Key="emr-dr/a b/proof.py")["Body"].read() == b"print(1)"
    s3.put_object(Bucket="acme-artifacts", Key="other", Body=b"2")
    s3.put_object(Bucket="acme-artifacts", Key="../outside", Body=b"3")
    assert not (root.parent / "outside").exists()
    s3.delete_object(Bucket="acme-artifacts", Key="emr-dr/a b/proof.py")
    assert not (root / "emr-dr" / "a b" / "proof.py").exists()
    s3.delete_objects(Bucket="acme-artifacts", Delete={"Objects": [{"Key": "other"}]})
    assert not (root / "other").exists()


def test_a_conditional_write_is_refused_as_on_aws(world: World) -> None:
    s3, key = world.aws("s3"), unique("lease")
    s3.put_object(Bucket="acme-artifacts", Key=key, Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="acme-artifacts", Key=key, Body=b"2", IfNoneMatch="*")


def test_the_roles_exist(world: World) -> None:
    iam = world.aws("iam")
    for role in (*plan.SERVICE_ROLES, *plan.INSTANCE_ROLES):
        assert iam.get_role(RoleName=role)["Role"]["RoleName"] == role


@pytest.mark.parametrize(
    ("service", "scope", "operation", "call"),
    [
        ("emr", "elasticmapreduce", "ListClusters", "list_clusters"),
        ("elbv2", "elasticloadbalancing", "DescribeLoadBalancers", "describe_load_balancers"),
        ("ec2", "ec2", "DescribeVpcs", "describe_vpcs"),
        ("s3", "s3", "GET", "list_buckets"),
    ],
)
def test_a_call_is_throttled_as_often_as_the_rule_says(
    world: World, service: str, scope: str, operation: str, call: str
) -> None:
    rule = {"service": scope, "operation": operation, "code": "ThrottlingException", "times": 2}
    world.orders.order("fault", api=rule)
    for _ in range(2):
        with pytest.raises(ClientError, match="ThrottlingException"):
            getattr(world.aws(service), call)()
    getattr(world.aws(service), call)()


def test_a_lost_reply_leaves_a_cluster_behind(world: World) -> None:
    rule = {"service": "elasticmapreduce", "operation": "RunJobFlow", "lose_reply": True}
    world.orders.order("fault", api=rule)
    request = world.request()
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        world.aws("emr").run_job_flow(**request)
    named = [each for each in world.aws("emr").list_clusters()["Clusters"] if each["Name"] == request["Name"]]
    assert len(named) == 1


def test_a_default_client_that_loses_a_reply_launches_twice(world: World) -> None:
    world.orders.order("fault", api={"operation": "RunJobFlow", "lose_reply": True})
    request = world.request()
    client: Any = botocore.session.get_session().create_client(
        "emr",
        region_name=plan.REGION,
        endpoint_url=world.lab.url,
        aws_access_key_id=plan.ACCESS_KEY_ID,
        aws_secret_access_key=plan.SECRET_ACCESS_KEY,
        config=Config(retries={"mode": "standard"}),
    )
    client.run_job_flow(**request)
    client.close()
    named = [each for each in world.aws("emr").list_clusters()["Clusters"] if each["Name"] == request["Name"]]
    assert len(named) == 2


def test_a_wrong_order_is_refused_with_what_is_right(world: World) -> None:
    connection = http.client.HTTPConnection(world.lab.url.removeprefix("http://"), timeout=5)
    connection.request("POST", "/_lab/kill-az", json.dumps({"zone": "mars"}))
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == 400
    assert "us-east-1a" in body["error"]
