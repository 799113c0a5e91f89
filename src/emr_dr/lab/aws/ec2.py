"""EC2 where moto knows too little: the clusters' machines, their status, and the lab's three AZs.

Everything else (VPC, subnets, security groups, interfaces) is moto's; `Ec2Network` is how the other services ask it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends

from emr_dr.lab import world
from emr_dr.lab.aws import emr_describe as show
from emr_dr.lab.aws.emr_model import Cluster, Instance
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.aws.protocol import AwsError, JsonObject, Operations

Machine = tuple[Cluster, Instance]
_CODES = {"running": 16, "shutting-down": 32, "terminated": 48}


class Ec2:
    """The EC2 operations that the lab answers itself, in one page whatever MaxResults says."""

    def __init__(self, region: Region, network: "Ec2Network", default_groups: dict[str, str]) -> None:
        self._region = region
        self._network = network
        self._default_groups = default_groups
        self.operations: Operations = {
            "DescribeInstances": self._describe_instances,
            "DescribeInstanceStatus": self._describe_instance_status,
            "DescribeAvailabilityZones": self._describe_availability_zones,
        }

    def _machines(self, asked: JsonObject) -> list[Machine]:
        machines = [(cluster, each) for cluster in self._region.clusters.values() for each in cluster.instances]
        wanted = asked.get("InstanceIds")
        if not wanted:
            return machines
        unknown = set(wanted) - {machine.ec2_id for _, machine in machines}
        if unknown:
            ids = ", ".join(sorted(unknown))
            text = (
                f"The instance ID '{ids}' does not exist"
                if len(unknown) == 1
                else f"The instance IDs '{ids}' do not exist"
            )
            raise AwsError("InvalidInstanceID.NotFound", text)
        return [pair for pair in machines if pair[1].ec2_id in wanted]

    def _describe_instances(self, asked: JsonObject) -> JsonObject:
        shown = [(cluster, self._instance(cluster, machine)) for cluster, machine in self._machines(asked)]
        kept = [pair for pair in shown if _passes(asked, _instance_facts(pair[1]))]
        return {
            "Reservations": [
                {"ReservationId": f"r-{cluster.id[2:].lower()}", "OwnerId": world.ACCOUNT_ID, "Instances": [instance]}
                for cluster, instance in kept
            ]
        }

    def _instance(self, cluster: Cluster, machine: Instance) -> JsonObject:
        state = _state(cluster, machine)
        groups = show.security_groups(cluster, machine, self._default_groups)
        gone = state == "terminated"
        return {
            "InstanceId": machine.ec2_id,
            "ImageId": "ami-0e13a0b0c0d0e0f00",
            "State": {"Code": _CODES[state], "Name": state},
            "PrivateDnsName": "" if gone else show.private_name(machine.address),
            "PublicDnsName": "",
            "InstanceType": machine.instance_type,
            "LaunchTime": show.moment(machine.created),
            "Placement": {"AvailabilityZone": cluster.availability_zone, "Tenancy": "default"},
            **({} if gone else {"PrivateIpAddress": machine.address, "SubnetId": cluster.subnet}),
            **({} if gone else {"VpcId": self._network.vpc_of(cluster.subnet)}),
            "SecurityGroups": [{"GroupId": each, "GroupName": each} for each in groups],
            "Tags": show.instance_tags(cluster, machine),
        }

    def _describe_instance_status(self, asked: JsonObject) -> JsonObject:
        found = []
        for cluster, machine in self._machines(asked):
            if _state(cluster, machine) == "running" or asked.get("IncludeAllInstances"):
                found.append(_status(self._region, cluster, machine))
        return {"InstanceStatuses": [each for each in found if _passes(asked, _status_facts(each))]}

    def _describe_availability_zones(self, asked: JsonObject) -> JsonObject:
        """A zone that died stays `available`, as AWS's do."""
        zones = [
            {
                "ZoneName": zone,
                "ZoneId": world.ZONE_IDS[zone],
                "RegionName": world.REGION,
                "State": "available",
                "ZoneType": "availability-zone",
                "OptInStatus": "opt-in-not-required",
                "GroupName": world.REGION,
                "NetworkBorderGroup": world.REGION,
                "Messages": [],
            }
            for zone in world.ZONES
        ]
        names, ids = asked.get("ZoneNames"), asked.get("ZoneIds")
        unknown = set(names or []) - set(world.ZONES)
        if unknown:
            raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{min(unknown)}]")
        return {
            "AvailabilityZones": [
                each
                for each in zones
                if (not names or each["ZoneName"] in names)
                and (not ids or each["ZoneId"] in ids)
                and _passes(asked, _zone_facts(each))
            ]
        }


def _state(cluster: Cluster, machine: Instance) -> str:
    if machine.ended is not None:
        return "terminated"
    return "shutting-down" if cluster.state == "TERMINATING" else "running"


def _health(region: Region, cluster: Cluster, machine: Instance) -> JsonObject:
    """Return the status checks of one machine, system's and instance's alike; EC2 notices a loss in its own time."""
    if _state(cluster, machine) != "running":
        return {"Status": "not-applicable"}
    since = None if cluster.lost_at is None else cluster.lost_at + region.times.ec2_notices_after
    if since is not None and region.clock() >= since:
        failed = {"Name": "reachability", "Status": "failed", "ImpairedSince": show.moment(since)}
        return {"Status": "impaired", "Details": [failed]}
    if machine.ready is None:
        return {"Status": "initializing", "Details": [{"Name": "reachability", "Status": "initializing"}]}
    return {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}


def _status(region: Region, cluster: Cluster, machine: Instance) -> JsonObject:
    state, health = _state(cluster, machine), _health(region, cluster, machine)
    return {
        "InstanceId": machine.ec2_id,
        "AvailabilityZone": cluster.availability_zone,
        "InstanceState": {"Code": _CODES[state], "Name": state},
        "InstanceStatus": health,
        "SystemStatus": health,
        "Events": [],
    }


def _instance_facts(shown: JsonObject) -> dict[str, list[str]]:
    tags = {f"tag:{tag['Key']}": [tag["Value"]] for tag in shown["Tags"]}
    groups = [each["GroupId"] for each in shown["SecurityGroups"]]
    return {
        "instance-id": [shown["InstanceId"]],
        "instance-state-name": [shown["State"]["Name"]],
        "instance-type": [shown["InstanceType"]],
        "private-ip-address": [shown.get("PrivateIpAddress", "")],
        "subnet-id": [shown.get("SubnetId", "")],
        "vpc-id": [shown.get("VpcId", "")],
        "availability-zone": [shown["Placement"]["AvailabilityZone"]],
        "instance.group-id": groups,
        "tag-key": [tag["Key"] for tag in shown["Tags"]],
        **tags,
    }


def _status_facts(shown: JsonObject) -> dict[str, list[str]]:
    reachable = [detail["Status"] for detail in shown["InstanceStatus"].get("Details", [])]
    return {
        "availability-zone": [shown["AvailabilityZone"]],
        "instance-state-code": [str(shown["InstanceState"]["Code"])],
        "instance-state-name": [shown["InstanceState"]["Name"]],
        "instance-status.status": [shown["InstanceStatus"]["Status"]],
        "instance-status.reachability": reachable,
        "system-status.status": [shown["SystemStatus"]["Status"]],
        "system-status.reachability": reachable,
    }


def _zone_facts(shown: JsonObject) -> dict[str, list[str]]:
    names = ("zone-name", "ZoneName"), ("zone-id", "ZoneId"), ("region-name", "RegionName"), ("state", "State")
    more = ("zone-type", "ZoneType"), ("opt-in-status", "OptInStatus"), ("group-name", "GroupName")
    return {name: [shown[field]] for name, field in (*names, *more)}


def _passes(asked: JsonObject, facts: Mapping[str, list[str]]) -> bool:
    """Apply EC2's filters: all must match, each by any of its values, with `*` and `?`."""
    for each in asked.get("Filters") or []:
        name = each["Name"]
        if name not in facts and not name.startswith("tag:"):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid, or the lab does not know it")
        values = facts.get(name, [])
        if not any(fnmatchcase(value, pattern) for value in values for pattern in each.get("Values") or []):
            return False
    return True


class Ec2Network:
    """Questions of the other services to moto's EC2, under its lock, for moto is not thread safe.

    Whoever holds the lock of EMR or ELBv2 may ask; nobody asks them while holding this one.
    """

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._backend = ec2_backends[world.ACCOUNT_ID][world.REGION]

    def subnet_zone(self, subnet: str) -> str | None:
        """Return a subnet's AZ, None if there is no such subnet."""
        with self._lock:
            try:
                return str(self._backend.get_subnet(subnet).availability_zone)
            except ServiceException:
                return None

    def vpc_of(self, subnet: str) -> str:
        """Return the VPC of a subnet that exists."""
        with self._lock:
            return str(self._backend.get_subnet(subnet).vpc_id)

    def vpc_exists(self, vpc: str) -> bool:
        """Say whether there is such a VPC."""
        with self._lock:
            return vpc in self._backend.vpcs

    def security_group_exists(self, group: str) -> bool:
        """Say whether there is such a security group."""
        with self._lock:
            return self._backend.get_security_group_from_id(group) is not None

    def add_interface(self, subnet: str, description: str, groups: list[str]) -> str:
        """Create a network interface in moto's EC2, which chooses its address, and return its id."""
        with self._lock:
            where = self._backend.get_subnet(subnet)
            made = self._backend.create_network_interface(where, [], group_ids=groups, description=description)
        return str(made.id)

    def remove_interface(self, interface: str) -> None:
        """Delete one; safe to repeat."""
        with self._lock:
            self._backend.enis.pop(interface, None)
