"""What all parts of one world share."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from simulation.worlds.nature import Nature, Weather
from simulation.worlds.process import Host
from simulation.worlds.setting import Setting
from simulation.worlds.story import Story
from simulation.worlds.virtual import LoopClock

if TYPE_CHECKING:
    from simulation.worlds.monitor import Monitor
    from simulation.worlds.stores import WatchedStore

GROUP = "etl"


@dataclass
class Ground:
    """One world, as everybody in it stands on it.

    Attributes:
        origin: The group's origin tag.
        calm: Whether troubles are over for good.
        over: Whether the world ends; processes end with it.
        drawn: How often each trouble came.
    """

    rng: Random
    clock: LoopClock
    story: Story
    setting: Setting
    nature: Nature
    store: "WatchedStore"
    monitor: "Monitor"
    origin: str
    hosts: list[Host]
    weather: Weather = field(default_factory=Weather)
    calm: bool = False
    over: bool = False
    drawn: Counter[str] = field(default_factory=Counter)
    _others: set[asyncio.Task[None]] = field(default_factory=set)

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Have something happen, unless troubles are over by then."""
        self.clock.at(self.clock.now() + seconds, lambda: None if self.calm else do())

    def spawn(self, what: Coroutine[None, None, None]) -> None:
        """Have somebody do something beside everybody else."""
        task = asyncio.get_running_loop().create_task(what)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
