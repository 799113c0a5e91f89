"""What EMR would answer of a cluster that was launched by a request of ours: rewritten and filled in as AWS does."""

from typing import TYPE_CHECKING, Any, cast

from aws.test_launch_request import EVERYTHING
from emr_dr.aws.compare import Found
from emr_dr.aws.launch_request import launch_request
from emr_dr.core.group import Placement
from emr_dr.spec.cluster import BootstrapAction, ClusterTemplate

if TYPE_CHECKING:
    from mypy_boto3_emr.type_defs import RunJobFlowInputTypeDef

Json = dict[str, Any]

OURS = BootstrapAction(name="ours", path="s3://acme/ours.sh", args=("7",))
FLEETS: Json = {
    **EVERYTHING,
    "managed_scaling": {"minimum": 2, "maximum": 20, "unit": "InstanceFleetUnits"},
    "instances": {
        "fleets": {
            "primary": {"target_on_demand": 1, "types": [{"type": "m5.xlarge"}]},
            "core": {
                "target_on_demand": 2,
                "target_spot": 4,
                "types": [
                    {"type": "m5.xlarge", "bid_percent": 80.0},
                    {"type": "m5.2xlarge", "weight": 2, "ebs": [{"size": 64, "count": 2}]},
                ],
                "timeout": "15m",
                "on_demand_allocation": "prioritized",
            },
            "task": {"target_spot": 2, "types": [{"type": "c5.xlarge", "bid_price": 0.25}]},
        }
    },
}


def request_of(declared: Json, rung: int = 0) -> "RunJobFlowInputTypeDef":
    template = ClusterTemplate.model_validate(declared)
    placement = Placement("subnet-a", "us-east-1a", rung)
    return launch_request("etl", template, number=7, origin="0ff1ce", placement=placement, own_bootstrap=[OURS])


def answered(request: "RunJobFlowInputTypeDef") -> Found:
    sent = cast("Json", request)
    fleets = "InstanceFleets" in sent["Instances"]
    return Found(
        cluster=cluster_answer(sent),
        bootstrap=[
            {"Name": each["Name"], "ScriptPath": script["Path"], "Args": script["Args"]}
            for each in sent["BootstrapActions"]
            for script in (each["ScriptBootstrapAction"],)
        ],
        machines=[_fleet(each) for each in sent["Instances"]["InstanceFleets"]]
        if fleets
        else [_group(each) for each in sent["Instances"]["InstanceGroups"]],
        scaling=sent.get("ManagedScalingPolicy"),
        fleets=fleets,
    )


def cluster_answer(sent: Json) -> Json:
    instances: Json = sent["Instances"]
    names = (
        "Ec2KeyName", "EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup",
        "AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups",
    )  # fmt: skip
    attributes = {name: instances[name] for name in names if name in instances}
    kept = sent.keys() - {"Instances", "BootstrapActions", "ManagedScalingPolicy", "JobFlowRole"}
    return {
        **{name: sent[name] for name in kept},
        "Id": "j-7",
        "Ec2InstanceAttributes": {
            **attributes,
            "Ec2SubnetId": instances.get("Ec2SubnetId") or instances["Ec2SubnetIds"][0],
            "Ec2AvailabilityZone": "us-east-1a",
            "IamInstanceProfile": f"arn:aws:iam::111122223333:instance-profile/{sent['JobFlowRole']}",
        },
        "InstanceCollectionType": "INSTANCE_FLEET" if "InstanceFleets" in instances else "INSTANCE_GROUP",
        "ServiceRole": f"arn:aws:iam::111122223333:role/service-role/{sent['ServiceRole']}",
        "Applications": [{"Name": each["Name"].upper(), "Version": "1.2.3"} for each in reversed(sent["Applications"])],
        "Configurations": list(reversed(sent["Configurations"])),
        "Tags": [{"Key": "aws:elasticmapreduce:job-flow-id", "Value": "j-7"}, *reversed(sent["Tags"])],
        "AutoTerminate": not instances["KeepJobFlowAliveWhenNoSteps"],
        "TerminationProtected": True,
        **({"LogUri": sent["LogUri"].rstrip("/").replace("s3://", "s3n://") + "/"} if "LogUri" in sent else {}),
        # What nobody declared and EMR fills in:
        "OSReleaseLabel": sent.get("OSReleaseLabel") or "2023.6.20250512.0",
        "EbsRootVolumeSize": sent.get("EbsRootVolumeSize") or 15,
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
    }


def _group(sent: Json) -> Json:
    return {
        "Id": f"ig-{sent['Name']}",
        "Name": sent["Name"],
        "Status": {"State": "RUNNING"},
        "InstanceGroupType": sent["InstanceRole"],
        "InstanceType": sent["InstanceType"],
        "RequestedInstanceCount": sent["InstanceCount"],
        "Market": sent["Market"],
        "EbsBlockDevices": _devices(sent),
        **({"BidPrice": f"{float(sent['BidPrice']):.3f}"} if "BidPrice" in sent else {}),
    }


def _fleet(sent: Json) -> Json:
    types = [
        {**{key: value for key, value in each.items() if key != "EbsConfiguration"}, "EbsBlockDevices": _devices(each)}
        for each in reversed(sent["InstanceTypeConfigs"])
    ]
    kept = {key: value for key, value in sent.items() if key != "InstanceTypeConfigs"}
    return {**kept, "Status": {"State": "RUNNING"}, "InstanceTypeSpecifications": types}


def _devices(sent: Json) -> list[Json]:
    """Each volume by itself; where none was asked for, what EMR gives a type without disks of its own."""
    asked = (sent.get("EbsConfiguration") or {}).get("EbsBlockDeviceConfigs") or [
        {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 32}, "VolumesPerInstance": 2}
    ]
    return [
        {"VolumeSpecification": {"Iops": 3000, "Throughput": 125, **each["VolumeSpecification"]}, "Device": "/dev/sdb"}
        for each in asked
        for _ in range(each["VolumesPerInstance"])
    ]
