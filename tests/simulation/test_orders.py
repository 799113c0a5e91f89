"""A person's word over memory and virtual time: pause, resume, release, and a spec that wants something else."""

from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.core.document import Document
from emr_dr.core.group import Stage, Wanted
from emr_dr.core.world import EmrState
from emr_dr.errors import ConflictError, UsageError
from emr_dr.ports import JournalEntry
from emr_dr.stores.memory import MemoryStore
from provision.memory_account import MemoryAccount
from simulation.acts import MINUTE, first, go_on, live, reach, refusals, remembered, say, serves, serving, state
from simulation.harness import Scene, site
from simulation.test_service import apply


async def test_a_loss_is_not_answered_while_paused_and_at_once_when_resumed() -> None:
    scene, old = await serving()
    await service.pause(site(scene), "we work on the network", 3600)
    scene.cloud.kill(old.id)
    controller = scene.controller()
    await go_on(controller, 5 * MINUTE)
    assert live(scene) == []
    assert len(scene.cloud.machines) == 1
    assert "paused: we work on the network" in await refusals(scene)
    ended = await service.resume(site(scene))
    assert ended is not None
    assert ended.reason == "we work on the network"
    await reach(controller, serves(2))
    assert await service.resume(site(scene)) is None


async def test_a_pause_ends_by_itself() -> None:
    scene, old = await serving()
    await service.pause(site(scene), "ten minutes", 10 * MINUTE)
    scene.cloud.kill(old.id)
    began = scene.clock.now()
    await scene.converge()
    assert scene.clock.now() - began >= 10 * MINUTE
    assert live(scene) == [2]
    assert await service.resume(site(scene)) is None


async def test_a_pause_takes_the_place_of_the_one_before() -> None:
    scene, _ = await serving()
    await service.pause(site(scene), "first", 60)
    second = await service.pause(site(scene), "second", 600)
    assert (await remembered(scene)).pause == second


async def test_a_hold_is_released_once() -> None:
    scene, _ = await serving()
    await say(scene, lambda group: replace(group, held="3 candidates spent", attempts=3))
    assert await service.release_hold(site(scene)) == "3 candidates spent"
    assert ((await remembered(scene)).held, (await remembered(scene)).attempts) == ("", 0)
    assert await service.release_hold(site(scene)) == ""


async def test_a_member_that_is_kept_for_want_of_evidence_is_retired_when_a_person_says_so() -> None:
    scene, old = await serving()
    scene.cloud.begin_job(old.id, "unknown")
    scene.cloud.unreachable.add(old.address)
    scene.cloud.cut_from_balancer(old.address)
    controller = scene.controller()
    await reach(controller, serves(2))
    await go_on(controller, 10 * MINUTE)
    assert state(scene, old) is EmrState.UP, "nothing shows that it ended or runs nothing"
    (kept,) = await service.kept(site(scene))
    assert (kept.member.number, kept.unfinished) == (1, None)
    assert "no route to host" in kept.unknown
    await service.release(site(scene), kept.member)
    await service.release(site(scene), kept.member)
    await reach(controller, lambda done: done.converged)
    assert state(scene, old) is EmrState.ENDED
    assert [e.detail["member"] for e in await scene.events("member_released")] == [1]


async def test_only_a_fenced_member_can_be_released() -> None:
    scene, _ = await serving()
    with pytest.raises(UsageError, match="member 1 is serving"):
        await service.kept(site(scene), "1")
    with pytest.raises(UsageError, match="no member is called so; there are: 1"):
        await service.kept(site(scene), "j-7")


class ContestedStore(MemoryStore):
    """Somebody else saves before each of the next saves."""

    contested = 0

    async def save(self, document: Document, **rest: object) -> Document:
        if self.contested:
            self.contested -= 1
            current = await self.load(document.group.name)
            assert current is not None
            await super().save(current, entries=[JournalEntry(0, "somebody_elses", {})])
        return await super().save(document, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(("ahead", "written"), [(4, True), (5, False)])
async def test_a_persons_word_is_written_though_others_save_meanwhile_or_is_said_to_be_lost(
    ahead: int, *, written: bool
) -> None:
    scene, _ = await serving()
    store = ContestedStore()
    document = await scene.store.load("etl")
    assert document is not None
    await store.save(replace(document, version=0))
    store.contested = ahead
    found = replace(site(scene), store=store)
    if written:
        await service.pause(found, "network", 60)
    else:
        with pytest.raises(ConflictError):
            await service.pause(found, "network", 60)
    after = await store.load("etl")
    assert after is not None
    assert (after.group.pause is not None) is written


async def test_the_group_follows_a_spec_that_wants_a_standby_and_one_that_wants_none() -> None:
    scene, account = Scene(), MemoryAccount()
    declared = site(scene, account)
    await apply(declared)
    old = first(scene)
    warm = replace(site(scene, account), strategy="warm-standby", artifacts=declared.artifacts)
    assert [(c.field, c.before, c.after) for c in await apply(warm)] == [("standby", "0", "1")]
    assert await apply(warm) == []
    stages = [m.stage for m in (await remembered(scene)).members]
    assert stages == [Stage.SERVING, Stage.STANDBY]
    await apply(replace(warm, strategy="active-passive"))
    assert (await remembered(scene)).wanted == Wanted(1)
    assert live(scene) == [1]
    assert state(scene, old) is EmrState.UP
