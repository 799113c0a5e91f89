"""One world from its first moment to its last: troubles for a while, then none, and a group that has to converge."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from random import Random

from emr_dr.core.document import Document
from emr_dr.core.group import Group
from emr_dr.lab.memory import OwnClock
from simulation.worlds.disturbances import OF_CONTROLLERS
from simulation.worlds.ending import converge, heal, patience
from simulation.worlds.ground import GROUP, Ground
from simulation.worlds.living import Making, live
from simulation.worlds.monitor import Monitor
from simulation.worlds.nature import Nature
from simulation.worlds.people import OF_PEOPLE
from simulation.worlds.process import Host
from simulation.worlds.setting import draw
from simulation.worlds.story import Story
from simulation.worlds.troubles import OF_MEMBERS
from simulation.worlds.virtual import EPOCH, LoopClock, VirtualLoop

TROUBLES = {**OF_MEMBERS, **OF_CONTROLLERS, **OF_PEOPLE}
LOSSES = ("dies", "freezes", "flaps", "service fails", "zone is lost", "ended by hand")
FIRST_START = 600.0
"""Seconds after which troubles begin, even if the group has not converged yet."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one world went.

    Attributes:
        wrong: What did not hold.
        unconverged: Why the group did not converge; empty if it did.
        drawn: How often each trouble came.
        seconds: Virtual ones.
        digest: Equal for equal worlds, event by event and journal line by journal line.
    """

    number: int
    wrong: tuple[str, ...]
    unconverged: str
    drawn: Counter[str]
    seconds: float
    digest: str
    story: Story | None

    @property
    def well(self) -> bool:
        return not self.wrong and not self.unconverged

    def without_story(self) -> "Result":
        """The same, small enough to be handed from process to process."""
        return replace(self, story=None)


def run(seed: int, number: int, making: Making | None = None) -> Result:
    """Run one world. The same seed and number are the same world, event by event."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_world(seed, number, making or Making()))


async def _world(seed: int, number: int, making: Making) -> Result:
    ground = _ground(Random(f"{seed}/{number}"), making)  # noqa: S311 - worlds are no secrets
    await ground.store.save(Document(Group(GROUP, ground.origin, ground.setting.wanted)))
    lives = [asyncio.create_task(live(host, ground, making)) for host in ground.hosts]
    if ground.setting.served:
        await converge(ground, FIRST_START)
    await _befall(ground)
    heal(ground)
    why = await converge(ground, patience(ground))
    ground.over = True
    for each in lives:
        each.cancel()
    await asyncio.gather(*lives, return_exceptions=True)
    wrong = tuple(dict.fromkeys(ground.monitor.wrong))
    digest = ground.story.digest(ground.store.texts)
    return Result(number, wrong, "" if wrong else why, ground.drawn, ground.clock.now() - EPOCH, digest, ground.story)


def _ground(rng: Random, making: Making) -> Ground:
    clock, setting = LoopClock(asyncio.get_running_loop()), draw(rng, tuple(TROUBLES), LOSSES)
    story, origin = Story(clock), f"{rng.getrandbits(128):032x}"
    nature, store = Nature(clock, rng, setting.delays, setting.lags), making.store()
    monitor = Monitor(setting, nature, story, origin)
    store.saved, store.told = monitor.saved, monitor.told
    hosts = [Host(plan, OwnClock(clock, plan.ahead)) for plan in setting.hosts]
    story.tell("world", str(setting))
    return Ground(rng, clock, story, setting, nature, store, monitor, origin, hosts)


async def _befall(ground: Ground) -> None:
    """Draw one trouble after another until it is enough, or something is wrong."""
    kinds = ground.setting.troubles
    weights = [TROUBLES[kind].weight for kind in kinds]
    until = ground.clock.now() + ground.setting.lasts
    while ground.clock.now() < until and not ground.monitor.wrong:
        await asyncio.sleep(ground.rng.expovariate(1 / ground.setting.every))
        (kind,) = ground.rng.choices(kinds, weights)
        if what := TROUBLES[kind].begin(ground):
            ground.drawn[kind] += 1
            ground.story.tell("world", what)
