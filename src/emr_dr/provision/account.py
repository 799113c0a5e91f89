"""What provisioning needs of an AWS account: a Network Load Balancer's parts, and the rules that let it in.

Fields travel as text under the names that the ELBv2 API gives them (`Scheme`, `HealthCheckPath`, …; attributes under
their dotted keys); lists are sorted and joined by commas. A listener's `TargetGroup` is a target group's name.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

Fields = Mapping[str, str]
Tags = Mapping[str, str]


class Subnet(Protocol):
    """Where a subnet lies."""

    @property
    def vpc(self) -> str:
        """Id of its VPC."""

    @property
    def az(self) -> str:
        """Its Availability Zone, by name."""

    @property
    def cidr(self) -> str:
        """Its IPv4 range."""


class Found(Protocol):
    """A resource as it is in the account."""

    @property
    def id(self) -> str:
        """Its ARN."""

    @property
    def fields(self) -> Fields:
        """Every field it has, its attributes among them."""

    @property
    def tags(self) -> Tags:
        """Its tags."""


class Target(Protocol):
    """A target of a target group."""

    @property
    def address(self) -> str:
        """Its IP address."""

    @property
    def port(self) -> int:
        """On which it gets traffic."""

    @property
    def health(self) -> str:
        """ELBv2's word for its state."""

    @property
    def reason(self) -> str:
        """ELBv2's reason for that; empty if it is healthy."""


class Rule(Protocol):
    """A security-group rule that lets somebody in."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def group(self) -> str:
        """The security group it stands in."""

    @property
    def protocol(self) -> str:
        """`tcp`, another name, a number, or -1 for all."""

    @property
    def ports(self) -> tuple[int, int]:
        """From and to, both included; -1 where the protocol has none."""

    @property
    def source(self) -> str:
        """An IP range, a security group, or a prefix list."""

    @property
    def tags(self) -> Tags:
        """Its tags: a rule carries its own."""


class Interface(Protocol):
    """A network interface by which a balancer stands in a subnet."""

    @property
    def subnet(self) -> str:
        """Where."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its private addresses: as whom the balancer speaks to targets."""


class Rules(Protocol):
    """The rules of security groups. Every method raises only the tree of `emr_dr.errors` and may be repeated."""

    async def owners(self, groups: Collection[str]) -> Mapping[str, Tags]:
        """The tags of these security groups.

        Raises:
            PermanentError: One does not exist.
        """

    async def ingress(self, groups: Collection[str]) -> Sequence[Rule]:
        """Every rule of these groups that lets somebody in."""

    async def tagged(self, key: str, value: str) -> Sequence[Rule]:
        """Every rule in the region that lets somebody in and carries this tag, whatever group it stands in."""

    async def interfaces(self, load_balancer: str) -> Sequence[Interface]:
        """The interfaces of a balancer, given its ARN; a new one gets them while it is provisioned."""

    async def admit(self, group: str, port: int, source: str, tags: Tags, text: str) -> None:
        """Let a source (an IP range or a security group) in at a TCP port, by a rule made with its tags in one call."""

    async def revoke(self, group: str, rule: str) -> None:
        """Take a rule, given its id, away from a group; a no-op where it has gone."""


class Named(Protocol):
    """What there is at a DNS name."""

    @property
    def target(self) -> str:
        """Where its alias leads, without the dot at the end; empty if there is none."""

    @property
    def owner(self) -> str:
        """The group whose mark is beside it; empty if there is none."""

    @property
    def other(self) -> str:
        """What else answers for that name, in words; empty if nothing does."""


class Names(Protocol):
    """Hosted zones and their records. Every method raises only the tree of `emr_dr.errors` and may be repeated."""

    async def find(self, zone: str, name: str) -> Named:
        """What there is at a name.

        Raises:
            PermanentError: There is no such zone.
            UsageError: The name does not belong to that zone.
        """

    async def point(self, zone: str, name: str, target: tuple[str, str], group: str, instead: Any) -> None:  # noqa: ANN401
        """Have the name lead to a target (its name and hosted zone), marked as the group's, instead of what was found.

        Alias and mark are made in one step, or none of them is.
        """

    async def forget(self, zone: str, found: Any) -> None:  # noqa: ANN401 - its own `Named`
        """Delete alias and mark in one step, as they were found."""


class Account(Protocol):
    """One account and region. Every method raises only the tree of `emr_dr.errors` and may be repeated."""

    @property
    def rules(self) -> Rules:
        """Its security groups' rules."""

    @property
    def names(self) -> Names:
        """Its hosted zones' records."""

    async def subnets(self, ids: Collection[str]) -> Mapping[str, Subnet]:
        """Where each of these subnets lies.

        Raises:
            PermanentError: One does not exist.
        """

    async def load_balancer(self, name: str) -> Found | None:
        """The load balancer of this name, of whatever type and owner."""

    async def target_group(self, name: str) -> Found | None:
        """The target group of this name, whoever owns it."""

    async def listeners(self, load_balancer: str) -> Mapping[str, Found]:
        """The listeners of a load balancer, given its ARN, by port."""

    async def targets(self, target_group: str) -> Sequence[Target]:
        """Every target of a target group, given its ARN; none where it has gone."""

    async def create_load_balancer(self, name: str, fields: Fields, tags: Tags) -> str:
        """Make it with its tags in one call, and return its ARN; attributes are set by a change."""

    async def create_target_group(self, name: str, fields: Fields, tags: Tags) -> str:
        """Make it with its tags in one call, and return its ARN; attributes are set by a change."""

    async def create_listener(self, load_balancer: str, fields: Fields, tags: Tags) -> str:
        """Make it with its tags in one call, and return its ARN."""

    async def change_load_balancer(self, arn: str, fields: Fields) -> None:
        """Set these fields and leave the others."""

    async def change_target_group(self, arn: str, fields: Fields) -> None:
        """Set these fields and leave the others."""

    async def change_listener(self, arn: str, fields: Fields) -> None:
        """Set these fields and leave the others."""

    async def add_tags(self, arn: str, tags: Tags) -> None:
        """Add these tags, or give them these values, and leave the others."""

    async def delete_load_balancer(self, arn: str) -> None:
        """Delete it with its listeners; a no-op where it has gone."""

    async def delete_target_group(self, arn: str) -> None:
        """Delete it with its targets; a no-op where it has gone.

        Raises:
            ConflictError: A listener uses it.
        """

    async def delete_listener(self, arn: str) -> None:
        """Delete it; a no-op where it has gone."""
