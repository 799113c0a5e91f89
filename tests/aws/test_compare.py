"""A cluster is compared with the request that would launch it: field by field, in one form, in few words."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from aws.answers import FLEETS, answered, request_of
from aws.aws_examples import TEMPLATE
from aws.test_launch_request import EVERYTHING
from emr_dr.aws.compare import MUST, NOT_COMPARED, SHOULD, Found, differences
from emr_dr.aws.compare_values import Unread
from emr_dr.ports import Difference

Json = dict[str, Any]
Change = Callable[[Any], object]

ALL = pytest.mark.parametrize("declared", [TEMPLATE, EVERYTHING, FLEETS], ids=["small", "groups", "fleets"])


def sent_names(request: Json) -> set[str]:
    return (request.keys() - {"Instances"}) | {f"Instances.{name}" for name in request["Instances"]}


def changed(declared: Json, change: Change, part: str = "cluster") -> list[Difference]:
    """The differences after something in EMR's answer was changed."""
    request = request_of(declared)
    found = answered(request)
    value = copy.deepcopy(getattr(found, part))
    change(value)
    return list(differences(request, replace(found, **{part: value})))


def ec2(**changes: object) -> Change:
    return lambda cluster: cluster["Ec2InstanceAttributes"].update(changes)


def put(**changes: object) -> Change:
    return lambda cluster: cluster.update(changes)


@ALL
def test_what_is_sent_is_compared_in_one_class_or_named_as_not_compared(declared: Json) -> None:
    classes = (MUST.keys(), SHOULD.keys(), NOT_COMPARED.keys())
    for name in sent_names(cast("Json", request_of(declared))):
        assert sum(name in each for each in classes) == 1, name


@ALL
def test_what_emr_rewrites_orders_and_fills_in_is_no_difference(declared: Json) -> None:
    request = request_of(declared)
    assert differences(request, answered(request)) == ()


MUSTS: list[tuple[str, Change]] = [
    ("release", put(ReleaseLabel="emr-7.8.0")),
    ("release", put(ReleaseLabel=None)),
    ("applications", put(Applications=[{"Name": "Spark"}, {"Name": "Livy"}])),
    ("roles.service", put(ServiceRole="EMR_DefaultRole")),
    ("roles.instance", ec2(IamInstanceProfile="EMR_Other")),
    ("security_groups.primary", ec2(EmrManagedMasterSecurityGroup="sg-other")),
    ("security_groups.core", ec2(EmrManagedSlaveSecurityGroup="sg-other")),
    ("security_groups.service_access", ec2(ServiceAccessSecurityGroup=None)),
    ("security_groups.additional_primary", ec2(AdditionalMasterSecurityGroups=["sg-x"])),
    ("security_groups.additional_core", ec2(AdditionalSlaveSecurityGroups=["sg-more"])),
    ("subnet", ec2(Ec2SubnetId="subnet-b")),
    ("subnet", ec2(Ec2SubnetId=None)),
    ("security_configuration", put(SecurityConfiguration=None)),
    ("custom_ami", put(CustomAmiId="ami-9")),
    ("key_name", ec2(Ec2KeyName="someone")),
    ("log_uri", put(LogUri="s3n://acme-logs/other/")),
    ("configurations.livy-conf", lambda c: c["Configurations"].pop(0)),
    (
        "configurations.spark-env",
        lambda c: c["Configurations"][1]["Configurations"][0]["Properties"].update(A="c"),
    ),
]


@pytest.mark.parametrize("declared", [EVERYTHING, FLEETS], ids=["groups", "fleets"])
@pytest.mark.parametrize(("field", "change"), MUSTS)
def test_what_a_candidate_must_have_and_has_not_is_told(declared: Json, field: str, change: Change) -> None:
    (difference,) = changed(declared, change)
    assert (difference.field, difference.must) == (field, True)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("bootstrap", lambda b: b.pop()),
        ("bootstrap[0]", lambda b: b[0].update(Name="theirs")),
        ("bootstrap[1]", lambda b: b[1].update(ScriptPath="s3://acme/other.sh")),
        ("bootstrap[1].args", lambda b: b[1].update(Args=["1", "--fast"])),
        ("bootstrap[0].args", lambda b: b[0].update(Args=None)),
    ],
)
def test_bootstrap_actions_must_be_equal_in_order_ours_among_them(field: str, change: Change) -> None:
    (difference,) = changed(EVERYTHING, change, "bootstrap")
    assert (difference.field, difference.must) == (field, True)


def test_two_bootstrap_actions_in_the_other_order_are_two_differences() -> None:
    fields = [each.field for each in changed(EVERYTHING, lambda b: b.reverse(), "bootstrap")]
    assert fields == ["bootstrap[0]", "bootstrap[1]"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("applications", lambda c: c["Applications"].append({"Name": "Hadoop", "Version": "3.4.0"})),
        ("configurations.hive-site", lambda c: c["Configurations"].append({"Classification": "hive-site"})),
        ("security_groups.additional_core", ec2(AdditionalSlaveSecurityGroups=["sg-more"])),
        ("security_groups.service_access", ec2(ServiceAccessSecurityGroup="sg-s")),
        ("security_configuration", put(SecurityConfiguration="encrypted")),
        ("custom_ami", put(CustomAmiId="ami-1")),
        ("key_name", ec2(Ec2KeyName="someone")),
        ("log_uri", put(LogUri="s3n://acme-logs/")),
    ],
)
def test_what_nobody_declared_is_told_and_keeps_nobody_out(field: str, change: Change) -> None:
    bare = {**TEMPLATE, "security_groups": {"primary": "sg-p", "core": "sg-c"}}
    (difference,) = changed(bare, change)
    assert (difference.field, difference.must) == (field, False)


SHOULDS: list[tuple[str, Change]] = [
    ("name", put(Name="renamed")),
    ("tags.team", lambda c: c["Tags"].__delitem__(1)),
    ("tags.emr-dr:origin", lambda c: c["Tags"][3].update(Value="other")),
    ("step_concurrency", put(StepConcurrencyLevel=1)),
    ("visible to all users", put(VisibleToAllUsers=False)),
    ("roles.autoscaling", put(AutoScalingRole=None)),
    ("log_encryption_key", put(LogEncryptionKmsKeyId=None)),
    ("os_release", put(OSReleaseLabel="2.0.20250101.0")),
    ("ebs_root_volume.size", put(EbsRootVolumeSize=15)),
    ("ebs_root_volume.iops", put(EbsRootVolumeIops=None)),
    ("ebs_root_volume.throughput", put(EbsRootVolumeThroughput=250)),
    ("stays up without steps", put(AutoTerminate=True)),
    ("stays up without steps", put(AutoTerminate=None)),
]


@pytest.mark.parametrize(("field", "change"), SHOULDS)
def test_what_is_only_reported_is_told_and_keeps_nobody_out(field: str, change: Change) -> None:
    (difference,) = changed(EVERYTHING, change)
    assert (difference.field, difference.must) == (field, False)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("managed_scaling", None),
        ("managed_scaling.unit", {"ComputeLimits": {"UnitType": "VCPU"}}),
        ("managed_scaling.minimum", {"ComputeLimits": {"MinimumCapacityUnits": 1}}),
        ("managed_scaling.maximum_on_demand", {"ComputeLimits": {"MaximumOnDemandCapacityUnits": None}}),
    ],
)
def test_scaling_limits_are_compared_one_by_one(field: str, found: Json | None) -> None:
    request = request_of(EVERYTHING)
    answer = answered(request)
    assert isinstance(answer.scaling, dict)
    limits = {**answer.scaling["ComputeLimits"], **(found or {}).get("ComputeLimits", {})}
    (difference,) = differences(request, replace(answer, scaling=found and {"ComputeLimits": limits}))
    assert (difference.field, difference.must) == (field, False)


def test_scaling_that_nobody_declared_is_told() -> None:
    request = request_of(TEMPLATE)
    limits = {"UnitType": "VCPU", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 4}
    (difference,) = differences(request, replace(answered(request), scaling={"ComputeLimits": limits}))
    assert str(difference) == "managed_scaling: none is declared, the cluster has 1 to 4 VCPU"


DISK = "100 GiB gp3 4000 IOPS 250 MiB/s"
UNSCALED = {**EVERYTHING, "managed_scaling": None}


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("groups.core.type: r5.2xlarge is declared, the cluster has r6i.2xlarge",
         lambda m: m[1].update(InstanceType="r6i.2xlarge")),
        ("groups.core.count: 3 is declared, the cluster has 5", lambda m: m[1].update(RequestedInstanceCount=5)),
        ("groups.task.market: SPOT is declared, the cluster has ON_DEMAND", lambda m: m[2].update(Market="ON_DEMAND")),
        ("groups.task.bid_price: 0.25 is declared, the cluster has 0.3", lambda m: m[2].update(BidPrice="0.30")),
        (f"groups.core.ebs: 2 x {DISK} is declared, the cluster has 1 x {DISK}",
         lambda m: m[1]["EbsBlockDevices"].pop()),
        ("groups.core: 3 x r5.2xlarge is declared, the cluster has none", lambda m: m.pop(1)),
        ("groups.core: 3 x r5.2xlarge is declared, the cluster has none",
         lambda m: m[1].update(Status={"State": "TERMINATED"})),
    ],
)  # fmt: skip
def test_instance_groups_are_compared_role_by_role(words: str, change: Change) -> None:
    (difference,) = changed(UNSCALED, change, "machines")
    assert not difference.must
    assert str(difference) == f"instances.{words}"


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("core.target_spot: 4 is declared, the cluster has 3", lambda m: m[1].update(TargetSpotCapacity=3)),
        ("core.types: m5.2xlarge, m5.xlarge is declared, the cluster has m5.2xlarge",
         lambda m: m[1]["InstanceTypeSpecifications"].pop()),
        ("core.types.m5.2xlarge.weight: 2 is declared, the cluster has 4",
         lambda m: m[1]["InstanceTypeSpecifications"][0].update(WeightedCapacity=4)),
        ("core.types.m5.2xlarge.ebs: 2 x 64 GiB gp3 is declared, the cluster has none",
         lambda m: m[1]["InstanceTypeSpecifications"][0].pop("EbsBlockDevices")),
        ("core.types.m5.xlarge.bid_percent: 80 is declared, the cluster has 100",
         lambda m: m[1]["InstanceTypeSpecifications"][1].update(BidPriceAsPercentageOfOnDemandPrice=100.0)),
        ("core.on_demand_allocation: prioritized is declared, the cluster has lowest-price",
         lambda m: m[1].update(LaunchSpecifications={**m[1]["LaunchSpecifications"],
                                                     "OnDemandSpecification": {"AllocationStrategy": "lowest-price"}})),
        ("core.timeout_minutes: 15 is declared, the cluster has 60",
         lambda m: m[1]["LaunchSpecifications"]["SpotSpecification"].update(TimeoutDurationMinutes=60)),
        ("task: c5.xlarge is declared, the cluster has none", lambda m: m.pop()),
    ],
)  # fmt: skip
def test_instance_fleets_are_compared_role_by_role(words: str, change: Change) -> None:
    (difference,) = changed({**FLEETS, "managed_scaling": None}, change, "machines")
    assert not difference.must
    assert str(difference) == f"instances.fleets.{words}"


def test_sizes_that_managed_scaling_changed_are_no_difference() -> None:
    def grown(machines: list[Json]) -> None:
        machines[1].update(RequestedInstanceCount=9)
        machines.pop()
        machines.append({"Name": "scaled", "InstanceGroupType": "TASK", "InstanceType": "c5.xlarge", "Market": "SPOT",
                         "BidPrice": "0.25", "RequestedInstanceCount": 7})  # fmt: skip

    assert changed(EVERYTHING, grown, "machines") == []
    extra = {"InstanceGroupType": "TASK", "InstanceType": "c5.xlarge", "RequestedInstanceCount": 7}
    (difference,) = changed(TEMPLATE, lambda m: m.append(extra), "machines")
    assert str(difference) == "instances.groups.task: none is declared, the cluster has 7 x c5.xlarge"


def test_groups_where_fleets_are_declared_are_told_in_one_line() -> None:
    request = request_of(FLEETS)
    machines = answered(request_of(EVERYTHING)).machines
    (difference,) = differences(request, replace(answered(request), machines=machines, fleets=False))
    assert str(difference) == "instances: fleets is declared, the cluster has groups"


def test_what_may_not_be_read_is_told_as_such_and_keeps_nobody_out() -> None:
    request = request_of(EVERYTHING)
    unread = Unread("EMR ListInstanceGroups: not allowed: elasticmapreduce:ListInstanceGroups (no)")
    told = differences(request, replace(answered(request), machines=unread, scaling=unread))
    assert [(each.field, each.must) for each in told] == [("instances.groups", False), ("managed_scaling", False)]
    assert all("elasticmapreduce:ListInstanceGroups" in each.found for each in told)


def test_types_are_compared_with_those_of_the_rung_that_was_asked_for() -> None:
    groups = {"primary": {"type": "m5.xlarge", "alternatives": ["m6i.xlarge"]}, "core": {"type": "m5.xlarge"}}
    declared = {**TEMPLATE, "instances": {"groups": groups}}
    launched = answered(request_of(declared, rung=1))
    assert differences(request_of(declared, rung=1), launched) == ()
    (difference,) = differences(request_of(declared, rung=0), launched)
    assert difference.field == "instances.groups.primary.type"


def test_values_of_configurations_are_text_whatever_type_they_come_with() -> None:
    declared = {**TEMPLATE, "configurations": [{"Classification": "x", "Properties": {"a": "1", "b": "true"}}]}
    answer = [{"Classification": "x", "Properties": {"a": 1, "b": True}, "Configurations": None}]
    assert changed(declared, put(Configurations=answer)) == []


def test_configurations_are_told_in_few_words_and_secrets_not_at_all() -> None:
    settings = {f"key{n}": "old" for n in range(9)} | {"javax.jdo.option.ConnectionPassword": "hunter2"}
    declared = {**TEMPLATE, "configurations": [{"Classification": "hive-site", "Properties": settings}]}
    answer = [{"Classification": "hive-site", "Properties": {"javax.jdo.option.ConnectionPassword": "hunter3"}}]
    (difference,) = changed(declared, put(Configurations=answer))
    assert "hunter" not in str(difference)
    assert difference.found.startswith("javax.jdo.option.ConnectionPassword=(not told), no key0")
    assert max(map(len, (difference.wanted, difference.found))) <= 80
    (gone,) = changed(declared, put(Configurations=[]))
    assert str(gone) == "configurations.hive-site: 10 settings is declared, the cluster has none"


def test_arguments_of_bootstrap_actions_are_not_told() -> None:
    told = changed(EVERYTHING, lambda b: b[1].update(Args=["--password=hunter2"]), "bootstrap")
    assert [str(each) for each in told] == ["bootstrap[1].args: 2 arguments is declared, the cluster has others (1)"]


def test_a_fleets_subnet_counts_as_chosen_while_the_answer_has_the_requested_one_only() -> None:
    assert changed(FLEETS, ec2(Ec2SubnetId=None, RequestedEc2SubnetIds=["subnet-a"])) == []


def test_an_answer_with_nothing_in_it_differs_in_everything_that_is_declared() -> None:
    told = {each.field for each in differences(request_of(EVERYTHING), Found({})) if each.must}
    assert told >= {"release", "applications", "roles.service", "subnet", "bootstrap", "configurations.livy-conf"}
