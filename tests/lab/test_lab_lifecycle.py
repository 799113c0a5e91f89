"""The life cycle alone, with machines that do what a test says and a clock that stands still."""

import threading
from collections.abc import Iterator, Mapping

import pytest

from emr_dr.errors import PermanentError
from emr_dr.lab import world
from emr_dr.lab.aws.emr_launch import Surroundings, launch
from emr_dr.lab.aws.emr_lifecycle import Lifecycle
from emr_dr.lab.aws.emr_model import Cluster
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.aws.faults import Faults, LaunchFault
from emr_dr.lab.machines import Launch, Screen
from emr_dr.lab.times import LabTimes
from lab.lab_world import eventually

_REQUEST = {
    "Name": "c",
    "ReleaseLabel": "emr-7.9.0",
    "Configurations": [{"Classification": "livy-conf", "Properties": {"livy.server.port": "8998"}}],
    "BootstrapActions": [{"Name": "b", "ScriptBootstrapAction": {"Path": "s3://b/x.sh", "Args": ["7"]}}],
    "Instances": {"KeepJobFlowAliveWhenNoSteps": True, "MasterInstanceType": "m5.xlarge", "InstanceCount": 1},
}


class ScriptedMachines:
    """Records what it is asked; boots and stops when a test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.launches: list[Launch] = []
        self.up = False
        self.refuses_to_start = False
        self.can_never_boot = False
        self.may_start = threading.Event()
        self.may_start.set()

    def start(self, launch: Launch) -> None:
        self.may_start.wait(10)
        if self.refuses_to_start:
            raise PermanentError("no Java here")
        self.launches.append(launch)
        self.asked.append("start")

    def healthy(self, cluster_id: str) -> bool:
        del cluster_id
        if self.can_never_boot:
            raise PermanentError("NameNode will not format")
        return self.up

    def stop(self, cluster_id: str) -> None:
        del cluster_id
        self.asked.append("stop")

    def lose(self, cluster_id: str) -> None:
        del cluster_id
        self.asked.append("lose")

    def come_back(self, cluster_id: str) -> None:
        del cluster_id
        self.asked.append("come back")

    def screen(self, cluster_id: str, screens: Mapping[str, Screen]) -> None:
        raise NotImplementedError

    def kill_service(self, cluster_id: str, service: str) -> None:
        raise NotImplementedError

    def freeze(self, cluster_id: str, service: str) -> None:
        raise NotImplementedError

    def thaw(self, cluster_id: str, service: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.asked.append("close")


class Stage:
    def __init__(self, times: LabTimes) -> None:
        self.now = 1_000_000.0
        self.machines = ScriptedMachines()
        self.region = Region(world.Addresses(99), times, lambda: self.now, Faults())
        self.lifecycle = Lifecycle(self.region, self.machines)

    def launch(self) -> Cluster:
        around = Surroundings(
            lambda _: None, {"us-east-1a": "subnet-a"}, lambda _: True, lambda _: True, lambda *_: False
        )
        cluster = launch(dict(_REQUEST), self.now, around)
        self.region.clusters[cluster.id] = cluster
        return cluster

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.lifecycle.round()

    def becomes(self, cluster: Cluster, state: str) -> None:
        def there() -> bool:
            self.lifecycle.round()
            return cluster.state == state

        eventually(there)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(LabTimes(cluster_start=60, cluster_end=30))
    yield made
    made.lifecycle.close()
    assert made.machines.asked[-1] == "close"


def test_starting_and_terminating_last_as_long_as_they_are_told(stage: Stage) -> None:
    cluster = stage.launch()
    stage.after(59)
    assert (cluster.state, cluster.master) == ("STARTING", None)
    stage.after(1)
    assert cluster.state == "BOOTSTRAPPING"
    assert cluster.master is not None
    stage.after(600)
    assert cluster.state == "BOOTSTRAPPING"
    stage.machines.up = True
    stage.becomes(cluster, "WAITING")
    cluster.begin_to_end(stage.now, "USER_REQUEST", "")
    stage.after(29)
    eventually(lambda: not cluster.machines_running)
    assert cluster.state == "TERMINATING"
    stage.after(1)
    assert (cluster.state, stage.machines.asked) == ("TERMINATED", ["start", "stop"])


def test_the_machines_get_what_the_launch_asked_for(stage: Stage) -> None:
    cluster = stage.launch()
    stage.after(60)
    eventually(lambda: stage.machines.launches)
    given = stage.machines.launches[0]
    assert (given.cluster_id, given.address) == (cluster.id, "127.99.1.10")
    assert given.configurations == {"livy-conf": {"livy.server.port": "8998"}}
    assert (given.bootstrap_actions[0].path, given.bootstrap_actions[0].args) == ("s3://b/x.sh", ("7",))


def test_machines_that_refuse_to_start_end_the_cluster_with_their_words(stage: Stage) -> None:
    stage.machines.refuses_to_start = True
    cluster = stage.launch()
    stage.after(60)
    eventually(lambda: cluster.state == "TERMINATING")
    assert (cluster.reason_code, cluster.reason) == ("BOOTSTRAP_FAILURE", "no Java here")
    stage.after(30)
    stage.becomes(cluster, "TERMINATED_WITH_ERRORS")


def test_machines_that_can_never_boot_end_the_cluster_with_their_words(stage: Stage) -> None:
    stage.machines.can_never_boot = True
    cluster = stage.launch()
    stage.after(60)
    stage.after(0)
    assert (cluster.reason_code, cluster.reason) == ("BOOTSTRAP_FAILURE", "NameNode will not format")


def test_a_cluster_ended_before_its_machines_got_their_turn_leaves_none_running(stage: Stage) -> None:
    stage.machines.may_start.clear()
    first, second = stage.launch(), stage.launch()
    stage.after(60)
    for cluster in (first, second):
        cluster.begin_to_end(stage.now, "USER_REQUEST", "")
    stage.after(0)
    stage.machines.may_start.set()
    stage.after(30)
    stage.becomes(first, "TERMINATED")
    stage.becomes(second, "TERMINATED")
    assert stage.machines.asked.count("start") <= stage.machines.asked.count("stop")


def test_a_rule_for_one_az_spares_the_others_and_is_used_up(stage: Stage) -> None:
    faults = stage.region.faults
    faults.add(LaunchFault("no-capacity", "us-east-1b"))
    faults.add(LaunchFault("hang-starting", "us-east-1a", times=1))
    hanging, fine = stage.launch(), stage.launch()
    stage.after(60)
    assert (hanging.state, fine.state) == ("STARTING", "BOOTSTRAPPING")
    assert faults.rules() == [LaunchFault("no-capacity", "us-east-1b")]


def test_a_full_subnet_is_a_lack_of_capacity(stage: Stage) -> None:
    clusters = [stage.launch() for _ in range(241)]
    stage.after(60)
    assert [each.state for each in clusters].count("BOOTSTRAPPING") == 240
    assert clusters[-1].error_details[0]["ErrorCode"] == "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"
