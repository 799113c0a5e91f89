"""The lab's machines as real Hadoop, Livy and Spark processes."""

import contextlib
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from emr_dr.aws.seeding import ACTION_NAME, seeding_script
from emr_dr.errors import PermanentError, TransientError, UsageError
from emr_dr.lab.cluster.client import ClusterProcesses
from emr_dr.lab.cluster.settings import ClusterSettings, Script, Service
from emr_dr.lab.cluster.sweep import sweep
from emr_dr.lab.machines import Launch, Screen
from emr_dr.lab.parts import Parts

_LOOK_SECONDS = 0.25
_BREAKABLE = (Service.LIVY, Service.RESOURCE_MANAGER, Service.NAME_NODE, Service.DATA_NODE, Service.NODE_MANAGER)


class RealMachines:
    """`Machines` as processes. Safe to use from several threads.

    Of bootstrap actions only our own is run, for it keeps to the folder that is a cluster's root; the others are kept
    with the cluster: they are written to change a machine, and this is yours.
    """

    def __init__(self, parts: Parts, *, lab_id: str, root: Path, objects: Path) -> None:
        """`root` takes a folder for each cluster; `objects` has one for each bucket, which jobs see as `s3://`."""
        sweep(lab_id)  # what a crashed lab in the same folder may have left
        shutil.rmtree(root, ignore_errors=True)
        self._processes = ClusterProcesses(parts, lab_id=lab_id, root=root)
        self._objects = objects
        self._up: dict[str, threading.Event] = {}
        self._ended: dict[str, threading.Event] = {}
        self._lost: set[str] = set()

    def start(self, launch: Launch) -> None:
        """Begin to boot, and to look for when it is done."""
        if launch.cluster_id in self._up:
            return
        settings = ClusterSettings(
            bootstrap=self._scripts(launch),
            configurations=[
                {"Classification": name, "Properties": dict(properties)}
                for name, properties in launch.configurations.items()
            ],
            s3_root=self._objects,
            looked_at_from=launch.looked_at_from,
        )
        self._processes.start(launch.cluster_id, launch.address, settings)
        self._begin_to_look(launch.cluster_id)

    def _scripts(self, launch: Launch) -> tuple[Script, ...]:
        """The bootstrap actions that can be run, fetched from S3 as EMR does.

        Raises:
            PermanentError: It is not there; on EMR, too, the launch fails then.
        """
        found = list[Script]()
        for action in launch.bootstrap_actions:
            if action.name == ACTION_NAME:
                file = self._objects / action.path.removeprefix("s3://")
                if not file.is_file():
                    remedy = "`emr-dr apply` puts it there"
                    raise PermanentError(f"{action.name} is not at {action.path}", where=launch.address, remedy=remedy)
                if file.read_bytes() == seeding_script():  # by its content alone it is known to keep to its folder
                    found.append(Script(seeding_script(), action.args))
        return tuple(found)

    def healthy(self, cluster_id: str) -> bool:
        """Say whether every service has answered well since the start; never waits.

        Raises:
            EmrDrError: The machines could not be booted at all.
        """
        with contextlib.suppress(UsageError):  # stopped meanwhile
            failure = self._processes.failure(cluster_id)
            if failure is not None:
                raise failure
        event = self._up.get(cluster_id)
        return event is not None and event.is_set()

    def stop(self, cluster_id: str) -> None:
        """End every process of the cluster."""
        self._give_up_looking(cluster_id)
        self._lost.discard(cluster_id)
        self._processes.stop(cluster_id)

    def lose(self, cluster_id: str) -> None:
        """Let everything vanish into silence."""
        self._give_up_looking(cluster_id)
        if cluster_id in self._processes.running():
            self._processes.lose(cluster_id)
            self._lost.add(cluster_id)

    def come_back(self, cluster_id: str) -> None:
        """Start what was lost again; a no-op for a cluster that was not."""
        if cluster_id in self._lost:
            self._lost.discard(cluster_id)
            self._processes.come_back(cluster_id)
            self._begin_to_look(cluster_id)

    def screen(self, cluster_id: str, screens: Mapping[str, Screen]) -> None:
        """Put up screens before the services' HTTP ports."""
        if cluster_id in self._processes.running():
            self._processes.screen(cluster_id, {_service(name): screen for name, screen in screens.items()})

    def kill_service(self, cluster_id: str, service: str) -> None:
        """SIGKILL one service."""
        if cluster_id in self._processes.running():
            self._processes.kill_service(cluster_id, _service(service))

    def freeze(self, cluster_id: str, service: str) -> None:
        """SIGSTOP one service."""
        if cluster_id in self._processes.running():
            self._processes.freeze(cluster_id, _service(service))

    def thaw(self, cluster_id: str, service: str) -> None:
        """Let a frozen service go on."""
        if cluster_id in self._processes.running():
            self._processes.thaw(cluster_id, _service(service))

    def close(self) -> None:
        """End everything."""
        for cluster_id in list(self._ended):
            self._give_up_looking(cluster_id)
        self._processes.close()

    def _begin_to_look(self, cluster_id: str) -> None:
        up = self._up[cluster_id] = threading.Event()
        ended = self._ended[cluster_id] = threading.Event()
        name = f"boot-{cluster_id}"
        threading.Thread(target=self._look, args=(cluster_id, up, ended), name=name, daemon=True).start()

    def _look(self, cluster_id: str, up: threading.Event, ended: threading.Event) -> None:
        """Look until it is healthy; probing takes longer than the lab's rounds may wait."""
        while not ended.wait(_LOOK_SECONDS):
            try:
                if self._processes.healthy(cluster_id):
                    up.set()
                    return
            except (UsageError, TransientError):  # stopped between two looks
                return

    def _give_up_looking(self, cluster_id: str) -> None:
        if cluster_id in self._ended:
            self._ended[cluster_id].set()


def _service(name: str) -> Service:
    try:
        return Service(name)
    except ValueError as error:
        raise UsageError(f"no service is called {name!r}", remedy=f"use one of {', '.join(_BREAKABLE)}") from error
