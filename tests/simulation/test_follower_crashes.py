"""One of two controllers dies at each point, the one that leads or the one that follows; the other one is enough."""

import asyncio
from contextvars import ContextVar

from emr_dr.controller.loop import Controller
from emr_dr.lab.memory import Moment
from simulation.acts import MINUTE, first, go_on, live, reach
from simulation.harness import Crash, Life, Scene
from simulation.odd_ports import WitnessedStore

WHO: ContextVar[str] = ContextVar("WHO")


class Lives(Life):
    """A life for each process that shares the store and the cloud."""

    def __init__(self, lives: dict[str, Life]) -> None:
        super().__init__()
        self._lives = lives

    def pass_point(self, moment: Moment, call: str) -> None:
        self._lives[WHO.get()].pass_point(moment, call)


async def told(leads: Life, follows: Life) -> tuple[Scene, float]:
    """A loss under two controllers of these lives; the story, and how long it took until a new member served."""
    scene = Scene()
    scene.store = WitnessedStore()
    await scene.declare()
    leader = scene.controller(vantage="here")
    await reach(leader, lambda done: done.converged)
    follower = scene.controller(vantage="there", elsewhere=True)
    lives = Lives({leader.holder: leads, follower.holder: follows})
    scene.store.life, scene.cloud.faults.hook = lives, lives.pass_point
    scene.cloud.kill(first(scene).id)
    since = scene.clock.now()

    async def live_on(controller: Controller) -> None:
        WHO.set(controller.holder)
        with scene.clock.taking_part():
            await go_on(controller, 5 * MINUTE)

    ends = await asyncio.gather(live_on(leader), live_on(follower), return_exceptions=True)
    assert all(end is None or isinstance(end, Crash) for end in ends)
    served = [
        e.at for e in await scene.events("stage_changed") if e.detail["member"] == 2 and e.detail["to"] == "serving"
    ]
    assert (len(scene.cloud.machines), live(scene)) == (2, [2])
    assert scene.cloud.targets == {scene.cloud.live[0].address}
    return scene, served[0] - since


async def test_a_follower_takes_over_wherever_the_leader_dies() -> None:
    unharmed = Life()
    await told(unharmed, Life())
    for k, point in enumerate(unharmed.points, 1):
        life = Life(dies_at=k)
        try:
            await told(life, Life())
        except AssertionError as error:
            error.add_note(f"crashed at point {k} of {len(unharmed.points)}: {point}")
            raise
        assert life.dead


async def test_a_follower_that_dies_wherever_it_does_delays_nothing() -> None:
    unharmed = Life()
    _, alone = await told(Life(), Life(dies_at=1))
    _, beside = await told(Life(), unharmed)
    assert alone == beside
    assert set(unharmed.points) == {"before tell", "after tell"}
    for k in range(1, 2 * int(alone), 3):
        _, seconds = await told(Life(), Life(dies_at=k))
        assert seconds == alone, f"the follower died at point {k}"
