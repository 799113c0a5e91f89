"""The balancer that a spec declares: its resources, and for each field why it is as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from emr_dr.errors import UsageError
from emr_dr.provision.account import Subnet
from emr_dr.spec import Spec
from emr_dr.spec.address import Balancer, Service
from emr_dr.spec.cluster import OWN_TAG_PREFIX

OWNER_TAG = f"{OWN_TAG_PREFIX}group"
"""Tag that says whose a resource is; what does not carry it with our group's name is never changed."""
SERVICE_TAG = f"{OWN_TAG_PREFIX}service"

_GATEWAY = "gateway"
# 24 characters of a group's name and these fit into the 32 of a target group's (ELBv2 API, CreateTargetGroup).
_SUFFIXES = {"livy": "livy", "resource-manager": "rm", "name-node": "nn", _GATEWAY: "gateway"}
# As deep as our own checks: a balancer that is content with less contradicts them, and nothing is ever replaced.
_HEALTH_PATHS = {
    "livy": "/batches?size=1",
    "resource-manager": "/ws/v1/cluster/info",
    "name-node": "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus",
}


GATEWAY_HEALTH = "/gateway/health"
_LEAVING_SECONDS = "30"
_ANEW = "delete its listener and the group, and apply again"


class Kind(StrEnum):
    """The kinds of resources, in the order in which they are made."""

    BALANCER = "balancer"
    TARGET_GROUP = "target group"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field: its value, why it is so, and, where AWS cannot change it in place, what to do instead."""

    value: str
    why: str
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared resource. A listener's name is its balancer's and its port."""

    kind: Kind
    name: str
    fields: Mapping[str, Field]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Gateways:
    """What the balancer's targets are in mode gateway: whoever runs gateways registers them, and `apply` none.

    Attributes:
        port: On which they listen.
        scheme: How the balancer asks for their health.
        groups: Their own security groups; empty if somebody else sees to it that they are let in at the members.
        reaches: The members' services that they ask.
    """

    port: int
    scheme: str
    groups: tuple[str, ...]
    reaches: Mapping[str, Service]


@dataclass(frozen=True, slots=True)
class DesiredBalancer:
    """What a spec declares, before anybody asked AWS where its subnets lie.

    Attributes:
        doors: The security groups of primary nodes, the one that rules of ours are added to first; empty if somebody
            else sees to it that the balancer, or the gateways, are let in.
        gateways: What its targets are instead of the members; None in mode direct.
    """

    group: str
    balancer: Balancer
    services: Mapping[str, Service]
    placements: tuple[str, ...]
    doors: tuple[str, ...] = ()
    gateways: Gateways | None = None

    @property
    def subnets(self) -> tuple[str, ...]:
        """Every subnet whose place has to be known."""
        return tuple(dict.fromkeys((*self.balancer.subnets, *self.placements)))

    def resources(self, subnets: Mapping[str, Subnet]) -> tuple[Resource, ...]:
        """Return every resource, in the order in which they are made.

        Raises:
            UsageError: The subnets do not go together.
        """
        self._check(subnets)
        vpc = subnets[self.balancer.subnets[0]].vpc
        return (
            self._balancer(vpc),
            *(self._target_group(name, service, vpc) for name, service in self.services.items()),
            *(self._listener(name, service) for name, service in self.services.items()),
        )

    def _check(self, subnets: Mapping[str, Subnet]) -> None:
        where = "address.balancer.subnets"
        vpcs = {subnets[each].vpc for each in self.subnets}
        if len(vpcs) > 1:
            what = f"balancer and placements lie in several VPCs: {', '.join(sorted(vpcs))}"
            raise UsageError(what, where=where, remedy="choose subnets of one VPC: a target must be in the balancer's")
        zones = [subnets[each].az for each in self.balancer.subnets]
        if len(set(zones)) < len(zones):
            what = f"two subnets lie in one AZ ({', '.join(zones)})"
            raise UsageError(what, where=where, remedy="a balancer takes one subnet an AZ: remove one")
        for placement in self.placements if self.gateways is None else ():
            if (az := subnets[placement].az) not in zones:
                # It would be accepted and never served: unused, Target.NotInUse (ELBv2 API, TargetHealth.Reason).
                what = f"none of them lies in {az}, where placement {placement} is"
                raise UsageError(what, where=where, remedy=f"add a subnet of {az}: others' targets get no traffic")

    def _balancer(self, vpc: str) -> Resource:
        anew = "delete it and apply again, or give the balancer another name"
        fields = {
            "Type": Field("network", "TCP and a fixed address, as Livy's clients need", anew),
            "Scheme": Field(self.balancer.scheme, "declared: address.balancer.scheme", anew),
            "VpcId": Field(vpc, "the VPC of the declared subnets", anew),
            "Subnets": Field(_joined(self.balancer.subnets), "declared: address.balancer.subnets"),
            "SecurityGroups": Field(
                _joined(self.balancer.security_groups), "declared: address.balancer.security_groups"
            ),
            "load_balancing.cross_zone.enabled": Field(
                "true", "clients of every AZ must reach the member, whatever AZ it is in"
            ),
        }
        return Resource(Kind.BALANCER, self.balancer.name, fields, {OWNER_TAG: self.group})

    def leads_to(self, service: str) -> str:
        """Return the name of the target group to which a service's listener leads."""
        return target_group_name(self.group, service if self.gateways is None else _GATEWAY)

    def _target_group(self, name: str, service: Service, vpc: str) -> Resource:
        tags = {OWNER_TAG: self.group, SERVICE_TAG: name if self.gateways is None else _GATEWAY}
        own = self._of_members(service) if self.gateways is None else self._of_gateways(self.gateways)
        fields = dict(self._target_fields(vpc)) | dict(own) | dict(self._health_fields(name, service))
        return Resource(Kind.TARGET_GROUP, self.leads_to(name), fields, tags)

    def _target_fields(self, vpc: str) -> Iterator[tuple[str, Field]]:
        yield "Protocol", Field("TCP", "the balancer passes connections through", _ANEW)
        yield "VpcId", Field(vpc, "the VPC of the declared subnets", _ANEW)
        yield (
            "target_health_state.unhealthy.connection_termination.enabled",
            Field("true", "clients of a dead service must be cut loose"),
        )
        sticky, declared = self.balancer.stickiness, "declared: address.balancer.stickiness"
        yield "stickiness.enabled", Field("true" if sticky else "false", declared)
        if sticky:
            yield "stickiness.type", Field(sticky, declared)

    def _of_members(self, service: Service) -> Iterator[tuple[str, Field]]:
        yield "Port", Field(str(service.port), "declared: the service's port", _ANEW)
        yield "TargetType", Field("ip", "members are registered by their primary's address", _ANEW)
        yield "deregistration_delay.timeout_seconds", Field("0", "a member that was taken out must be out at once")
        cut = "clients of a member that was taken out must be cut loose"
        yield "deregistration_delay.connection_termination.enabled", Field("true", cut)
        loop = "a job on the primary may call Livy through the balancer; with its own address kept that hangs"
        yield "preserve_client_ip.enabled", Field("false", loop)

    def _of_gateways(self, gateways: Gateways) -> Iterator[tuple[str, Field]]:
        yield "Port", Field(str(gateways.port), "declared: gateway.port, else Livy's", _ANEW)
        yield "TargetType", Field("ip", "gateways are registered by their own address, as Fargate does", _ANEW)
        answered = "a gateway that was taken out answers what it was asked before"
        yield "deregistration_delay.timeout_seconds", Field(_LEAVING_SECONDS, answered)
        cut = "then its clients must be cut loose: any other gateway knows their batches"
        yield "deregistration_delay.connection_termination.enabled", Field("true", cut)
        source = "gateways have to let in the balancer alone"
        yield "preserve_client_ip.enabled", Field("false", source)

    def _health_fields(self, name: str, service: Service) -> Iterator[tuple[str, Field]]:
        """Yield how the balancer checks a service: what we ask ourselves, where it can.

        It takes any certificate, even one that has expired, but a service that speaks TLS 1.3 alone fails its check
        (NLB guide, health checks). It cannot sign in: with credentials declared it takes 401 for health, which tells
        that something answers, and no more. A wrong password of ours is then contradicted by it and costs no member.
        """
        check, declared = self.balancer.health_check, "declared: address.balancer.health_check"
        anew = "AWS changes it for no TCP group: delete its listener and the group, and apply again"
        path, who = (service.path or "").rstrip("/") + _HEALTH_PATHS[name], name
        scheme, asked = str(service.scheme), service.credentials is not None
        if self.gateways is not None:
            path, who, scheme, asked = GATEWAY_HEALTH, _GATEWAY, self.gateways.scheme, False
        yield "HealthCheckProtocol", Field(scheme.upper(), "an open port alone proves nothing", anew)
        yield "HealthCheckPort", Field("traffic-port", "what is checked is what is served")
        yield "HealthCheckPath", Field(path, f"answered only by a {who} that works")
        yield "HealthCheckIntervalSeconds", Field(f"{check.interval:.0f}", declared)
        yield "HealthCheckTimeoutSeconds", Field(f"{check.timeout:.0f}", declared)
        yield "HealthyThresholdCount", Field(str(check.healthy), declared)
        yield "UnhealthyThresholdCount", Field(str(check.unhealthy), declared)
        if not asked:
            yield "Matcher", Field("200", "anything else is no good answer, a redirect to somebody else included")
        else:
            yield "Matcher", Field("200,401", "the balancer cannot sign in, and being asked to is a sign of life")

    def _listener(self, name: str, service: Service) -> Resource:
        fields = {
            "Protocol": Field("TCP", "the balancer passes connections through"),
            "Port": Field(str(service.port), "clients use the service's own port"),
            "TargetGroup": Field(self.leads_to(name), f"where {name} is served"),
        }
        tags = {OWNER_TAG: self.group, SERVICE_TAG: name}
        return Resource(Kind.LISTENER, f"{self.balancer.name}:{service.port}", fields, tags)


def desired_balancer(spec: Spec) -> DesiredBalancer:
    """Return the balancer that a spec declares."""
    placements = tuple(each.subnet for each in spec.placements)
    groups = spec.cluster.security_groups
    doors = (groups.primary, *groups.additional_primary) if spec.address.balancer.admit else ()
    return DesiredBalancer(spec.group, spec.address.balancer, spec.routed(), placements, doors, _gateways(spec))


def _gateways(spec: Spec) -> Gateways | None:
    if not spec.by_gateway:
        return None
    gateway = spec.gateway
    port = spec.services.livy.port if gateway.port is None else gateway.port
    scheme = "http" if gateway.tls is None else "https"
    return Gateways(port, scheme, gateway.security_groups, spec.services.declared())


def target_group_names(spec: Spec) -> dict[str, str]:
    """Return the name of the target group of each service that has one, by service."""
    return {service: desired_balancer(spec).leads_to(service) for service in spec.routed()}


def every_target_group_name(group: str) -> tuple[str, ...]:
    """Return the names of all target groups that a spec of this group can have declared."""
    return tuple(target_group_name(group, service) for service in _SUFFIXES)


def target_group_name(group: str, service: str) -> str:
    """Return the name of one service's target group."""
    return f"{group}-{_SUFFIXES[service]}"


def _joined(values: tuple[str, ...]) -> str:
    return ",".join(sorted(values))
