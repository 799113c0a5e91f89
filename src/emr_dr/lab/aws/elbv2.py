"""The ELBv2 API: the operations on balancers and tags here, those on listeners and targets joined to them."""

import re
from typing import Protocol

from emr_dr.lab.aws import elbv2_attributes as attributes
from emr_dr.lab.aws.elbv2_listeners import ListenerOperations
from emr_dr.lab.aws.elbv2_model import LoadBalancer, new_arn
from emr_dr.lab.aws.elbv2_state import Balancing, not_found, tags_of
from emr_dr.lab.aws.elbv2_targets import TargetOperations, valid_name
from emr_dr.lab.aws.emr_describe import moment
from emr_dr.lab.aws.protocol import AwsError, JsonObject, Operations

_HOSTED_ZONE = "Z26RNL4JYFTOTI"
"""Route 53's zone of network load balancers in us-east-1."""


class Network(Protocol):
    """What ELBv2 asks of EC2."""

    def subnet_zone(self, subnet: str) -> str | None:
        """Return a subnet's AZ, None if there is no such subnet."""

    def vpc_of(self, subnet: str) -> str:
        """Return the VPC of a subnet that exists."""

    def vpc_exists(self, vpc: str) -> bool:
        """Say whether there is such a VPC."""

    def security_group_exists(self, group: str) -> bool:
        """Say whether there is such a security group."""

    def add_interface(self, subnet: str, description: str, groups: list[str]) -> str:
        """Create a network interface, as ELB does in each enabled subnet, and return its id."""

    def remove_interface(self, interface: str) -> None:
        """Delete one."""


class Elbv2:
    """ELBv2 of one region: network balancers with TCP listeners. Every operation raises AwsError as AWS would."""

    def __init__(self, state: Balancing, network: Network) -> None:
        self._state = state
        self._network = network
        self.operations: Operations = {
            "CreateLoadBalancer": self._create_load_balancer,
            "DescribeLoadBalancers": self._describe_load_balancers,
            "DeleteLoadBalancer": self._delete_load_balancer,
            "SetSecurityGroups": self._set_security_groups,
            "SetSubnets": self._set_subnets,
            "ModifyLoadBalancerAttributes": self._modify_load_balancer_attributes,
            "DescribeLoadBalancerAttributes": self._describe_load_balancer_attributes,
            "AddTags": self._add_tags,
            "RemoveTags": self._remove_tags,
            "DescribeTags": self._describe_tags,
            **ListenerOperations(state).operations,
            **TargetOperations(state, network.vpc_exists).operations,
        }

    def _create_load_balancer(self, asked: JsonObject) -> JsonObject:
        if asked.get("Type") != "network":
            raise AwsError("InvalidConfigurationRequest", "The lab has network load balancers only: Type=network")
        wanted = self._wanted(asked)
        same_name = [each for each in self._state.load_balancers.values() if each.name == wanted.name]
        if same_name:
            if _settings(same_name[0]) != _settings(wanted):
                raise AwsError(
                    "DuplicateLoadBalancerName",
                    f"A load balancer with the same name '{wanted.name}' exists, but with different settings",
                )
            return {"LoadBalancers": [self._shown(same_name[0])]}
        wanted.address = next(self._state.free_addresses)
        for subnet in wanted.zones.values():
            wanted.network_interfaces[subnet] = self._add_interface(wanted, subnet)
        self._state.load_balancers[wanted.arn] = wanted
        self._state.tags[wanted.arn] = tags_of(asked)
        return {"LoadBalancers": [self._shown(wanted)]}

    def _wanted(self, asked: JsonObject) -> LoadBalancer:
        name = valid_name(asked["Name"])
        if name.startswith("internal-"):
            raise AwsError("ValidationError", "A load balancer name cannot begin with 'internal-'")
        zones = self._zones(asked)
        groups = list(asked.get("SecurityGroups") or [])
        self._check_groups(groups)
        return LoadBalancer(
            arn=new_arn(f"loadbalancer/net/{name}"),
            name=name,
            scheme=asked.get("Scheme") or "internet-facing",
            ip_address_type=asked.get("IpAddressType") or "ipv4",
            vpc=self._network.vpc_of(next(iter(zones.values()))),
            zones=zones,
            security_groups=groups,
            address="",
            created=self._state.clock(),
        )

    def _zones(self, asked: JsonObject) -> dict[str, str]:
        subnets = list(asked.get("Subnets") or []) + [each["SubnetId"] for each in asked.get("SubnetMappings") or []]
        if not subnets:
            raise AwsError("ValidationError", "At least one subnet must be specified")
        zones: dict[str, str] = {}
        for subnet in subnets:
            zone = self._network.subnet_zone(subnet)
            if zone is None:
                raise AwsError("SubnetNotFound", f"The subnet ID '{subnet}' does not exist")
            if zone in zones:
                raise AwsError(
                    "InvalidConfigurationRequest",
                    "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
                )
            zones[zone] = subnet
        return zones

    def _check_groups(self, groups: list[str]) -> None:
        for group in groups:
            if not self._network.security_group_exists(group):
                raise AwsError("InvalidSecurityGroup", f"The security group '{group}' does not exist")

    def _add_interface(self, balancer: LoadBalancer, subnet: str) -> str:
        description = f"ELB {balancer.arn.partition('loadbalancer/')[2]}"
        return self._network.add_interface(subnet, description, balancer.security_groups)

    def _shown(self, balancer: LoadBalancer) -> JsonObject:
        return {
            "LoadBalancerArn": balancer.arn,
            "DNSName": balancer.address,
            "CanonicalHostedZoneId": _HOSTED_ZONE,
            "CreatedTime": moment(balancer.created),
            "LoadBalancerName": balancer.name,
            "Scheme": balancer.scheme,
            "VpcId": balancer.vpc,
            "State": {"Code": "active" if self._state.is_active(balancer) else "provisioning"},
            "Type": "network",
            "AvailabilityZones": [
                {"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []}
                for zone, subnet in balancer.zones.items()
            ],
            "SecurityGroups": balancer.security_groups,
            "IpAddressType": balancer.ip_address_type,
        }

    def _describe_load_balancers(self, asked: JsonObject) -> JsonObject:
        arns, names = asked.get("LoadBalancerArns"), asked.get("Names")
        balancers = list(self._state.load_balancers.values())
        if arns:
            balancers = [self._state.load_balancer(arn) for arn in arns]
        if names:
            balancers = [each for each in balancers if each.name in names]
            if len(balancers) < len(set(names)):
                raise not_found("LoadBalancer", names)
        return {"LoadBalancers": [self._shown(each) for each in balancers]}

    def _delete_load_balancer(self, asked: JsonObject) -> JsonObject:
        """Delete with all listeners; deleting what does not exist succeeds, as on AWS."""
        balancer = self._state.load_balancers.get(asked["LoadBalancerArn"])
        if balancer is None:
            return {}
        if balancer.attributes["deletion_protection.enabled"] == "true":
            raise AwsError(
                "OperationNotPermitted",
                f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
            )
        for arn in [each.arn for each in self._state.listeners.values() if each.load_balancer_arn == balancer.arn]:
            del self._state.listeners[arn]
        for interface in balancer.network_interfaces.values():
            self._network.remove_interface(interface)
        del self._state.load_balancers[balancer.arn]
        self._state.tags.pop(balancer.arn, None)
        self._state.publish()
        return {}

    def _set_security_groups(self, asked: JsonObject) -> JsonObject:
        balancer = self._state.load_balancer(asked["LoadBalancerArn"])
        if not balancer.security_groups:
            raise AwsError(
                "InvalidConfigurationRequest",
                "Security groups can be set only on a network load balancer that was created with security groups",
            )
        self._check_groups(asked["SecurityGroups"])
        balancer.security_groups = list(asked["SecurityGroups"])
        return {"SecurityGroupIds": balancer.security_groups}

    def _set_subnets(self, asked: JsonObject) -> JsonObject:
        balancer = self._state.load_balancer(asked["LoadBalancerArn"])
        zones = self._zones(asked)
        before = balancer.network_interfaces
        for left in before.keys() - zones.values():
            self._network.remove_interface(before[left])
        balancer.zones = zones
        balancer.network_interfaces = {
            subnet: before.get(subnet) or self._add_interface(balancer, subnet) for subnet in zones.values()
        }
        self._state.publish()
        return {"AvailabilityZones": self._shown(balancer)["AvailabilityZones"]}

    def _modify_load_balancer_attributes(self, asked: JsonObject) -> JsonObject:
        balancer = self._state.load_balancer(asked["LoadBalancerArn"])
        balancer.attributes = attributes.changed(attributes.LOAD_BALANCER, balancer.attributes, asked["Attributes"])
        return {"Attributes": attributes.shown(balancer.attributes)}

    def _describe_load_balancer_attributes(self, asked: JsonObject) -> JsonObject:
        return {"Attributes": attributes.shown(self._state.load_balancer(asked["LoadBalancerArn"]).attributes)}

    def _tagged(self, arn: str) -> dict[str, str]:
        if arn not in self._state.tags:
            kinds = {"loadbalancer": "LoadBalancer", "targetgroup": "TargetGroup", "listener": "Listener"}
            found = re.search(r":(loadbalancer|targetgroup|listener)/", arn)
            raise not_found(kinds[found.group(1)] if found else "LoadBalancer", arn)
        return self._state.tags[arn]

    def _add_tags(self, asked: JsonObject) -> JsonObject:
        resources = [self._tagged(arn) for arn in asked["ResourceArns"]]
        for tags in resources:
            tags.update(tags_of(asked))
        return {}

    def _remove_tags(self, asked: JsonObject) -> JsonObject:
        resources = [self._tagged(arn) for arn in asked["ResourceArns"]]
        for tags in resources:
            for key in asked["TagKeys"]:
                tags.pop(key, None)
        return {}

    def _describe_tags(self, asked: JsonObject) -> JsonObject:
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in self._tagged(arn).items()]}
                for arn in asked["ResourceArns"]
            ]
        }


def _settings(balancer: LoadBalancer) -> tuple[object, ...]:
    groups = sorted(balancer.security_groups)
    return balancer.scheme, balancer.ip_address_type, sorted(balancer.zones.values()), groups
