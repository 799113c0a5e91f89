"""Stories of real controllers that die, sleep and meet, over a lab whose clusters are stand-ins."""

from collections.abc import Iterator

import pytest

from lab.rehearsal import Rehearsal, Watch, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600), pytest.mark.controllers]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab for all stories of this module: each leaves one healthy member serving."""
    with rehearsal(tmp_path_factory.mktemp("town"), "--stand-in") as found:
        yield found


def launched_since(town: Rehearsal, before: set[str]) -> set[str]:
    return set(town.clusters()) - before


def leads(watch: Watch) -> bool:
    return watch.told("lease_taken")


def test_controllers_killed_in_three_stages_leave_one_replacement_to_the_fourth(town: Rehearsal) -> None:
    old, before, calls = town.serving(), set(town.clusters()), town.calls("RunJobFlow")
    stages = ({"event": "stage_changed", "to": "launching"}, {"event": "stage_changed", "to": "proving"})
    for stage in (*stages, {"event": "entitlement_moved"}):
        with town.watching() as watch:
            if stage is stages[0]:
                eventually(lambda: leads(watch), 60, "it leads")
                town.fault("kill-member", old["cluster"])
            eventually(lambda: watch.told(**stage), 150, f"{stage}")  # noqa: B023
            watch.kill()
    with town.watching():
        eventually(lambda: town.converged_without(old["cluster"]), 180, "the recovery is finished")
    assert len(launched_since(town, before)) == town.calls("RunJobFlow") - calls == 1


def test_of_two_controllers_at_once_one_leads_and_one_replacement_is_made(town: Rehearsal) -> None:
    old, before = town.serving(), set(town.clusters())
    with town.watching() as one, town.watching() as other:
        eventually(lambda: leads(one) or leads(other), 90, "one of them leads")
        town.fault("kill-member", old["cluster"])
        eventually(lambda: town.converged_without(old["cluster"]), 180, "the member is replaced")
        assert leads(one) != leads(other)
    assert len(launched_since(town, before)) == 1


def test_a_leader_stopped_past_its_lease_and_woken_does_no_harm(town: Rehearsal) -> None:
    old, before, calls = town.serving(), set(town.clusters()), town.calls("RunJobFlow")
    with town.watching() as first:
        eventually(lambda: leads(first), 90, "it leads")
        with town.watching() as second:
            town.fault("kill-member", old["cluster"])
            eventually(lambda: first.told("stage_changed", to="launching"), 90, "the loss is believed")
            first.stop()
            eventually(lambda: leads(second), 120, "the other one takes over when the lease has run out")
            eventually(lambda: town.converged_without(old["cluster"]), 180, "the recovery is finished")
            new = town.serving()
            first.go_on()
            second.process.terminate()
            eventually(lambda: sum(e["event"] == "lease_taken" for e in first.events) > 1, 90, "it leads again")
            assert town.converged_without(old["cluster"])
    assert town.serving()["cluster"] == new["cluster"]
    assert len(launched_since(town, before)) == town.calls("RunJobFlow") - calls == 1


def test_the_journal_of_all_this_decides_the_same_again(town: Rehearsal) -> None:
    assert town.decides_the_same_again() > 0
