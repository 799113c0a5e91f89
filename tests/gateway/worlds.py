"""Worlds of random faults around gateways at work, in virtual time: `PYTHONPATH=tests python -m gateway.worlds 100`.

Each is told by its seed. What is checked: a batch never shows another job's state, an end never changes, no run begins
while a former one of the batch may still write, a batch of class never runs once at most, and none is forgotten.
"""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from emr_dr.core.batch import Batch, RescueClass, ShownState
from emr_dr.core.view import Proof, ProofKind, Role
from emr_dr.errors import TransientError
from emr_dr.gateway.calls import RefusedError, UnavailableError
from emr_dr.gateway.rescuer import Rescuer
from emr_dr.gateway.work import Work
from gateway.shift import ANYBODY, Shift, submission
from gateway.town import GROUP, App, Record, Site, Town, view
from gateway.virtual import virtually

CLASSES = (RescueClass.NEVER, RescueClass.IDEMPOTENT, RescueClass.ATOMIC, RescueClass.CHECKPOINTED)
CHAOS_SECONDS = 400.0
CALM_SECONDS = 3000.0
ARRIVES_WITHIN = 40.0


class BrokenError(AssertionError):
    """Something that must hold does not."""


class Port:
    """Any port as one process has it: it may be away, and the process may stand still, or be gone."""

    def __init__(self, port: object, process: "Process") -> None:
        self._port = port
        self._process = process

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        method = getattr(self._port, name)

        async def called(*given: object, **more: object) -> object:
            if self._process.gone:
                await asyncio.Event().wait()
            if self._port in self._process.away:
                raise TransientError("out of reach", where="the test")
            value = await method(*given, **more)
            await asyncio.sleep(self._process.slow())
            while self._process.stands_still or self._process.gone:  # noqa: ASYNC110 - a stopped process asks nobody
                await asyncio.sleep(1.0)
            return value

        return called


@dataclass(eq=False)
class Process:
    """One gateway: its work, its rescuer, and what is wrong with it."""

    name: str
    slow: Callable[[], float]
    token: Callable[[], str]
    gone: bool = False
    stands_still: bool = False
    away: list[object] = field(default_factory=list)
    work: Work = field(init=False)
    rescuer: Rescuer = field(init=False)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self, shift: Shift) -> None:
        ports = {"store": Port(shift.store, self), "ledger": Port(shift.ledger, self)}
        self.work = shift.work(self.name, upstream=Port(shift.town, self), token=self.token, **ports)
        more: dict[str, Any] = dict(ports)
        self.rescuer = Rescuer(GROUP, self.name, clock=shift.clock, **more)
        self.running = [asyncio.create_task(self.work.run()), asyncio.create_task(self.rescuer.run())]

    def check(self) -> None:
        """No fault of the world may end a gateway."""
        for task in self.running:
            if task.done() and not self.gone:
                raise BrokenError(f"{self.name} has ended") from task.exception()

    async def kill(self) -> None:
        self.gone = True
        for task in self.running:
            task.cancel()
        await asyncio.sleep(0)
        for task in self.running:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait(self.running, timeout=30.0)


@dataclass
class Job:
    """What was accepted, and what becomes of it if it is left alone."""

    id: int
    file: str
    rescue: RescueClass
    fails: bool
    deleted: bool = False
    end: ShownState | None = None


@dataclass(frozen=True)
class Planted:
    """What is wrong with a whole world, to see that it is found; and what happens in it, so that it is found soon.

    Attributes:
        only: Events that happen; all, if none is named.
        ends: How likely a run is to end within a second.
    """

    only: tuple[str, ...] = ()
    seconds: float = CHAOS_SECONDS
    ends: float = 0.05
    process: Callable[[Process], None] = lambda _: None
    town: Callable[..., Town] = Town


FINE = Planted()


class World:
    """One world, from its seed."""

    def __init__(self, seed: int, planted: "Planted") -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 - told by its seed
        self.shift = Shift("j-1", "j-2")
        self.town = self.shift.town = planted.town("j-1", "j-2")
        self.jobs: dict[int, Job] = {}
        self.processes: list[Process] = []
        self.begun = Counter[str]()
        self.since: dict[int, float] = {}
        self.submitted = 0
        self.started = 0
        self._asides: list[asyncio.Future[None]] = []
        self.calm = False
        self.events = Counter[str]()
        self._planted = planted

    def now(self) -> float:
        return self.shift.clock.steady()

    # -- what is true

    def launch(self, site: Site, record: Record) -> None:
        """A run begins: the moment of truth."""
        others = [(s, a) for s in self.town.sites.values() for a in s.apps.values() if a.job == record.job]
        app = site.launch(record)
        if app is None:
            return
        self.begun[app.job] += 1
        writes = [a.id for s, a in others if not a.ended and not s.denied and not s.ended]
        if writes and not site.denied:
            raise BrokenError(f"{app.id} of {app.job} begins while {writes} may still write")
        job = next((j for j in self.jobs.values() if j.file == app.job), None)
        if job is not None and job.rescue is RescueClass.NEVER and self.begun[app.job] > 1:
            raise BrokenError(f"{app.id} is a second run of {app.job}, which is of class never")

    def live(self, site: Site) -> None:
        for record in list(site.underway):
            late = self.now() - self.since.setdefault(id(record), self.now()) > ARRIVES_WITHIN
            if late or self.random.random() < 0.2:
                self.launch(site, record)
        for app in site.apps.values():
            if app.ended or site.ended:
                continue
            if self.random.random() < self._planted.ends:
                site.run(app, "FAILED" if site.denied or self.fails(app) else "SUCCEEDED")
            else:
                site.run(app)

    def fails(self, app: App) -> bool:
        return app.job.endswith("0.py")

    async def nature(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for site in self.town.sites.values():
                self.live(site)

    # -- what controllers do; they tell the truth, late

    async def controllers(self) -> None:
        out: dict[str, float] = {}
        denied: dict[str, float] = {}
        while True:
            await asyncio.sleep(2.0)
            for cluster, site in list(self.town.sites.items()):
                shown = self.shift.views[cluster]
                if shown.death is not None:
                    continue
                if site.cut or site.ended:
                    silent = self.now() - out.setdefault(cluster, self.now())
                    if silent > 20.0 and shown.role is Role.SERVING:
                        await self.shift.publish(replace(shown, role=Role.FENCED, accepts_new=False))
                    elif site.ended and silent > 40.0:
                        await self.die(cluster, ProofKind.TERMINATED)
                    elif silent > 40.0 and not self.calm and cluster not in denied and self.random.random() < 0.3:
                        site.denied, denied[cluster] = True, self.now()
                else:
                    out.pop(cluster, None)
                    if shown.role is Role.FENCED and cluster not in denied:
                        await self.shift.publish(view(cluster))
                if cluster in denied and not site.ended and self.now() - denied[cluster] > 10.0:
                    await self.die(cluster, ProofKind.ROLE_DENIED)

    async def die(self, cluster: str, kind: ProofKind) -> None:
        self.events[kind] += 1
        dead = replace(self.shift.views[cluster], death=Proof(kind, self.shift.clock.now(), "seen"))
        fresh = f"j-{len(self.town.sites) + 1}"
        self.town.sites[fresh] = Site(fresh)
        await self.shift.publish(dead, view(fresh))

    # -- what clients do, and see

    async def clients(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            for process in self.processes:
                process.check()
                if not (process.gone or process.stands_still):
                    self.poll(process)

    def poll(self, process: Process) -> None:
        for job in self.jobs.values():
            found = process.work.recall(job.id)
            if found is None or job.deleted:
                continue
            shown = found.batch.shown
            if shown.terminal:
                if job.end not in (None, shown):
                    raise BrokenError(f"batch {job.id} was shown {job.end}, and is shown {shown}")
                if job.end is None:
                    job.end = shown
                    self.believe(job, found.batch)

    def believe(self, job: Job, batch: Batch) -> None:
        """An end that is shown is true of this very job."""
        runs = [a for s in self.town.sites.values() for a in s.apps.values() if a.job == job.file]
        if batch.shown is ShownState.SUCCESS and not any(a.final == "SUCCEEDED" for a in runs):
            raise BrokenError(f"batch {job.id} is shown success, and {runs} are its runs")
        failed = any(a.final == "FAILED" for a in runs)
        proven = any(a.proof is not None for a in batch.attempts)
        if batch.shown is not ShownState.SUCCESS and not (failed or proven):
            raise BrokenError(f"batch {job.id} is shown {batch.shown} ({batch.why}) without a reason: {runs}")

    async def submit(self) -> None:
        process = self.random.choice([p for p in self.processes if not p.gone])
        self.submitted += 1
        file, rescue = f"s3://acme/{self.submitted}.py", self.random.choice(CLASSES)
        job = Job(0, file, rescue, fails=file.endswith("0.py"))
        asked = submission(request={"file": file}, rescue=rescue)
        self.events["submit"] += 1

        async def ask() -> None:
            with suppress(UnavailableError, RefusedError):
                shown = await process.work.submit(asked, ANYBODY)
                job.id = shown.batch.id
                self.jobs[job.id] = job

        self._aside(ask())

    async def delete(self) -> None:
        living = [j for j in self.jobs.values() if not j.deleted and j.end is None]
        process = self.random.choice(self.processes)
        if not living or process.gone:
            return
        job = self.random.choice(living)
        job.deleted = True

        async def ask() -> None:
            found = await self.shift.ledger.read(job.id)
            with suppress(UnavailableError):
                if found is not None:
                    await process.work.delete(found, ANYBODY)

        self._aside(ask())

    # -- what goes wrong

    async def cut(self) -> None:
        sites = [s for s in self.town.sites.values() if not (s.ended or s.cut)]
        if len(sites) > 1:
            self.random.choice(sites).cut = True

    async def heal(self) -> None:
        for site in self.town.sites.values():
            if site.cut and self.random.random() < 0.5:
                site.cut = False

    async def end(self) -> None:
        sites = [s for s in self.town.sites.values() if not s.ended]
        if len(sites) > 1 and len(self.town.sites) < 6:
            self.random.choice(sites).end()

    async def restart_livy(self) -> None:
        self.random.choice(list(self.town.sites.values())).restart_livy()

    async def stop_livy(self) -> None:
        self.random.choice(list(self.town.sites.values())).livy_up = False

    async def stop_yarn(self) -> None:
        site = self.random.choice(list(self.town.sites.values()))
        site.yarn_up = not site.yarn_up

    async def lose_reply(self) -> None:
        self.town.lose_reply = True

    async def kill_gateway(self) -> None:
        process = self.random.choice(self.processes)
        if not process.gone:
            await process.kill()
            self.processes.remove(process)
            self.begin()

    async def stop_gateway(self) -> None:
        """It stands still: it begins nothing, while what it waited for is answered."""
        process, seconds = self.random.choice(self.processes), self.random.random() * 90.0
        process.stands_still = True

        async def go_on() -> None:
            await asyncio.sleep(seconds)
            process.stands_still = False

        self._aside(go_on())

    async def lose_store(self) -> None:
        process, seconds = self.random.choice(self.processes), self.random.random() * 30.0
        process.away = [self.random.choice((self.shift.store, self.shift.ledger))]

        async def find() -> None:
            await asyncio.sleep(seconds)
            process.away = []

        self._aside(find())

    def begin(self) -> None:
        self.started += 1
        name = f"g-{self.started}"
        process = Process(name, lambda: self.random.random() * 0.02, lambda: f"{self.random.randrange(16**12):012x}")
        self.processes.append(process)
        process.begin(self.shift)
        self._planted.process(process)

    def _aside(self, work: Awaitable[None]) -> None:
        async def done() -> None:
            await work

        self._asides.append(asyncio.ensure_future(done()))

    async def chaos(self) -> None:
        usual = [self.submit] * 30 + [self.delete] * 3 + [self.heal] * 6
        bad = [self.cut, self.cut, self.end, self.restart_livy, self.stop_livy, self.stop_yarn, self.lose_reply]
        bad += [self.kill_gateway, self.stop_gateway, self.stop_gateway, self.lose_store, self.lose_store]
        events = [e for e in usual + bad if not self._planted.only or e.__name__ in self._planted.only]
        while self.now() < self._planted.seconds:
            await asyncio.sleep(self.random.random() * 4.0)
            event = self.random.choice(events)
            self.events[event.__name__] += 1
            await event()
            self._asides = [a for a in self._asides if not a.done()]

    async def settle(self) -> None:
        """All is well again; only what has ended stays so."""
        self.calm = True
        for process in self.processes:
            process.stands_still, process.away = False, []
        end = self.now() + CALM_SECONDS
        while True:
            for site in self.town.sites.values():
                site.cut, site.livy_up, site.yarn_up = False, True, True
            await asyncio.sleep(5.0)
            if not await self.shift.ledger.unfinished():
                return
            if self.now() > end:
                left = [(b.id, b.shown, b.last) for b in await self.shift.ledger.unfinished()]
                raise BrokenError(f"never ends: {left}")

    async def live_through(self) -> Counter[str]:
        """Live it through; return what happened how often.

        Raises:
            BrokenError: Something does not hold.
        """
        await self.shift.publish()
        self.begin()
        self.begin()
        async with asyncio.TaskGroup() as group:
            around = [group.create_task(c) for c in (self.nature(), self.controllers(), self.clients())]
            await self.chaos()
            await self.settle()
            await asyncio.sleep(5.0)
            for task in around:
                task.cancel()
        for process in self.processes:
            await process.kill()
        await asyncio.wait(self._asides, timeout=60.0) if self._asides else None
        for job in self.jobs.values():
            batch = await self.shift.ledger.read(job.id)
            if batch is None or (batch.listed and not batch.shown.terminal):
                raise BrokenError(f"batch {job.id} is forgotten: {batch}")
            if batch.listed and job.end is None:
                self.believe(job, batch)
            self.events[f"ended {batch.shown}" if batch.listed else "deleted"] += 1
            self.events["rescued"] += len(batch.attempts) > 1 and batch.attempts[-2].proof is not None
            self.events["ran twice"] += self.begun[job.file] > 1
        return self.events


def lived(seed: int, planted: Planted = FINE) -> Counter[str]:
    """Live through one world.

    Raises:
        BrokenError: Something does not hold; the message begins with the seed.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        return virtually(World(seed, planted).live_through())
    except* BrokenError as broken:
        raise BrokenError(f"seed {seed}: {broken.exceptions[0]}") from broken
    finally:
        structlog.reset_defaults()


def main() -> None:
    """Live through as many as asked, from a first seed on."""
    worlds, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    began, events, broken = time.monotonic(), Counter[str](), 0
    for seed in range(first, first + worlds):
        try:
            events += lived(seed)
        except BrokenError as error:
            broken += 1
            sys.stdout.write(f"{error}\n")
    sys.stdout.write(f"{worlds} worlds, {broken} broken, {time.monotonic() - began:.0f} s: {dict(events)}\n")


if __name__ == "__main__":
    main()
