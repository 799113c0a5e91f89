"""A controller dies at each save and each effect in turn; the next one brings the group to the same end."""

from collections.abc import Awaitable, Callable

from emr_dr.core.group import Wanted
from emr_dr.core.world import EmrState
from emr_dr.lab.memory import Machine
from simulation.harness import Crash, Life, Scene

Story = Callable[[Life], Awaitable[Scene]]
"""Brings a new scene to its end with a first controller of this life; whoever comes after it does not die."""


async def finish(scene: Scene, life: Life) -> Scene:
    """Converge with a mortal controller, and with another one if that dies."""
    try:
        done = await scene.converge(life)
    except Crash:
        done = await scene.converge()
    assert done.converged, f"not converged: {done.group}"
    return scene


async def first_start(life: Life) -> Scene:
    scene = Scene()
    await scene.declare()
    return await finish(scene, life)


async def loss(life: Life, wanted: Wanted | None = None) -> Scene:
    scene = Scene(wanted)
    await scene.declare()
    await scene.converge()
    scene.cloud.kill(first(scene).id)
    return await finish(scene, life)


async def loss_with_a_standby(life: Life) -> Scene:
    return await loss(life, Wanted(1, 1))


async def loss_of_one_of_two(life: Life) -> Scene:
    return await loss(life, Wanted(2))


def first(scene: Scene) -> Machine:
    return next(iter(scene.cloud.machines.values()))


def state(scene: Scene, machine: Machine) -> EmrState:
    return machine.state(scene.clock.now())


async def each_crash(story: Story, check: Callable[[Scene], None]) -> list[str]:
    """Tell the story once without a crash, then once for each point at which its controller may die."""
    unharmed = Life()
    check(await story(unharmed))
    for k, point in enumerate(unharmed.points, 1):
        life = Life(dies_at=k)
        try:
            check(await story(life))
        except AssertionError as error:
            error.add_note(f"crashed at point {k} of {len(unharmed.points)}: {point}")
            raise
        assert life.dead, f"point {k} was not reached: the story is not the same each time"
    return unharmed.points


async def test_a_first_start_makes_one_cluster_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        assert len(scene.cloud.machines) == 1
        assert scene.cloud.targets == {first(scene).address}

    points = await each_crash(first_start, check)
    for call in ("save", "launch", "prove", "protect", "register"):
        assert {f"before {call}", f"after {call}"} <= set(points)


def replaced_by_one(scene: Scene, *, kept: int) -> None:
    """The first cluster is lost and ended, one replacement was launched, all others are the targets they should be."""
    machines = list(scene.cloud.machines.values())
    lost, others = machines[0], machines[1:]
    assert len(others) == kept + 1, "exactly one replacement"
    assert state(scene, lost) is EmrState.ENDED
    assert lost.address not in scene.cloud.targets
    assert all(state(scene, m) is EmrState.UP for m in others)


async def test_a_lost_member_is_replaced_once_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        replaced_by_one(scene, kept=0)
        assert scene.cloud.targets == {list(scene.cloud.machines.values())[1].address}

    points = await each_crash(loss, check)
    for call in ("save", "launch", "prove", "deregister", "register"):
        assert {f"before {call}", f"after {call}"} <= set(points)


async def test_a_standby_takes_over_and_is_replaced_once_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        replaced_by_one(scene, kept=1)
        assert scene.cloud.targets == {list(scene.cloud.machines.values())[1].address}

    await each_crash(loss_with_a_standby, check)


async def test_one_of_two_is_replaced_once_wherever_the_controller_dies() -> None:
    def check(scene: Scene) -> None:
        replaced_by_one(scene, kept=1)
        assert scene.cloud.targets == {m.address for m in list(scene.cloud.machines.values())[1:]}

    await each_crash(loss_of_one_of_two, check)
