"""Stories on real processes of what is seen and what is not: dead services, cut paths, and deaths nobody confirms."""

import time
from collections.abc import Iterator

import pytest

from lab.rehearsal import Rehearsal, Watch, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

NEVER = {"emr_notices_after": "never", "ec2_notices_after": "never", "ec2_confirms_after": "never"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab, in which neither EMR nor EC2 ever notices that a machine is gone."""
    with rehearsal(tmp_path_factory.mktemp("town"), **NEVER) as found:
        yield found


def told(watch: Watch, *events: str) -> list[dict[str, object]]:
    return [e for e in watch.events if e["event"] in events]


def test_a_cut_path_of_the_monitor_alone_causes_nothing_and_is_named(town: Rehearsal) -> None:
    serving, before = town.serving()["cluster"], town.clusters()
    with town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 60, "it leads")
        town.fault("cut", "monitor", serving)
        eventually(lambda: watch.told("verdict_changed", to="ProbePathBroken"), 90, "a broken path is named")
        quiet_since = time.monotonic()
        eventually(lambda: time.monotonic() - quiet_since > 20, 30, "more than a whole window has passed")
        assert told(watch, "stage_changed", "entitlement_moved") == []
        town.fault("heal")
        eventually(lambda: watch.at("verdict_changed")["to"] == "Healthy", 30, "it is healthy again")
    assert town.clusters() == before


def test_a_rule_revoked_on_a_healthy_member_costs_it_its_place_and_not_its_jobs(town: Rehearsal) -> None:
    old = town.serving()
    town.submit(old["address"], "long", seconds=60)
    eventually(lambda: town.marked("long", "started"), 90, "the job runs")
    with town.watching() as watch:
        town.fault("revoke-rule", old["cluster"])
        eventually(lambda: watch.told("verdict_changed", to="MemberLost"), 90, "the loss is believed")
        eventually(lambda: watch.told("stage_changed", to="serving"), 240, "another one serves")
        eventually(lambda: any("is kept" in str(e) for e in told(watch, "refused")), 90, "it is said that it is kept")
        eventually(lambda: town.marked("long", "completed"), 120, "its job finishes")
        assert town.clusters()[old["cluster"]] == "WAITING"
        assert old["address"] not in town.registered()
        town.fault("heal")
        eventually(lambda: town.converged_without(old["cluster"]), 180, "seen to run nothing, it is retired")


def test_a_killed_name_node_is_a_service_down_by_name_and_its_member_is_replaced(town: Rehearsal) -> None:
    old = town.serving()
    with town.watching() as watch:
        town.fault("kill-service", "name-node", old["cluster"])
        eventually(lambda: watch.told("verdict_changed", to="ServiceDown"), 90, "a dead service is believed")
        assert "name-node" in watch.at("verdict_changed", to="ServiceDown")["why"]
        eventually(lambda: town.converged_without(old["cluster"]), 300, "another one serves, the old one is gone")


def test_a_death_that_neither_emr_nor_ec2_confirms_is_answered_and_the_dead_one_is_kept(town: Rehearsal) -> None:
    old = town.serving()
    with town.watching() as watch:
        town.fault("kill-member", old["cluster"])
        eventually(lambda: watch.told("stage_changed", to="serving"), 300, "another one serves")
        kept = f"member {old['number']} is kept: nothing shows that it ended or runs nothing"
        eventually(lambda: watch.told("refused", reason=kept), 90, "it is said why the dead one is kept")
    assert town.clusters()[old["cluster"]] == "WAITING"
    assert town.serving()["cluster"] != old["cluster"]
    assert kept in town.status()["refusals"]
    assert kept in town.verb("why", "--spec", str(town.spec))


def test_the_journal_of_all_this_decides_the_same_again(town: Rehearsal) -> None:
    assert town.decides_the_same_again() > 0
