"""The one request of a launch, by golden examples."""

from emr_dr.aws.launch_request import launch_request
from emr_dr.core.group import Placement
from emr_dr.spec.cluster import BootstrapAction, ClusterTemplate

EVERYTHING = {
    "release": "emr-7.9.0",
    "applications": ["Spark", "Livy", "Hive"],
    "roles": {"service": "EMR_DefaultRole_V2", "instance": "EMR_EC2_DefaultRole", "autoscaling": "EMR_AutoScaling"},
    "security_groups": {
        "primary": "sg-p",
        "core": "sg-c",
        "service_access": "sg-s",
        "additional_primary": ["sg-x", "sg-y"],
        "additional_core": ["sg-z"],
    },
    "instances": {
        "groups": {
            "primary": {"type": "m5.xlarge"},
            "core": {
                "type": "r5.2xlarge",
                "count": 3,
                "ebs": [{"size": 100, "iops": 4000, "throughput": 250, "count": 2}],
            },
            "task": {"type": "c5.xlarge", "count": 2, "market": "spot", "bid_price": 0.25},
        }
    },
    "managed_scaling": {"minimum": 2, "maximum": 20, "maximum_on_demand": 10, "maximum_core": 5},
    "configurations": [
        {
            "Classification": "spark-env",
            "Properties": {},
            "Configurations": [{"Classification": "export", "Properties": {"A": "b"}}],
        },
        {"Classification": "livy-conf", "Properties": {"livy.server.session.timeout": "2h"}},
    ],
    "bootstrap": [{"name": "setup", "path": "s3://acme/setup.sh", "args": ["--fast", "1"]}],
    "log_uri": "s3://acme-logs/etl/",
    "log_encryption_key": "arn:aws:kms:us-east-1:111122223333:key/0a",
    "artifacts": "s3://acme-artifacts/emr-dr/",
    "security_configuration": "encrypted",
    "key_name": "ops",
    "ebs_root_volume": {"size": 30, "iops": 3000, "throughput": 125},
    "custom_ami": "ami-0123",
    "os_release": "2.0.20250428.0",
    "step_concurrency": 5,
    "tags": {"team": "data", "for-use-with-amazon-emr-managed-policies": "true"},
}

GOLDEN = {
    "Name": "etl-7",
    "ReleaseLabel": "emr-7.9.0",
    "Applications": [{"Name": "Spark"}, {"Name": "Livy"}, {"Name": "Hive"}],
    "Instances": {
        "KeepJobFlowAliveWhenNoSteps": True,
        "TerminationProtected": False,
        "EmrManagedMasterSecurityGroup": "sg-p",
        "EmrManagedSlaveSecurityGroup": "sg-c",
        "ServiceAccessSecurityGroup": "sg-s",
        "AdditionalMasterSecurityGroups": ["sg-x", "sg-y"],
        "AdditionalSlaveSecurityGroups": ["sg-z"],
        "Ec2KeyName": "ops",
        "Ec2SubnetId": "subnet-a",
        "InstanceGroups": [
            {
                "Name": "primary",
                "InstanceRole": "MASTER",
                "InstanceType": "m5.xlarge",
                "InstanceCount": 1,
                "Market": "ON_DEMAND",
            },
            {
                "Name": "core",
                "InstanceRole": "CORE",
                "InstanceType": "r5.2xlarge",
                "InstanceCount": 3,
                "Market": "ON_DEMAND",
                "EbsConfiguration": {
                    "EbsBlockDeviceConfigs": [
                        {
                            "VolumeSpecification": {
                                "VolumeType": "gp3",
                                "SizeInGB": 100,
                                "Iops": 4000,
                                "Throughput": 250,
                            },
                            "VolumesPerInstance": 2,
                        }
                    ]
                },
            },
            {
                "Name": "task",
                "InstanceRole": "TASK",
                "InstanceType": "c5.xlarge",
                "InstanceCount": 2,
                "Market": "SPOT",
                "BidPrice": "0.25",
            },
        ],
    },
    "ServiceRole": "EMR_DefaultRole_V2",
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "AutoScalingRole": "EMR_AutoScaling",
    "VisibleToAllUsers": True,
    "StepConcurrencyLevel": 5,
    "Configurations": [
        {
            "Classification": "spark-env",
            "Properties": {},
            "Configurations": [{"Classification": "export", "Properties": {"A": "b"}}],
        },
        {"Classification": "livy-conf", "Properties": {"livy.server.session.timeout": "2h"}},
    ],
    "BootstrapActions": [
        {"Name": "ours", "ScriptBootstrapAction": {"Path": "s3://acme/ours.sh", "Args": []}},
        {"Name": "setup", "ScriptBootstrapAction": {"Path": "s3://acme/setup.sh", "Args": ["--fast", "1"]}},
    ],
    "Tags": [
        {"Key": "emr-dr:group", "Value": "etl"},
        {"Key": "emr-dr:launch", "Value": "7"},
        {"Key": "emr-dr:origin", "Value": "0ff1ce"},
        {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"},
        {"Key": "team", "Value": "data"},
    ],
    "ManagedScalingPolicy": {
        "ComputeLimits": {
            "UnitType": "Instances",
            "MinimumCapacityUnits": 2,
            "MaximumCapacityUnits": 20,
            "MaximumOnDemandCapacityUnits": 10,
            "MaximumCoreCapacityUnits": 5,
        }
    },
    "LogUri": "s3://acme-logs/etl/",
    "LogEncryptionKmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/0a",
    "SecurityConfiguration": "encrypted",
    "CustomAmiId": "ami-0123",
    "OSReleaseLabel": "2.0.20250428.0",
    "EbsRootVolumeSize": 30,
    "EbsRootVolumeIops": 3000,
    "EbsRootVolumeThroughput": 125,
}


def test_a_full_template_becomes_one_request_with_everything_in_it() -> None:
    request = launch_request(
        "etl",
        ClusterTemplate.model_validate(EVERYTHING),
        number=7,
        origin="0ff1ce",
        placement=Placement("subnet-a", "us-east-1a"),
        own_bootstrap=[BootstrapAction(name="ours", path="s3://acme/ours.sh")],
    )
    assert request == GOLDEN


def test_a_placement_with_a_role_of_its_own_is_launched_with_it(template: ClusterTemplate) -> None:
    place = Placement("subnet-a", role="etl-a")
    assert launch_request("etl", template, number=1, origin="o", placement=place)["JobFlowRole"] == "etl-a"


def test_fleets_take_the_subnet_as_a_list_and_their_ranks_when_they_are_prioritized(template: ClusterTemplate) -> None:
    fleets = {
        "primary": {"target_on_demand": 1, "types": [{"type": "m5.xlarge"}]},
        "core": {
            "target_on_demand": 2,
            "target_spot": 4,
            "types": [
                {"type": "m5.xlarge", "weight": 1, "bid_percent": 80.0},
                {"type": "m5.2xlarge", "weight": 2, "ebs": [{"size": 64}]},
            ],
            "timeout": "15m",
            "on_demand_allocation": "prioritized",
        },
    }
    declared = ClusterTemplate.model_validate({**template.model_dump(by_alias=True), "instances": {"fleets": fleets}})
    instances = launch_request("etl", declared, number=1, origin="o", placement=Placement("subnet-a"))["Instances"]

    assert instances.get("Ec2SubnetIds") == ["subnet-a"]
    assert "Ec2SubnetId" not in instances
    assert instances.get("InstanceFleets") == [
        {
            "Name": "primary",
            "InstanceFleetType": "MASTER",
            "TargetOnDemandCapacity": 1,
            "TargetSpotCapacity": 0,
            "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge", "WeightedCapacity": 1}],
            "LaunchSpecifications": {"OnDemandSpecification": {"AllocationStrategy": "lowest-price"}},
        },
        {
            "Name": "core",
            "InstanceFleetType": "CORE",
            "TargetOnDemandCapacity": 2,
            "TargetSpotCapacity": 4,
            "InstanceTypeConfigs": [
                {
                    "InstanceType": "m5.xlarge",
                    "WeightedCapacity": 1,
                    "Priority": 0.0,
                    "BidPriceAsPercentageOfOnDemandPrice": 80.0,
                },
                {
                    "InstanceType": "m5.2xlarge",
                    "WeightedCapacity": 2,
                    "Priority": 1.0,
                    "EbsConfiguration": {
                        "EbsBlockDeviceConfigs": [
                            {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 64}, "VolumesPerInstance": 1}
                        ]
                    },
                },
            ],
            "LaunchSpecifications": {
                "OnDemandSpecification": {"AllocationStrategy": "prioritized"},
                "SpotSpecification": {
                    "TimeoutDurationMinutes": 15,
                    "TimeoutAction": "SWITCH_TO_ON_DEMAND",
                    "AllocationStrategy": "price-capacity-optimized",
                },
            },
        },
    ]


def test_what_is_not_declared_is_not_in_the_request(template: ClusterTemplate) -> None:
    request = launch_request("etl", template, number=1, origin="o", placement=Placement("subnet-a"))
    assert not request.keys() & {
        "LogUri", "LogEncryptionKmsKeyId", "SecurityConfiguration", "CustomAmiId", "OSReleaseLabel",
        "EbsRootVolumeSize", "ManagedScalingPolicy", "AutoScalingRole", "Steps",
    }  # fmt: skip


def test_declared_tags_cannot_displace_ours(template: ClusterTemplate) -> None:
    request = launch_request("etl", template, number=3, origin="o", placement=Placement("subnet-a"))
    keys = [tag.get("Key") for tag in request.get("Tags", [])]
    assert len(keys) == len(set(keys))
    assert {"Key": "emr-dr:group", "Value": "etl"} in request.get("Tags", [])
