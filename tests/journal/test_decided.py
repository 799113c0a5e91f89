"""What a round writes down: each thing once, with the decision whole behind it."""

from dataclasses import replace

import pytest

from emr_dr.controller.act import Ending, Outcome
from emr_dr.controller.journal import Told, acted, decided, plain, told_by
from emr_dr.controller.observe import Observation
from emr_dr.core.effects import LaunchCluster, TerminateCluster
from emr_dr.core.evidence import FailureRun
from emr_dr.core.group import Group, Member, Placement, Policy, Stage, Wanted
from emr_dr.core.verdict import Detection, Verdict, VerdictName
from emr_dr.core.world import Cluster, EmrState, Health, RefusedLaunch, World
from emr_dr.ports import JournalEntry
from journal import scenes

MEMBER = Member(1, Stage.SERVING, 10.0, "j-1", epoch=1, tries=1, placement=Placement("subnet-a", "az-a"))
GROUP = Group("etl", "origin", Wanted(1), (MEMBER,), epoch=1, launched=1)
SEEN = Observation(World(100.0, (Cluster("j-1", 1, EmrState.UP),)))
LOST = Verdict(VerdictName.MEMBER_LOST, Health.LOST, "no service answers for 60 s")
REMARK = "j-1: tags: team=a is declared, the cluster has team=b"


def written(
    after: Group = GROUP, *, before: Group = GROUP, seen: Observation = SEEN, told: Told | None = None
) -> tuple[JournalEntry, ...]:
    return decided(before, after, seen, (), told or Told(), Policy(), Detection())


def events(entries: tuple[JournalEntry, ...]) -> list[str]:
    return [e.event for e in entries]


def test_nothing_is_written_when_nothing_changed() -> None:
    assert written() == ()


def test_a_refusal_is_written_when_it_begins_and_when_it_ends() -> None:
    refused = replace(GROUP, refusals=("blind: targets",))
    assert events(written(refused)) == ["refused", "decided"]
    assert written(refused, before=refused) == ()
    (ended,) = written(GROUP, before=refused)
    assert (ended.event, ended.detail) == ("refusal_ended", {"reason": "blind: targets"})


def test_a_verdict_is_written_with_the_health_it_means_and_since_when_things_fail() -> None:
    runs = (FailureRun("j-1", "livy", 40.0, 100.0, 13), FailureRun("j-1", "name-node", 35.0, 100.0, 14))
    changed, decision = written(seen=replace(SEEN, verdicts={"j-1": LOST}, runs=runs))
    assert changed.detail["health"] == "lost"
    assert changed.detail["failing_since"] == 35.0
    assert decision.detail["verdicts"] == {"j-1": plain(LOST)}


def test_a_difference_is_written_once() -> None:
    seen = replace(SEEN, remarks=(REMARK,))
    assert events(written(seen=seen)) == ["difference_found", "decided"]
    assert written(seen=seen, told=Told(remarks=(REMARK,))) == ()


def test_a_launch_that_was_refused_leaves_with_the_words_of_the_refusal() -> None:
    launching = replace(GROUP, members=(Member(2, Stage.LAUNCHING, 90.0, tries=1),))
    seen = replace(SEEN, world=replace(SEEN.world, refused=(RefusedLaunch(2, "no free address"),)))
    left, _ = written(replace(GROUP, members=()), before=launching, seen=seen)
    assert left.detail == {"member": 2, "cluster": None, "from": "launching", "reason": "no free address"}


def test_an_orphan_that_bears_the_number_of_a_member_is_told_apart_from_it() -> None:
    orphan = Member(1, Stage.CONDEMNED, 100.0, "j-9", reason="orphan")
    entered, _ = written(replace(GROUP, members=(MEMBER, orphan)))
    assert (entered.detail["cluster"], entered.detail["from"]) == ("j-9", None)
    left, decision = written(GROUP, before=replace(GROUP, members=(MEMBER, orphan)))
    assert (left.event, left.detail["cluster"], left.detail["from"]) == ("member_left", "j-9", "condemned")
    assert decision.detail["changes"] == [
        {"member": 1, "cluster": "j-9", "from": "condemned", "to": None, "reason": ""}
    ]


def test_a_decision_keeps_every_field_of_the_group_that_it_changed_and_no_other() -> None:
    decision = written(replace(GROUP, epoch=2, attempts=1, held="3 candidates spent"))[-1]
    assert decision.detail["after"] == {"epoch": 2, "attempts": 1, "held": "3 candidates spent"}
    assert (decision.detail["epoch"], decision.detail["held"]) == (2, "3 candidates spent")


def test_an_outcome_names_the_decision_that_asked_for_it() -> None:
    entry = acted(101.5, Outcome(TerminateCluster("j-1"), Ending.FAILED, "no answer"), 100.0)
    assert entry == JournalEntry(
        101.5,
        "effect_failed",
        {"effect": "TerminateCluster", "cluster": "j-1", "detail": "no answer", "decided_at": 100.0},
    )


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}.__iter__()])
def test_what_is_no_value_of_ours_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="not a value for the journal"):
        plain(value)


class TestTheNextProcess:
    """It goes on where the journal ends, as if it had written it: a tick each minute tells nothing twice."""

    async def test_knows_what_was_told(self) -> None:
        journal = await scenes.entries(await scenes.held())
        told = told_by(journal)
        newest = scenes.decisions(journal)[-1]
        assert plain(told.verdicts) == newest.detail["verdicts"]
        assert [{"effect": type(e).__name__, **plain(e)} for e in told.effects] == newest.detail["effects"]  # type: ignore[dict-item]

    async def test_knows_the_outcomes_of_what_is_asked_for(self) -> None:
        effect = LaunchCluster(2, Placement("subnet-b", "az-b", 1, ("r5.xlarge",)))
        refused = Outcome(effect, Ending.FAILED, "throttled")
        entries = decided(GROUP, GROUP, replace(SEEN, remarks=(REMARK,)), (effect,), Told(), Policy(), Detection())
        told = told_by([*entries, acted(101.0, refused, 100.0)])
        assert told == Told({}, (effect,), {effect: refused}, (REMARK,))

    async def test_writes_nothing_that_the_one_before_wrote(self) -> None:
        seen = replace(SEEN, verdicts={"j-1": LOST}, remarks=(REMARK,))
        first = decided(GROUP, GROUP, seen, (TerminateCluster("j-9"),), Told(), Policy(), Detection())
        assert first
        assert decided(GROUP, GROUP, seen, (TerminateCluster("j-9"),), told_by(first), Policy(), Detection()) == ()

    def test_tells_all_once_more_after_an_older_version_or_nothing(self) -> None:
        assert told_by(scenes.earlier()) == Told()
        assert told_by([]) == Told()
