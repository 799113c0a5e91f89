"""What provisioning needs of the account: the parts of a Network Load Balancer, as text under ELBv2's names."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from emr_dr.aws import tags as our_tags
from emr_dr.aws.ec2 import SubnetFacts, Subnets
from emr_dr.aws.errors import NotFoundError
from emr_dr.aws.names import Route53Names
from emr_dr.aws.rules import Ec2Rules

if TYPE_CHECKING:
    from emr_dr.aws.session import Session

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing
Fields = Mapping[str, str]

_NUMBERS = frozenset({
    "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "Port",
    "UnhealthyThresholdCount",
})  # fmt: skip
_TARGET_GROUP_FIELDS = (
    "Protocol", "Port", "TargetType", "VpcId", "HealthCheckProtocol", "HealthCheckPort", "HealthCheckPath",
    "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundResource:
    """A resource as it is in the account: ARN, fields with attributes among them, tags."""

    id: str
    fields: Fields
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """A target of a target group, in ELBv2's words."""

    address: str
    port: int
    health: str
    reason: str


class AwsAccount:
    """The account as provisioning sees it (`emr_dr.provision.account.Account`, which this follows in shape)."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.elbv2()
        self._subnets = Subnets(session)
        self.rules = Ec2Rules(session)
        self.names = Route53Names(session)

    async def subnets(self, ids: Collection[str]) -> Mapping[str, SubnetFacts]:
        """Where each of these subnets lies; NotFoundError if one does not exist."""
        return await self._subnets.describe(ids)

    async def load_balancer(self, name: str) -> FoundResource | None:
        """The load balancer of this name, of whatever type and owner."""
        found = await self._one("DescribeLoadBalancers", "LoadBalancers", Names=[name])
        if found is None:
            return None
        arn: str = found["LoadBalancerArn"]
        attributes = await self._call("DescribeLoadBalancerAttributes", LoadBalancerArn=arn)
        zones = found.get("AvailabilityZones") or ()
        fields = {
            "Type": found.get("Type") or "",
            "Scheme": found.get("Scheme") or "",
            "VpcId": found.get("VpcId") or "",
            "DNSName": found.get("DNSName") or "",
            "CanonicalHostedZoneId": found.get("CanonicalHostedZoneId") or "",
            "Subnets": _joined(zone.get("SubnetId") or "" for zone in zones),
            "SecurityGroups": _joined(found.get("SecurityGroups") or ()),
            **our_tags.as_mapping(attributes.get("Attributes") or ()),
        }
        return FoundResource(arn, fields, await self._tags(arn))

    async def target_group(self, name: str) -> FoundResource | None:
        """The target group of this name, whoever owns it."""
        found = await self._one("DescribeTargetGroups", "TargetGroups", Names=[name])
        if found is None:
            return None
        arn: str = found["TargetGroupArn"]
        attributes = await self._call("DescribeTargetGroupAttributes", TargetGroupArn=arn)
        fields = {
            **{field: str(found[field]) for field in _TARGET_GROUP_FIELDS if found.get(field) is not None},
            "Matcher": (found.get("Matcher") or {}).get("HttpCode") or "",
            **our_tags.as_mapping(attributes.get("Attributes") or ()),
        }
        return FoundResource(arn, fields, await self._tags(arn))

    async def listeners(self, load_balancer: str) -> Mapping[str, FoundResource]:
        """The listeners of a load balancer by port, over all pages."""
        found: list[Json] = []
        marker: dict[str, str] = {}
        while True:
            page = await self._call("DescribeListeners", LoadBalancerArn=load_balancer, **marker)
            found.extend(page.get("Listeners") or ())
            if not page.get("NextMarker"):
                break
            marker = {"Marker": page["NextMarker"]}
        return {
            str(each["Port"]): FoundResource(
                each["ListenerArn"],
                {
                    "Protocol": each.get("Protocol") or "",
                    "Port": str(each["Port"]),
                    "TargetGroup": _joined(_target_groups(each.get("DefaultActions") or ())),
                },
                await self._tags(each["ListenerArn"]),
            )
            for each in found
        }

    async def targets(self, target_group: str) -> Sequence[FoundTarget]:
        """Every target of a target group; none where it has gone."""
        try:
            answer = await self._call("DescribeTargetHealth", TargetGroupArn=target_group)
        except NotFoundError:
            return ()
        return [_target(each) for each in answer.get("TargetHealthDescriptions") or ()]

    async def create_load_balancer(self, name: str, fields: Fields, tags: Mapping[str, str]) -> str:
        """Make it and return its ARN. AWS answers the same for the same request again."""
        request: dict[str, object] = {
            "Name": name,
            "Type": fields["Type"],
            "Scheme": fields["Scheme"],
            "Subnets": fields["Subnets"].split(","),
            "Tags": our_tags.as_list(tags),
        }
        if fields.get("SecurityGroups"):
            request["SecurityGroups"] = fields["SecurityGroups"].split(",")
        return str((await self._made("CreateLoadBalancer", "LoadBalancers", request))["LoadBalancerArn"])

    async def create_target_group(self, name: str, fields: Fields, tags: Mapping[str, str]) -> str:
        """Make it and return its ARN. AWS answers the same for the same request again."""
        request = {"Name": name, **_typed(fields), "Tags": our_tags.as_list(tags)}
        return str((await self._made("CreateTargetGroup", "TargetGroups", request))["TargetGroupArn"])

    async def create_listener(self, load_balancer: str, fields: Fields, tags: Mapping[str, str]) -> str:
        """Make it and return its ARN."""
        action = await self._forwarding(fields["TargetGroup"])
        request = {
            "LoadBalancerArn": load_balancer,
            "Protocol": fields["Protocol"],
            "Port": int(fields["Port"]),
            "DefaultActions": [action],
            "Tags": our_tags.as_list(tags),
        }
        return str((await self._made("CreateListener", "Listeners", request))["ListenerArn"])

    async def change_load_balancer(self, arn: str, fields: Fields) -> None:
        """Set subnets, security groups and attributes; each kind with a call of its own."""
        if "Subnets" in fields:
            await self._call("SetSubnets", LoadBalancerArn=arn, Subnets=fields["Subnets"].split(","))
        if "SecurityGroups" in fields:
            groups = fields["SecurityGroups"].split(",")
            await self._call("SetSecurityGroups", LoadBalancerArn=arn, SecurityGroups=groups)
        if attributes := _attributes(fields):
            await self._call("ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=attributes)

    async def change_target_group(self, arn: str, fields: Fields) -> None:
        """Set health check fields and attributes; each kind with a call of its own."""
        if plain := {name: value for name, value in fields.items() if "." not in name}:
            await self._call("ModifyTargetGroup", TargetGroupArn=arn, **_typed(plain))
        if attributes := _attributes(fields):
            await self._call("ModifyTargetGroupAttributes", TargetGroupArn=arn, Attributes=attributes)

    async def change_listener(self, arn: str, fields: Fields) -> None:
        """Set protocol, port or target group."""
        request: dict[str, object] = {name: value for name, value in _typed(fields).items() if name != "TargetGroup"}
        if "TargetGroup" in fields:
            request["DefaultActions"] = [await self._forwarding(fields["TargetGroup"])]
        await self._call("ModifyListener", ListenerArn=arn, **request)

    async def add_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add these tags, or give them these values."""
        await self._call("AddTags", ResourceArns=[arn], Tags=our_tags.as_list(tags))

    async def delete_load_balancer(self, arn: str) -> None:
        """Delete it with its listeners; may be repeated."""
        await self._delete("DeleteLoadBalancer", LoadBalancerArn=arn)

    async def delete_target_group(self, arn: str) -> None:
        """Delete it with its targets; may be repeated. ConflictError while a listener uses it."""
        await self._delete("DeleteTargetGroup", TargetGroupArn=arn)

    async def delete_listener(self, arn: str) -> None:
        """Delete it; may be repeated."""
        await self._delete("DeleteListener", ListenerArn=arn)

    async def _delete(self, operation: str, **request: object) -> None:
        with suppress(NotFoundError):  # then it has gone
            await self._call(operation, **request)

    async def _forwarding(self, target_group: str) -> Json:
        found = await self._one("DescribeTargetGroups", "TargetGroups", Names=[target_group])
        if found is None:
            raise NotFoundError("does not exist", where=f"target group {target_group}", remedy="apply again")
        return {"Type": "forward", "TargetGroupArn": found["TargetGroupArn"]}

    async def _tags(self, arn: str) -> Mapping[str, str]:
        answer = await self._call("DescribeTags", ResourceArns=[arn])
        return our_tags.as_mapping(
            tag for each in answer.get("TagDescriptions") or () for tag in each.get("Tags") or ()
        )

    async def _one(self, operation: str, key: str, **request: object) -> Json | None:
        try:
            answer = await self._call(operation, **request)
        except NotFoundError:
            return None
        return next(iter(answer.get(key) or ()), None)

    async def _made(self, operation: str, key: str, request: Mapping[str, object]) -> Json:
        made: Json = (await self._call(operation, **request))[key][0]
        return made

    async def _call(self, operation: str, **request: object) -> Json:
        return await self._session.call("ELBv2", operation, lambda: self._send(operation, request))

    def _send(self, operation: str, request: Mapping[str, object]) -> Json:
        # By name, for text fields become parameters here; botocore checks them against its model of the API.
        answer: Json = getattr(self._client, xform_name(operation))(**request)
        return answer


def _target(described: Json) -> FoundTarget:
    target, health = described.get("Target") or {}, described.get("TargetHealth") or {}
    state, reason = health.get("State") or "", health.get("Reason") or ""
    return FoundTarget(target.get("Id") or "", target.get("Port") or 0, state, reason)


def _typed(fields: Fields) -> dict[str, object]:
    request: dict[str, object] = {
        name: int(value) if name in _NUMBERS else value for name, value in fields.items() if name != "Matcher"
    }
    if "Matcher" in fields:
        request["Matcher"] = {"HttpCode": fields["Matcher"]}
    return request


def _attributes(fields: Fields) -> list[dict[str, str]]:
    return our_tags.as_list({name: value for name, value in fields.items() if "." in name})


def _target_groups(actions: Sequence[Json]) -> list[str]:
    arns = {action["TargetGroupArn"] for action in actions if action.get("TargetGroupArn")}
    for action in actions:
        arns |= {each["TargetGroupArn"] for each in (action.get("ForwardConfig") or {}).get("TargetGroups") or ()}
    # arn:aws:elasticloadbalancing:region:account:targetgroup/NAME/ID
    return [arn.split("/")[1] for arn in arns if arn.count("/") > 1]


def _joined(values: Iterable[str]) -> str:
    return ",".join(sorted(value for value in values if value))
