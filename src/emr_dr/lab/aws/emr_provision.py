"""The end of STARTING: EC2 has the machines that a cluster asks for, or it has not."""

from emr_dr.lab.aws.emr_model import Cluster
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.aws.faults import ANY, NO_CAPACITY
from emr_dr.lab.aws.protocol import AwsError
from emr_dr.lab.machines import BootstrapAction, Launch

_DOCS = "https://docs.aws.amazon.com/emr/latest/ManagementGuide"
_INSUFFICIENT = "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"
_BOOTSTRAP = "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"


def provision(region: Region, cluster: Cluster, now: float) -> bool:
    """Give a cluster its instances and go on to BOOTSTRAPPING; False if it gets none, now or ever."""
    zone = cluster.availability_zone
    if cluster.launch_fault is None:
        cluster.launch_fault = region.faults.for_launch(zone, [each.types for each in cluster.collections])
    fault = cluster.launch_fault
    if fault is not None and fault.hangs:
        return False
    if zone in region.dead_zones or (fault is not None and fault.kind == NO_CAPACITY):
        _refuse_capacity(cluster, now)
        return False
    try:
        for collection in cluster.collections:
            there_are = (each for each in collection.offers if not region.faults.lacks(zone, each[0]))
            collection.take(next(there_are, collection.offers[0]))
            region.add_instances(cluster, collection, collection.count)
    except AwsError as error:
        _refuse_capacity(cluster, now, error.message)
        return False
    cluster.state = "BOOTSTRAPPING"
    cluster.machines_running = True
    return True


def _refuse_capacity(cluster: Cluster, now: float, message: str = "") -> None:
    zone, fault = cluster.availability_zone, cluster.launch_fault
    kind = fault.instance_type if fault and fault.instance_type != ANY else cluster.collections[0].instance_type
    message = message or (
        f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone})."
    )
    _fail(cluster, _INSUFFICIENT, message, {"instance-type": kind, "availability-zone": zone})
    cluster.begin_to_end(now, "INTERNAL_ERROR", message, ends_as="TERMINATED_WITH_ERRORS")


def fail_bootstrap(cluster: Cluster, now: float) -> None:
    """End a cluster as EMR does when a bootstrap action fails on its primary."""
    primary = cluster.instances[0].ec2_id
    message = f"On the master instance ({primary}), bootstrap action 1 returned a non-zero return code"
    _fail(cluster, _BOOTSTRAP, message, {"primary-instance-id": primary})
    cluster.begin_to_end(now, "BOOTSTRAP_FAILURE", message, ends_as="TERMINATED_WITH_ERRORS")


def _fail(cluster: Cluster, code: str, message: str, data: dict[str, str]) -> None:
    told = data | {"public-doc": f"{_DOCS}/{code}.html"}
    cluster.error_details = [{"ErrorCode": code, "ErrorMessage": message, "ErrorData": [told]}]


def as_launch(region: Region, cluster: Cluster) -> Launch:
    """Return what the machines of a cluster that has its instances are started with."""
    request = cluster.request
    master = cluster.master
    if master is None:
        raise RuntimeError(f"{cluster.id} has no master although its instances exist")
    scripts = ((each["Name"], each["ScriptBootstrapAction"]) for each in request.get("BootstrapActions", []))
    return Launch(
        cluster_id=cluster.id,
        address=master.address,
        availability_zone=cluster.availability_zone,
        release=request["ReleaseLabel"],
        applications=tuple(each["Name"] for each in request.get("Applications", [])),
        configurations={
            each["Classification"]: dict(each.get("Properties") or {}) for each in request.get("Configurations", [])
        },
        bootstrap_actions=tuple(
            BootstrapAction(name, script["Path"], tuple(script.get("Args") or ())) for name, script in scripts
        ),
        looked_at_from=region.addresses.lab,
    )
