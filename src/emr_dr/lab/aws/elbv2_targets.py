"""The ELBv2 API for target groups and targets: one method an operation."""

import ipaddress
import re
from collections.abc import Callable

from emr_dr.errors import UsageError
from emr_dr.lab.aws import elbv2_attributes as attributes
from emr_dr.lab.aws.elbv2_model import Registration, TargetGroup, codes, new_arn
from emr_dr.lab.aws.elbv2_state import Balancing, not_found, tags_of
from emr_dr.lab.aws.protocol import AwsError, JsonObject, Operations

_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_CHECK_FIELDS = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckPath",
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)


def valid_name(name: str) -> str:
    """Return a balancer's or group's name.

    Raises:
        AwsError: not 1 to 32 letters, digits and hyphens, or a hyphen at an end.
    """
    if not _NAME.fullmatch(name):
        raise AwsError("ValidationError", f"The name '{name}' must be 1-32 letters, digits and inner hyphens")
    return name


class TargetOperations:
    """The operations on target groups, over the state that `Elbv2` shares."""

    def __init__(self, state: Balancing, vpc_exists: Callable[[str], bool]) -> None:
        self._state = state
        self._vpc_exists = vpc_exists
        self.operations: Operations = {
            "CreateTargetGroup": self._create,
            "DescribeTargetGroups": self._describe,
            "ModifyTargetGroup": self._modify,
            "DeleteTargetGroup": self._delete,
            "ModifyTargetGroupAttributes": self._modify_attributes,
            "DescribeTargetGroupAttributes": self._describe_attributes,
            "RegisterTargets": self._register,
            "DeregisterTargets": self._deregister,
            "DescribeTargetHealth": self._describe_health,
        }

    def _create(self, asked: JsonObject) -> JsonObject:
        wanted = self._wanted(asked)
        same_name = [each for each in self._state.groups.values() if each.name == wanted.name]
        if same_name:
            if _settings(same_name[0]) != _settings(wanted):
                raise AwsError(
                    "DuplicateTargetGroupName",
                    f"A target group with the same name '{wanted.name}' exists, but with different settings",
                )
            return {"TargetGroups": [self._shown(same_name[0])]}
        self._state.groups[wanted.arn] = wanted
        self._state.tags[wanted.arn] = tags_of(asked)
        return {"TargetGroups": [self._shown(wanted)]}

    def _wanted(self, asked: JsonObject) -> TargetGroup:
        name = valid_name(asked["Name"])
        if asked.get("Protocol") != "TCP" or asked.get("TargetType") != "ip" or not asked.get("Port"):
            raise AwsError("InvalidConfigurationRequest", "The lab's groups need Protocol=TCP, TargetType=ip, Port")
        if not asked.get("VpcId") or not self._vpc_exists(asked["VpcId"]):
            raise AwsError("ValidationError", f"The VPC ID '{asked.get('VpcId')}' is not found")
        return TargetGroup(
            arn=new_arn(f"targetgroup/{name}"),
            name=name,
            protocol="TCP",
            port=asked["Port"],
            vpc=asked["VpcId"],
            ip_address_type=asked.get("IpAddressType") or "ipv4",
            settings=_complete_check({field: asked[field] for field in _CHECK_FIELDS if asked.get(field) is not None}),
        )

    def _shown(self, group: TargetGroup) -> JsonObject:
        balancer = self._state.balancer_of(group)
        return {
            "TargetGroupArn": group.arn,
            "TargetGroupName": group.name,
            "Protocol": group.protocol,
            "Port": group.port,
            "VpcId": group.vpc,
            **group.settings,
            "LoadBalancerArns": [balancer.arn] if balancer else [],
            "TargetType": "ip",
            "IpAddressType": group.ip_address_type,
        }

    def _group(self, arn: str) -> TargetGroup:
        if arn not in self._state.groups:
            raise not_found("TargetGroup", arn)
        return self._state.groups[arn]

    def _describe(self, asked: JsonObject) -> JsonObject:
        arns, names, balancer_arn = (asked.get(key) for key in ("TargetGroupArns", "Names", "LoadBalancerArn"))
        found = list(self._state.groups.values())
        if arns:
            found = [self._group(arn) for arn in arns]
        if names:
            found = [each for each in found if each.name in names]
            if len(found) < len(set(names)):
                raise not_found("TargetGroup", names)
        if balancer_arn:
            balancer = self._state.load_balancer(balancer_arn)
            found = [each for each in found if self._state.balancer_of(each) is balancer]
        return {"TargetGroups": [self._shown(each) for each in found]}

    def _modify(self, asked: JsonObject) -> JsonObject:
        group = self._group(asked["TargetGroupArn"])
        changes = {field: asked[field] for field in _CHECK_FIELDS if asked.get(field) is not None}
        group.settings = _complete_check({**group.settings, **changes})
        self._state.publish()
        return {"TargetGroups": [self._shown(group)]}

    def _delete(self, asked: JsonObject) -> JsonObject:
        """Delete a group that no listener uses; one that does not exist is deleted already."""
        group = self._state.groups.get(asked["TargetGroupArn"])
        if group is None:
            return {}
        if self._state.balancer_of(group) is not None:
            raise AwsError("ResourceInUse", f"Target group '{group.arn}' is currently in use by a listener or a rule")
        del self._state.groups[group.arn]
        self._state.tags.pop(group.arn, None)
        return {}

    def _modify_attributes(self, asked: JsonObject) -> JsonObject:
        group = self._group(asked["TargetGroupArn"])
        group.attributes = attributes.changed(attributes.TARGET_GROUP, group.attributes, asked["Attributes"])
        self._state.publish()
        return {"Attributes": attributes.shown(group.attributes)}

    def _describe_attributes(self, asked: JsonObject) -> JsonObject:
        return {"Attributes": attributes.shown(self._group(asked["TargetGroupArn"]).attributes)}

    def _register(self, asked: JsonObject) -> JsonObject:
        """Register all or, if one is refused, none. A target that drains is registered anew; others stay."""
        group = self._group(asked["TargetGroupArn"])
        keys = [_key(group, each) for each in asked["Targets"]]
        for address, _ in keys:
            self._check_address(group, address)
        effective = self._state.clock() + self._state.times.balancer_propagation
        for address, port in keys:
            known = group.targets.get((address, port))
            if known is None or known.drains_from is not None:
                zone = self._state.addresses.zone_of(address)
                group.targets[address, port] = Registration(address, port, zone, effective)
        self._state.publish()
        return {}

    def _check_address(self, group: TargetGroup, address: str) -> None:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise AwsError("ValidationError", f"The IP address '{address}' is not a valid IPv4 address") from error
        if not self._state.addresses.contains(address):
            raise AwsError(
                "InvalidTarget", f"The IP address '{address}' is not within the CIDR blocks of VPC '{group.vpc}'"
            )

    def _deregister(self, asked: JsonObject) -> JsonObject:
        """Begin to drain; without a port the group's own is meant. An unknown target is no error, as AWS documents."""
        group = self._group(asked["TargetGroupArn"])
        now = self._state.clock()
        drains_from = now + self._state.times.balancer_propagation
        delay = float(group.attributes["deregistration_delay.timeout_seconds"])
        in_use = self._state.balancer_of(group) is not None
        for each in asked["Targets"]:
            target = group.targets.get(_key(group, each))
            if target is not None and target.drains_from is None:
                target.drains_from = drains_from if in_use else now
                target.gone_at = drains_from + delay if in_use else now
        self._state.publish()
        return {}

    def _describe_health(self, asked: JsonObject) -> JsonObject:
        group = self._group(asked["TargetGroupArn"])
        self._state.publish()  # a target whose delay has just ended is gone
        keys = [_key(group, each) for each in asked.get("Targets") or []] or list(group.targets)
        return {"TargetHealthDescriptions": [self._health(group, key) for key in keys]}

    def _health(self, group: TargetGroup, key: tuple[str, int]) -> JsonObject:
        target = group.targets.get(key)
        port = group.settings["HealthCheckPort"]
        if target is None:
            text = "Target is not registered to the target group"
            health = {"State": "unused", "Reason": "Target.NotRegistered", "Description": text}
        else:
            health = self._state.target_health(group, target)
        zone = target.zone if target else None
        return {
            "Target": {"Id": key[0], "Port": key[1], **({"AvailabilityZone": zone} if zone else {})},
            "HealthCheckPort": str(key[1]) if port == "traffic-port" else port,
            "TargetHealth": health,
        }


class NamedTargets:
    """Targets by their group's name, for whoever acts for AWS: no fault of calls strikes them."""

    def __init__(self, state: Balancing) -> None:
        self._state = state
        self._operations = TargetOperations(state, lambda _: True).operations

    def register(self, target_group: str, address: str, port: int) -> None:
        """Make an address a target; safe to repeat.

        Raises:
            UsageError: There is no such target group.
        """
        self._ask("RegisterTargets", target_group, address, port)

    def deregister(self, target_group: str, address: str, port: int) -> None:
        """Take it out; a no-op where it is none, or the group has gone."""
        if self._find(target_group) is not None:
            self._ask("DeregisterTargets", target_group, address, port)

    def health(self, target_group: str, address: str, port: int) -> str:
        """Return ELBv2's word for a target's state; empty if it is none."""
        with self._state.lock:
            group = self._find(target_group)
            target = group.targets.get((address, port)) if group is not None else None
            if group is None or target is None:
                return ""
            return str(self._state.target_health(group, target)["State"])

    def _ask(self, operation: str, name: str, address: str, port: int) -> None:
        with self._state.lock:
            group = self._find(name)
            if group is None:
                raise UsageError("there is no such target group", where=name, remedy="`emr-dr apply` makes it")
            self._operations[operation]({"TargetGroupArn": group.arn, "Targets": [{"Id": address, "Port": port}]})

    def _find(self, name: str) -> TargetGroup | None:
        with self._state.lock:
            return next((each for each in self._state.groups.values() if each.name == name), None)


def _key(group: TargetGroup, target: JsonObject) -> tuple[str, int]:
    return target["Id"], int(target.get("Port") or group.port)


def _settings(group: TargetGroup) -> tuple[object, ...]:
    return group.protocol, group.port, group.vpc, group.ip_address_type, group.settings


def _complete_check(asked: JsonObject) -> JsonObject:
    """Fill in NLB's defaults and refuse what AWS refuses beyond the model's ranges."""
    protocol = asked.get("HealthCheckProtocol") or "TCP"
    if protocol not in ("TCP", "HTTP", "HTTPS"):
        raise AwsError("InvalidConfigurationRequest", f"Health check protocol '{protocol}' is not supported")
    over_http = protocol != "TCP"
    if not over_http and (asked.get("HealthCheckPath") or asked.get("Matcher")):
        raise AwsError("InvalidConfigurationRequest", "Health check path and matcher need protocol HTTP or HTTPS")
    complete: JsonObject = {
        "HealthCheckProtocol": protocol,
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 6 if protocol == "HTTP" else 10,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        **({"HealthCheckPath": "/", "Matcher": {"HttpCode": "200-399"}} if over_http else {}),
        **asked,
    }
    _refuse_bad_check(complete)
    return complete


def _refuse_bad_check(check: JsonObject) -> None:
    if not check["HealthCheckEnabled"]:
        raise AwsError("InvalidConfigurationRequest", "Health checks cannot be disabled for IP targets")
    if check["HealthCheckTimeoutSeconds"] >= check["HealthCheckIntervalSeconds"]:
        raise AwsError("ValidationError", "Health check interval must be greater than the timeout.")
    port = check["HealthCheckPort"]
    if port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):  # noqa: PLR2004  TCP's range
        raise AwsError("ValidationError", f"Health check port '{port}' must be 'traffic-port' or 1-65535")
    if check.get("HealthCheckPath", "/")[:1] != "/":
        raise AwsError("ValidationError", "Health check path must begin with a '/' character")
    codes((check.get("Matcher") or {}).get("HttpCode", "200-399"))
