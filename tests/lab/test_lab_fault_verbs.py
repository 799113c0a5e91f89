"""The lab's faults by hand: every verb, what it prints, and what it says to what is wrong."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from emr_dr.errors import UsageError
from emr_dr.lab.commands import lab
from emr_dr.lab.fault_commands import FAULT_VERBS
from lab.lab_world import World, eventually


def run(world: World, *words: str) -> Result:
    return CliRunner().invoke(lab, ["--dir", str(world.lab.directory), *words])


def told(world: World, *words: str) -> str:
    ran = run(world, *words)
    assert ran.exit_code == 0, ran.output + repr(ran.exception)
    return ran.output.strip()


def refused(world: World, *words: str) -> str:
    ran = run(world, *words)
    assert ran.exit_code != 0
    return str(ran.exception) if isinstance(ran.exception, UsageError) else ran.output


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(world, "status", "--json"))
    return found


def test_paths_are_cut_and_healed_and_rules_revoked_and_restored_by_hand(world: World) -> None:
    cluster = world.launch("us-east-1a")
    assert told(world, "cut", "monitor", cluster) == f"monitor no longer reaches {cluster}"
    assert cluster in json.loads(told(world, "cut", "balancer", "us-east-1a", "--json"))["targets"]
    assert told(world, "cut", "everyone", "aws") == "everyone no longer reaches aws"
    assert told(world, "revoke-rule", cluster, "--service", "livy") == f"{cluster}: livy takes no new connections"
    shown = told(world, "status")
    for line in (f"cut: everyone to {cluster}", "cut: everyone to aws", f"rule revoked: livy of {cluster}"):
        assert line in shown
    assert told(world, "heal", "monitor", cluster) == f"healed: {cluster}"
    assert told(world, "restore-rule", cluster) == f"restored: {cluster}"
    assert "aws" in told(world, "heal")
    assert (status(world)["cuts"], status(world)["revoked"]) == ([], [])
    assert told(world, "heal") == "healed: nobody"


def test_machines_are_lost_and_come_back_by_hand(world: World) -> None:
    cluster = world.launch("us-east-1b")
    assert told(world, "kill-member", cluster) == f"{cluster} is lost"
    assert told(world, "come-back", cluster) == f"{cluster} boots again"
    for verb, now in (("freeze", "is frozen"), ("thaw", "goes on"), ("kill-service", "is killed")):
        assert told(world, verb, "livy", cluster) == f"livy {now}"
    assert cluster in json.loads(told(world, "kill-az", "us-east-1b", "--json"))["lost"]
    assert "us-east-1b dead" in told(world, "status")
    assert told(world, "restore-az", "us-east-1b") == "us-east-1b takes launches again"


def test_faults_of_launches_and_calls_are_set_shown_and_cleared_by_hand(world: World) -> None:
    said = {
        ("no-capacity", "us-east-1a", "--type", "r5.xlarge", "--times", "0", "--hang"): (
            "every launch of r5.xlarge in us-east-1a hangs in STARTING",
            "fault: no-capacity (hangs) in us-east-1a, r5.xlarge, until cleared",
        ),
        ("boot-failure", "us-east-1c"): (
            "the next launch in us-east-1c fails to boot",
            "fault: boot-failure in us-east-1c, 1 more",
        ),
        ("hang-starting", "--times", "3"): (
            "each of the next 3 launches in any AZ hangs in STARTING",
            "fault: hang-starting in any AZ, 3 more",
        ),
        ("throttle",): ("the next call of any operation is throttled", "fault: any operation throttled, 1 more"),
        ("lose-reply", "RunJobFlow"): (
            "the next call of RunJobFlow is carried out, and its answer lost",
            "fault: RunJobFlow reply lost, 1 more",
        ),
        ("api-error", "PutObject", "AccessDenied", "--status", "403"): (
            "the next call of PutObject is answered with AccessDenied",
            "fault: PutObject AccessDenied, 1 more",
        ),
    }
    for words, (now, _) in said.items():
        assert told(world, *words) == now
    shown = told(world, "status")
    assert all(line in shown for _, line in said.values())
    told(world, "clear-faults")
    assert status(world)["faults"] == []


def test_what_is_wrong_is_told_with_what_is_right(world: World) -> None:
    cluster = world.launch()
    assert "'monitor', 'balancer', 'everyone'" in refused(world, "cut", "mars", cluster)
    unknown = refused(world, "cut", "monitor", "mars")
    assert cluster in unknown
    assert "us-east-1c, aws" in unknown
    assert "'us-east-1a'" in refused(world, "kill-az", "mars")
    assert "no living cluster has the id 'j-NOSUCH'" in refused(world, "revoke-rule", "j-NOSUCH")
    assert "not lost" in refused(world, "come-back", cluster)
    assert "RunJobFlow" in refused(world, "throttle", "RunJobflow")
    assert "name both, or neither" in refused(world, "heal", "monitor")
    assert "--times" in refused(world, "throttle", "--times", "-1")


def test_a_cluster_need_not_be_named_where_there_is_only_one(world: World) -> None:
    living = [each["id"] for each in status(world)["clusters"] if not each["state"].startswith("TERMINATED")]
    world.aws("emr").terminate_job_flows(JobFlowIds=living)
    world.clock.skip(400)
    eventually(lambda: all(each["state"].startswith("TERMINATED") for each in status(world)["clusters"]))
    assert "0 clusters live" in refused(world, "kill-member")
    cluster = world.launch()
    assert cluster in told(world, "revoke-rule")
    assert cluster in told(world, "kill-member")
    assert "0 clusters live" in refused(world, "freeze", "livy")
    assert cluster in told(world, "come-back")
    world.launch()
    assert "2 clusters live; name one of" in refused(world, "thaw", "livy")


@pytest.mark.parametrize("verb", [each.name for verbs in FAULT_VERBS.values() for each in verbs])
def test_every_verb_has_one_line_in_the_help(verb: str) -> None:
    lines = [line.split() for line in CliRunner().invoke(lab, ["--help"], terminal_width=80).output.splitlines()]
    (line,) = [words for words in lines if words[:1] == [verb]]
    assert not line[-1].endswith("...")
