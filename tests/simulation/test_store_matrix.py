"""The fault matrix of what a controller stands on: its store, and its right to call AWS, lost in each phase."""

from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.controller.loop import Controller
from emr_dr.core.document import Document
from emr_dr.core.group import Placement, Stage
from emr_dr.errors import OutcomeUnknownError, PermanentError
from emr_dr.lab.memory import MemoryClusters
from emr_dr.stores.memory import MemoryStore
from simulation.acts import (
    HOUR,
    MINUTE,
    Until,
    carried_out,
    first,
    go_on,
    live,
    reach,
    serves,
    stands,
)
from simulation.harness import GROUP, MortalStore, Scene, site
from simulation.odd_ports import FailingStore

PHASES: dict[str, Until] = {
    "nothing is wrong": lambda done: done.converged,
    "suspected": lambda done: bool(done.document.runs),
    "launching": stands(2, Stage.LAUNCHING),
    "booting": stands(2, Stage.BOOTING),
    "proving": stands(2, Stage.PROVING),
    "admitting": stands(2, Stage.ADMITTING),
    "serving": stands(2, Stage.SERVING),
}


async def begun(phase: str, scene: Scene) -> Controller:
    """The leader of a group whose member is lost, as soon as this phase is reached."""
    await scene.declare()
    leader = scene.controller()
    await reach(leader, lambda done: done.converged)
    if phase != "nothing is wrong":
        scene.cloud.kill(first(scene).id)
    await reach(leader, PHASES[phase])
    return leader


def with_failing_store() -> tuple[Scene, FailingStore]:
    scene, store = Scene(), FailingStore()
    scene.store = store
    return scene, store


# Row 21
@pytest.mark.parametrize("minutes", [1, 30])
@pytest.mark.parametrize("phase", PHASES)
async def test_without_its_store_a_controller_does_nothing_and_goes_on_when_it_is_back(
    phase: str, minutes: float
) -> None:
    scene, store = with_failing_store()
    leader = await begun(phase, scene)
    targets, calls = scene.cloud.targets, len(scene.store.life.points)
    store.down = True
    back = scene.clock.now() + minutes * MINUTE
    scene.clock.at(back - 1, lambda: setattr(store, "down", False))
    scene.clock.at(back - 2, lambda: seen.append((scene.cloud.targets, len(scene.store.life.points))))
    seen = list[tuple[frozenset[str], int]]()
    await go_on(leader, minutes * MINUTE)
    assert seen == [(targets, calls)]
    assert (await reach(leader, lambda done: done.converged)).converged
    assert live(scene) == ([1] if phase == "nothing is wrong" else [2])
    assert len(scene.cloud.machines) == len(live(scene)) + (phase != "nothing is wrong")


async def recovered(store: FailingStore) -> Scene:
    """A loss, and its recovery, whatever becomes of one save."""
    scene = Scene()
    scene.store = store
    leader = await begun("nothing is wrong", scene)
    scene.cloud.kill(first(scene).id)
    await reach(leader, lambda done: done.converged and not done.document.runs)
    return scene


# Row 21
@pytest.mark.parametrize("kept", [False, True], ids=["nothing was kept", "all was kept, and nobody was told"])
async def test_whichever_save_of_a_recovery_fails_there_is_one_replacement(*, kept: bool) -> None:
    unharmed = FailingStore()
    await recovered(unharmed)
    for n in range(1, unharmed.saves + 1):
        store = FailingStore()
        store.fails_at, store.kept = n, kept
        scene = await recovered(store)
        assert (len(scene.cloud.machines), live(scene)) == (2, [2]), f"save {n} of {unharmed.saves}"
        assert scene.cloud.targets == {scene.cloud.live[0].address}


async def restored(scene: Scene, copy: Document) -> Controller:
    """A controller over a store that was restored from an older copy."""
    scene.store = MortalStore()
    await MemoryStore.save(scene.store, replace(copy, version=0, lease=None))
    return scene.controller()


# Row 22
async def test_a_store_that_was_restored_from_an_older_copy_refuses_everything() -> None:
    scene = Scene()
    leader = await begun("nothing is wrong", scene)
    copy = await scene.store.load(GROUP)
    assert copy is not None
    scene.cloud.kill(first(scene).id)
    await reach(leader, lambda done: done.converged)
    late = await restored(scene, copy)
    done = await go_on(late, HOUR)
    assert await carried_out(scene) == []
    assert scene.cloud.targets == {scene.cloud.live[0].address}
    assert live(scene) == [2]
    assert done.group.refusals[0].startswith("the store is older than the world: it gave out launch 1, launch 2 exists")


# Row 22
async def test_a_store_that_is_older_than_the_world_says_what_to_do() -> None:
    scene = Scene()
    leader = await begun("nothing is wrong", scene)
    copy = await scene.store.load(GROUP)
    assert copy is not None
    scene.cloud.kill(first(scene).id)
    await reach(leader, lambda done: done.converged)
    await go_on(await restored(scene, copy), MINUTE)
    (refusal,) = (await service.status(site(scene))).document.group.refusals
    assert "restore the newest copy of the store" in refusal
    assert scene.cloud.live[0].id in refusal


EXPIRED = PermanentError(
    "our AWS credentials have expired", where="EMR ListClusters", remedy="renew them and start again"
)
DENIED = PermanentError(
    "not allowed: elasticmapreduce:ListClusters (no identity-based policy allows it)",
    where="EMR ListClusters",
    remedy="allow elasticmapreduce:ListClusters to our role",
)


# Row 45
@pytest.mark.parametrize("error", [EXPIRED, DENIED], ids=["expired", "denied"])
@pytest.mark.parametrize("minutes", [3, 30])
@pytest.mark.parametrize("phase", PHASES)
async def test_without_the_right_to_call_aws_a_failover_halts_names_what_is_missing_and_goes_on_with_it(
    phase: str, minutes: float, error: PermanentError
) -> None:
    scene = Scene()
    leader = await begun(phase, scene)
    targets, machines = scene.cloud.targets, len(scene.cloud.machines)
    scene.cloud.faults.denied = error
    done = await go_on(leader, minutes * MINUTE)
    assert (scene.cloud.targets, len(scene.cloud.machines)) == (targets, machines)
    assert not done.group.held
    assert any(refusal.startswith("blind: clusters, targets") for refusal in done.group.refusals)
    status = await service.status(site(scene))
    assert any(str(error) in trouble for trouble in status.observation.troubles)
    scene.cloud.faults.denied = None
    assert (await reach(leader, lambda done: done.converged)).converged
    assert live(scene) == ([1] if phase == "nothing is wrong" else [2])
    assert len(scene.cloud.machines) == len(live(scene)) + (phase != "nothing is wrong")


class ExpiringClusters(MemoryClusters):
    """The reply to the first launch is lost, and from then on nothing is allowed any more."""

    async def launch(self, number: int, origin: str, placement: Placement) -> str:
        made = await super().launch(number, origin, placement)
        if self._cloud.faults.denied is None and len(self._cloud.machines) == 2:
            self._cloud.faults.denied = EXPIRED
            raise OutcomeUnknownError("no answer within 14 s", where="EMR RunJobFlow")
        return made


# Rows 23 and 45
async def test_a_launch_whose_reply_was_lost_with_the_credentials_is_adopted_when_they_are_back() -> None:
    scene = Scene()
    leader = await begun("nothing is wrong", scene)
    leader.actor = replace(leader.actor, clusters=ExpiringClusters(scene.cloud))
    scene.cloud.freeze(first(scene).id)
    await reach(leader, lambda _: scene.cloud.faults.denied is not None)
    await go_on(leader, 5 * MINUTE)
    scene.cloud.faults.denied = None
    await reach(leader, serves(2))
    assert len(scene.cloud.machines) == 2


# Row 45, where only the launch itself is refused
async def test_a_launch_that_is_not_allowed_holds_the_group_and_names_the_action() -> None:
    scene = Scene()
    leader = await begun("nothing is wrong", scene)
    denied = PermanentError(
        "not allowed: iam:PassRole", where="EMR RunJobFlow", remedy="allow iam:PassRole to our role"
    )
    scene.cloud.faults.fail("launch", denied, times=10)
    scene.cloud.freeze(first(scene).id)
    done = await reach(leader, lambda done: bool(done.group.held))
    assert "iam:PassRole" in done.group.held
    assert scene.cloud.targets == {first(scene).address}
