"""What provisioning needs of an AWS account: to find, make and change the parts of one Network Load Balancer.

Fields travel as text under the names that the ELBv2 API gives them (`Scheme`, `HealthCheckPath`, …; attributes under
their dotted keys); lists are sorted and joined by commas. A listener's `TargetGroup` is a target group's name.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

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


class Account(Protocol):
    """One account and region. Every method raises only the tree of `emr_dr.errors` and may be repeated."""

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
