"""Compares a cluster's machines, instance groups or fleets, with those that its launch asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from emr_dr.aws.compare_values import NONE, Json, Normal, Unlike, at, listed, number, same, short, unlike

_ENDED = frozenset({"TERMINATING", "TERMINATED", "SHUTTING_DOWN", "ENDED"})
_ROLES = {"MASTER": "primary", "CORE": "core", "TASK": "task"}

# Sent name, name in the answer, field of the spec, form. Only what is sent is compared: the rest is EMR's to fill in.
Row = tuple[str, str, str, Normal]
_GROUP: tuple[Row, ...] = (
    ("InstanceType", "InstanceType", "type", same),
    ("Market", "Market", "market", same),
    ("BidPrice", "BidPrice", "bid_price", number),
)
_GROUP_SIZE: tuple[Row, ...] = (("InstanceCount", "RequestedInstanceCount", "count", number),)
_SPOT, _ON_DEMAND = "LaunchSpecifications.SpotSpecification", "LaunchSpecifications.OnDemandSpecification"
_FLEET: tuple[Row, ...] = tuple(
    (path, path, field, form)
    for path, field, form in (
        (f"{_ON_DEMAND}.AllocationStrategy", "on_demand_allocation", same),
        (f"{_SPOT}.AllocationStrategy", "spot_allocation", same),
        (f"{_SPOT}.TimeoutDurationMinutes", "timeout_minutes", number),
        (f"{_SPOT}.TimeoutAction", "timeout_action", same),
    )
)
_FLEET_SIZE: tuple[Row, ...] = (
    ("TargetOnDemandCapacity", "TargetOnDemandCapacity", "target_on_demand", number),
    ("TargetSpotCapacity", "TargetSpotCapacity", "target_spot", number),
)
_FLEET_TYPE: tuple[Row, ...] = (
    ("WeightedCapacity", "WeightedCapacity", "weight", number),
    ("Priority", "Priority", "priority", number),
    ("BidPrice", "BidPrice", "bid_price", number),
    ("BidPriceAsPercentageOfOnDemandPrice", "BidPriceAsPercentageOfOnDemandPrice", "bid_percent", number),
)


def compare_groups(wanted: Sequence[Json], found: Sequence[Json], *, scaled: bool) -> Iterator[Unlike]:
    """Yield where instance groups differ, role by role.

    With managed scaling the sizes of core and task are EMR's business, and so are task groups that it adds.
    """
    living = _living(found)
    for group in wanted:
        role = group["InstanceRole"]
        field = f"instances.groups.{_ROLES[role]}"
        there = _counterpart(group, [each for each in living if each.get("InstanceGroupType") == role])
        if there is None:
            yield Unlike(field, _group_in_words(group, "InstanceCount"), NONE)
            continue
        sized = () if scaled and role != "MASTER" else _GROUP_SIZE
        yield from _rows((*_GROUP, *sized), group, there, field)
        yield from _volumes(f"{field}.ebs", group, there)
    roles = {group["InstanceRole"] for group in wanted}
    for group in living:
        role = group.get("InstanceGroupType") or ""
        if role not in roles and not (scaled and role == "TASK"):
            name = f"instances.groups.{_ROLES.get(role, role)}"
            yield Unlike(name, NONE, _group_in_words(group, "RequestedInstanceCount"))


def compare_fleets(wanted: Sequence[Json], found: Sequence[Json], *, scaled: bool) -> Iterator[Unlike]:
    """Yield where instance fleets differ, role by role; see `compare_groups` on scaling."""
    living = _living(found)
    for fleet in wanted:
        role = fleet["InstanceFleetType"]
        field = f"instances.fleets.{_ROLES[role]}"
        there = _counterpart(fleet, [each for each in living if each.get("InstanceFleetType") == role])
        if there is None:
            yield Unlike(field, _types_in_words(fleet["InstanceTypeConfigs"]), NONE)
            continue
        sized = () if scaled and role != "MASTER" else _FLEET_SIZE
        yield from _rows((*_FLEET, *sized), fleet, there, field)
        yield from _types(field, fleet["InstanceTypeConfigs"], there.get("InstanceTypeSpecifications") or ())
    roles = {fleet["InstanceFleetType"] for fleet in wanted}
    for fleet in living:
        role = fleet.get("InstanceFleetType") or ""
        if role not in roles and not (scaled and role == "TASK"):
            types = _types_in_words(fleet.get("InstanceTypeSpecifications") or ())
            yield Unlike(f"instances.fleets.{_ROLES.get(role, role)}", NONE, types)


def _living(found: Sequence[Json]) -> list[Json]:
    return [each for each in found if (each.get("Status") or {}).get("State") not in _ENDED]


def _counterpart(wanted: Json, found: Sequence[Json]) -> Json | None:
    """The one of the same name, else the first: a cluster may have several task groups."""
    return next((each for each in found if each.get("Name") == wanted["Name"]), found[0] if found else None)


def _rows(rows: Iterable[Row], wanted: Json, found: Json, field: str) -> Iterator[Unlike]:
    for sent, told, name, form in rows:
        value = at(wanted, sent)
        if value is not None:
            yield from unlike(f"{field}.{name}", form(value), form(at(found, told)))


def _types(field: str, wanted: Sequence[Json], found: Sequence[Json]) -> Iterator[Unlike]:
    there = {each.get("InstanceType"): each for each in found}
    if {each["InstanceType"] for each in wanted} != there.keys():
        yield Unlike(f"{field}.types", _types_in_words(wanted), _types_in_words(found))
        return
    for kind in wanted:
        told = there[kind["InstanceType"]]
        name = f"{field}.types.{kind['InstanceType']}"
        yield from _rows(_FLEET_TYPE, kind, told, name)
        yield from _volumes(f"{name}.ebs", kind, told)


def _volumes(field: str, wanted: Json, found: Json) -> Iterator[Unlike]:
    """EMR answers each volume by itself, VolumesPerInstance written out; undeclared ones are its own choice."""
    asked = [
        (config["VolumeSpecification"], int(config.get("VolumesPerInstance") or 1))
        for config in at(wanted, "EbsConfiguration.EbsBlockDeviceConfigs") or ()
    ]
    if not asked:
        return
    there: list[Json] = [each.get("VolumeSpecification") or {} for each in found.get("EbsBlockDevices") or ()]
    left = list(there)
    missing = 0
    for specification, count in asked:
        for _ in range(count):
            match = next((each for each in left if _covers(each, specification)), None)
            if match is None:
                missing += 1
            else:
                left.remove(match)
    if missing or left:
        declared = [specification for specification, count in asked for _ in range(count)]
        yield Unlike(field, _volumes_in_words(declared), _volumes_in_words(there))


def _covers(found: Json, wanted: Json) -> bool:
    return all(str(found.get(key)) == str(value) for key, value in wanted.items())


def _volumes_in_words(volumes: Iterable[Json]) -> str:
    counted = Counter(
        f"{each.get('SizeInGB')} GiB {each.get('VolumeType')}"
        + (f" {each['Iops']} IOPS" if each.get("Iops") else "")
        + (f" {each['Throughput']} MiB/s" if each.get("Throughput") else "")
        for each in volumes
    )
    return listed(f"{count} x {words}" for words, count in counted.items())


def _group_in_words(group: Json, count: str) -> str:
    return short(f"{group.get(count)} x {group.get('InstanceType')}")


def _types_in_words(types: Sequence[Json]) -> str:
    return listed(sorted(str(each.get("InstanceType")) for each in types))
