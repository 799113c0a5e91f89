"""What the lab's ELBv2 remembers: balancers, listeners, target groups and their targets over time."""

import itertools
import secrets
from dataclasses import dataclass, field

from emr_dr.lab import world
from emr_dr.lab.aws import elbv2_attributes as attributes
from emr_dr.lab.aws.protocol import AwsError, JsonObject
from emr_dr.lab.balancer import Group, HealthCheck, Target

_serials = itertools.count(1)


def new_arn(kind: str) -> str:
    """Return an ARN such as `…:targetgroup/NAME/0123456789abcdef` for kind `targetgroup/NAME`."""
    return f"arn:aws:elasticloadbalancing:{world.REGION}:{world.ACCOUNT_ID}:{kind}/{secrets.token_hex(8)}"


@dataclass(slots=True)
class LoadBalancer:
    """A network load balancer; `created` in seconds of the lab's clock."""

    arn: str
    name: str
    scheme: str
    ip_address_type: str
    vpc: str
    zones: dict[str, str]
    """Enabled AZ to the subnet in it."""
    security_groups: list[str]
    address: str
    """Its one address, which is also its DNS name: an IP literal needs no resolver."""
    created: float
    attributes: dict[str, str] = field(default_factory=lambda: attributes.defaults(attributes.LOAD_BALANCER))
    network_interfaces: dict[str, str] = field(default_factory=dict)
    """Subnet to the id of the interface in it; it stays as long as the subnet is enabled, and so does its address."""


@dataclass(slots=True)
class ListenerRecord:
    """A listener and the one group it forwards to."""

    arn: str
    load_balancer_arn: str
    protocol: str
    port: int
    target_group_arn: str
    attributes: dict[str, str] = field(default_factory=lambda: attributes.defaults(attributes.LISTENER))


@dataclass(slots=True)
class Registration:
    """A target from registration to the end of its draining; times in seconds of the lab's clock."""

    address: str
    port: int
    zone: str | None
    effective: float
    """When the registration has reached the balancer."""
    drains_from: float | None = None
    """When the deregistration has reached the balancer."""
    gone_at: float | None = None
    """The end of the deregistration delay."""
    serial: int = field(default_factory=lambda: next(_serials))


@dataclass(slots=True)
class TargetGroup:
    """A target group of IP targets."""

    arn: str
    name: str
    protocol: str
    port: int
    vpc: str
    ip_address_type: str
    settings: JsonObject
    """The health check's fields, complete, as the API shows them."""
    attributes: dict[str, str] = field(default_factory=lambda: attributes.defaults(attributes.TARGET_GROUP))
    targets: dict[tuple[str, int], Registration] = field(default_factory=dict)

    def is_on(self, attribute: str) -> bool:
        """Say whether a true/false attribute is true."""
        return self.attributes[attribute] == "true"

    def health_check(self, speed: float) -> HealthCheck:
        """Return the check as the data plane wants it, `speed` times faster than it is shown."""
        port = self.settings["HealthCheckPort"]
        return HealthCheck(
            protocol=self.settings["HealthCheckProtocol"],
            port=None if port == "traffic-port" else int(port),
            path=self.settings.get("HealthCheckPath") or "/",
            codes=codes((self.settings.get("Matcher") or {}).get("HttpCode", "200-399")),
            interval=self.settings["HealthCheckIntervalSeconds"] / speed,
            timeout=self.settings["HealthCheckTimeoutSeconds"] / speed,
            healthy_threshold=int(self.settings["HealthyThresholdCount"]),
            unhealthy_threshold=int(self.settings["UnhealthyThresholdCount"]),
        )

    def in_effect(self, zones: dict[str, str], now: float, check_speed: float) -> Group:
        """Return the group as the data plane sees it now: what has propagated, in the balancer's enabled AZs."""
        delay = "deregistration_delay.connection_termination.enabled"
        return Group(
            arn=self.arn,
            check=self.health_check(check_speed),
            targets=tuple(
                Target(each.serial, each.address, each.port, draining=_draining(each, now))
                for each in self.targets.values()
                if now >= each.effective and each.zone in zones
            ),
            stickiness=self.is_on("stickiness.enabled"),
            cut_deregistered=self.is_on(delay),
            cut_unhealthy=self.is_on("target_health_state.unhealthy.connection_termination.enabled"),
        )


def _draining(registration: Registration, now: float) -> bool:
    return registration.drains_from is not None and now >= registration.drains_from


def codes(matcher: str) -> tuple[tuple[int, int], ...]:
    """Read a matcher such as `200-399` or `200,301` into inclusive ranges.

    Raises:
        AwsError: it is not of that form, or outside 200-599.
    """
    ranges = []
    for part in matcher.split(","):
        low, _, high = part.partition("-")
        if not low.isdecimal() or not (high or low).isdecimal():
            raise AwsError("ValidationError", f"HTTP code matcher '{matcher}' is not valid")
        pair = int(low), int(high or low)
        if not 200 <= pair[0] <= pair[1] <= 599:  # noqa: PLR2004  AWS's range
            raise AwsError("ValidationError", f"HTTP code matcher '{matcher}' must be within 200-599")
        ranges.append(pair)
    return tuple(ranges)
