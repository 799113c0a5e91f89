"""Decisions found in the journal, and explained with all that belongs to them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from emr_dr.core.evidence import Witness
from emr_dr.core.group import Stage
from emr_dr.core.world import HostHealth
from emr_dr.errors import UsageError
from emr_dr.history import decisions
from emr_dr.history.decisions import Explanation
from emr_dr.history.reading import backwards, forwards
from emr_dr.ports import JournalEntry
from emr_dr.stores import MemoryStore
from journal import scenes
from simulation.harness import GROUP, Scene


async def explained(scene: Scene, entry: JournalEntry) -> Explanation:
    return await decisions.explained(scene.store, GROUP, entry)


async def entry_of(scene: Scene, event: str, **detail: object) -> JournalEntry:
    """The newest entry of that event and those details."""
    found = [e for e in await scenes.entries(scene) if e.event == event and detail.items() <= e.detail.items()]
    return found[-1]


class PagedStore(MemoryStore):
    """Counts the entries that are read."""

    read = 0

    async def journal(self, group: str, *, after: int = 0, limit: int = 1000) -> Sequence[JournalEntry]:
        found = await super().journal(group, after=after, limit=limit)
        self.read += len(found)
        return found

    async def newest(self, group: str, count: int, *, without: Collection[str] = ()) -> Sequence[JournalEntry]:
        before = self.read
        found = await super().newest(group, count, without=without)
        self.read = before + len(found)
        return found


class TestReading:
    @pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 549, 550, 551, 1200])
    async def test_every_entry_is_read_once_in_either_direction(self, count: int) -> None:
        store = MemoryStore()
        await store.append(GROUP, [JournalEntry(float(n), "happened") for n in range(count)])
        there = [e.seq async for page in forwards(store, GROUP) for e in page]
        back = [e.seq async for e in backwards(store, GROUP)]
        assert there == list(range(1, count + 1))
        assert back == there[::-1]
        assert [e.seq async for e in backwards(store, GROUP, min(count, 60))] == there[:60][::-1]

    async def test_the_newest_is_found_without_reading_the_rest(self) -> None:
        store = PagedStore()
        await store.append(GROUP, [JournalEntry(float(n), "happened") for n in range(5000)])
        await store.append(GROUP, decided := scenes.decisions(await scenes.entries(await scenes.killed())))
        found, _ = await decisions.newest_change(store, GROUP)
        assert found.at in {e.at for e in decided}
        assert store.read <= 51


class TestFinding:
    async def test_the_newest_change_is_no_mere_change_of_a_verdict(self) -> None:
        scene = await scenes.first_start()
        served, _ = await decisions.newest_change(scene.store, GROUP)
        scene.cloud.freeze(scene.cloud.live[0].id)
        await scene.until(lambda done: bool(done.observation and done.observation.runs))
        assert await decisions.newest_change(scene.store, GROUP) == (served, 1)

    async def test_where_only_verdicts_changed_the_newest_of_those_is_told(self) -> None:
        scene, suspect = await scenes.first_start(), MemoryStore()
        scene.cloud.freeze(scene.cloud.live[0].id)
        await scene.until(lambda done: bool(done.observation and done.observation.runs))
        newest = (await scenes.entries(scene))[-1]
        await suspect.append(GROUP, [newest])
        found, later = await decisions.newest_change(suspect, GROUP)
        assert (found.detail, later) == (newest.detail, 0)

    async def test_every_entry_leads_to_the_decision_it_belongs_to(self) -> None:
        scene = await scenes.killed()
        decision: JournalEntry | None = None
        journal = await scenes.entries(scene)
        for n, entry in enumerate(journal):
            if entry.event == "lease_taken":
                with pytest.raises(UsageError, match=rf"entry {entry.seq} is 'lease_taken'"):
                    await decisions.numbered(scene.store, GROUP, entry.seq)
                continue
            if entry.event in decisions.PARTS:
                decision = next(e for e in journal[n:] if e.event == "decided")
            elif entry.event == "decided":
                decision = entry
            assert await decisions.numbered(scene.store, GROUP, entry.seq) == decision

    async def test_an_outcome_that_arrives_late_belongs_to_the_decision_it_names(self) -> None:
        scene = await scenes.first_start()
        asked = await entry_of(scene, "effect_done", effect="LaunchCluster")
        first = await decisions.numbered(scene.store, GROUP, asked.seq)
        late = replace(asked, event="effect_failed", detail={**asked.detail, "decided_at": first.at})
        await scene.store.append(GROUP, [late])
        newest = (await scenes.entries(scene))[-1]
        assert await decisions.numbered(scene.store, GROUP, newest.seq) == first
        assert late.detail in [e.detail for e in (await explained(scene, first)).effects[0].endings]

    async def test_a_refusal_that_only_ended_has_no_decision(self) -> None:
        scene = await scenes.first_start()
        await scene.store.append(GROUP, [JournalEntry(scene.clock.now() + 1, "refusal_ended", {"reason": "blind"})])
        with pytest.raises(UsageError, match="no decision was written with it"):
            await decisions.numbered(scene.store, GROUP, (await scenes.entries(scene))[-1].seq)

    async def test_a_time_leads_to_the_last_decision_before_it(self) -> None:
        scene = await scenes.killed()
        told = scenes.decisions(await scenes.entries(scene))
        for before, after in pairwise(told):
            assert await decisions.made_by(scene.store, GROUP, before.at) == before
            assert await decisions.made_by(scene.store, GROUP, (before.at + after.at) / 2) == before
        assert await decisions.made_by(scene.store, GROUP, 1e12) == told[-1]
        with pytest.raises(UsageError, match=rf"the first decision is entry {told[0].seq}"):
            await decisions.made_by(scene.store, GROUP, told[0].at - 1)

    async def test_a_member_leads_to_the_last_decision_that_moved_it(self) -> None:
        scene = await scenes.killed()
        for member, event in ((1, "member_left"), (2, "stage_changed")):
            moved = await entry_of(scene, event, member=member)
            found = await decisions.moving(scene.store, GROUP, member)
            assert found == await decisions.numbered(scene.store, GROUP, moved.seq)
        with pytest.raises(UsageError, match="no decision ever moved member 9, only 1, 2"):
            await decisions.moving(scene.store, GROUP, 9)

    async def test_where_nothing_was_decided_it_is_said_so(self) -> None:
        store = MemoryStore()
        with pytest.raises(UsageError, match="nothing was decided yet"):
            await decisions.newest_change(store, GROUP)
        with pytest.raises(UsageError, match="nor any other"):
            await decisions.moving(store, GROUP, 1)
        with pytest.raises(UsageError, match="the journal is empty"):
            await decisions.numbered(store, GROUP, 1)
        with pytest.raises(UsageError, match="nothing was decided yet"):
            await decisions.made_by(store, GROUP, 1e12)


class TestExplaining:
    async def test_a_decision_comes_with_its_parts_its_outcomes_and_who_made_it(self) -> None:
        scene = await scenes.frozen()
        moved = await entry_of(scene, "entitlement_moved", epoch=2)
        told = await explained(scene, await decisions.numbered(scene.store, GROUP, moved.seq))
        assert told.holder == "controller-2"
        assert [e.event for e in told.parts] == ["stage_changed", "stage_changed", "entitlement_moved"]
        asked = {a.effect["effect"]: [e.event for e in a.endings] for a in told.effects}
        assert asked == {"DeregisterTarget": ["effect_done"], "ProtectCluster": ["effect_done"]}
        assert told.replayed.same

    async def test_the_table_has_everybodys_word_on_every_service(self) -> None:
        scene = await scenes.frozen()
        lost = await entry_of(scene, "verdict_changed", to="MemberLost")
        told = await explained(scene, await decisions.numbered(scene.store, GROUP, lost.seq))
        (seen,) = told.clusters
        assert (seen.member, seen.stage, seen.verdict, seen.host) == (1, "serving", "MemberLost", HostHealth.OK)
        for service in seen.services:
            assert (service.ok, service.balancer) == (False, Witness.AGREES)
            assert service.failing is not None
            assert (service.failing.seconds, service.failing.window) == (20, 20)
            assert service.failing.failures >= service.failing.least_failures == 3

    async def test_a_single_service_is_held_against_its_own_window(self) -> None:
        scene = await scenes.first_start()
        scene.cloud.freeze(scene.cloud.live[0].id, "livy")
        await scene.until(lambda done: bool(done.group.at(Stage.LAUNCHING)))
        lost = await entry_of(scene, "verdict_changed", to="ServiceDown")
        told = await explained(scene, await decisions.numbered(scene.store, GROUP, lost.seq))
        rows = {s.service: s.failing for s in told.clusters[0].services}
        assert rows["livy"] is not None
        assert rows["livy"].window == 40
        assert rows["name-node"] is None

    async def test_limits_that_were_counting_are_named(self) -> None:
        scene = await scenes.cooling_down()
        refused = await entry_of(scene, "refused")
        told = await explained(scene, await decisions.numbered(scene.store, GROUP, refused.seq))
        for words in ("attempts: 1 of 3", "budget: 3 of 6 launches", "cooldown: ", "member 1: fencing for"):
            assert any(words in limit for limit in told.limits), words
        start = await explained(scene, scenes.decisions(await scenes.entries(scene))[1])
        assert "member 1: launching for 5 of 20 s in which it must be seen, call 1 of 2" in start.limits

    async def test_what_is_refused_and_why_it_is_held_are_told_with_their_beginnings(self) -> None:
        scene = await scenes.held()
        document = await scene.store.load(GROUP)
        assert document is not None
        (held,) = await decisions.standing(scene.store, document)
        began = await entry_of(scene, "group_held")
        assert (held.reason, held.since, held.seq, held.held) == (document.group.held, began.at, began.seq, True)
        unknown = replace(document, group=replace(document.group, held="", refusals=("from another world",)))
        assert [s.seq for s in await decisions.standing(scene.store, unknown)] == [None]
        assert await decisions.standing(scene.store, replace(document, group=replace(document.group, held=""))) == ()

    async def test_a_decision_of_an_older_version_is_explained_as_far_as_it_goes(self) -> None:
        store = MemoryStore()
        await store.append(GROUP, scenes.earlier())
        told = await decisions.explained(store, GROUP, await decisions.moving(store, GROUP, 3))
        assert told.replayed.words == "cannot be replayed: written by an older version"
        assert [(c.member, c.verdict) for c in told.clusters] == [(2, "lost"), (3, "healthy")]
        assert told.clusters[0].services[0].balancer is Witness.AGREES
        assert told.clusters[0].services[0].failing is None
        assert told.limits == ()

    async def test_differences_of_members_are_remembered_and_those_of_others_are_not(self) -> None:
        scene = await scenes.first_start()
        document = await scene.store.load(GROUP)
        assert document is not None
        cluster = document.group.members[0].cluster
        for remark in (f"{cluster}: tags: a", "j-9: tags: b", f"{cluster}: tags: c", f"{cluster}: tags: a"):
            await scene.store.append(GROUP, [JournalEntry(1.0, "difference_found", {"remark": remark})])
        assert set(await decisions.remarks_on(scene.store, document)) == {f"{cluster}: tags: a", f"{cluster}: tags: c"}
