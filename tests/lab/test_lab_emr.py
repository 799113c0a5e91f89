"""EMR's API and life cycle, as boto3 sees them."""

import pytest
from botocore.exceptions import ClientError

from lab.lab_world import World, eventually, unique


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_cluster_starts_and_gives_its_address_only_after_starting(world: World) -> None:
    world.orders.order("fault", launch={"kind": "hang-starting", "times": 1})
    hanging = world.launch(wait=False)
    waiting = world.launch()
    assert world.state(hanging) == "STARTING"
    assert world.aws("emr").list_instances(ClusterId=hanging)["Instances"] == []
    assert "MasterPublicDnsName" not in world.describe(hanging)
    address = world.address(waiting)
    assert address.startswith(f"127.{world.lab.addresses.octet}.1.")
    assert world.describe(waiting)["MasterPublicDnsName"] == f"ip-{address.replace('.', '-')}.ec2.internal"


def test_describe_cluster_fills_in_defaults_and_rewrites_values(world: World) -> None:
    shown = world.describe(
        world.launch(
            "us-east-1b",
            LogUri="s3://acme-logs/etl",
            Applications=[{"Name": "spark"}, {"Name": "Livy"}],
            Tags=[{"Key": "team", "Value": "etl"}],
        )
    )
    attributes = shown["Ec2InstanceAttributes"]
    assert attributes["Ec2AvailabilityZone"] == "us-east-1b"
    assert attributes["Ec2SubnetId"] == world.lab.resources.subnets["us-east-1b"]
    assert attributes["EmrManagedMasterSecurityGroup"] == world.lab.resources.security_groups["primary"]
    assert attributes["ServiceAccessSecurityGroup"] == world.lab.resources.security_groups["service_access"]
    assert shown["LogUri"] == "s3n://acme-logs/etl/"
    assert [each["Name"] for each in shown["Applications"]] == ["Spark", "Livy"]
    assert all(each["Version"] for each in shown["Applications"])
    assert {each["Key"] for each in shown["Tags"]} == {"team", "aws:elasticmapreduce:job-flow-id"}
    assert shown["InstanceCollectionType"] == "INSTANCE_GROUP"
    assert shown["ScaleDownBehavior"] == "TERMINATE_AT_TASK_COMPLETION"
    assert shown["ServiceRole"] == "EMR_DefaultRole"
    assert (shown["EbsRootVolumeSize"], shown["AutoTerminate"], shown["TerminationProtected"]) == (15, False, False)
    assert {"CreationDateTime", "ReadyDateTime"} == set(shown["Status"]["Timeline"])


def test_an_az_without_a_subnet_takes_the_labs_subnet_there(world: World) -> None:
    cluster = world.launch(Instances={"Ec2SubnetId": "", "Placement": {"AvailabilityZone": "us-east-1c"}}, wait=False)
    assert world.describe(cluster)["Ec2InstanceAttributes"]["Ec2SubnetId"] == world.lab.resources.subnets["us-east-1c"]


@pytest.mark.parametrize(
    ("change", "instances"),
    [
        ({}, {"Placement": {"AvailabilityZone": "us-east-1a"}}),
        ({}, {"Ec2SubnetId": "subnet-00000000"}),
        ({}, {"EmrManagedMasterSecurityGroup": "sg-00000000", "EmrManagedSlaveSecurityGroup": "sg-00000000"}),
        ({}, {"MasterInstanceType": "m5.xlarge"}),
        ({"ReleaseLabel": "7.9"}, {}),
        ({"ServiceRole": "no-such-role"}, {}),
        ({"JobFlowRole": "no-such-profile"}, {}),
        ({"Steps": [{"Name": "s", "HadoopJarStep": {"Jar": "x"}}]}, {}),
        ({"ScaleDownBehavior": "NEVER"}, {}),
    ],
)
def test_a_launch_that_aws_would_refuse_is_refused(
    world: World, change: dict[str, object], instances: dict[str, object]
) -> None:
    request = world.request() | change
    request["Instances"] |= instances
    with pytest.raises(ClientError) as error:
        world.aws("emr").run_job_flow(**request)
    assert code(error) == "ValidationException"


def test_the_same_request_twice_is_two_clusters(world: World) -> None:
    request = world.request()
    first, second = (world.aws("emr").run_job_flow(**request)["JobFlowId"] for _ in range(2))
    assert first != second


def test_without_keep_alive_a_cluster_ends_when_it_is_ready(world: World) -> None:
    cluster = world.launch(Instances={"KeepJobFlowAliveWhenNoSteps": False}, wait=False)
    eventually(lambda: world.state(cluster) == "TERMINATED")
    assert world.describe(cluster)["Status"]["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"


def test_instances_are_filtered_and_end_with_their_cluster_in_ec2_too(world: World) -> None:
    emr, ec2 = world.aws("emr"), world.aws("ec2")
    cluster = world.launch()
    core_group = next(
        each["Id"]
        for each in emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
        if each["InstanceGroupType"] == "CORE"
    )
    cores = emr.list_instances(ClusterId=cluster, InstanceGroupId=core_group)["Instances"]
    assert len(cores) == 2
    assert emr.list_instances(ClusterId=cluster, InstanceStates=["TERMINATED"])["Instances"] == []
    ids = [each["Ec2InstanceId"] for each in cores]
    in_ec2 = [each["Instances"][0] for each in ec2.describe_instances(InstanceIds=ids)["Reservations"]]
    assert {each["PrivateIpAddress"] for each in in_ec2} == {each["PrivateIpAddress"] for each in cores}
    assert {each["State"]["Name"] for each in in_ec2} == {"running"}
    emr.terminate_job_flows(JobFlowIds=[cluster])
    eventually(lambda: world.state(cluster) == "TERMINATED")
    assert len(emr.list_instances(ClusterId=cluster, InstanceStates=["TERMINATED"])["Instances"]) == 3
    ended = ec2.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"][0]
    assert ended["State"]["Name"] == "terminated"
    assert "PrivateIpAddress" not in ended
    assert world.describe(cluster)["Status"]["StateChangeReason"] == {
        "Code": "USER_REQUEST",
        "Message": "Terminated by user request",
    }


def test_a_fleet_takes_the_subnet_that_has_capacity(world: World) -> None:
    world.orders.kill_az("us-east-1a")
    subnets = world.lab.resources.subnets
    instances = {
        "Ec2SubnetIds": [subnets["us-east-1a"], subnets["us-east-1b"]],
        "KeepJobFlowAliveWhenNoSteps": True,
        "InstanceFleets": [
            {
                "InstanceFleetType": role,
                "TargetOnDemandCapacity": 1,
                "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
            }
            for role in ("MASTER", "CORE")
        ],
    }
    request = world.request() | {"Instances": instances}
    cluster = world.aws("emr").run_job_flow(**request)["JobFlowId"]
    eventually(lambda: world.state(cluster) == "WAITING")
    shown = world.describe(cluster)
    assert shown["InstanceCollectionType"] == "INSTANCE_FLEET"
    assert shown["Ec2InstanceAttributes"]["Ec2AvailabilityZone"] == "us-east-1b"
    assert len(shown["Ec2InstanceAttributes"]["RequestedEc2SubnetIds"]) == 2
    fleets = world.aws("emr").list_instance_fleets(ClusterId=cluster)["InstanceFleets"]
    assert [each["ProvisionedOnDemandCapacity"] for each in fleets] == [1, 1]
    masters = world.aws("emr").list_instances(ClusterId=cluster, InstanceFleetType="MASTER")["Instances"]
    assert len(masters) == 1


def test_instance_type_and_count_make_a_master_and_cores(world: World) -> None:
    request = world.request()
    del request["Instances"]["InstanceGroups"]
    request["Instances"] |= {"MasterInstanceType": "m5.xlarge", "SlaveInstanceType": "m5.large", "InstanceCount": 3}
    cluster = world.aws("emr").run_job_flow(**request)["JobFlowId"]
    eventually(lambda: world.state(cluster) == "WAITING")
    groups = world.aws("emr").list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert [(each["InstanceGroupType"], each["RunningInstanceCount"]) for each in groups] == [
        ("MASTER", 1),
        ("CORE", 2),
    ]


def test_a_group_is_resized(world: World) -> None:
    emr = world.aws("emr")
    cluster = world.launch()
    group = emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"][1]["Id"]
    emr.modify_instance_groups(InstanceGroups=[{"InstanceGroupId": group, "InstanceCount": 4}])
    assert emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"][1]["RunningInstanceCount"] == 4
    emr.modify_instance_groups(InstanceGroups=[{"InstanceGroupId": group, "InstanceCount": 1}])
    living = emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"], InstanceStates=["RUNNING"])["Instances"]
    assert len(living) == 1


def test_clusters_are_listed_newest_first_in_pages_of_50(world: World) -> None:
    emr = world.aws("emr")
    world.orders.order("fault", launch={"kind": "hang-starting", "times": 60})
    world.clock.skip(3600)
    since = world.clock()
    made = [world.launch(wait=False) for _ in range(55)]
    first = emr.list_clusters(ClusterStates=["STARTING"], CreatedAfter=since)
    assert len(first["Clusters"]) == 50
    second = emr.list_clusters(ClusterStates=["STARTING"], CreatedAfter=since, Marker=first["Marker"])
    assert "Marker" not in second
    listed = [each["Id"] for each in first["Clusters"] + second["Clusters"]]
    assert listed == made[::-1]
    assert emr.list_clusters(ClusterStates=["BOOTSTRAPPING"], CreatedAfter=since)["Clusters"] == []
    emr.terminate_job_flows(JobFlowIds=made)


def test_termination_protection_is_kept_until_it_is_taken_off(world: World) -> None:
    emr = world.aws("emr")
    protected = world.launch(Instances={"TerminationProtected": True})
    other = world.launch()
    with pytest.raises(ClientError) as error:
        emr.terminate_job_flows(JobFlowIds=[protected, other])
    assert code(error) == "ValidationException"
    eventually(lambda: world.state(other) == "TERMINATED")
    assert world.state(protected) == "WAITING"
    emr.set_termination_protection(JobFlowIds=[protected], TerminationProtected=False)
    emr.terminate_job_flows(JobFlowIds=[protected])
    eventually(lambda: world.state(protected) == "TERMINATED")
    with pytest.raises(ClientError) as error:
        emr.set_termination_protection(JobFlowIds=[protected], TerminationProtected=True)
    assert code(error) == "ValidationException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("describe_cluster", {"ClusterId": "j-NOSUCH"}),
        ("list_instances", {"ClusterId": "j-NOSUCH"}),
        ("list_instance_groups", {"ClusterId": "j-NOSUCH"}),
        ("list_bootstrap_actions", {"ClusterId": "j-NOSUCH"}),
        ("terminate_job_flows", {"JobFlowIds": ["j-NOSUCH"]}),
        ("set_termination_protection", {"JobFlowIds": ["j-NOSUCH"], "TerminationProtected": False}),
        ("get_managed_scaling_policy", {"ClusterId": "j-NOSUCH"}),
        ("get_auto_termination_policy", {"ClusterId": "j-NOSUCH"}),
        ("add_tags", {"ResourceId": "j-NOSUCH", "Tags": []}),
    ],
)
def test_an_unknown_id_is_refused_for_good(world: World, operation: str, parameters: dict[str, object]) -> None:
    with pytest.raises(ClientError) as error:
        getattr(world.aws("emr"), operation)(**parameters)
    assert code(error) == "InvalidRequestException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_policies_and_bootstrap_actions_of_the_launch_can_be_read_back(world: World) -> None:
    emr = world.aws("emr")
    limits = {"UnitType": "Instances", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 20}
    cluster = world.launch(
        ManagedScalingPolicy={"ComputeLimits": limits},
        AutoTerminationPolicy={"IdleTimeout": 3600},
        BootstrapActions=[{"Name": "b", "ScriptBootstrapAction": {"Path": "s3://acme-artifacts/b.sh", "Args": ["1"]}}],
    )
    assert emr.get_managed_scaling_policy(ClusterId=cluster)["ManagedScalingPolicy"]["ComputeLimits"] == limits
    assert emr.get_auto_termination_policy(ClusterId=cluster)["AutoTerminationPolicy"] == {"IdleTimeout": 3600}
    assert emr.list_bootstrap_actions(ClusterId=cluster)["BootstrapActions"] == [
        {"Name": "b", "ScriptPath": "s3://acme-artifacts/b.sh", "Args": ["1"]}
    ]
    changed = {"ComputeLimits": limits | {"MaximumCapacityUnits": 5}}
    emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy=changed)
    assert emr.get_managed_scaling_policy(ClusterId=cluster)["ManagedScalingPolicy"] == changed
    emr.remove_managed_scaling_policy(ClusterId=cluster)
    assert "ManagedScalingPolicy" not in emr.get_managed_scaling_policy(ClusterId=cluster)


def test_tags_are_added_and_removed_but_not_awss_own(world: World) -> None:
    emr = world.aws("emr")
    cluster = world.launch(Tags=[{"Key": "a", "Value": "1"}])
    emr.add_tags(ResourceId=cluster, Tags=[{"Key": "b", "Value": "2"}])
    emr.remove_tags(ResourceId=cluster, TagKeys=["a"])
    tags = {each["Key"]: each["Value"] for each in world.describe(cluster)["Tags"]}
    assert tags == {"b": "2", "aws:elasticmapreduce:job-flow-id": cluster}
    with pytest.raises(ClientError) as error:
        emr.add_tags(ResourceId=cluster, Tags=[{"Key": "aws:x", "Value": "2"}])
    assert code(error) == "ValidationException"


def test_an_operation_that_the_lab_lacks_is_refused_loudly_and_not_repeated(world: World) -> None:
    with pytest.raises(ClientError) as error:
        world.aws("emr").create_studio(
            Name=unique("studio"),
            AuthMode="IAM",
            VpcId="v",
            SubnetIds=["s"],
            ServiceRole="r",
            WorkspaceSecurityGroupId="w",
            EngineSecurityGroupId="e",
            DefaultS3Location="s3://x",
        )
    assert code(error) == "LabDoesNotImplement"
