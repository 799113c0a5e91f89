"""Processes that die and stand still at any point at which they wait, and the hosts on which they run."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emr_dr.controller.loop import Round
from emr_dr.lab.memory import OwnClock
from simulation.worlds.setting import HostPlan

if TYPE_CHECKING:
    from emr_dr.controller.observe import Observation
    from simulation.worlds.ground import Ground

RUNAWAY = 400_000
"""Waiting points in one life after which it goes in a circle."""


class Crash(Exception):  # noqa: N818 (it is no error of ours)
    """The process is gone. Not one of our errors, so nothing on the way may swallow it."""


@dataclass
class Host:
    """One machine: its clock, and what it reaches.

    Attributes:
        isolated: It reaches no member, nor its control targets.
        cut_from_aws: It does not reach AWS.
        hidden: Addresses it does not reach.
        clock_wrong: Somebody set its clock; what runs goes on, and nothing new is started there until it is right.
        down: Nothing is started there.
        seen: The last round of its process, and when that was.
    """

    plan: HostPlan
    clock: OwnClock
    isolated: bool = False
    cut_from_aws: bool = False
    hidden: set[str] = field(default_factory=set)
    clock_wrong: bool = False
    down: bool = False
    life: "Life | None" = None
    lives: int = 0
    seen: tuple[float, Round] | None = None


class Life:
    """One process from its start to its end.

    Attributes:
        holder: Its name, which no other process ever has.
        stopping: It was asked to end after its round.
        observed: What its last round saw.
    """

    def __init__(self, host: Host, ground: "Ground") -> None:
        host.lives += 1
        host.life = self
        self.host = host
        self.holder = f"{host.plan.name}.{host.lives}"
        self.stopping = False
        self.dead = False
        self.observed: Observation | None = None
        self._ground = ground
        self._dies, self._stops = (0.0, 0.0) if ground.calm else (ground.setting.dies, ground.setting.stops)
        self._stopped_until = 0.0
        self._steps = 0

    async def gate(self) -> None:
        """Wait here while the process is stopped; nobody passes who is dead."""
        self._steps += 1
        if self._steps > RUNAWAY:
            raise RuntimeError(f"{self.holder} runs in a circle")
        now = asyncio.get_running_loop().time
        while not self.dead and (wait := self._stopped_until - now()) > 0:  # noqa: ASYNC110 - it may be stopped again
            await asyncio.sleep(wait)
        if self.dead:
            raise Crash(self.holder)

    async def point(self, name: str, seldom: float = 1.0) -> None:
        """Pass a point at which it matters most whether the process goes on; `seldom` makes that rarer there."""
        drawn = self._ground.rng.random() * seldom
        if drawn < self._dies:
            self._ground.drawn["dies at a point"] += 1
            self.kill(name)
        elif drawn < self._dies + self._stops:
            self._ground.drawn["stopped at a point"] += 1
            shortest, longest = self._ground.rng.choice(((1, 30), (30, 200)))
            self.stop(self._ground.rng.uniform(shortest, longest), name)
        await self.gate()

    def kill(self, where: str = "somewhere") -> None:
        if not self.dead:
            self._ground.story.tell(self.holder, f"DIES {where}")
        self.dead = True

    def stop(self, seconds: float, where: str = "somewhere") -> None:
        """SIGSTOP, and SIGCONT after these seconds; what it has sent goes its way."""
        if not self.dead:
            self._ground.story.tell(self.holder, f"IS STOPPED for {seconds:.1f} s {where}")
            self._stopped_until = max(self._stopped_until, asyncio.get_running_loop().time() + seconds)

    def calm(self) -> None:
        """From now on nothing befalls it."""
        self._dies = self._stops = 0.0
        self._stopped_until = 0.0
