"""What provisioning needs of Route 53: an alias record for a balancer, and beside it whose the record is.

Records carry no tags, so a TXT record beside the alias says it: `_emr-dr.NAME` holds `emr-dr:group=GROUP`. Both are
made in one batch, of which Route 53 carries out all or nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emr_dr.aws import tags
from emr_dr.aws.errors import NotFoundError, RefusedError
from emr_dr.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import ChangeTypeDef, ResourceRecordSetTypeDef

    from emr_dr.aws.session import Session

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing

_LABEL = "_emr-dr"
_ADDRESSES = ("A", "AAAA", "CNAME")
_TTL = 300


@dataclass(frozen=True, slots=True)
class FoundName:
    """What there is at a name: see `emr_dr.provision.account.Named`."""

    target: str
    owner: str
    other: str
    records: tuple[Json, ...] = ()
    """The alias and its companion, as Route 53 has them: only so are they deleted."""


class Route53Names:
    """The account's names as provisioning sees them (`emr_dr.provision.account.Names`, which this follows in shape)."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.route53()

    async def find(self, zone: str, name: str) -> FoundName:
        """What there is at a name of a hosted zone, and whose it is.

        Raises:
            NotFoundError: There is no such zone.
            UsageError: The name does not belong to that zone.
        """
        name = _absolute(name)
        await self._require_within(zone, name)
        there = [each for each in await self._records(zone, name) if each.get("Type") in _ADDRESSES]
        companions = [each for each in await self._records(zone, _companion(name)) if each.get("Type") == "TXT"]
        aliases = [each for each in there if each["Type"] == "A" and _target(each) and not each.get("SetIdentifier")]
        others = [each for each in there if each not in aliases]
        owners = [owner for each in companions if (owner := _owner(each))]
        return FoundName(
            target=_target(aliases[0]) if aliases else "",
            owner=owners[0] if owners else "",
            other=", ".join(_shown(each) for each in others),
            records=(*aliases, *(each for each in companions if _owner(each))),
        )

    async def point(self, zone: str, name: str, target: tuple[str, str], group: str, instead: FoundName) -> None:
        """Make the alias and its companion what they should be; may be repeated.

        What is not there is created, which Route 53 refuses if somebody made it meanwhile.
        """
        alias: ResourceRecordSetTypeDef = {
            "Name": _absolute(name),
            "Type": "A",
            "AliasTarget": {"DNSName": target[0], "HostedZoneId": target[1], "EvaluateTargetHealth": False},
        }
        companion: ResourceRecordSetTypeDef = {
            "Name": _companion(_absolute(name)),
            "Type": "TXT",
            "TTL": _TTL,
            "ResourceRecords": [{"Value": f'"{tags.GROUP}={group}"'}],
        }
        changes: list[ChangeTypeDef] = []
        if instead.target != plain(target[0]):
            changes.append({"Action": "UPSERT" if instead.target else "CREATE", "ResourceRecordSet": alias})
        if instead.owner != group:
            changes.append({"Action": "CREATE", "ResourceRecordSet": companion})
        await self._change(zone, changes)

    async def forget(self, zone: str, found: FoundName) -> None:
        """Delete the alias and its companion as they were found; refused if somebody changed one meanwhile."""
        await self._change(zone, [{"Action": "DELETE", "ResourceRecordSet": _sent(each)} for each in found.records])

    async def _change(self, zone: str, changes: "Sequence[ChangeTypeDef]") -> None:
        if changes:
            await self._session.call(
                "Route53",
                "ChangeResourceRecordSets",
                lambda: self._client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes}),
            )

    async def _records(self, zone: str, name: str) -> Sequence[Json]:
        """The records of exactly this name; the list is sorted by name and begins there."""
        answer: Json = await self._session.call(
            "Route53",
            "ListResourceRecordSets",
            lambda: self._client.list_resource_record_sets(HostedZoneId=zone, StartRecordName=name),
        )
        return [each for each in answer.get("ResourceRecordSets") or () if _absolute(each.get("Name") or "") == name]

    async def _require_within(self, zone: str, name: str) -> None:
        try:
            answer: Json = await self._session.call(
                "Route53", "GetHostedZone", lambda: self._client.get_hosted_zone(Id=zone)
            )
        except RefusedError as error:
            if error.code != "NoSuchHostedZone":
                raise
            remedy = "correct address.balancer.dns.zone in the spec"
            raise NotFoundError("does not exist", where=f"hosted zone {zone}", remedy=remedy) from error
        domain = _absolute((answer.get("HostedZone") or {}).get("Name") or "")
        if not name.endswith(f".{domain}"):
            what = f"{plain(name)} is no name in hosted zone {zone}, which is {plain(domain)}"
            raise UsageError(what, where="address.balancer.dns", remedy=f"choose one that ends in .{plain(domain)}")


def plain(name: str) -> str:
    """Return a DNS name as it is compared: lower case, no dot at the end, nor the prefix that the console adds."""
    return name.lower().rstrip(".").removeprefix("dualstack.")


def _absolute(name: str) -> str:
    return f"{name.lower().rstrip('.')}."


def _companion(name: str) -> str:
    return f"{_LABEL}.{name}"


def _target(record: Json) -> str:
    return plain((record.get("AliasTarget") or {}).get("DNSName") or "")


def _owner(record: Json) -> str:
    values = [each.get("Value", "").strip('"') for each in record.get("ResourceRecords") or ()]
    return next((each.partition("=")[2] for each in values if each.startswith(f"{tags.GROUP}=")), "")


def _shown(record: Json) -> str:
    values = [each.get("Value", "") for each in record.get("ResourceRecords") or ()]
    words = [record["Type"], _target(record), *values, record.get("SetIdentifier") or ""]
    return " ".join(word for word in words if word)


def _sent(record: Json) -> "ResourceRecordSetTypeDef":
    found: Any = dict(record)
    kept: ResourceRecordSetTypeDef = found
    return kept
