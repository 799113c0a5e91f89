"""What provisioning needs of EC2: security groups' rules, and the network interfaces of a balancer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emr_dr.aws import tags as our_tags
from emr_dr.aws.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, IpPermissionTypeDef

    from emr_dr.aws.session import Session

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing


@dataclass(frozen=True, slots=True)
class FoundRule:
    """A rule that lets somebody in."""

    id: str
    group: str
    protocol: str
    ports: tuple[int, int]
    source: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundInterface:
    """A balancer's network interface."""

    subnet: str
    addresses: tuple[str, ...]


class Ec2Rules:
    """The account's rules as provisioning sees them (`emr_dr.provision.account.Rules`, which this follows in shape)."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.ec2()

    async def owners(self, groups: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """The tags of these security groups; NotFoundError if one does not exist."""
        ids = list(dict.fromkeys(groups))
        try:
            answer: Json = await self._session.call(
                "EC2", "DescribeSecurityGroups", lambda: self._client.describe_security_groups(GroupIds=ids)
            )
        except RefusedError as error:
            if not error.code.startswith("InvalidGroup"):
                raise
            raise self._unknown(ids) from error
        found = {each["GroupId"]: our_tags.as_mapping(each.get("Tags") or ()) for each in answer["SecurityGroups"]}
        if missing := [each for each in ids if each not in found]:
            raise self._unknown(missing)
        return found

    async def ingress(self, groups: Collection[str]) -> Sequence[FoundRule]:
        """Every rule of these groups that lets somebody in."""
        return await self._rules({"Name": "group-id", "Values": sorted(set(groups))})

    async def tagged(self, key: str, value: str) -> Sequence[FoundRule]:
        """Every rule in the region that lets somebody in and carries this tag."""
        return await self._rules({"Name": f"tag:{key}", "Values": [value]})

    async def interfaces(self, load_balancer: str) -> Sequence[FoundInterface]:
        """The interfaces of a balancer, known by what ELB writes into their description (`ELB net/NAME/ID`)."""
        text = f"ELB {load_balancer.partition('loadbalancer/')[2]}"
        found: list[Json] = await self._pages(
            "DescribeNetworkInterfaces",
            "NetworkInterfaces",
            lambda **more: self._client.describe_network_interfaces(
                Filters=[{"Name": "description", "Values": [text]}], **more
            ),
        )
        return [FoundInterface(each.get("SubnetId") or "", _addresses(each)) for each in found]

    async def admit(self, group: str, port: int, source: str, tags: Mapping[str, str], text: str) -> None:
        """Let a source in at a TCP port, by a rule made with its tags; may be repeated."""
        permission: IpPermissionTypeDef = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        if source.startswith("sg-"):
            permission["UserIdGroupPairs"] = [{"GroupId": source, "Description": text}]
        else:
            permission["IpRanges"] = [{"CidrIp": source, "Description": text}]
        try:
            await self._session.call(
                "EC2",
                "AuthorizeSecurityGroupIngress",
                lambda: self._client.authorize_security_group_ingress(
                    GroupId=group,
                    IpPermissions=[permission],
                    TagSpecifications=[
                        {
                            "ResourceType": "security-group-rule",
                            "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
                        }
                    ],
                ),
            )
        except RefusedError as error:
            if error.code != "InvalidPermission.Duplicate":  # then it is there: made meanwhile, or not shown before
                raise

    async def revoke(self, group: str, rule: str) -> None:
        """Take a rule away; may be repeated."""
        try:
            await self._session.call(
                "EC2",
                "RevokeSecurityGroupIngress",
                lambda: self._client.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule]),
            )
        except RefusedError as error:
            if not error.code.startswith(("InvalidSecurityGroupRuleId", "InvalidPermission.NotFound", "InvalidGroup")):
                raise

    async def _rules(self, wanted: "FilterTypeDef") -> Sequence[FoundRule]:
        found = await self._pages(
            "DescribeSecurityGroupRules",
            "SecurityGroupRules",
            lambda **more: self._client.describe_security_group_rules(Filters=[wanted], **more),
        )
        return [_rule(each) for each in found if not each.get("IsEgress")]

    async def _pages(self, operation: str, key: str, send: Callable[..., Any]) -> list[Json]:
        found: list[Json] = []
        more: dict[str, str] = {}
        while True:
            page: Json = await self._session.call("EC2", operation, _bound(send, more))
            found.extend(page.get(key) or ())
            if not page.get("NextToken"):
                return found
            more = {"NextToken": page["NextToken"]}

    def _unknown(self, ids: Collection[str]) -> NotFoundError:
        what = f"not all of these security groups exist in {self._session.region}: {', '.join(ids)}"
        remedy = "correct cluster.security_groups or region in the spec"
        return NotFoundError(what, where="EC2 DescribeSecurityGroups", remedy=remedy)


def _bound(send: Callable[..., Any], more: Mapping[str, str]) -> Callable[[], Json]:
    def request() -> Json:
        answer: Json = send(**more)
        return answer

    return request


def _addresses(interface: Json) -> tuple[str, ...]:
    listed = [each.get("PrivateIpAddress") for each in interface.get("PrivateIpAddresses") or ()]
    return tuple(dict.fromkeys(each for each in (interface.get("PrivateIpAddress"), *listed) if each))


def _rule(found: Json) -> FoundRule:
    referenced: Json = found.get("ReferencedGroupInfo") or {}
    source = (
        found.get("CidrIpv4") or found.get("CidrIpv6") or referenced.get("GroupId") or found.get("PrefixListId") or ""
    )
    return FoundRule(
        id=found["SecurityGroupRuleId"],
        group=found.get("GroupId") or "",
        protocol=str(found.get("IpProtocol") or ""),
        ports=(int(found.get("FromPort", -1)), int(found.get("ToPort", -1))),
        source=source,
        tags=our_tags.as_mapping(found.get("Tags") or ()),
    )
