"""EC2's word on the machines of primaries, and what it leaves out."""

from typing import Any

import pytest

from aws.aws_examples import Wire, any_reply, refusal, reply
from emr_dr.aws.hosts import Ec2Hosts, host_health
from emr_dr.aws.session import Session
from emr_dr.core.world import HostHealth
from emr_dr.errors import PermanentError

Json = dict[str, Any]


def status(state: str | None, machine: str | None = "ok", system: str | None = "ok", ebs: str | None = None) -> Json:
    return {
        "InstanceId": "i-1",
        "InstanceState": {"Name": state},
        "InstanceStatus": {"Status": machine},
        "SystemStatus": {"Status": system},
        **({"AttachedEbsStatus": {"Status": ebs}} if ebs else {}),
    }


@pytest.mark.parametrize(
    ("said", "health"),
    [
        (status("running"), HostHealth.OK),
        (status("running", ebs="ok"), HostHealth.OK),
        (status("running", ebs="not-applicable"), HostHealth.OK),
        (status("running", machine="impaired"), HostHealth.IMPAIRED),
        (status("running", system="impaired"), HostHealth.IMPAIRED),
        (status("running", machine="insufficient-data", system="impaired"), HostHealth.IMPAIRED),
        (status("running", ebs="impaired"), HostHealth.IMPAIRED),
        (status("shutting-down", "not-applicable", "not-applicable"), HostHealth.GONE),
        (status("terminated", None, None), HostHealth.GONE),
        (status("stopping"), HostHealth.GONE),
        (status("stopped"), HostHealth.GONE),
        (status("running", machine="initializing"), HostHealth.UNKNOWN),
        (status("running", system="insufficient-data"), HostHealth.UNKNOWN),
        (status("running", system="not-applicable"), HostHealth.UNKNOWN),
        (status("running", machine="excellent"), HostHealth.UNKNOWN),
        (status("pending", "not-applicable", "not-applicable"), HostHealth.UNKNOWN),
        (status("hibernating", "impaired"), HostHealth.UNKNOWN),
        (status(None), HostHealth.UNKNOWN),
        (status("running", machine=None), HostHealth.UNKNOWN),
        ({"InstanceState": {"Name": "running"}}, HostHealth.UNKNOWN),
        ({}, HostHealth.UNKNOWN),
    ],
)
def test_a_machine_is_well_only_if_it_runs_and_both_checks_say_so(said: Json, health: HostHealth) -> None:
    assert host_health(said) is health


class Ec2:
    """EC2 on the wire: every machine it knows is well; one unknown id spoils a call. It may page, and name no ids."""

    def __init__(self, *known: str) -> None:
        self.known = known
        self.asked: list[list[str]] = []
        self.names = True
        self.page = 1000

    def answer(self, _: str, form: Json) -> bytes:
        assert form["IncludeAllInstances"] == "true"
        ids = [value for key, value in form.items() if key.startswith("InstanceId.")]
        self.asked.append(ids)
        if bad := [each for each in ids if each not in self.known]:
            which = f"s '{', '.join(bad)}' do" if self.names else " does"
            return refusal("DescribeInstanceStatus", "InvalidInstanceID.NotFound", f"The instance ID{which} not exist")
        start = int(form.get("NextToken", 0))
        items = "".join(
            f"<item><instanceId>{each}</instanceId><instanceState><name>running</name></instanceState>"
            "<systemStatus><status>ok</status></systemStatus><instanceStatus><status>ok</status></instanceStatus></item>"
            for each in ids[start : start + self.page]
        )
        token = f"<nextToken>{start + self.page}</nextToken>" if start + self.page < len(ids) else ""
        body = f"<instanceStatusSet>{items}</instanceStatusSet>{token}"
        return any_reply("200 OK", f"<DescribeInstanceStatusResponse>{body}</DescribeInstanceStatusResponse>")


@pytest.fixture
def ec2(wire: Wire) -> Ec2:
    ec2 = Ec2("i-1", "i-2", "i-3")
    wire.answer = ec2.answer
    return ec2


async def test_all_are_asked_about_in_one_call_and_nobody_in_none(wire: Wire, ec2: Ec2, quick: Session) -> None:
    hosts = Ec2Hosts(quick)
    assert await hosts.health([]) == {}
    assert wire.requests == []
    assert await hosts.health(["i-1", "i-2", "i-1"]) == {"i-1": HostHealth.OK, "i-2": HostHealth.OK}
    assert ec2.asked == [["i-1", "i-2"]]


@pytest.mark.parametrize("names", [True, False])
async def test_an_id_that_ec2_does_not_know_is_left_out_and_hides_no_other(
    ec2: Ec2, quick: Session, *, names: bool
) -> None:
    ec2.names = names
    found = await Ec2Hosts(quick).health(["i-1", "i-gone", "i-2"])
    assert found == {"i-1": HostHealth.OK, "i-2": HostHealth.OK}
    assert await Ec2Hosts(quick).health(["i-gone"]) == {}


async def test_every_page_is_read_and_more_than_a_hundred_are_asked_in_parts(ec2: Ec2, quick: Session) -> None:
    ec2.known = tuple(f"i-{n:03}" for n in range(150))
    ec2.page = 60
    found = await Ec2Hosts(quick).health(ec2.known)
    assert found.keys() == set(ec2.known)
    assert max(map(len, ec2.asked)) == 100


async def test_another_refusal_is_told(wire: Wire, quick: Session) -> None:
    wire.answer = lambda operation, _: refusal(operation, "UnauthorizedOperation", "You are not authorized")
    with pytest.raises(PermanentError, match="ec2:DescribeInstanceStatus"):
        await Ec2Hosts(quick).health(["i-1"])


class Machines:
    """What EMR and EC2 say of the machines of j-1, each in pages of one."""

    def __init__(self, emr: dict[str, str], ec2: dict[str, str]) -> None:
        self.emr, self.ec2 = emr, ec2

    def answer(self, operation: str, asked: Json) -> bytes:
        if operation == "ListInstances":
            assert asked["ClusterId"] == "j-1"
            at, ids = int(asked.get("Marker", 0)), list(self.emr)
            page = [{"Id": f"ci-{i}", "Ec2InstanceId": i, "Status": {"State": self.emr[i]}} for i in ids[at : at + 1]]
            return reply({"Instances": page, **({"Marker": str(at + 1)} if at + 1 < len(ids) else {})})
        assert asked["Filter.1.Name"] == "tag:aws:elasticmapreduce:job-flow-id"
        assert asked["Filter.1.Value.1"] == "j-1"
        at, ids = int(asked.get("NextToken", 0)), list(self.ec2)
        items = "".join(
            f"<item><instancesSet><item><instanceId>{i}</instanceId><instanceState><name>{self.ec2[i]}</name>"
            "</instanceState></item></instancesSet></item>"
            for i in ids[at : at + 1]
        )
        token = f"<nextToken>{at + 1}</nextToken>" if at + 1 < len(ids) else ""
        body = f"<reservationSet>{items}</reservationSet>{token}"
        return any_reply("200 OK", f"<DescribeInstancesResponse>{body}</DescribeInstancesResponse>")


RUNS, ENDED = "RUNNING", "TERMINATED"


@pytest.mark.parametrize(
    ("emr", "ec2", "machines"),
    [
        pytest.param({"i-1": RUNS, "i-2": RUNS}, {"i-1": "terminated", "i-2": "terminated"}, 2, id="EMR notices late"),
        pytest.param({"i-1": ENDED}, {"i-1": "terminated"}, 1, id="EMR agrees"),
        pytest.param({"i-0": ENDED, "i-1": RUNS}, {"i-1": "terminated"}, 1, id="one left long ago"),
        pytest.param({"i-1": RUNS}, {"i-1": "terminated", "i-2": "terminated"}, 2, id="EMR never knew of one"),
        pytest.param({"i-1": RUNS, "i-2": RUNS}, {"i-1": "terminated", "i-2": "running"}, 0, id="one runs"),
        pytest.param({"i-1": RUNS}, {"i-1": "terminated", "i-2": "shutting-down"}, 0, id="one is shutting down"),
        pytest.param({"i-1": RUNS}, {"i-1": "stopped"}, 0, id="stopped, and may be started"),
        pytest.param({"i-1": RUNS, "i-2": RUNS}, {"i-1": "terminated"}, 0, id="EC2 does not know one"),
        pytest.param({"i-1": ENDED}, {}, 0, id="EC2 has forgotten them"),
        pytest.param({}, {}, 0, id="there was none yet"),
    ],
)
async def test_a_cluster_is_dead_only_if_every_machine_is_terminated(
    wire: Wire, quick: Session, emr: dict[str, str], ec2: dict[str, str], machines: int
) -> None:
    wire.answer = Machines(emr, ec2).answer
    assert await Ec2Hosts(quick).all_ended("j-1") == machines


@pytest.mark.parametrize(
    ("operation", "action"),
    [("DescribeInstances", "ec2:DescribeInstances"), ("ListInstances", "elasticmapreduce:ListInstances")],
)
async def test_whoever_may_not_ask_for_all_machines_is_told(
    wire: Wire, quick: Session, operation: str, action: str
) -> None:
    good = Machines({"i-1": RUNS}, {"i-1": "terminated"}).answer
    wire.answer = lambda asked, form: (
        refusal(asked, "UnauthorizedOperation") if asked == operation else good(asked, form)
    )
    with pytest.raises(PermanentError, match=action):
        await Ec2Hosts(quick).all_ended("j-1")
