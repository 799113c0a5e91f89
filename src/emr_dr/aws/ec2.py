"""What EC2 knows of subnets: their VPC and Availability Zone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emr_dr.aws.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from emr_dr.aws.session import Session


@dataclass(frozen=True, slots=True)
class SubnetFacts:
    """One subnet: the VPC it is in, its AZ by name, and its IPv4 range."""

    id: str
    vpc: str
    az: str
    cidr: str = ""


class Subnets:
    """Looks subnets up; what it found cannot change, so it is asked once."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.ec2()
        self._known: dict[str, SubnetFacts] = {}

    async def describe(self, ids: Collection[str]) -> Mapping[str, SubnetFacts]:
        """The facts of each of these subnets; may be repeated.

        Raises:
            NotFoundError: One of them does not exist in this account and region.
            TransientError: No good answer.
        """
        missing = sorted(set(ids) - self._known.keys())
        if missing:
            try:
                answer: Mapping[str, Any] = await self._session.call(
                    "EC2", "DescribeSubnets", lambda: self._client.describe_subnets(SubnetIds=missing)
                )
            except RefusedError as error:
                if not error.code.startswith("InvalidSubnetID"):
                    raise
                raise self._unknown(missing) from error
            for each in answer.get("Subnets") or ():
                where = (each.get("VpcId") or "", each.get("AvailabilityZone") or "", each.get("CidrBlock") or "")
                facts = SubnetFacts(each["SubnetId"], *where)
                self._known[facts.id] = facts
            if left := sorted(set(missing) - self._known.keys()):
                raise self._unknown(left)
        return {each: self._known[each] for each in ids}

    def _unknown(self, ids: Collection[str]) -> NotFoundError:
        what = f"not all of these exist in {self._session.region}: {', '.join(ids)}"
        return NotFoundError(what, where="EC2 DescribeSubnets", remedy="correct the subnets or region in the spec")
