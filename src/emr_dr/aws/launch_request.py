"""Builds the one RunJobFlow request of a launch: everything the template declares, the placement, and our tags."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from emr_dr.aws import tags
from emr_dr.spec.recovery_store import with_recovery_store

if TYPE_CHECKING:
    from mypy_boto3_emr.literals import InstanceFleetTypeType, InstanceRoleTypeType
    from mypy_boto3_emr.type_defs import (
        BootstrapActionConfigTypeDef,
        ComputeLimitsTypeDef,
        ConfigurationUnionTypeDef,
        EbsBlockDeviceConfigTypeDef,
        EbsConfigurationTypeDef,
        InstanceFleetConfigTypeDef,
        InstanceGroupConfigTypeDef,
        InstanceTypeConfigTypeDef,
        JobFlowInstancesConfigTypeDef,
        RunJobFlowInputTypeDef,
        VolumeSpecificationTypeDef,
    )

    from emr_dr.core.group import Placement
    from emr_dr.spec.cluster import BootstrapAction, ClusterTemplate, ManagedScaling, RootVolume
    from emr_dr.spec.configuration import Configuration
    from emr_dr.spec.instances import Fleet, FleetType, InstanceFleets, InstanceGroup, InstanceGroups, Volume

_ROLES: "Mapping[str, InstanceRoleTypeType]" = {"primary": "MASTER", "core": "CORE", "task": "TASK"}
_FLEETS: "Mapping[str, InstanceFleetTypeType]" = {"primary": "MASTER", "core": "CORE", "task": "TASK"}
_PRIORITIZED = frozenset({"prioritized", "capacity-optimized-prioritized"})


def cluster_name(group: str, number: int) -> str:
    """Return the name of a group's cluster; tags, not names, say whose a cluster is."""
    return f"{group}-{number}"


def cluster_tags(group: str, number: int, origin: str, declared: Mapping[str, str]) -> dict[str, str]:
    """Return a cluster's tags: the declared ones, those by which we know it, and the one that EMR's own role needs."""
    return {
        tags.MANAGED_POLICIES: "true",
        **declared,
        tags.GROUP: group,
        tags.LAUNCH: str(number),
        tags.ORIGIN: origin,
    }


def launch_request(
    group: str,
    template: "ClusterTemplate",
    *,
    number: int,
    origin: str,
    placement: "Placement",
    own_bootstrap: "Sequence[BootstrapAction]" = (),
) -> "RunJobFlowInputTypeDef":
    """Return RunJobFlow's parameters for one launch.

    What EMR can take only at creation (security groups, managed scaling, roles, tags …) is all in this one request, so
    that no crash can leave half a cluster (EMR API, RunJobFlow). Termination protection is off: the controller switches
    it on once the member serves, and a launch that was given up must be terminable.

    Args:
        group: The group's name.
        template: What every member is launched from.
        number: The launch number.
        origin: The origin of the group's document.
        placement: Where to launch, and on which rung of the declared instance types.
        own_bootstrap: Bootstrap actions of ours, run before the declared ones.
    """
    declared = template.configurations
    request: RunJobFlowInputTypeDef = {
        "Name": cluster_name(group, number),
        "ReleaseLabel": template.release,
        "Applications": [{"Name": name} for name in template.applications],
        "Instances": _instances(template, placement),
        "ServiceRole": template.roles.service,
        "JobFlowRole": placement.role or template.roles.instance,
        "VisibleToAllUsers": True,
        "StepConcurrencyLevel": template.step_concurrency,
        "Configurations": _configurations(with_recovery_store(declared) if template.batch_id_ranges else declared),
        "BootstrapActions": [_bootstrap(action) for action in (*own_bootstrap, *template.bootstrap)],
        "Tags": [
            {"Key": key, "Value": value}
            for key, value in sorted(cluster_tags(group, number, origin, template.tags).items())
        ],
    }
    if template.roles.autoscaling is not None:
        request["AutoScalingRole"] = template.roles.autoscaling
    if template.managed_scaling is not None:
        request["ManagedScalingPolicy"] = {"ComputeLimits": _limits(template.managed_scaling)}
    _add_logs_and_image(request, template)
    return request


def _add_logs_and_image(request: "RunJobFlowInputTypeDef", template: "ClusterTemplate") -> None:
    if template.log_uri is not None:
        request["LogUri"] = template.log_uri
    if template.log_encryption_key is not None:
        request["LogEncryptionKmsKeyId"] = template.log_encryption_key
    if template.security_configuration is not None:
        request["SecurityConfiguration"] = template.security_configuration
    if template.custom_ami is not None:
        request["CustomAmiId"] = template.custom_ami
    if template.os_release is not None:
        request["OSReleaseLabel"] = template.os_release
    if template.ebs_root_volume is not None:
        _add_root_volume(request, template.ebs_root_volume)


def _add_root_volume(request: "RunJobFlowInputTypeDef", volume: "RootVolume") -> None:
    request["EbsRootVolumeSize"] = volume.size
    if volume.iops is not None:
        request["EbsRootVolumeIops"] = volume.iops
    if volume.throughput is not None:
        request["EbsRootVolumeThroughput"] = volume.throughput


def _instances(template: "ClusterTemplate", placement: "Placement") -> "JobFlowInstancesConfigTypeDef":
    groups = template.security_groups
    instances: JobFlowInstancesConfigTypeDef = {
        "KeepJobFlowAliveWhenNoSteps": True,
        "TerminationProtected": False,
        "EmrManagedMasterSecurityGroup": groups.primary,
        "EmrManagedSlaveSecurityGroup": groups.core,
    }
    # Groups take Ec2SubnetId, fleets a list; one subnet is one AZ either way (EMR API, JobFlowInstancesConfig).
    if template.instances.fleets is not None:
        instances["Ec2SubnetIds"] = [placement.subnet]
        instances["InstanceFleets"] = list(_fleets(template.instances.fleets))
    elif template.instances.groups is not None:
        instances["Ec2SubnetId"] = placement.subnet
        instances["InstanceGroups"] = list(_groups(template.instances.groups, placement.rung))
    if groups.service_access is not None:
        instances["ServiceAccessSecurityGroup"] = groups.service_access
    if groups.additional_primary:
        instances["AdditionalMasterSecurityGroups"] = list(groups.additional_primary)
    if groups.additional_core:
        instances["AdditionalSlaveSecurityGroups"] = list(groups.additional_core)
    if template.key_name is not None:
        instances["Ec2KeyName"] = template.key_name
    return instances


def _groups(declared: "InstanceGroups", rung: int) -> "Iterable[InstanceGroupConfigTypeDef]":
    for name, group in (("primary", declared.primary), ("core", declared.core), ("task", declared.task)):
        if group is not None:
            yield _group(name, group, rung)


def _group(name: str, declared: "InstanceGroup", rung: int) -> "InstanceGroupConfigTypeDef":
    group: InstanceGroupConfigTypeDef = {
        "Name": name,
        "InstanceRole": _ROLES[name],
        "InstanceType": declared.type_on(rung),
        "InstanceCount": declared.count,
        "Market": "SPOT" if declared.market == "spot" else "ON_DEMAND",
    }
    if declared.bid_price is not None:
        group["BidPrice"] = f"{declared.bid_price:g}"
    if declared.ebs:
        group["EbsConfiguration"] = _ebs(declared.ebs)
    return group


def _fleets(declared: "InstanceFleets") -> "Iterable[InstanceFleetConfigTypeDef]":
    for name, fleet in (("primary", declared.primary), ("core", declared.core), ("task", declared.task)):
        if fleet is not None:
            yield _fleet(name, fleet)


def _fleet(name: str, declared: "Fleet") -> "InstanceFleetConfigTypeDef":
    prioritized = _PRIORITIZED & {declared.on_demand_allocation, declared.spot_allocation}
    fleet: InstanceFleetConfigTypeDef = {
        "Name": name,
        "InstanceFleetType": _FLEETS[name],
        "TargetOnDemandCapacity": declared.target_on_demand,
        "TargetSpotCapacity": declared.target_spot,
        "InstanceTypeConfigs": [_type(kind, rank if prioritized else None) for rank, kind in enumerate(declared.types)],
        "LaunchSpecifications": {"OnDemandSpecification": {"AllocationStrategy": declared.on_demand_allocation}},
    }
    if declared.target_spot:
        fleet["LaunchSpecifications"]["SpotSpecification"] = {
            "TimeoutDurationMinutes": int(declared.timeout // 60),
            "TimeoutAction": "TERMINATE_CLUSTER" if declared.timeout_action == "terminate" else "SWITCH_TO_ON_DEMAND",
            "AllocationStrategy": declared.spot_allocation,
        }
    return fleet


def _type(declared: "FleetType", rank: int | None) -> "InstanceTypeConfigTypeDef":
    kind: InstanceTypeConfigTypeDef = {"InstanceType": declared.type, "WeightedCapacity": declared.weight}
    if rank is not None:
        kind["Priority"] = float(rank)
    if declared.bid_percent is not None:
        kind["BidPriceAsPercentageOfOnDemandPrice"] = declared.bid_percent
    if declared.bid_price is not None:
        kind["BidPrice"] = f"{declared.bid_price:g}"
    if declared.ebs:
        kind["EbsConfiguration"] = _ebs(declared.ebs)
    return kind


def _ebs(volumes: "Sequence[Volume]") -> "EbsConfigurationTypeDef":
    return {"EbsBlockDeviceConfigs": [_volume(volume) for volume in volumes]}


def _volume(declared: "Volume") -> "EbsBlockDeviceConfigTypeDef":
    volume: VolumeSpecificationTypeDef = {"VolumeType": declared.type, "SizeInGB": declared.size}
    if declared.iops is not None:
        volume["Iops"] = declared.iops
    if declared.throughput is not None:
        volume["Throughput"] = declared.throughput
    return {"VolumeSpecification": volume, "VolumesPerInstance": declared.count}


def _limits(declared: "ManagedScaling") -> "ComputeLimitsTypeDef":
    limits: ComputeLimitsTypeDef = {
        "UnitType": declared.unit,
        "MinimumCapacityUnits": declared.minimum,
        "MaximumCapacityUnits": declared.maximum,
    }
    if declared.maximum_on_demand is not None:
        limits["MaximumOnDemandCapacityUnits"] = declared.maximum_on_demand
    if declared.maximum_core is not None:
        limits["MaximumCoreCapacityUnits"] = declared.maximum_core
    return limits


def _configurations(declared: "Sequence[Configuration]") -> "list[ConfigurationUnionTypeDef]":
    return [_configuration(each) for each in declared]


def _configuration(declared: "Configuration") -> "ConfigurationUnionTypeDef":
    inner = _configurations(declared.configurations)
    own: ConfigurationUnionTypeDef = {
        "Classification": declared.classification,
        "Properties": dict(declared.properties),
    }
    return {**own, "Configurations": inner} if inner else own


def _bootstrap(declared: "BootstrapAction") -> "BootstrapActionConfigTypeDef":
    return {
        "Name": declared.name,
        "ScriptBootstrapAction": {"Path": declared.path, "Args": list(declared.args)},
    }
