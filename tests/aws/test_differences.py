"""A cluster's make-up is read back from EMR, over all pages, and compared; in the lab nothing is found to differ."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from aws.answers import FLEETS, OURS, answered, request_of
from aws.aws_examples import HERE, REGION, Wire, refusal, reply
from aws.test_launch_request import EVERYTHING
from emr_dr.aws.emr import EmrClusters
from emr_dr.aws.hosts import Ec2Hosts
from emr_dr.aws.session import Session
from emr_dr.core.group import Placement
from emr_dr.core.world import HostHealth
from emr_dr.errors import PermanentError, ThrottledError, TransientError
from emr_dr.lab import client
from emr_dr.lab.client import RunningLab
from emr_dr.spec.cluster import ClusterTemplate

Json = dict[str, Any]
KEYS = {
    "ListBootstrapActions": "BootstrapActions",
    "ListInstanceGroups": "InstanceGroups",
    "ListInstanceFleets": "InstanceFleets",
}


class Emr:
    """EMR on the wire with one cluster, lists of one item a page, and refusals by operation."""

    def __init__(self, declared: Json) -> None:
        found = answered(request_of(declared))
        self.cluster = dict(found.cluster)
        self.lists: Json = {"ListBootstrapActions": found.bootstrap}
        self.lists["ListInstanceFleets" if found.fleets else "ListInstanceGroups"] = found.machines
        self.scaling = found.scaling
        self.refused: dict[str, bytes] = {}

    def answer(self, operation: str, request: Json) -> bytes:
        assert request["ClusterId"] == "j-7"
        if operation in self.refused:
            return self.refused[operation]
        if operation == "DescribeCluster":
            return reply({"Cluster": self.cluster})
        if operation == "GetManagedScalingPolicy":
            return reply({"ManagedScalingPolicy": self.scaling})
        at = int(request.get("Marker", 0))
        more = {"Marker": str(at + 1)} if at + 1 < len(self.lists[operation]) else {}
        return reply({KEYS[operation]: self.lists[operation][at : at + 1], **more})


def clusters(session: Session, declared: Json, group: str = "etl") -> EmrClusters:
    template = ClusterTemplate.model_validate(declared)
    return EmrClusters(session, group=group, template=template, own_bootstrap=lambda _: [OURS])


@pytest.fixture
def emr(wire: Wire) -> Emr:
    emr = Emr(EVERYTHING)
    wire.answer = emr.answer
    return emr


@pytest.mark.parametrize("declared", [EVERYTHING, FLEETS], ids=["groups", "fleets"])
async def test_all_pages_are_read_and_nothing_differs(wire: Wire, quick: Session, declared: Json) -> None:
    wire.answer = Emr(declared).answer
    assert await clusters(quick, declared).differences("j-7", HERE) == ()
    assert wire.requests.count("ListBootstrapActions") == 2
    assert sum(wire.requests.count(name) for name in ("ListInstanceGroups", "ListInstanceFleets")) == 3


async def test_differences_are_told_against_the_placement_it_was_launched_into(emr: Emr, quick: Session) -> None:
    emr.lists["ListBootstrapActions"] = emr.lists["ListBootstrapActions"][1:]
    told = await clusters(quick, EVERYTHING).differences("j-7", Placement("subnet-b"))
    assert [(each.field, each.must) for each in told] == [("subnet", True), ("bootstrap", True)]


async def test_a_cluster_without_its_placements_own_role_is_not_what_was_declared(emr: Emr, quick: Session) -> None:
    assert emr.cluster
    (told,) = await clusters(quick, EVERYTHING).differences("j-7", replace(HERE, role="etl-a"))
    assert str(told) == "roles.instance: etl-a is declared, the cluster has EMR_EC2_DefaultRole"
    assert told.must


async def test_a_cluster_of_another_group_is_not_compared(emr: Emr, quick: Session) -> None:
    assert emr.cluster["Tags"]
    with pytest.raises(PermanentError, match="not ours"):
        await clusters(quick, EVERYTHING, group="other").differences("j-7", HERE)


async def test_what_must_be_equal_must_be_readable(emr: Emr, quick: Session) -> None:
    emr.refused["DescribeCluster"] = refusal("DescribeCluster", "AccessDeniedException")
    with pytest.raises(PermanentError, match="not allowed: elasticmapreduce:DescribeCluster"):
        await clusters(quick, EVERYTHING).differences("j-7", HERE)


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("ListBootstrapActions", "bootstrap"),
        ("ListInstanceGroups", "instances.groups"),
        ("GetManagedScalingPolicy", "managed_scaling"),
    ],
)
async def test_what_we_may_not_read_keeps_nobody_out_and_is_told(
    emr: Emr, quick: Session, operation: str, field: str
) -> None:
    emr.refused[operation] = refusal(operation, "AccessDeniedException")
    (told,) = await clusters(quick, EVERYTHING).differences("j-7", HERE)
    assert (told.field, told.must) == (field, False)
    assert f"elasticmapreduce:{operation}" in str(told)


async def test_a_cluster_that_cannot_have_managed_scaling_has_none(emr: Emr, quick: Session) -> None:
    emr.refused["GetManagedScalingPolicy"] = refusal("GetManagedScalingPolicy", "InvalidRequestException", "Not here.")
    (told,) = await clusters(quick, EVERYTHING).differences("j-7", HERE)
    assert str(told) == "managed_scaling: 2 to 20 Instances is declared, the cluster has none"


async def test_a_passing_failure_is_no_difference_of_any_kind(emr: Emr, quick: Session) -> None:
    emr.refused["ListInstanceGroups"] = refusal("ListInstanceGroups", "ThrottlingException", "Rate exceeded")
    with pytest.raises(ThrottledError):
        await clusters(quick, EVERYTHING).differences("j-7", HERE)


@pytest.mark.parametrize("missing", ["Ec2InstanceAttributes", "ReleaseLabel", "Tags"])
async def test_an_answer_without_whole_parts_condemns_nobody(emr: Emr, quick: Session, missing: str) -> None:
    del emr.cluster[missing]
    with pytest.raises(TransientError, match="incomplete"):
        await clusters(quick, EVERYTHING).differences("j-7", HERE)


@pytest.mark.parametrize("operation", ["ListBootstrapActions", "ListInstanceGroups"])
async def test_a_list_that_is_missing_is_not_an_empty_one(emr: Emr, quick: Session, operation: str) -> None:
    emr.refused[operation] = reply({})
    with pytest.raises(TransientError, match=f"{operation}: the answer on j-7 is incomplete"):
        await clusters(quick, EVERYTHING).differences("j-7", HERE)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab in a process of its own: moto's state is one for a process, and the other tests here use it."""
    running = client.up(tmp_path_factory.mktemp("lab"), ["--stand-in", "--owner", str(os.getpid())])
    yield running
    running.down()


def in_the_lab(lab: RunningLab, declared: Json) -> Json:
    """The same cluster with what the lab's account has."""
    resources = lab.description["resources"]
    groups = {
        **resources["security_groups"],
        "additional_primary": [resources["security_groups"]["balancer"]],
        "additional_core": [resources["security_groups"]["balancer"]],
    }
    del groups["balancer"]
    roles = {"service": resources["service_role"], "instance": resources["instance_role"], "autoscaling": "EMR_Scaling"}
    return {**declared, "security_groups": groups, "roles": roles}


@pytest.mark.parametrize("declared", [EVERYTHING, FLEETS], ids=["groups", "fleets"])
async def test_a_cluster_that_we_launched_in_the_lab_differs_in_nothing(
    lab: RunningLab, monkeypatch: pytest.MonkeyPatch, declared: Json
) -> None:
    for name, value in lab.environment.items():
        monkeypatch.setenv(name, value)
    session = Session(REGION)
    ours = clusters(session, in_the_lab(lab, declared))
    here = Placement(lab.description["resources"]["subnets"]["us-east-1a"], "us-east-1a")
    cluster = await ours.launch(1, "0ff1ce", here)
    told = await ours.differences(cluster, here)
    async with asyncio.timeout(20):
        while not (primary := (await ours.describe(cluster)).instance):
            pass  # each look takes its time
    health = await Ec2Hosts(session).health([primary, "i-0123456789abcdef0"])
    session.close()
    assert health == {primary: HostHealth.OK}
    assert [str(each) for each in told if each.must] == []
    assert [str(each) for each in told if not each.field.startswith(NOT_IN_THE_LAB)] == []


NOT_IN_THE_LAB = (
    "ebs_root_volume.iops",
    "ebs_root_volume.throughput",
    "instances.groups.core.ebs",
    "instances.fleets.core.types.m5.2xlarge.ebs",
)
"""What AWS's DescribeCluster, ListInstanceGroups and ListInstanceFleets answer and the lab's do not, or not in full."""
