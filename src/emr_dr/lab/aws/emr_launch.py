"""Turn RunJobFlow's parameters into a cluster, refusing what AWS refuses."""

import re
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emr_dr.lab.aws.emr_model import Cluster, Collection
from emr_dr.lab.aws.protocol import AwsError, JsonObject

_RELEASE = re.compile(r"emr-\d+\.\d+\.\d+")
_INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
_ID_LETTERS = string.ascii_uppercase + string.digits

_SECURITY_GROUPS = ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup")
_MORE_SECURITY_GROUPS = ("AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else of the account a launch refers to; asked anew at each launch."""

    subnet_zone: Callable[[str], str | None]
    """Subnet id to its AZ, None if there is no such subnet."""
    subnet_in: Mapping[str, str]
    """AZ to the subnet that EMR takes when only an AZ is given."""
    security_group_exists: Callable[[str], bool]
    role_exists: Callable[[str], bool]
    lacks_capacity: Callable[[str, Sequence[Sequence[str]]], bool]
    """Whether an AZ has not what a launch asks for: of each group or fleet, the instance types that would do."""


def new_id(prefix: str) -> str:
    """Return an id as EMR makes them, e.g. `j-` and 13 capitals and digits."""
    return f"{prefix}-{''.join(secrets.choice(_ID_LETTERS) for _ in range(13))}"


def invalid(message: str) -> AwsError:
    """Return the error with which EMR refuses a request's content."""
    return AwsError("ValidationException", message)


def launch(request: JsonObject, now: float, around: Surroundings) -> Cluster:
    """Return the cluster that a RunJobFlow request makes, in STARTING.

    There is no idempotency token in the API: the same request again is another cluster.

    Raises:
        AwsError: ValidationException for what AWS refuses at once.
    """
    instances: JsonObject = request["Instances"]
    _check_release(request)
    _check_roles(request, around)
    _check_security_groups(instances, around)
    check_managed_scaling(request.get("ManagedScalingPolicy"))
    if request.get("Steps"):
        raise invalid("The lab runs no EMR steps; submit work through Livy.")
    collections = _collections(instances)
    zone, subnet = _placement(instances, around, [each.types for each in collections])
    return Cluster(
        id=new_id("j"),
        request=request,
        availability_zone=zone,
        subnet=subnet,
        uses_fleets=bool(instances.get("InstanceFleets")),
        collections=collections,
        tags={tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])},
        created=now,
        keep_alive=bool(instances.get("KeepJobFlowAliveWhenNoSteps", False)),
        termination_protected=bool(instances.get("TerminationProtected", False)),
        managed_scaling=request.get("ManagedScalingPolicy"),
        auto_termination=request.get("AutoTerminationPolicy"),
        unhealthy_node_replacement=bool(instances.get("UnhealthyNodeReplacement", False)),
        step_concurrency=int(request.get("StepConcurrencyLevel", 1)),
    )


def _check_release(request: JsonObject) -> None:
    release = request.get("ReleaseLabel")
    if not release or not _RELEASE.fullmatch(release):
        raise invalid(f"The supplied release label is invalid: {release}.")


def _check_roles(request: JsonObject, around: Surroundings) -> None:
    service, instance = request.get("ServiceRole"), request.get("JobFlowRole")
    if service and not around.role_exists(service.rpartition("/")[2]):
        raise invalid(f"ServiceRole {service} is invalid.")
    if instance and not around.role_exists(instance.rpartition("/")[2]):
        raise invalid(f"Invalid InstanceProfile: {instance}.")


def _check_security_groups(instances: JsonObject, around: Surroundings) -> None:
    primary, core = (instances.get(name) for name in _SECURITY_GROUPS[:2])
    if bool(primary) != bool(core):
        raise invalid("You must specify either both or neither of the EMR managed master and slave security groups.")
    named = [instances[name] for name in _SECURITY_GROUPS if instances.get(name)]
    named += [each for name in _MORE_SECURITY_GROUPS for each in instances.get(name, [])]
    for group in named:
        if not around.security_group_exists(group):
            raise invalid(f"The security group '{group}' does not exist")


def check_managed_scaling(policy: JsonObject | None) -> None:
    """Refuse a policy whose limits contradict each other, as ValidationException."""
    if policy is None:
        return
    limits = policy.get("ComputeLimits", {})
    if limits.get("MinimumCapacityUnits", 0) > limits.get("MaximumCapacityUnits", 0):
        raise invalid("Maximum capacity units must be greater than or equal to minimum capacity units.")


def _placement(instances: JsonObject, around: Surroundings, wishes: Sequence[Sequence[str]]) -> tuple[str, str]:
    """Return AZ and subnet. Groups take one subnet; fleets may name several, and EMR takes one with capacity."""
    subnets = list(instances.get("Ec2SubnetIds") or [])
    if instances.get("Ec2SubnetId"):
        subnets.insert(0, instances["Ec2SubnetId"])
    place = instances.get("Placement") or {}
    zone = place.get("AvailabilityZone") or next(iter(place.get("AvailabilityZones") or []), None)
    if subnets and zone:
        raise invalid("You may not specify both an Availability Zone and a subnet.")
    if len(subnets) > 1 and not instances.get("InstanceFleets"):
        raise invalid("Only one subnet may be given unless instance fleets are used.")
    found = {subnet: around.subnet_zone(subnet) for subnet in subnets}
    for subnet, its_zone in found.items():
        if its_zone is None:
            raise invalid(f"The subnet ID '{subnet}' does not exist")
    if found:
        good = [each for each in subnets if not around.lacks_capacity(str(found[each]), wishes)]
        chosen = (good or subnets)[0]
        return str(found[chosen]), chosen
    zone = zone or next(iter(around.subnet_in))
    if zone not in around.subnet_in:
        raise invalid(f"The Availability Zone '{zone}' does not exist, or the lab has no subnet in it")
    return zone, around.subnet_in[zone]


def _collections(instances: JsonObject) -> list[Collection]:
    groups, fleets = instances.get("InstanceGroups"), instances.get("InstanceFleets")
    simple = instances.get("MasterInstanceType")
    if sum(map(bool, (groups, fleets, simple))) > 1:
        raise invalid("Specify instance groups, instance fleets, or a master instance type: only one of them.")
    if fleets:
        made = [_fleet(each) for each in fleets]
    elif groups:
        made = [_group(each) for each in groups]
    elif simple:
        made = _simple(instances)
    else:
        raise invalid("Must specify at least one master instance.")
    if [each.role for each in made].count("MASTER") != 1:
        raise invalid("Exactly one master instance group or fleet is required.")
    for each in made:
        for kind in each.types:
            if not _INSTANCE_TYPE.fullmatch(kind):
                raise invalid(f"InstanceType '{kind}' is not supported.")
    return made


def _group(spec: JsonObject) -> Collection:
    role = spec["InstanceRole"]
    count = int(spec["InstanceCount"])
    if role == "MASTER" and count not in (1, 3):
        raise invalid("The master instance group must have 1 or 3 instances.")
    if count < 1:
        raise invalid("An instance group needs at least one instance.")
    name = spec.get("Name") or f"{role.capitalize()} instance group"
    kind, market = spec["InstanceType"], spec.get("Market", "ON_DEMAND")
    return Collection(new_id("ig"), role, name, kind, market, count, spec, ((kind, count),))


def _fleet(spec: JsonObject) -> Collection:
    role = spec["InstanceFleetType"]
    types = spec.get("InstanceTypeConfigs") or []
    if not types:
        raise invalid(f"The {role} instance fleet needs at least one instance type.")
    on_demand, spot = int(spec.get("TargetOnDemandCapacity") or 0), int(spec.get("TargetSpotCapacity") or 0)
    if on_demand + spot < 1:
        raise invalid(f"The {role} instance fleet needs a target capacity of at least 1.")
    market = "SPOT" if spot and not on_demand else "ON_DEMAND"
    weights = {each["InstanceType"]: max(1, int(each.get("WeightedCapacity") or 1)) for each in types}
    wanted = on_demand + spot
    offers = tuple((kind, 1 if role == "MASTER" else -(-wanted // weight)) for kind, weight in weights.items())
    kind, count = offers[0]
    return Collection(new_id("if"), role, spec.get("Name", ""), kind, market, count, spec, offers)


def _simple(instances: JsonObject) -> list[Collection]:
    primary = {"InstanceRole": "MASTER", "InstanceType": instances["MasterInstanceType"], "InstanceCount": 1}
    made = [_group(primary)]
    others = int(instances.get("InstanceCount") or 1) - 1
    if others:
        kind = instances.get("SlaveInstanceType") or instances["MasterInstanceType"]
        made.append(_group({"InstanceRole": "CORE", "InstanceType": kind, "InstanceCount": others}))
    return made
