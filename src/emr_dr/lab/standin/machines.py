"""Machines for the lab that are a few small HTTP servers in this process; they boot in a settable time."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from emr_dr.aws.seeding import ACTION_NAME
from emr_dr.errors import PermanentError, UsageError
from emr_dr.lab.cluster.screens import FOLLOW_SECONDS, PortScreen, Screens
from emr_dr.lab.machines import Launch, Screen
from emr_dr.lab.standin.member import PORTS, StandInMember
from emr_dr.lab.standin.plans import Plan
from emr_dr.lab.standin.server import Port
from emr_dr.lab.standin.settings import LivySettings
from emr_dr.spec.recovery_store import CLASSIFICATION, SETTINGS

_DEADLINE = 10.0


@dataclass(slots=True)
class _Cluster:
    member: StandInMember
    screens: Screens
    ready_at: float
    lost: bool = False
    wanted_screens: tuple[PortScreen, ...] = ()


class StandInMachines:
    """`Machines` without processes. Safe to use from several threads; all servers share one event loop thread."""

    def __init__(self, boot_seconds: float = 0.0, batch_seconds: float = 1.0) -> None:
        """A cluster is healthy `boot_seconds` after its start; a batch runs for `batch_seconds`."""
        self._boot_seconds = boot_seconds
        self._batch_seconds = batch_seconds
        self._clusters: dict[str, _Cluster] = {}
        self._loop = asyncio.new_event_loop()
        self._following = self._loop.create_task(self._follow_screens())
        self._thread = threading.Thread(target=self._loop.run_forever, name="stand-in", daemon=True)
        self._thread.start()

    def start(self, launch: Launch) -> None:
        """Open the ports on the cluster's address."""
        if launch.cluster_id not in self._clusters:
            self._run(self._open(launch))

    async def _open(self, launch: Launch) -> None:
        settings = LivySettings(plan=Plan(seconds=self._batch_seconds))
        member = StandInMember(
            launch.address,
            cluster_id=launch.cluster_id,
            zone=launch.availability_zone,
            settings=settings,
            first_id=_first_batch_id(launch),
        )
        await member.open()
        screens = Screens(launch.address, lambda _: os.getpid())
        self._clusters[launch.cluster_id] = _Cluster(member, screens, time.monotonic() + self._boot_seconds)

    def healthy(self, cluster_id: str) -> bool:
        """Say whether all ports answer."""
        cluster = self._clusters.get(cluster_id)
        if cluster is None or time.monotonic() < cluster.ready_at:
            return False
        return all(port.answers for port in cluster.member.ports.values())

    def stop(self, cluster_id: str) -> None:
        """Close all ports."""
        cluster = self._clusters.pop(cluster_id, None)
        if cluster:
            self._run(cluster.member.close())

    def lose(self, cluster_id: str) -> None:
        """Make all ports silent."""
        cluster = self._clusters.get(cluster_id)
        if cluster:
            self._run(self._vanish(cluster))

    async def _vanish(self, cluster: _Cluster) -> None:
        cluster.lost = True
        cluster.screens.put_up(())
        await cluster.member.lose()

    def come_back(self, cluster_id: str) -> None:
        """Open the ports again; Livy knows its batches, and those that ran are dead."""
        cluster = self._clusters.get(cluster_id)
        if cluster and cluster.lost:
            self._run(self._open_again(cluster))

    async def _open_again(self, cluster: _Cluster) -> None:
        await cluster.member.come_back()
        cluster.lost, cluster.ready_at = False, time.monotonic() + self._boot_seconds
        cluster.screens.put_up(cluster.wanted_screens)

    def screen(self, cluster_id: str, screens: Mapping[str, Screen]) -> None:
        """Put up screens before the ports."""
        cluster = self._clusters.get(cluster_id)
        wanted = [PortScreen.at(name, PORTS[name], screen) for name, screen in screens.items() if name in PORTS]
        if cluster:
            self._run(self._screen(cluster, tuple(wanted)))

    async def _screen(self, cluster: _Cluster, wanted: tuple[PortScreen, ...]) -> None:
        if not cluster.lost:
            try:
                cluster.screens.put_up(wanted)
            except OSError as error:
                raise PermanentError(
                    f"the kernel does not let the lab silence a path ({error})",
                    where="stand-in machines",
                    remedy="it takes TCP signatures; `emr-dr lab freeze` does not",
                ) from error
        cluster.wanted_screens = wanted

    async def _follow_screens(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            for cluster in list(self._clusters.values()):
                with contextlib.suppress(OSError):  # it was allowed when the screen was put up
                    cluster.screens.follow()

    def kill_service(self, cluster_id: str, service: str) -> None:
        """Close one port: it refuses from now on."""
        port = self._port(cluster_id, service)
        if port:
            self._run(self._kill(self._clusters[cluster_id].member, port))

    async def _kill(self, member: StandInMember, port: Port) -> None:
        if port is member.ports["livy"]:
            await member.kill_livy()
        elif port is member.ports["resource-manager"]:
            await member.kill_yarn()
        else:
            await port.close()

    def freeze(self, cluster_id: str, service: str) -> None:
        """Let one port accept and not answer."""
        port = self._port(cluster_id, service)
        if port:
            self._loop.call_soon_threadsafe(port.freeze)

    def thaw(self, cluster_id: str, service: str) -> None:
        """Let one port answer again."""
        port = self._port(cluster_id, service)
        if port:
            self._loop.call_soon_threadsafe(port.thaw)

    def _port(self, cluster_id: str, service: str) -> Port | None:
        if service not in PORTS:
            raise UsageError(f"no service is called {service!r}", remedy=f"use one of {', '.join(PORTS)}")
        cluster = self._clusters.get(cluster_id)
        return cluster.member.ports[service] if cluster else None

    def close(self) -> None:
        """Close every port of every cluster and end the thread; safe to repeat."""
        if self._loop.is_closed():
            return
        for cluster_id in list(self._clusters):
            self.stop(cluster_id)
        self._run(self._end_following())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_DEADLINE)
        self._loop.close()

    async def _end_following(self) -> None:
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_DEADLINE)


def _first_batch_id(launch: Launch) -> int:
    """The number that our bootstrap action seeds, if Livy is also told to recover from where it does."""
    told = launch.configurations.get(CLASSIFICATION, {})
    seeded = (a.args[0] for a in launch.bootstrap_actions if a.name == ACTION_NAME and told.items() >= SETTINGS.items())
    return int(next(seeded, 0))
