"""ELBv2's API, as boto3 sees it, and traffic through a balancer to a cluster."""

import http.client
import ipaddress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.lab_world import World, eventually, unique


def refused(operation: Any, **parameters: Any) -> str:  # noqa: ANN401
    with pytest.raises(ClientError) as error:
        operation(**parameters)
    return str(error.value.response["Error"]["Code"])


def attributes(described: Any) -> dict[str, str]:  # noqa: ANN401
    return {each["Key"]: each["Value"] for each in described["Attributes"]}


def get(host: str, port: int, path: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_traffic_reaches_a_registered_cluster_by_the_balancers_dns_name(world: World) -> None:
    address = world.address(world.launch())
    balancer, group = world.balancer(), world.target_group(HealthCheckProtocol="HTTP", HealthCheckPath="/sessions")
    world.listen(balancer, group)
    world.aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": address}])
    eventually(lambda: world.health(group)[f"{address}:8998"] == ("healthy", None))
    assert get(balancer["DNSName"], 8998, "/version") == 200


def test_a_balancer_looks_like_a_network_balancer(world: World) -> None:
    groups = [world.lab.resources.security_groups["balancer"]]
    balancer = world.balancer(SecurityGroups=groups)
    name = balancer["LoadBalancerName"]
    assert f":loadbalancer/net/{name}/" in balancer["LoadBalancerArn"]
    assert ipaddress.ip_address(balancer["DNSName"]) in ipaddress.ip_network(world.lab.addresses.vpc_cidr)
    assert balancer["DNSName"] != world.balancer()["DNSName"]
    path = balancer["LoadBalancerArn"].partition("loadbalancer/")[2]
    filters = [{"Name": "description", "Values": [f"ELB {path}"]}]
    interfaces = world.aws("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert sorted(each["AvailabilityZone"] for each in interfaces) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert interfaces[0]["Groups"][0]["GroupId"] == groups[0]


def test_a_subnet_that_stays_enabled_keeps_its_interface_and_address(world: World) -> None:
    subnets = list(world.lab.resources.subnets.values())
    balancer = world.balancer(Subnets=subnets[:2])
    text = f"ELB {balancer['LoadBalancerArn'].partition('loadbalancer/')[2]}"

    def interfaces() -> dict[str, str]:
        filters = [{"Name": "description", "Values": [text]}]
        found = world.aws("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return {each["SubnetId"]: each["PrivateIpAddress"] for each in found}

    before = interfaces()
    assert before.keys() == set(subnets[:2])
    world.aws("elbv2").set_subnets(LoadBalancerArn=balancer["LoadBalancerArn"], Subnets=subnets[1:])
    after = interfaces()
    assert after.keys() == set(subnets[1:])
    assert after[subnets[1]] == before[subnets[1]]


def test_the_same_name_gives_the_same_balancer_or_an_error(world: World) -> None:
    balancer = world.balancer()
    name, subnets = balancer["LoadBalancerName"], world.lab.resources.subnets
    assert world.balancer(Name=name)["LoadBalancerArn"] == balancer["LoadBalancerArn"]
    create = world.aws("elbv2").create_load_balancer
    one = [subnets["us-east-1a"]]
    assert refused(create, Name=name, Type="network", Subnets=one) == "DuplicateLoadBalancerName"
    assert refused(create, Name=unique("n"), Type="network", Subnets=["subnet-0"]) == "SubnetNotFound"
    assert refused(create, Name="-bad", Type="network", Subnets=one) == "ValidationError"
    assert refused(create, Name=unique("n"), Type="network", Subnets=one, SecurityGroups=["sg-0"]) == (
        "InvalidSecurityGroup"
    )


def test_a_new_balancer_is_provisioning_and_does_not_listen(world: World) -> None:
    state = world.lab.account.balancing
    original = state.times
    state.times = type(original)(balancer_provisioning=120, health_check_speed=50)
    try:
        balancer, group = world.balancer(), world.target_group()
        world.listen(balancer, group)
        assert balancer["State"]["Code"] == "provisioning"
        with pytest.raises(ConnectionRefusedError):
            get(balancer["DNSName"], 8998, "/")
        world.clock.skip(121)
        arn = balancer["LoadBalancerArn"]
        described = world.aws("elbv2").describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        assert described[0]["State"]["Code"] == "active"
    finally:
        state.times = original


def test_deletion_protection_is_enforced(world: World) -> None:
    elb = world.aws("elbv2")
    arn = world.balancer()["LoadBalancerArn"]
    key = "deletion_protection.enabled"
    assert attributes(elb.describe_load_balancer_attributes(LoadBalancerArn=arn))[key] == "false"
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "true"}])
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "false"}])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert refused(elb.describe_load_balancers, LoadBalancerArns=[arn]) == "LoadBalancerNotFound"


def test_security_groups_can_be_set_only_on_a_balancer_made_with_some(world: World) -> None:
    groups = world.lab.resources.security_groups
    set_groups = world.aws("elbv2").set_security_groups
    without = world.balancer()["LoadBalancerArn"]
    error = refused(set_groups, LoadBalancerArn=without, SecurityGroups=[groups["balancer"]])
    assert error == "InvalidConfigurationRequest"
    made_with = world.balancer(SecurityGroups=[groups["balancer"]])["LoadBalancerArn"]
    changed = set_groups(LoadBalancerArn=made_with, SecurityGroups=[groups["primary"]])
    assert changed["SecurityGroupIds"] == [groups["primary"]]


def test_target_group_attributes_have_nlbs_defaults_and_are_checked(world: World) -> None:
    elb, group = world.aws("elbv2"), world.target_group()
    found = attributes(elb.describe_target_group_attributes(TargetGroupArn=group))
    assert found["deregistration_delay.timeout_seconds"] == "300"
    assert found["deregistration_delay.connection_termination.enabled"] == "false"
    assert found["target_health_state.unhealthy.connection_termination.enabled"] == "true"
    assert found["load_balancing.cross_zone.enabled"] == "use_load_balancer_configuration"
    modify = elb.modify_target_group_attributes
    for key, value in [
        ("deregistration_delay.timeout_second", "5"),
        ("deregistration_delay.timeout_seconds", "3601"),
        ("stickiness.type", "lb_cookie"),
        ("stickiness.enabled", "yes"),
        ("target_health_state.unhealthy.draining_interval_seconds", "10"),
    ]:
        asked = [{"Key": key, "Value": value}]
        assert refused(modify, TargetGroupArn=group, Attributes=asked) == "ValidationError"
    modify(TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    changed = attributes(elb.describe_target_group_attributes(TargetGroupArn=group))
    assert changed == found | {"deregistration_delay.timeout_seconds": "5"}


@pytest.mark.parametrize(
    "settings",
    [
        {"HealthCheckIntervalSeconds": 4},
        {"HealthCheckIntervalSeconds": 301},
        {"HealthCheckTimeoutSeconds": 1},
        {"HealthCheckTimeoutSeconds": 5},
        {"HealthyThresholdCount": 1},
        {"UnhealthyThresholdCount": 11},
        {"HealthCheckProtocol": "HTTP", "HealthCheckPath": "sessions"},
        {"HealthCheckProtocol": "HTTP", "Matcher": {"HttpCode": "abc"}},
        {"HealthCheckPath": "/sessions"},
        {"VpcId": "vpc-0"},
        {"Name": "under_score"},
    ],
)
def test_a_target_group_that_aws_would_refuse_is_refused(world: World, settings: dict[str, object]) -> None:
    with pytest.raises(ClientError) as error:
        world.target_group(**settings)
    assert error.value.response["Error"]["Code"] in ("ValidationError", "InvalidConfigurationRequest")


def test_the_same_group_name_gives_the_same_group_or_an_error(world: World) -> None:
    name = unique("tg")
    first = world.target_group(Name=name)
    assert world.target_group(Name=name) == first
    with pytest.raises(ClientError, match="DuplicateTargetGroupName"):
        world.target_group(Name=name, Port=1)


def test_a_group_in_use_cannot_be_deleted_and_a_port_is_listened_on_once(world: World) -> None:
    elb = world.aws("elbv2")
    balancer, group, other = world.balancer(), world.target_group(), world.target_group()
    listener = world.listen(balancer, group)
    with pytest.raises(ClientError, match="DuplicateListener"):
        world.listen(balancer, other)
    with pytest.raises(ClientError, match="TargetGroupAssociationLimit"):
        world.listen(world.balancer(), group)
    assert refused(elb.delete_target_group, TargetGroupArn=group) == "ResourceInUse"
    elb.modify_listener(ListenerArn=listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": other}])
    elb.delete_target_group(TargetGroupArn=group)
    used = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
    assert [each["TargetGroupArn"] for each in used] == [other]
    elb.delete_listener(ListenerArn=listener)
    assert elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"] == []


def test_targets_are_told_apart_by_port_and_must_lie_in_the_vpc(world: World) -> None:
    elb, group = world.aws("elbv2"), world.target_group()
    address = world.lab.addresses.balancers()
    inside = next(address).replace(".200.", ".1.")
    targets = [{"Id": inside, "Port": 1}, {"Id": inside, "Port": 2}]
    elb.register_targets(TargetGroupArn=group, Targets=targets)
    assert set(world.health(group)) == {f"{inside}:1", f"{inside}:2"}
    for outside in ("10.0.0.1", "127.0.0.1"):
        assert refused(elb.register_targets, TargetGroupArn=group, Targets=[{"Id": outside}]) == "InvalidTarget"
    assert refused(elb.register_targets, TargetGroupArn=group, Targets=[{"Id": "i-123"}]) == "ValidationError"
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": inside, "Port": 3}])
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": inside, "Port": 1}])
    assert set(world.health(group)) == {f"{inside}:2"}


def test_an_unused_target_says_why(world: World) -> None:
    elb, subnets = world.aws("elbv2"), world.lab.resources.subnets
    group = world.target_group()
    in_a, in_b = (next(world.lab.addresses.hosts(zone)) for zone in ("us-east-1a", "us-east-1b"))
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": in_a}, {"Id": in_b}])
    assert set(world.health(group).values()) == {("unused", "Target.NotInUse")}
    world.listen(world.balancer(Subnets=[subnets["us-east-1a"]]), group)
    assert world.health(group)[f"{in_b}:8998"] == ("unused", "Target.NotInUse")
    assert world.health(group)[f"{in_a}:8998"][0] != "unused"
    asked = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": in_a, "Port": 9}])
    assert asked["TargetHealthDescriptions"][0]["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_a_deregistered_target_drains_for_the_delay_and_starts_anew_when_it_is_registered_again(world: World) -> None:
    elb, group = world.aws("elbv2"), world.target_group()
    address = world.address(world.launch())
    key, target = f"{address}:8998", [{"Id": address}]
    balancer = world.balancer()
    world.listen(balancer, group)
    elb.register_targets(TargetGroupArn=group, Targets=target)
    eventually(lambda: world.health(group)[key][0] == "healthy")
    elb.deregister_targets(TargetGroupArn=group, Targets=target)
    assert world.health(group)[key] == ("draining", "Target.DeregistrationInProgress")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        get(balancer["DNSName"], 8998, "/version")
    world.clock.skip(290)
    assert world.health(group)[key][0] == "draining"
    elb.register_targets(TargetGroupArn=group, Targets=target)
    eventually(lambda: world.health(group)[key][0] == "healthy")
    elb.deregister_targets(TargetGroupArn=group, Targets=target)
    world.clock.skip(301)
    assert world.health(group) == {}


def test_registration_takes_as_long_as_it_is_told_to_propagate(world: World) -> None:
    state = world.lab.account.balancing
    original = state.times
    state.times = type(original)(balancer_propagation=60, health_check_speed=50)
    try:
        group, address = world.target_group(), world.address(world.launch())
        world.listen(world.balancer(), group)
        world.aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": address}])
        assert world.health(group)[f"{address}:8998"] == ("initial", "Elb.RegistrationInProgress")
        world.clock.skip(61)
        eventually(lambda: world.health(group)[f"{address}:8998"] == ("healthy", None))
    finally:
        state.times = original


def test_tags_are_kept_on_balancers_groups_and_listeners(world: World) -> None:
    elb = world.aws("elbv2")
    tags = [{"Key": "emr-dr:group", "Value": "etl"}]
    balancer, group = world.balancer(Tags=tags), world.target_group(Tags=tags)
    listener = world.listen(balancer, group)
    elb.add_tags(ResourceArns=[listener, group], Tags=[{"Key": "more", "Value": "1"}])
    elb.remove_tags(ResourceArns=[group], TagKeys=["emr-dr:group"])
    arns = [balancer["LoadBalancerArn"], group, listener]
    described = elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
    found = {each["ResourceArn"]: [tag["Key"] for tag in each["Tags"]] for each in described}
    assert [found[arn] for arn in arns] == [["emr-dr:group"], ["more"], ["more"]]
    assert refused(elb.describe_tags, ResourceArns=[group + "0"]) == "TargetGroupNotFound"
