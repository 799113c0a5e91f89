"""Show clusters as EMR's API does: defaults filled in, values rewritten, never an echo of the request."""

from datetime import UTC, datetime

from emr_dr.lab import world
from emr_dr.lab.aws.emr_model import ENDED, ENDING, Cluster, Collection, Instance
from emr_dr.lab.aws.protocol import JsonObject

# Versions of emr-7.9.0, shown for any release: the lab runs one set of programs whatever the label says.
_VERSIONS = {"spark": "3.5.5", "livy": "0.8.0", "hadoop": "3.4.1", "hive": "3.1.3", "tez": "0.10.2"}
_SPELLING = {"spark": "Spark", "livy": "Livy", "hadoop": "Hadoop", "hive": "Hive", "tez": "Tez"}
_SYSTEM_TAG = "aws:elasticmapreduce:"
_COLLECTION_STATE = {
    "STARTING": "PROVISIONING",
    "BOOTSTRAPPING": "BOOTSTRAPPING",
    "RUNNING": "RUNNING",
    "WAITING": "RUNNING",
    "TERMINATING": "TERMINATING",
}


def private_name(address: str) -> str:
    """Return the name that AWS's DNS would give a private address; nothing resolves it here."""
    return f"ip-{address.replace('.', '-')}.ec2.internal"


def moment(seconds: float | None) -> datetime | None:
    """Return a time of the lab's clock as the API shows it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _present(fields: JsonObject) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}


def status(cluster: Cluster) -> JsonObject:
    """Return ClusterStatus."""
    return {
        "State": cluster.state,
        "StateChangeReason": _present({"Code": cluster.reason_code, "Message": cluster.reason}),
        "Timeline": _present(
            {
                "CreationDateTime": moment(cluster.created),
                "ReadyDateTime": moment(cluster.ready),
                "EndDateTime": moment(cluster.ended),
            }
        ),
        "ErrorDetails": cluster.error_details,
    }


def arn(cluster: Cluster) -> str:
    """Return the cluster's ARN."""
    return f"arn:aws:elasticmapreduce:{world.REGION}:{world.ACCOUNT_ID}:cluster/{cluster.id}"


def summary(cluster: Cluster) -> JsonObject:
    """Return ClusterSummary, as ListClusters has it."""
    return {
        "Id": cluster.id,
        "Name": cluster.name,
        "Status": status(cluster),
        "NormalizedInstanceHours": 0,
        "ClusterArn": arn(cluster),
    }


def describe(cluster: Cluster, default_groups: dict[str, str]) -> JsonObject:
    """Return Cluster, as DescribeCluster has it; `default_groups` are the ids EMR takes when none are named."""
    request = cluster.request
    passed_on = ("SecurityConfiguration", "AutoScalingRole", "CustomAmiId", "OSReleaseLabel", "LogEncryptionKmsKeyId")
    master = cluster.master
    return {
        **summary(cluster),
        "Ec2InstanceAttributes": _ec2_attributes(cluster, default_groups),
        "InstanceCollectionType": "INSTANCE_FLEET" if cluster.uses_fleets else "INSTANCE_GROUP",
        **_present({"LogUri": _log_uri(request.get("LogUri"))}),
        "ReleaseLabel": request["ReleaseLabel"],
        "AutoTerminate": not cluster.keep_alive,
        "TerminationProtected": cluster.termination_protected,
        "UnhealthyNodeReplacement": cluster.unhealthy_node_replacement,
        "VisibleToAllUsers": bool(request.get("VisibleToAllUsers", True)),
        "Applications": [_application(each) for each in request.get("Applications", [])],
        "Tags": tags(cluster),
        "ServiceRole": request.get("ServiceRole") or world.SERVICE_ROLES[0],
        **({"MasterPublicDnsName": private_name(master.address)} if master else {}),
        "Configurations": request.get("Configurations", []),
        **{name: request[name] for name in passed_on if request.get(name) is not None},
        "ScaleDownBehavior": request.get("ScaleDownBehavior") or "TERMINATE_AT_TASK_COMPLETION",
        "EbsRootVolumeSize": request.get("EbsRootVolumeSize") or 15,
        "RepoUpgradeOnBoot": request.get("RepoUpgradeOnBoot") or "SECURITY",
        "KerberosAttributes": _without_passwords(request.get("KerberosAttributes") or {}),
        "StepConcurrencyLevel": cluster.step_concurrency,
        "PlacementGroups": request.get("PlacementGroupConfigs", []),
    }


def tags(cluster: Cluster) -> list[JsonObject]:
    """Return the user's tags and AWS's own, which a user can neither set nor remove."""
    shown = {**cluster.tags, f"{_SYSTEM_TAG}job-flow-id": cluster.id}
    return [{"Key": key, "Value": value} for key, value in shown.items()]


def instance_tags(cluster: Cluster, instance: Instance) -> list[JsonObject]:
    """Return the tags of one machine as EC2 shows them: EMR copies the cluster's and adds its own."""
    own = {"Key": f"{_SYSTEM_TAG}instance-group-role", "Value": instance.role}
    return [*tags(cluster), own]


def _log_uri(uri: str | None) -> str | None:
    """Rewrite as EMR does: the scheme becomes s3n, and the path ends with a slash."""
    return uri and f"{uri.replace('s3://', 's3n://', 1).rstrip('/')}/"


def _application(asked: JsonObject) -> JsonObject:
    key = asked["Name"].lower()
    return {
        "Name": _SPELLING.get(key, asked["Name"]),
        "Version": asked.get("Version") or _VERSIONS.get(key, "1.0.0"),
        **{name: asked[name] for name in ("Args", "AdditionalInfo") if asked.get(name)},
    }


def _without_passwords(attributes: JsonObject) -> JsonObject:
    return {name: value for name, value in attributes.items() if "Password" not in name}


def _ec2_attributes(cluster: Cluster, default_groups: dict[str, str]) -> JsonObject:
    asked: JsonObject = cluster.request["Instances"]
    managed = bool(asked.get("EmrManagedMasterSecurityGroup"))
    service_access = asked.get("ServiceAccessSecurityGroup") if managed else default_groups["service_access"]
    subnets = list(asked.get("Ec2SubnetIds") or []) if cluster.uses_fleets else []
    place = asked.get("Placement") or {}
    return {
        **_present({"Ec2KeyName": asked.get("Ec2KeyName"), "ServiceAccessSecurityGroup": service_access}),
        "Ec2SubnetId": cluster.subnet,
        "RequestedEc2SubnetIds": subnets,
        "Ec2AvailabilityZone": cluster.availability_zone,
        "RequestedEc2AvailabilityZones": list(place.get("AvailabilityZones") or []),
        "IamInstanceProfile": cluster.request.get("JobFlowRole") or world.INSTANCE_ROLES[0],
        "EmrManagedMasterSecurityGroup": asked.get("EmrManagedMasterSecurityGroup") or default_groups["primary"],
        "EmrManagedSlaveSecurityGroup": asked.get("EmrManagedSlaveSecurityGroup") or default_groups["core"],
        "AdditionalMasterSecurityGroups": asked.get("AdditionalMasterSecurityGroups", []),
        "AdditionalSlaveSecurityGroups": asked.get("AdditionalSlaveSecurityGroups", []),
    }


def security_groups(cluster: Cluster, instance: Instance, default_groups: dict[str, str]) -> list[str]:
    """Return the ids of the groups that one machine is in."""
    role = "Master" if instance.role == "MASTER" else "Slave"
    shown = _ec2_attributes(cluster, default_groups)
    return [shown[f"EmrManaged{role}SecurityGroup"], *shown[f"Additional{role}SecurityGroups"]]


def instance_state(instance: Instance) -> str:
    """Return the machine's state as EMR says it."""
    if instance.ended is not None:
        return "TERMINATED"
    return "BOOTSTRAPPING" if instance.ready is None else "RUNNING"


def instance(cluster: Cluster, machine: Instance) -> JsonObject:
    """Return Instance, as ListInstances has it."""
    state = instance_state(machine)
    reason: JsonObject = {}
    if state == "TERMINATED":
        reason = {"Code": "CLUSTER_TERMINATED", "Message": "Instance was terminated."}
    return {
        "Id": machine.emr_id,
        "Ec2InstanceId": machine.ec2_id,
        "PublicDnsName": "",
        "PrivateDnsName": private_name(machine.address),
        "PrivateIpAddress": machine.address,
        "Status": {
            "State": state,
            "StateChangeReason": reason,
            "Timeline": _present(
                {
                    "CreationDateTime": moment(machine.created),
                    "ReadyDateTime": moment(machine.ready),
                    "EndDateTime": moment(machine.ended),
                }
            ),
        },
        "InstanceFleetId" if cluster.uses_fleets else "InstanceGroupId": machine.collection_id,
        "Market": machine.market,
        "InstanceType": machine.instance_type,
        "EbsVolumes": [],
    }


def _collection_status(cluster: Cluster) -> JsonObject:
    state = "TERMINATED" if cluster.state in ENDED else _COLLECTION_STATE[cluster.state]
    reason = {"Code": "CLUSTER_TERMINATED", "Message": "Job flow terminated"} if cluster.state in ENDING else {}
    timeline = {"CreationDateTime": moment(cluster.created), "ReadyDateTime": moment(cluster.ready)}
    return {
        "State": state,
        "StateChangeReason": reason,
        "Timeline": _present({**timeline, "EndDateTime": moment(cluster.ended)}),
    }


def _living(cluster: Cluster, collection: Collection) -> int:
    return sum(each.collection_id == collection.id and each.ended is None for each in cluster.instances)


def group(cluster: Cluster, collection: Collection) -> JsonObject:
    """Return InstanceGroup, as ListInstanceGroups has it."""
    volumes = collection.spec.get("EbsConfiguration") or {}
    return {
        "Id": collection.id,
        "Name": collection.name,
        "Market": collection.market,
        "InstanceGroupType": collection.role,
        "InstanceType": collection.instance_type,
        "RequestedInstanceCount": collection.count,
        "RunningInstanceCount": _living(cluster, collection),
        "Status": _collection_status(cluster),
        "Configurations": collection.spec.get("Configurations", []),
        "ConfigurationsVersion": 0,
        "LastSuccessfullyAppliedConfigurations": [],
        "LastSuccessfullyAppliedConfigurationsVersion": 0,
        "EbsBlockDevices": [
            {"VolumeSpecification": each["VolumeSpecification"], "Device": "/dev/sdb"}
            for each in volumes.get("EbsBlockDeviceConfigs", [])
        ],
        "ShrinkPolicy": {},
        **_present({"BidPrice": collection.spec.get("BidPrice"), "EbsOptimized": volumes.get("EbsOptimized")}),
    }


def fleet(cluster: Cluster, collection: Collection) -> JsonObject:
    """Return InstanceFleet, as ListInstanceFleets has it."""
    spot = collection.market == "SPOT"
    living = _living(cluster, collection)
    kept = ("TargetOnDemandCapacity", "TargetSpotCapacity")
    return {
        "Id": collection.id,
        "Name": collection.name,
        "InstanceFleetType": collection.role,
        "Status": _collection_status(cluster),
        **{name: int(collection.spec.get(name) or 0) for name in kept},
        "ProvisionedOnDemandCapacity": 0 if spot else living,
        "ProvisionedSpotCapacity": living if spot else 0,
        "InstanceTypeSpecifications": [
            {**each, "WeightedCapacity": each.get("WeightedCapacity") or 1}
            for each in collection.spec["InstanceTypeConfigs"]
        ],
        **{name: collection.spec[name] for name in ("LaunchSpecifications",) if collection.spec.get(name)},
    }
