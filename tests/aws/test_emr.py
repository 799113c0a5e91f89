"""Clusters of a group: found by tags over all pages, described, protected, terminated, whatever EMR leaves out."""

from typing import Any

import boto3
import pytest

from aws.aws_examples import HERE, TAGS, Wire, reply
from emr_dr.aws.cluster_facts import emr_state
from emr_dr.aws.emr import EmrClusters
from emr_dr.aws.session import Session
from emr_dr.core.world import EmrState
from emr_dr.errors import PermanentError, TransientError
from emr_dr.spec.cluster import ClusterTemplate


class Emr:
    """EMR on the wire: pages of 50 in no order, DescribeCluster and ListInstances from dictionaries."""

    def __init__(self) -> None:
        self.clusters: dict[str, dict[str, Any]] = {}
        self.instances: dict[str, list[dict[str, Any]]] = {}

    def add(
        self, id_: str, name: str, tags: list[dict[str, str]] | None, state: str = "WAITING", **more: object
    ) -> None:
        status = {"State": state, "Timeline": {"CreationDateTime": 1_000_000.0 + len(self.clusters)}}
        self.clusters[id_] = {"Id": id_, "Name": name, "Status": status} | more
        if tags is not None:
            self.clusters[id_]["Tags"] = tags

    def answer(self, operation: str, request: dict[str, Any]) -> bytes:
        if operation == "ListClusters":
            at = int(request.get("Marker", 0))
            page = list(reversed(self.clusters.values()))[at : at + 50]
            more = {"Marker": str(at + 50)} if at + 50 < len(self.clusters) else {}
            return reply({"Clusters": [{"Id": c["Id"], "Name": c["Name"]} for c in page], **more})
        if operation == "DescribeCluster":
            return reply({"Cluster": self.clusters[request["ClusterId"]]})
        assert operation == "ListInstances"
        return reply({"Instances": self.instances.get(request["ClusterId"], [])})


@pytest.fixture
def emr(wire: Wire) -> Emr:
    emr = Emr()
    wire.answer = emr.answer
    return emr


@pytest.fixture
def clusters(quick: Session, template: ClusterTemplate) -> EmrClusters:
    return EmrClusters(quick, group="etl", template=template)


def labelled(number: int) -> list[dict[str, str]]:
    return [*TAGS[:1], {"Key": "emr-dr:launch", "Value": str(number)}, TAGS[2]]


async def test_ours_are_found_among_many_pages_of_strangers_by_creation_time(emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-1", "etl-1", labelled(1))
    for n in range(120):
        emr.add(f"j-x{n}", f"nightly-{n}", [])
    emr.add("j-2", "etl-2", labelled(2))
    assert [(f.id, f.number, f.origin) for f in await clusters.find()] == [("j-1", 1, "0ff1ce"), ("j-2", 2, "0ff1ce")]


async def test_a_stranger_of_our_name_on_a_later_page_hides_none_of_ours(emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-2", "etl-2", labelled(2))
    for n in range(60):
        emr.add(f"j-x{n}", f"nightly-{n}", [])
    emr.add("j-s", "etl-2", [{"Key": "emr-dr:group", "Value": "someone-else"}])
    emr.add("j-1", "etl-1", labelled(1), Status={"State": "WAITING", "Timeline": {"CreationDateTime": 1.0}})
    assert [facts.id for facts in await clusters.find()] == ["j-1", "j-2"]


async def test_an_answer_without_a_list_is_not_a_list_of_none(wire: Wire, clusters: EmrClusters) -> None:
    wire.answer = lambda _, __: reply({})
    with pytest.raises(TransientError, match="EMR ListClusters: the answer is incomplete"):
        await clusters.find()


async def test_a_stranger_of_our_name_is_left_out_and_asked_about_once(
    wire: Wire, emr: Emr, clusters: EmrClusters
) -> None:
    emr.add("j-s", "etl-1", [])
    emr.add("j-other", "etl-2", [{"Key": "emr-dr:group", "Value": "etl-2"}, *TAGS[1:]])
    emr.add("j-odd", "etl-3", [TAGS[0], {"Key": "emr-dr:launch", "Value": "three"}])
    assert await clusters.find() == []
    assert await clusters.find() == []
    assert wire.requests.count("DescribeCluster") == 3


async def test_names_that_only_begin_like_ours_are_not_asked_about(wire: Wire, emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-b", "etl-b-1", TAGS)
    assert await clusters.find() == []
    assert "DescribeCluster" not in wire.requests


async def test_tags_that_appear_late_are_still_seen(emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-1", "etl-1", [], state="STARTING")
    assert await clusters.find() == []
    emr.clusters["j-1"]["Tags"] = TAGS
    assert [f.id for f in await clusters.find()] == ["j-1"]


async def test_an_answer_without_tags_says_nothing_and_is_not_remembered(emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-1", "etl-1", None)
    with pytest.raises(TransientError, match="incomplete"):
        await clusters.find()
    emr.clusters["j-1"]["Tags"] = TAGS
    assert [f.id for f in await clusters.find()] == ["j-1"]


async def test_missing_fields_are_empty_and_not_an_error(emr: Emr, clusters: EmrClusters) -> None:
    emr.clusters["j-1"] = {"Id": "j-1", "Name": "etl-1", "Tags": TAGS}
    (facts,) = await clusters.find()
    assert (facts.state, facts.address, facts.az, facts.created_at) == (EmrState.STARTING, "", "", 0.0)


async def test_the_address_is_asked_for_until_it_is_known_and_then_no_more(
    wire: Wire, emr: Emr, clusters: EmrClusters
) -> None:
    emr.add("j-1", "etl-1", TAGS)
    emr.instances["j-1"] = [{"Id": "i-1", "Status": {"State": "AWAITING_FULFILLMENT"}}]
    assert (await clusters.find())[0].address == ""
    emr.instances["j-1"] = [
        {"Ec2InstanceId": "i-0", "PrivateIpAddress": "10.0.0.4", "Status": {"State": "TERMINATED"}},
        {"Ec2InstanceId": "i-1", "PrivateIpAddress": "10.0.0.5", "Status": {"State": "RUNNING"}},
    ]
    (facts,) = await clusters.find()
    assert (facts.address, facts.instance) == ("10.0.0.5", "i-1")
    assert (await clusters.describe("j-1")).instance == "i-1"
    assert wire.requests.count("ListInstances") == 2


async def test_address_and_instance_are_kept_when_the_cluster_has_ended(emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-1", "etl-1", TAGS)
    emr.instances["j-1"] = [{"Ec2InstanceId": "i-1", "PrivateIpAddress": "10.0.0.5", "Status": {"State": "RUNNING"}}]
    await clusters.find()
    emr.add("j-1", "etl-1", TAGS, "TERMINATED")
    emr.instances["j-1"] = []
    ended = await clusters.describe("j-1")
    assert (ended.address, ended.instance) == ("10.0.0.5", "i-1")


async def test_an_instance_without_an_address_yet_is_told_and_asked_about_again(
    wire: Wire, emr: Emr, clusters: EmrClusters
) -> None:
    emr.add("j-1", "etl-1", TAGS)
    emr.instances["j-1"] = [{"Ec2InstanceId": "i-1", "Status": {"State": "PROVISIONING"}}]
    for _ in range(2):
        (facts,) = await clusters.find()
        assert (facts.address, facts.instance) == ("", "i-1")
    assert wire.requests.count("ListInstances") == 2


async def test_the_address_of_a_primary_that_is_replaced_while_the_cluster_starts_is_not_kept(
    emr: Emr, clusters: EmrClusters
) -> None:
    emr.add("j-1", "etl-1", TAGS, "BOOTSTRAPPING")
    emr.instances["j-1"] = [{"Id": "i-0", "PrivateIpAddress": "10.0.0.4", "Status": {"State": "BOOTSTRAPPING"}}]
    assert (await clusters.find())[0].address == "10.0.0.4"
    emr.add("j-1", "etl-1", TAGS, "WAITING")
    emr.instances["j-1"] = [
        {"Id": "i-0", "PrivateIpAddress": "10.0.0.4", "Status": {"State": "TERMINATED"}},
        {"Id": "i-1", "PrivateIpAddress": "10.0.0.5", "Status": {"State": "RUNNING"}},
    ]
    assert (await clusters.find())[0].address == "10.0.0.5"


async def test_a_fleets_primary_is_asked_for_as_a_fleets(wire: Wire, emr: Emr, clusters: EmrClusters) -> None:
    asked: list[dict[str, Any]] = []

    def answer(operation: str, request: dict[str, Any]) -> bytes:
        if operation == "ListInstances":
            asked.append(request)
        return emr.answer(operation, request)

    wire.answer = answer
    emr.add("j-1", "etl-1", TAGS, InstanceCollectionType="INSTANCE_FLEET")
    await clusters.find()
    assert asked == [{"ClusterId": "j-1", "InstanceFleetType": "MASTER"}]


async def test_the_reason_joins_all_that_emr_says(emr: Emr, clusters: EmrClusters) -> None:
    emr.add("j-1", "etl-1", TAGS)
    emr.clusters["j-1"]["Status"] = {
        "State": "TERMINATED_WITH_ERRORS",
        "StateChangeReason": {"Code": "INTERNAL_ERROR", "Message": "no capacity"},
        "ErrorDetails": [{"ErrorCode": "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ", "ErrorMessage": "in us-east-1a"}],
    }
    facts = await clusters.describe("j-1")
    assert facts.state is EmrState.ENDED
    assert facts.reason == "INTERNAL_ERROR: no capacity: INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ in us-east-1a"


@pytest.mark.parametrize("kind", ["INSTANCE_GROUP", "INSTANCE_FLEET"])
async def test_an_end_for_want_of_room_names_the_type_that_was_lacking(
    emr: Emr, clusters: EmrClusters, kind: str
) -> None:
    data = [{"instance-type": "m5.xlarge", "availability-zone": "us-east-1a"}]
    details = [{"ErrorCode": "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ", "ErrorData": data}]
    status = {"State": "TERMINATED_WITH_ERRORS", "ErrorDetails": details}
    emr.add("j-1", "etl-1", TAGS, Status=status, InstanceCollectionType=kind)
    facts = await clusters.describe("j-1")
    assert (facts.state, facts.no_room, facts.lacking) == (EmrState.ENDED, True, "m5.xlarge")


@pytest.mark.parametrize("name", ["RESIZING", "", None, "waiting"])
def test_a_state_we_do_not_know_looks_neither_ended_nor_up(name: str | None) -> None:
    assert emr_state(name) is EmrState.STARTING


async def test_a_launched_cluster_is_found_described_protected_and_terminated(
    moto: boto3.session.Session, session: Session, template: ClusterTemplate
) -> None:
    clusters = EmrClusters(session, group="etl", template=template)
    other = EmrClusters(session, group="other", template=template)
    id_ = await clusters.launch(1, "0ff1ce", HERE)
    await other.launch(1, "0ff1ce", HERE)

    (facts,) = await clusters.find()
    assert (facts.id, facts.number, facts.origin, facts.state) == (id_, 1, "0ff1ce", EmrState.UP)
    assert facts.address.startswith("10.")
    assert facts.subnet == "subnet-a"
    assert facts.created_at > 0
    assert not facts.protected

    await clusters.protect(id_, on=True)
    assert (await clusters.describe(id_)).protected
    with pytest.raises(PermanentError):
        await clusters.terminate(id_)
    await clusters.protect(id_, on=False)
    await clusters.terminate(id_)
    await clusters.terminate(id_)
    assert (await clusters.describe(id_)).state is EmrState.ENDED
    assert await clusters.find() == []
    assert [c["Name"] for c in moto.client("emr").list_clusters(ClusterStates=["WAITING"])["Clusters"]] == ["other-1"]


async def test_what_is_not_ours_is_neither_described_nor_touched(
    moto: boto3.session.Session, session: Session, template: ClusterTemplate
) -> None:
    emr = moto.client("emr")
    stranger = emr.run_job_flow(
        Name="etl-1", Instances={"KeepJobFlowAliveWhenNoSteps": True}, JobFlowRole="r", ServiceRole="r"
    )["JobFlowId"]
    clusters = EmrClusters(session, group="etl", template=template)
    for touch in (clusters.describe(stranger), clusters.protect(stranger, on=True), clusters.terminate(stranger)):
        with pytest.raises(PermanentError, match="not ours"):
            await touch
    status = emr.describe_cluster(ClusterId=stranger)["Cluster"]
    assert status["Status"]["State"] == "WAITING"
    assert not status["TerminationProtected"]


async def test_an_id_that_emr_does_not_know_is_a_permanent_error(session: Session, template: ClusterTemplate) -> None:
    with pytest.raises(PermanentError):
        await EmrClusters(session, group="etl", template=template).describe("j-NOSUCH")
