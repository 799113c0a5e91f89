"""The attributes of network load balancers, target groups and listeners: names, defaults, allowed values.

Source: the service model of ELBv2 (descriptions of TargetGroupAttribute, LoadBalancerAttribute, ListenerAttribute).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emr_dr.lab.aws.protocol import AwsError, JsonObject


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its default and which values AWS takes."""

    default: str
    allows: Callable[[str], bool]


def _flag(default: str = "false") -> Attribute:
    return Attribute(default, lambda value: value in ("true", "false"))


def _one_of(default: str, *others: str) -> Attribute:
    return Attribute(default, lambda value: value in (default, *others))


def _number(default: str, low: int, high: int, *words: str) -> Attribute:
    return Attribute(default, lambda value: value in words or (value.isdecimal() and low <= int(value) <= high))


def _text() -> Attribute:
    return Attribute("", lambda _: True)


_MANY = 1000

TARGET_GROUP: Mapping[str, Attribute] = {
    "deregistration_delay.timeout_seconds": _number("300", 0, 3600),
    "deregistration_delay.connection_termination.enabled": _flag(),
    "stickiness.enabled": _flag(),
    "stickiness.type": _one_of("source_ip"),
    "preserve_client_ip.enabled": _flag(),
    "proxy_protocol_v2.enabled": _flag(),
    "load_balancing.cross_zone.enabled": _one_of("use_load_balancer_configuration", "true", "false"),
    "target_group_health.dns_failover.minimum_healthy_targets.count": _number("1", 1, _MANY, "off"),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": _number("off", 1, 100, "off"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": _number("1", 1, _MANY),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": _number("off", 1, 100, "off"),
    "target_health_state.unhealthy.connection_termination.enabled": _flag("true"),
    "target_health_state.unhealthy.draining_interval_seconds": _number("0", 0, 360_000),
}
"""For TCP groups of IP targets."""

LOAD_BALANCER: Mapping[str, Attribute] = {
    "access_logs.s3.enabled": _flag(),
    "access_logs.s3.bucket": _text(),
    "access_logs.s3.prefix": _text(),
    "deletion_protection.enabled": _flag(),
    "load_balancing.cross_zone.enabled": _flag(),
    "ipv6.deny_all_igw_traffic": _flag(),
    "zonal_shift.config.enabled": _flag(),
    "dns_record.client_routing_policy": _one_of(
        "any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity"
    ),
    "secondary_ips.auto_assigned.per_subnet": _number("0", 0, 7),
}

LISTENER: Mapping[str, Attribute] = {"tcp.idle_timeout.seconds": _number("350", 60, 6000)}


def defaults(table: Mapping[str, Attribute]) -> dict[str, str]:
    """Return a new resource's attributes."""
    return {name: each.default for name, each in table.items()}


def changed(table: Mapping[str, Attribute], current: Mapping[str, str], asked: list[JsonObject]) -> dict[str, str]:
    """Return the attributes after a Modify…Attributes call; nothing is changed if one of them is refused.

    Raises:
        AwsError: an unknown key, or a value that AWS does not take.
    """
    result = dict(current)
    for each in asked:
        key, value = each.get("Key", ""), each.get("Value", "")
        if key not in table:
            raise AwsError("ValidationError", f"The provided attribute key '{key}' is not recognized")
        if not table[key].allows(value):
            raise AwsError("ValidationError", f"'{value}' is not a valid value for attribute '{key}'")
        result[key] = value
    interval = "target_health_state.unhealthy.draining_interval_seconds"
    cutting = "target_health_state.unhealthy.connection_termination.enabled"
    if result.get(cutting) == "true" and result.get(interval, "0") != "0":
        raise AwsError("ValidationError", f"'{interval}' can only be configured when '{cutting}' is false")
    return result


def shown(attributes: Mapping[str, str]) -> list[JsonObject]:
    """Return attributes as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in attributes.items()]
