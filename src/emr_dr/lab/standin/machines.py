"""Machines for the lab that are a few small HTTP servers in this process; they boot in a settable time."""

import asyncio
import itertools
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from emr_dr.errors import UsageError
from emr_dr.lab.machines import Launch
from emr_dr.lab.standin.hadoop import NameNode, ResourceManager
from emr_dr.lab.standin.livy import Livy
from emr_dr.lab.standin.server import Port

_DEADLINE = 10.0
PORTS = {"livy": 8998, "resource-manager": 8088, "name-node": 9870}


@dataclass(slots=True)
class _Cluster:
    ports: dict[str, Port]
    ready_at: float


class StandInMachines:
    """`Machines` without processes. Safe to use from several threads; all servers share one event loop thread."""

    _starts = itertools.count(1)

    def __init__(self, boot_seconds: float = 0.0, batch_seconds: float = 1.0) -> None:
        """A cluster is healthy `boot_seconds` after its start; a batch runs for `batch_seconds`."""
        self._boot_seconds = boot_seconds
        self._batch_seconds = batch_seconds
        self._clusters: dict[str, _Cluster] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stand-in", daemon=True)
        self._thread.start()

    def start(self, launch: Launch) -> None:
        """Open the ports on the cluster's address."""
        if launch.cluster_id not in self._clusters:
            self._run(self._open(launch))

    async def _open(self, launch: Launch) -> None:
        started = int(time.time() * 1000) + next(self._starts)
        livy = Livy(launch.address, started, self._batch_seconds)
        services: dict[str, Livy | ResourceManager | NameNode] = {
            "livy": livy,
            "resource-manager": ResourceManager(started, livy.applications),
            "name-node": NameNode(launch.address),
        }
        ports = {name: Port(launch.address, PORTS[name], each.routes()) for name, each in services.items()}
        for port in ports.values():
            await port.open()
        self._clusters[launch.cluster_id] = _Cluster(ports, time.monotonic() + self._boot_seconds)

    def healthy(self, cluster_id: str) -> bool:
        """Say whether all ports answer."""
        cluster = self._clusters.get(cluster_id)
        if cluster is None or time.monotonic() < cluster.ready_at:
            return False
        return all(port.answers for port in cluster.ports.values())

    def stop(self, cluster_id: str) -> None:
        """Close all ports."""
        cluster = self._clusters.pop(cluster_id, None)
        for port in cluster.ports.values() if cluster else ():
            self._run(port.close())

    def lose(self, cluster_id: str) -> None:
        """Make all ports silent."""
        cluster = self._clusters.get(cluster_id)
        for port in cluster.ports.values() if cluster else ():
            self._run(port.vanish())

    def kill_service(self, cluster_id: str, service: str) -> None:
        """Close one port: it refuses from now on."""
        port = self._port(cluster_id, service)
        if port:
            self._run(port.close())

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
        return cluster.ports[service] if cluster else None

    def close(self) -> None:
        """Close every port of every cluster and end the thread; safe to repeat."""
        if self._loop.is_closed():
            return
        for cluster_id in list(self._clusters):
            self.stop(cluster_id)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_DEADLINE)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_DEADLINE)
