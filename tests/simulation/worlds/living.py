"""Lives of controllers, one after another on each host: started, run as the commands run them, ended in every way."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emr_dr.controller.act import Actor
from emr_dr.controller.loop import Controller, Round
from emr_dr.controller.observe import Observation, Observer
from emr_dr.errors import ConflictError, EmrDrError, TransientError
from emr_dr.lab.memory import MemoryBalancer, MemoryClusters, MemoryHosts, MemoryProbes, MemoryWork
from emr_dr.ports import Clusters
from simulation.worlds.ground import GROUP, Ground
from simulation.worlds.lines import Line, LineBalancer, LineClusters, LineHosts, LineProbes, LineWork
from simulation.worlds.process import Crash, Host, Life
from simulation.worlds.stores import LineStore, WatchedStore

TICK = 60.0
"""Seconds for which a scheduled controller may go on."""


@dataclass(frozen=True, slots=True)
class Making:
    """How parts are made that a test may make otherwise, to see that what is wrong with them is found."""

    store: Callable[[], WatchedStore] = WatchedStore
    actor: type[Actor] = Actor
    clusters: Callable[[Clusters], Clusters] = lambda inner: inner


@dataclass(frozen=True)
class ToldObserver(Observer):
    """An observer that leaves with its process what it saw, for whoever judges the decision."""

    life: Life = field(kw_only=True)

    async def observe(self, *args: Any, **more: Any) -> Observation:  # noqa: ANN401 - whatever it is asked
        self.life.observed = await super().observe(*args, **more)
        return self.life.observed


async def live(host: Host, ground: Ground, making: Making) -> None:
    """Start one controller after another until the world ends."""
    while not ground.over:
        if not (host.down or host.clock_wrong):
            life = Life(host, ground)
            with suppress(Crash):
                await _serve(life, ground, making)
            host.life = None
        # Longer than any call is under way: what a process sent lands before its successor decides.
        await asyncio.sleep(ground.rng.uniform(10, 60))


async def _serve(life: Life, ground: Ground, making: Making) -> None:
    controller = _controller(life, ground, making)
    until = ground.clock.now() + TICK

    def stop(done: Round) -> bool:
        over = done.converged or done.observation is None or ground.clock.now() >= until
        return life.host.plan.ticks and over

    def told(done: Round) -> None:
        life.host.seen = (ground.clock.now(), done)

    ground.story.tell(life.holder, "starts")
    try:
        await controller.run(stop, told)
    except EmrDrError as error:
        ground.story.tell(life.holder, f"ends: {error}")
        if not life.stopping:
            ground.monitor.blame([f"X1 the controller ended with {error!r}"])
    except Crash:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        ground.monitor.blame([f"X1 the controller raised {error!r}"])
        return
    with suppress(ConflictError, TransientError):  # as the commands give the lease back
        await controller.release()
    ground.story.tell(life.holder, "ends")


def _controller(life: Life, ground: Ground, making: Making) -> Controller:
    nature, line, clock = ground.nature, Line(life, ground), life.host.clock
    clusters = LineClusters(line, making.clusters(MemoryClusters(nature)))
    balancer = LineBalancer(line, MemoryBalancer(nature))
    work = LineWork(line, MemoryWork(nature))
    observer = ToldObserver(
        clusters,
        balancer,
        LineProbes(line, MemoryProbes(nature, elsewhere=True)),
        work,
        LineHosts(line, MemoryHosts(nature)),
        ground.setting.detection,
        nature.services,
        life.host.plan.vantage,
        life=life,
    )
    return Controller(
        GROUP,
        LineStore(life, ground, ground.store),
        observer,
        making.actor(clusters, balancer, work, clock),
        clock,
        ground.setting.policy,
        life.holder,
        lambda service, address: f"http://{address}/{service}",
        lambda: life.stopping,
    )
