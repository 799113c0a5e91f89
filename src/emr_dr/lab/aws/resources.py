"""Create what a lab's account starts with, through the AWS API like any user."""

import json
from typing import Any

import botocore.session
from botocore.config import Config

from emr_dr.lab import world

_MANAGED = "for-use-with-amazon-emr-managed-policies"
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
# Name, and the ports that it opens to the whole VPC (None: all).
_GROUPS: dict[str, tuple[int, ...] | None] = {
    "primary": (8998, 8088, 9870, 18080),
    "core": None,
    "service_access": (9443,),
    "balancer": (8998, 8088, 9870),
}


def client(service: str, endpoint: str, **config: Any) -> Any:  # noqa: ANN401  botocore's clients are generated
    """Return a client for the lab with the lab's credentials, whatever the environment says; `config` is botocore's."""
    return botocore.session.get_session().create_client(
        service,
        region_name=world.REGION,
        endpoint_url=endpoint,
        aws_access_key_id=world.ACCESS_KEY_ID,
        aws_secret_access_key=world.SECRET_ACCESS_KEY,
        config=_CONFIG.merge(Config(**config)),
    )


def create_resources(endpoint: str, addresses: world.Addresses) -> world.Resources:
    """Create VPC, subnets, security groups, roles and buckets. Not to be repeated on one account."""
    ec2 = client("ec2", endpoint)
    _delete_default_network(ec2)
    vpc = _network(ec2, addresses)
    subnets = {zone: _subnet(ec2, vpc, zone, addresses.subnet_cidr(zone)) for zone in world.ZONES}
    groups = {name: _security_group(ec2, vpc, name, ports, addresses) for name, ports in _GROUPS.items()}
    _roles(client("iam", endpoint))
    s3 = client("s3", endpoint)
    for bucket in world.BUCKETS:
        s3.create_bucket(Bucket=bucket)
    return world.Resources(
        vpc=vpc,
        subnets=subnets,
        security_groups=groups,
        buckets=world.BUCKETS,
        service_role=world.SERVICE_ROLES[-1],
        instance_role=world.INSTANCE_ROLES[0],
    )


def _tags(kind: str, name: str) -> list[dict[str, Any]]:
    tags = [{"Key": "Name", "Value": f"lab-{name}"}, {"Key": _MANAGED, "Value": "true"}]
    return [{"ResourceType": kind, "Tags": tags}]


def _delete_default_network(ec2: Any) -> None:  # noqa: ANN401
    """Delete moto's default VPC: its subnets are no loopback ranges, so nothing could run there."""
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        ec2.delete_vpc(VpcId=vpc["VpcId"])


def _network(ec2: Any, addresses: world.Addresses) -> str:  # noqa: ANN401
    made = ec2.create_vpc(CidrBlock=addresses.vpc_cidr, TagSpecifications=_tags("vpc", "vpc"))
    return str(made["Vpc"]["VpcId"])


def _subnet(ec2: Any, vpc: str, zone: str, cidr: str) -> str:  # noqa: ANN401
    tags = _tags("subnet", zone)
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=tags)
    return str(made["Subnet"]["SubnetId"])


def _security_group(
    ec2: Any,  # noqa: ANN401
    vpc: str,
    name: str,
    ports: tuple[int, ...] | None,
    addresses: world.Addresses,
) -> str:
    made = ec2.create_security_group(
        GroupName=f"lab-{name.replace('_', '-')}",
        Description=f"the lab's {name.replace('_', ' ')} group",
        VpcId=vpc,
        TagSpecifications=_tags("security-group", name),
    )
    group = str(made["GroupId"])
    source = {"IpRanges": [{"CidrIp": addresses.vpc_cidr}]}
    rules = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source} for port in ports or ()]
    rules = rules or [{"IpProtocol": "-1", **source}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    return group


def _roles(iam: Any) -> None:  # noqa: ANN401
    for name, service in [(each, "elasticmapreduce") for each in world.SERVICE_ROLES] + [
        (each, "ec2") for each in world.INSTANCE_ROLES
    ]:
        principal = {"Service": f"{service}.amazonaws.com"}
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)
    for name in world.INSTANCE_ROLES:
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
