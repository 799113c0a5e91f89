"""Stories on real processes of launches that go wrong, and of old members that come back."""

from collections.abc import Iterator

import pytest

from emr_dr.lab.world import ZONES
from lab.rehearsal import Rehearsal, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab for all stories of this module: each leaves one healthy member serving."""
    with rehearsal(tmp_path_factory.mktemp("town")) as found:
        yield found


def test_a_zone_without_room_is_passed_over_for_the_next_one(town: Rehearsal) -> None:
    old, before = town.serving(), set(town.clusters())
    first = next(zone for zone in ZONES if zone != old["az"])
    with town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 60, "it leads")
        town.fault("no-capacity", first)
        town.fault("kill-member", old["cluster"])
        eventually(lambda: town.converged_without(old["cluster"]), 400, "another one serves, the old one is gone")
    new = {c: state for c, state in town.clusters().items() if c not in before}
    assert sorted(new.values()) == ["TERMINATED_WITH_ERRORS", "WAITING"]
    assert town.serving()["az"] not in (old["az"], first)


def test_an_old_one_that_is_back_before_the_switch_goes_on_and_the_candidate_is_given_up(town: Rehearsal) -> None:
    old, before = town.serving(), set(town.clusters())
    with town.watching() as watch:
        town.fault("cut", "everyone", old["cluster"])
        eventually(lambda: watch.told("stage_changed", to="booting"), 120, "a candidate boots")
        town.fault("heal")
        eventually(lambda: watch.told("stage_changed", to="condemned"), 120, "the candidate is given up")
        eventually(lambda: town.status()["answer"] == "healthy", 60, "the old one serves as before")
        (candidate,) = set(town.clusters()) - before
        eventually(lambda: town.clusters()[candidate].startswith("TERMINATED"), 90, "the candidate has ended")
        assert not watch.told("entitlement_moved")
    assert town.serving()["cluster"] == old["cluster"]


def test_a_lost_reply_makes_one_cluster_and_an_old_one_that_is_back_after_the_switch_never_serves_again(
    town: Rehearsal,
) -> None:
    old, before, calls = town.serving(), set(town.clusters()), town.calls("RunJobFlow")
    with town.watching() as watch:
        town.fault("lose-reply", "RunJobFlow")
        town.fault("cut", "everyone", old["cluster"])
        eventually(lambda: watch.told("entitlement_moved"), 300, "the switch is made")
        town.fault("heal")
        eventually(lambda: town.converged_without(old["cluster"]), 240, "it is fenced, idle, and retired")
        back = [e for e in watch.events if e["event"] == "stage_changed" and e["cluster"] == old["cluster"]]
        assert watch.told("effect_failed", effect="LaunchCluster")
    assert [e["to"] for e in back] == ["fencing", "retiring"]
    assert len(set(town.clusters()) - before) == town.calls("RunJobFlow") - calls == 1, "one licence, one call"


def test_the_journal_of_all_this_decides_the_same_again(town: Rehearsal) -> None:
    assert town.decides_the_same_again() > 0
