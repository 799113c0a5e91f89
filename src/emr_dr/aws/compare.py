"""Compares a running cluster with the request by which the spec would launch it: one rule for each field that is sent.

What EMR fixes at launch and a candidate must not lack has to be there (MUST); the rest is reported (SHOULD). All that
is sent can be read back (EMR API: DescribeCluster, ListInstanceGroups, ListInstanceFleets, ListBootstrapActions,
GetManagedScalingPolicy); the one field that is not compared is in NOT_COMPARED, with the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from emr_dr.aws import tags
from emr_dr.aws.compare_machines import compare_fleets, compare_groups
from emr_dr.aws.compare_software import compare_bootstrap, compare_configurations, compare_scaling, compare_tags
from emr_dr.aws.compare_values import (
    Json,
    Normal,
    Unlike,
    Unread,
    applications,
    at,
    first,
    folder,
    members,
    number,
    role_name,
    same,
    unlike,
)

if TYPE_CHECKING:
    from mypy_boto3_emr.type_defs import RunJobFlowInputTypeDef

    from emr_dr.ports import Difference


@dataclass(frozen=True, slots=True)
class Found:
    """What EMR answers of one cluster, as plain data.

    Attributes:
        cluster: DescribeCluster's.
        bootstrap: All of ListBootstrapActions; unread where it was refused for good.
        machines: All of ListInstanceGroups or ListInstanceFleets.
        scaling: GetManagedScalingPolicy's; None without a policy.
        fleets: Whether the machines are fleets.
    """

    cluster: Json
    bootstrap: Sequence[Json] | Unread = ()
    machines: Sequence[Json] | Unread = ()
    scaling: Json | Unread | None = None
    fleets: bool = False


Rule = Callable[[Json, Found], Iterator[Unlike]]


def differences(request: "RunJobFlowInputTypeDef", found: Found) -> "tuple[Difference, ...]":
    """Return every field in which the cluster is not as the request would make it; what must be equal comes first."""
    sent = cast("Json", request)
    must = [each.as_difference(must=True) for rule in MUST.values() for each in rule(sent, found)]
    should = [each.as_difference(must=False) for rule in SHOULD.values() for each in rule(sent, found)]
    return (*must, *should)


def _equal(sent: str, told: str, field: str, form: Normal = same) -> Rule:
    """Equal; what is there though none is declared is only reported, as all that a cluster has besides."""

    def rule(request: Json, found: Found) -> Iterator[Unlike]:
        yield from unlike(field, form(at(request, sent)), form(at(found.cluster, told)))

    return rule


def _as_sent(sent: str, told: str, field: str, form: Normal = same) -> Rule:
    """Equal if it is sent; where it is not, EMR fills in its own."""

    def rule(request: Json, found: Found) -> Iterator[Unlike]:
        value = at(request, sent)
        if value is not None:
            yield from unlike(field, form(value), form(at(found.cluster, told)))

    return rule


def _subnet(sent: str) -> Rule:
    """Fleets are asked for with a list of one, and until EMR has chosen from it the answer has the list, too."""

    def rule(request: Json, found: Found) -> Iterator[Unlike]:
        value = first(at(request, sent))
        if value is not None:
            attributes: Json = at(found.cluster, "Ec2InstanceAttributes") or {}
            chosen = attributes.get("Ec2SubnetId") or first(attributes.get("RequestedEc2SubnetIds"))
            yield from unlike("subnet", value, chosen)

    return rule


def _configurations(request: Json, found: Found) -> Iterator[Unlike]:
    return compare_configurations(request.get("Configurations"), found.cluster.get("Configurations"))


def _bootstrap(request: Json, found: Found) -> Iterator[Unlike]:
    return compare_bootstrap(request.get("BootstrapActions"), found.bootstrap)


def _tags(request: Json, found: Found) -> Iterator[Unlike]:
    sides = (tags.as_mapping(side.get("Tags") or ()) for side in (request, found.cluster))
    return compare_tags(*sides)


def _scaling(request: Json, found: Found) -> Iterator[Unlike]:
    return compare_scaling(request.get("ManagedScalingPolicy"), found.scaling)


def _stays_up(request: Json, found: Found) -> Iterator[Unlike]:
    ends = found.cluster.get("AutoTerminate")
    stays = None if ends is None else not ends
    yield from unlike("stays up without steps", at(request, "Instances.KeepJobFlowAliveWhenNoSteps"), stays)


def _machines(sent: str, *, fleets: bool) -> Rule:
    def rule(request: Json, found: Found) -> Iterator[Unlike]:
        wanted = at(request, sent)
        if not wanted:
            return
        kinds = ("fleets", "groups") if fleets else ("groups", "fleets")
        scaled = bool(request.get("ManagedScalingPolicy"))
        if isinstance(found.machines, Unread):
            yield Unlike(f"instances.{kinds[0]}", f"{len(wanted)}", f"what we may not read ({found.machines.reason})")
        elif found.fleets != fleets:
            yield Unlike("instances", *kinds)
        else:
            yield from (compare_fleets if fleets else compare_groups)(wanted, found.machines, scaled=scaled)

    return rule


_EC2 = "Ec2InstanceAttributes"
MUST: Mapping[str, Rule] = {
    "ReleaseLabel": _equal("ReleaseLabel", "ReleaseLabel", "release"),
    "Applications": _equal("Applications", "Applications", "applications", applications),
    "ServiceRole": _equal("ServiceRole", "ServiceRole", "roles.service", role_name),
    "JobFlowRole": _equal("JobFlowRole", f"{_EC2}.IamInstanceProfile", "roles.instance", role_name),
    **{
        f"Instances.{name}": _equal(f"Instances.{name}", f"{_EC2}.{name}", f"security_groups.{field}", form)
        for name, field, form in (
            ("EmrManagedMasterSecurityGroup", "primary", same),
            ("EmrManagedSlaveSecurityGroup", "core", same),
            ("ServiceAccessSecurityGroup", "service_access", same),
            ("AdditionalMasterSecurityGroups", "additional_primary", members),
            ("AdditionalSlaveSecurityGroups", "additional_core", members),
        )
    },
    "Instances.Ec2SubnetId": _subnet("Instances.Ec2SubnetId"),
    "Instances.Ec2SubnetIds": _subnet("Instances.Ec2SubnetIds"),
    "Instances.Ec2KeyName": _equal("Instances.Ec2KeyName", f"{_EC2}.Ec2KeyName", "key_name"),
    "SecurityConfiguration": _equal("SecurityConfiguration", "SecurityConfiguration", "security_configuration"),
    "CustomAmiId": _equal("CustomAmiId", "CustomAmiId", "custom_ami"),
    "BootstrapActions": _bootstrap,
    "Configurations": _configurations,
    "LogUri": _equal("LogUri", "LogUri", "log_uri", folder),
}
"""What must be there as declared, by the name under which it is sent; more than that is only reported."""

SHOULD: Mapping[str, Rule] = {
    "Name": _as_sent("Name", "Name", "name"),
    "Tags": _tags,
    "Instances.InstanceGroups": _machines("Instances.InstanceGroups", fleets=False),
    "Instances.InstanceFleets": _machines("Instances.InstanceFleets", fleets=True),
    "ManagedScalingPolicy": _scaling,
    "Instances.KeepJobFlowAliveWhenNoSteps": _stays_up,
    "StepConcurrencyLevel": _as_sent("StepConcurrencyLevel", "StepConcurrencyLevel", "step_concurrency", number),
    "VisibleToAllUsers": _as_sent("VisibleToAllUsers", "VisibleToAllUsers", "visible to all users"),
    "AutoScalingRole": _as_sent("AutoScalingRole", "AutoScalingRole", "roles.autoscaling", role_name),
    # Reported only: EMR may answer another name of the same key than the one it was given.
    "LogEncryptionKmsKeyId": _as_sent("LogEncryptionKmsKeyId", "LogEncryptionKmsKeyId", "log_encryption_key"),
    "OSReleaseLabel": _as_sent("OSReleaseLabel", "OSReleaseLabel", "os_release"),
    "EbsRootVolumeSize": _as_sent("EbsRootVolumeSize", "EbsRootVolumeSize", "ebs_root_volume.size", number),
    "EbsRootVolumeIops": _as_sent("EbsRootVolumeIops", "EbsRootVolumeIops", "ebs_root_volume.iops", number),
    "EbsRootVolumeThroughput": _as_sent(
        "EbsRootVolumeThroughput", "EbsRootVolumeThroughput", "ebs_root_volume.throughput", number
    ),
}
"""What is only reported, by the name under which it is sent."""

NOT_COMPARED: Mapping[str, str] = {
    "Instances.TerminationProtected": "the controller switches it once the member serves",
}
"""What is sent and may differ, and why."""
