"""A decision out of the journal comes out again, or it is said what does not, and why."""

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.values import anything
from emr_dr.controller.journal import plain
from emr_dr.controller.replay import Recorded, replay
from emr_dr.core.evidence import Evidence, FailureRun
from emr_dr.core.group import Group, Policy, Wanted
from emr_dr.core.verdict import Detection
from emr_dr.core.world import World
from emr_dr.ports import JournalEntry
from journal import scenes
from journal.scenes import changed, decisions
from simulation.harness import POLICY, Scene

SCENES = [
    scenes.first_start,
    scenes.killed,
    lambda: scenes.killed(Wanted(1, 1)),
    lambda: scenes.killed(Wanted(2)),
    scenes.frozen,
    scenes.came_back,
    scenes.unfit,
    scenes.launch_refused,
    scenes.held,
    scenes.cooling_down,
]


@pytest.mark.parametrize("played", SCENES)
async def test_every_decision_of_a_recovery_comes_out_again(played: Callable[[], Awaitable[Scene]]) -> None:
    told = decisions(await scenes.entries(await played()))
    assert told
    assert [(e.seq, replay(e).words) for e in told] == [(e.seq, "replayed: the same decision") for e in told]


async def test_limits_without_end_survive() -> None:
    scene = Scene(policy=replace(POLICY, drain=math.inf, retire_unconfirmed_after=math.inf))
    await (await scenes.declared(scene)).converge()
    for entry in decisions(await scenes.entries(scene)):
        assert replay(entry).same
        recorded = replay(entry).recorded
        assert recorded is not None
        assert recorded.policy == scene.policy


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_a_decision_is_made_of_reads_back_as_it_was(data: st.DataObject) -> None:
    parts = {
        "before": data.draw(anything(Group)),
        "world": data.draw(anything(World)),
        "policy": data.draw(anything(Policy)),
        "detection": data.draw(anything(Detection)),
        "evidence": data.draw(anything(tuple[Evidence, ...])),
        "runs": data.draw(anything(tuple[FailureRun, ...])),
    }
    recorded = Recorded.model_validate_json(json.dumps({name: plain(part) for name, part in parts.items()}))
    assert {name: getattr(recorded, name) for name in parts} == parts


@pytest.fixture
async def switch() -> JournalEntry:
    """The decision that took the traffic from one member to the next."""
    told = decisions(await scenes.entries(await scenes.frozen()))
    return next(e for e in told if '"to": "fencing"' in json.dumps(e.detail["changes"]))


async def test_another_outcome_is_named_by_the_first_thing_that_differs(switch: JournalEntry) -> None:
    cluster = "j-0000000000001"
    differences: list[tuple[tuple[str | int, ...], object, str]] = [
        (("verdicts", cluster, "name"), "Suspect", f'verdicts {cluster} name was "Suspect", and is "MemberLost" now'),
        (("epoch",), 7, "epoch was 7, and is 2 now"),
        (("after", "attempts"), 3, "after attempts was 3, and is nothing now"),
        (("after", "members", 0, "reason"), "bored", 'after members 1 reason was "bored", and is "lost" now'),
        (("changes", 0, "to"), "retiring", 'changes 1 to was "retiring", and is "fencing" now'),
        (("refusals",), ["cooldown"], 'refusals 1 was "cooldown", and is nothing now'),
    ]
    for path, to, words in differences:
        found = replay(changed(switch, *path, to=to))
        assert not found.same
        assert found.words == f"replayed: {words}"


async def test_another_policy_or_detection_may_lead_to_another_decision(switch: JournalEntry) -> None:
    assert replay(changed(switch, "policy", "boot", to=1.0)).same
    assert "effects 2 was" in replay(changed(switch, "policy", "protect", to=False)).words
    assert replay(changed(switch, "detection", "member_lost", to=600.0)).words.endswith('"Suspect" now')


async def test_a_decision_of_an_older_version_is_read_but_not_replayed(switch: JournalEntry) -> None:
    for entry in decisions(scenes.earlier()):
        found = replay(entry)
        assert found.words == "cannot be replayed: written by an older version"
        assert not found.same
        assert found.recorded is not None
        assert found.recorded.before.name == "etl"
    for path in (("policy",), ("runs",), ("policy", "cooldown"), ("world", "clusters", 0, "host"), ("after",)):
        found = replay(changed(switch, *path, to=...))
        assert found.words == "cannot be replayed: written by an older version"
        assert found.recorded is not None
    assert replay(changed(switch, "world", "at", to=...)).words == "cannot be replayed: written by an older version"


async def test_a_decision_of_a_newer_version_says_so(switch: JournalEntry) -> None:
    for path, to in [
        (("before", "moon"), "full"),
        (("before", "members", 0, "stage"), "orbiting"),
        (("policy", "moons"), 2),
    ]:
        found = replay(changed(switch, *path, to=to))
        assert found.words == "cannot be replayed: written by a newer version"
        assert found.recorded is None


async def test_a_damaged_decision_says_what_is_damaged(switch: JournalEntry) -> None:
    for path, to in [(("before", "name"), 3), (("world",), None), (("evidence", 0, "probes"), "none")]:
        assert replay(changed(switch, *path, to=to)).words.startswith(f"cannot be replayed: it is damaged: {path[0]}")
