"""`why` and `history` as a person reads them, from a file that a controller left behind and without AWS."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cli.conftest import Type
from emr_dr.core.document import Document
from emr_dr.core.group import Group, Wanted
from emr_dr.ports import JournalEntry
from emr_dr.stores import SqliteStore
from journal import scenes
from simulation.harness import Scene
from spec.spec_examples import SMALL


@pytest.fixture
def left(typed: Type) -> Callable[[Callable[[], Awaitable[Scene]]], Scene]:
    """Leave behind the file of a group that something happened to."""
    del typed

    def leave(play: Callable[[], Awaitable[Scene]]) -> Scene:
        async def played() -> Scene:
            scene = await play()
            await scenes.keep(scene, Path("emr-dr.db"))
            return scene

        Path("emr-dr.yaml").write_text(SMALL)
        with capture_logs():
            return asyncio.run(played())

    return leave


Leave = Callable[[Callable[[], Awaitable[Scene]]], Scene]


def told(typed: Type, *words: str) -> Any:  # noqa: ANN401 - whatever was printed
    said = typed(*words, "--json")
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)


def test_why_shows_the_evidence_of_the_newest_change_and_that_it_comes_out_again(typed: Type, left: Leave) -> None:
    left(scenes.frozen)
    said = typed("why")
    assert (said.code, said.err) == (0, "")
    for words in (
        "by controller-2",
        "admitting → serving",
        "member 1 az-a j-0000000000001 (fencing): Suspect: livy: no answer within the deadline",
        "EMR: up · EC2: ok · target: absent",
        "replayed: the same decision",
    ):
        assert words in said.out


def test_why_shows_each_witness_and_how_far_each_window_was_filled(typed: Type, left: Leave) -> None:
    left(scenes.frozen)
    entries = typed("history", "--all").out.splitlines()
    seq = next(line.split()[0] for line in entries if "to=MemberLost" in line)
    said = typed("why", "--seq", seq)
    assert (
        "j-0000000000001: Suspect → MemberLost: no service answers for 20 s, and the balancer's checks agree"
        in said.out
    )
    row = next(line for line in said.out.splitlines() if line.strip().startswith("livy"))
    for words in ("no answer within the deadline", "does not reach it", "20s (20s), 5 times (3)"):
        assert words in row
    assert "asked for: launch cluster 2 in subnet-b az-b: done +0s: j-0000000000002" in said.out
    assert "limit  attempts: 1 of 3 candidates spent" in said.out


def test_why_says_what_is_refused_now_and_since_when(typed: Type, left: Leave) -> None:
    left(scenes.held)
    out = typed("why").out
    (line,) = (line for line in out.splitlines() if line.startswith("held now: "))
    seq = line.split("--seq ")[1]
    assert "failed alike" in line
    assert told(typed, "why", "--seq", seq)["recorded"]["held"] in line


def test_a_time_is_iso_a_duration_or_seconds(typed: Type, left: Leave) -> None:
    left(scenes.killed)
    third = told(typed, "why", "--seq", "6")
    at = third["at"]
    for written in (
        str(at),
        datetime.fromtimestamp(at, UTC).isoformat(),
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}",
    ):
        assert told(typed, "why", "--at", written)["seq"] == third["seq"]
    assert told(typed, "why", "--member", "1")["parts"]


def test_a_time_may_be_so_long_ago(typed: Type, left: Leave) -> None:
    scene = left(scenes.killed)
    now = time.time()

    async def add() -> None:
        told = scenes.decisions(await scenes.entries(scene))[:2]
        store = SqliteStore("emr-dr.db")
        await store.append("adhoc", [replace(told[0], at=now - 1800), replace(told[1], at=now - 300)])
        await store.save(Document(Group("adhoc", "origin", Wanted(1))))
        await store.close()

    asyncio.run(add())
    Path("emr-dr.yaml").write_text(SMALL.replace("group: etl", "group: adhoc"))
    assert [told(typed, "why", "--at", ago)["seq"] for ago in ("1m", "4m ago", "10m")] == [2, 2, 1]
    assert typed("why", "--at", "31m").code == 2


def test_why_for_programs_is_one_object_with_everything(typed: Type, left: Leave) -> None:
    left(scenes.frozen)
    found = told(typed, "why")
    assert found["replayed"] == {"same": True, "words": "replayed: the same decision"}
    assert found["clusters"][0]["services"][0]["failing"]["least_failures"] == 3
    assert found["recorded"]["before"]["name"] == found["group"] == "etl"


@pytest.mark.parametrize(
    ("words", "said_is"),
    [
        (["why", "--seq", "999"], "etl: there is no entry 999: the journal ends with entry"),
        (["why", "--seq", "1"], "etl: entry 1 is 'lease_taken', and no decision was written with it"),
        (["why", "--at", "1999-12-31"], "etl: no decision is that old: the first decision is entry 3"),
        (["why", "--member", "77"], "etl: no decision ever moved member 77, only 1"),
    ],
)
def test_where_there_is_no_such_decision_it_says_so(typed: Type, left: Leave, words: list[str], said_is: str) -> None:
    left(scenes.first_start)
    said = typed(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"emr-dr: {said_is}")
    assert "emr-dr history --all" in said.err


def test_a_group_that_was_never_applied_has_no_past(typed: Type, left: Leave) -> None:
    left(scenes.first_start)
    Path("emr-dr.yaml").write_text(SMALL.replace("group: etl", "group: adhoc"))
    for verb in ("why", "history"):
        said = typed(verb)
        assert said.code == 2
        assert "emr-dr: adhoc: the group is not in this store; run `emr-dr apply` first" in said.err


@pytest.mark.parametrize("verb", ["why", "history"])
def test_a_store_of_a_newer_version_is_refused_with_advice(typed: Type, left: Leave, verb: str) -> None:
    left(scenes.first_start)
    with closing(sqlite3.connect("emr-dr.db")) as file:
        file.execute("PRAGMA user_version = 99")
    said = typed(verb)
    assert said.code == 1
    assert "the store has schema 99" in said.err
    assert "use the newest emr-dr" in said.err


def test_a_damaged_decision_is_told_and_not_replayed(typed: Type, left: Leave) -> None:
    left(scenes.first_start)
    with closing(sqlite3.connect("emr-dr.db", isolation_level=None)) as file:
        broken = """replace(entry, '"launched": 1', '"launched": "one"')"""
        file.execute(f"UPDATE journal SET entry = {broken} WHERE seq = 6")  # noqa: S608
    said = typed("why", "--seq", "6")
    assert said.code == 0
    assert "cannot be replayed: it is damaged: before.launched" in said.out


def test_the_journal_of_an_older_version_is_explained_too(typed: Type, left: Leave) -> None:
    left(scenes.first_start)

    async def add() -> None:
        store = SqliteStore("emr-dr.db")
        await store.append("etl", scenes.earlier())
        await store.close()

    asyncio.run(add())
    said = typed("why")
    assert "cannot be replayed: written by an older version" in said.out
    assert typed("history").code == 0


def test_history_tells_a_recovery_step_by_step(typed: Type, left: Leave) -> None:
    left(scenes.cooling_down)
    said = typed("history")
    assert (said.code, said.err) == (0, "")
    start, first, second = said.out.split("\n\n")[:3]
    assert "first start: recovered after 30s" in start
    assert "unplanned: recovered after 35s" in first
    for words in (
        "  lost      member 1 az-a j-0000000000001: MemberLost: no service answers for 20 s",
        "  to        member 2 az-b j-0000000000002",
        "  steps     failing -20s, believed +0s, launched +0s, up +20s",
        "  epoch     2",
        "  led by    controller-2",
    ):
        assert words in first
    assert "  refused   cooldown: member 2 is lost" in second
    seq = first.rsplit("--seq ", 1)[1].strip()
    assert "MemberLost" in typed("why", "--seq", seq).out


def test_history_tells_what_was_tried_in_vain_and_that_it_is_held(typed: Type, left: Leave) -> None:
    left(scenes.held)
    out = typed("history", "--limit", "1").out
    assert "unplanned: held" in out
    assert out.count("  tried     member") == 2
    assert "a bootstrap action failed" in out
    assert "  held      candidates in" in out
    assert "first start" not in out


def test_what_was_refused_again_and_again_is_told_once_and_so_are_many_leaders(typed: Type, left: Leave) -> None:
    scene = left(scenes.killed)
    (newest,) = asyncio.run(_entries(scene))[-1:]

    async def add() -> None:
        store = SqliteStore("emr-dr.db")
        for n in range(5):
            at, reason = newest.at + 60 * n, {"reason": "blind: targets"}
            refused, ended = JournalEntry(at, "refused", reason), JournalEntry(at + 30, "refusal_ended", reason)
            await store.append("etl", [refused, JournalEntry(at, "refused", {"reason": f"{n}"}), ended])
        holders = [JournalEntry(newest.at + 900, "lease_taken", {"holder": f"tick-{n}"}) for n in range(9)]
        lost = {"cluster": "j-0000000000002", "from": "Healthy", "to": "MemberLost", "why": "gone", "health": "lost"}
        await store.append("etl", [JournalEntry(newest.at + 900, "verdict_changed", lost), *holders])
        await store.close()

    asyncio.run(add())
    out = typed("history").out
    assert out.count("blind: targets (5 times, for 2m30s; emr-dr why --seq") == 1
    assert "  refused   0 (since" in out
    assert "  led by    controller-2, 8 others, tick-8" in out
    assert "unplanned: under way" in out.split("\n\n")[-1]


def test_history_for_programs_has_the_steps_in_seconds(typed: Type, left: Leave) -> None:
    left(scenes.killed)
    start, loss = told(typed, "history")["recoveries"]
    assert start["kind"] == "first start"
    assert loss["steps"]["serving"] - loss["steps"]["believed"] == loss["settled"] - loss["begun"]


def test_history_shows_every_entry_a_line(typed: Type, left: Leave) -> None:
    scene = left(scenes.killed)
    journal = asyncio.run(_entries(scene))
    lines = typed("history", "--all").out.splitlines()
    assert [int(line.split()[0]) for line in lines] == [e.seq for e in journal]
    assert max(map(len, lines)) < 250, "of a decision only what it asked for"
    assert typed("history", "--all", "--limit", "3").out.splitlines() == lines[-3:]
    printed = [json.loads(line) for line in typed("history", "--all", "--json").out.splitlines()]
    assert [e["detail"] for e in printed] == [e.detail for e in journal]


async def _entries(scene: Scene) -> Any:  # noqa: ANN401 - as the store has them
    return await scenes.entries(scene)


def test_a_past_in_which_nothing_happened_says_so(typed: Type, left: Leave) -> None:
    left(lambda: scenes.declared(Scene()))
    assert typed("history").out == "etl: nothing happened yet\n"
    said = typed("why")
    assert said.code == 2
    assert "nothing was decided yet" in said.err
