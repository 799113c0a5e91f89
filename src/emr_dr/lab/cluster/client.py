"""The clusters of a lab as their caller sees them: start, look, break, stop; all by cluster id."""

import ipaddress
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from emr_dr.errors import ConflictError, EmrDrError, TransientError, UsageError
from emr_dr.lab.cluster.health import is_healthy, unwell
from emr_dr.lab.cluster.node_files import lay_out, write_configuration
from emr_dr.lab.cluster.screens import PortScreen
from emr_dr.lab.cluster.services import service_command
from emr_dr.lab.cluster.settings import HTTP_PORTS, ClusterSettings, Node, Service
from emr_dr.lab.cluster.supervised import Supervised
from emr_dr.lab.cluster.sweep import sweep
from emr_dr.lab.machines import Screen
from emr_dr.lab.parts import Parts

_Answer = TypeVar("_Answer")


class ClusterProcesses:
    """Real clusters of one lab; safe to use from several threads.

    Whatever names a cluster that is not there raises UsageError. Commands to a cluster raise TransientError where its
    supervisor refuses (a service that does not run cannot be frozen) or is gone.
    """

    def __init__(self, parts: Parts, *, lab_id: str, root: Path) -> None:
        """`root` is a folder of the lab's own; each cluster gets a folder in it, removed when the cluster stops."""
        self._parts = parts
        self._lab_id = lab_id
        self._root = root
        self._lock = threading.Lock()
        self._clusters: dict[str, _Cluster] = {}

    def start(self, cluster_id: str, address: str, settings: ClusterSettings | None = None) -> None:
        """Begin to boot a cluster on a loopback address, and return at once; `healthy` says when it is up.

        Raises:
            UsageError: the address is not a loopback address.
            ConflictError: the id or the address is in use in this lab.
        """
        if not ipaddress.ip_address(address).is_loopback:
            raise UsageError(
                "a lab's cluster needs a loopback address", where=address, remedy="take one of 127.0.0.0/8"
            )
        with self._lock:
            for other in self._clusters.values():
                if cluster_id == other.cluster_id or address == other.node.address:
                    raise ConflictError(
                        f"cluster {other.cluster_id} is there, on {other.node.address}",
                        where=cluster_id,
                        remedy="stop it first",
                    )
            node = Node(address, self._root / cluster_id)
            cluster = _Cluster(cluster_id, node, self._parts, self._lab_id, settings or ClusterSettings())
            self._clusters[cluster_id] = cluster
        cluster.boot()

    def healthy(self, cluster_id: str) -> bool:
        """Return whether all five services answer as they should; a few milliseconds if so, at most 4 s if not."""
        cluster = self._find(cluster_id)
        return is_healthy(cluster.node.address, cluster.looked_at_from)

    def unwell(self, cluster_id: str) -> list[Service]:
        """Return the services that do not answer as they should."""
        cluster = self._find(cluster_id)
        return unwell(cluster.node.address, cluster.looked_at_from)

    def failure(self, cluster_id: str) -> EmrDrError | None:
        """Return why booting failed, if it did before any service was started."""
        return self._find(cluster_id).failure

    def status(self, cluster_id: str) -> dict[str, Any]:
        """Return `services` (name: running, frozen or ended), `exits` (codes), `processes` (a count) and `silent`."""
        return self._find(cluster_id).command(Supervised.status)

    def logs(self, cluster_id: str) -> Path:
        """Return the folder with each service's output, as `SERVICE.log`."""
        return self._find(cluster_id).node.logs

    def kill_service(self, cluster_id: str, service: Service) -> None:
        """SIGKILL one service: its ports refuse. Safe to repeat."""
        self._find(cluster_id).command(lambda supervisor: supervisor.tell("kill", service))

    def freeze(self, cluster_id: str, service: Service | None = None) -> None:
        """SIGSTOP one service, or everything on the cluster: ports accept, and nothing answers. Safe to repeat."""
        action = "freeze" if service else "freeze_all"
        self._find(cluster_id).command(lambda supervisor: supervisor.tell(action, service))

    def thaw(self, cluster_id: str, service: Service | None = None) -> None:
        """Let what was frozen go on. Safe to repeat."""
        action = "thaw" if service else "thaw_all"
        self._find(cluster_id).command(lambda supervisor: supervisor.tell(action, service))

    def restart(self, cluster_id: str, service: Service) -> None:
        """Start a service again with what it had on disk, killing it first if it runs."""
        self._find(cluster_id).command(lambda supervisor: supervisor.tell("restart", service))

    def kill(self, cluster_id: str) -> None:
        """SIGKILL everything on the cluster, its jobs' containers included: its ports refuse. Safe to repeat."""
        self._find(cluster_id).command(lambda supervisor: supervisor.tell("kill_all"))

    def lose(self, cluster_id: str) -> None:
        """End everything on the cluster as the loss of its AZ does: its address is silent. Safe to repeat."""
        self._find(cluster_id).command(Supervised.lose)

    def come_back(self, cluster_id: str) -> None:
        """Start what was lost again, with what it had on disk; `healthy` says when it is up. A no-op if nothing was."""
        self._find(cluster_id).command(Supervised.come_back)

    def screen(self, cluster_id: str, screens: Mapping[Service, Screen]) -> None:
        """Put up a screen before the HTTP port of each service named, and take down all others.

        Raises:
            PermanentError: the kernel refuses; the screens are as they were.
        """
        wanted = [PortScreen.at(service, HTTP_PORTS[service], screen) for service, screen in screens.items()]
        self._find(cluster_id).command(lambda supervisor: supervisor.screen(wanted))

    def refresh_buckets(self, cluster_id: str) -> None:
        """Let jobs submitted from now on see the buckets that were made since the cluster started. Safe to repeat."""
        self._find(cluster_id).refresh_buckets()

    def running(self) -> list[str]:
        """Return the ids of the clusters that were started and not stopped, whatever has become of them."""
        with self._lock:
            return list(self._clusters)

    def stop(self, cluster_id: str) -> None:
        """Kill everything on a cluster, let go of its ports, remove its folder. Safe to repeat."""
        with self._lock:
            cluster = self._clusters.get(cluster_id)
        if cluster:
            cluster.end()
            with self._lock:
                self._clusters.pop(cluster_id, None)

    def close(self) -> None:
        """Stop every cluster, all at once, and sweep up what carries the lab's mark. Safe to repeat."""
        stopping = [threading.Thread(target=self.stop, args=(cluster_id,)) for cluster_id in self.running()]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        sweep(self._lab_id)

    def _find(self, cluster_id: str) -> "_Cluster":
        with self._lock:
            if cluster := self._clusters.get(cluster_id):
                return cluster
        raise UsageError("there is no such cluster in this lab", where=cluster_id)


class _Cluster:
    """One cluster; its lock is held while it boots, so that commands wait for their supervisor to be there."""

    def __init__(self, cluster_id: str, node: Node, parts: Parts, lab_id: str, settings: ClusterSettings) -> None:
        self.cluster_id = cluster_id
        self.node = node
        self.failure: EmrDrError | None = None
        self.looked_at_from = settings.looked_at_from
        self._parts = parts
        self._lab_id = lab_id
        self._settings = settings
        self._supervisor: Supervised | None = None
        self._lock = threading.Lock()

    def boot(self) -> None:
        """Lay out the folder and start the services, in a thread that lasts until they are started."""
        self._lock.acquire()
        threading.Thread(target=self._boot, name=f"boot-{self.cluster_id}", daemon=True).start()

    def _boot(self) -> None:
        try:
            lay_out(self.node, self._parts, self._settings)
            self._supervisor = Supervised(self._lab_id, self.node.address)
            for service in Service:
                self._supervisor.start(service_command(service, self.node, self._parts, self._lab_id))
        except EmrDrError as failure:
            self.failure = failure
        except OSError as failure:
            self.failure = TransientError(str(failure), where=str(self.node.home), remedy="start it again")
        finally:
            self._lock.release()

    def command(self, carry_out: Callable[[Supervised], _Answer]) -> _Answer:
        """Have the supervisor do something."""
        with self._lock:
            supervisor = self._supervisor
        if supervisor is None:
            raise TransientError("its processes were never started", where=self.cluster_id) from self.failure
        return carry_out(supervisor)

    def refresh_buckets(self) -> None:
        """Write the configuration again."""
        with self._lock:
            write_configuration(self.node, self._parts, self._settings)

    def end(self) -> None:
        """End all of it and remove its folder."""
        with self._lock:
            if self._supervisor:
                self._supervisor.end()
            shutil.rmtree(self.node.home, ignore_errors=True)
