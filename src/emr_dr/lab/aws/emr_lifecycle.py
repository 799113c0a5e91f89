"""Move clusters through EMR's states: look at the machines, decide under the lock, act outside of it."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import methodcaller

from emr_dr.errors import EmrDrError, UsageError
from emr_dr.lab.aws.emr_describe import moment
from emr_dr.lab.aws.emr_model import ENDED, ENDING, Cluster
from emr_dr.lab.aws.emr_provision import as_launch, fail_bootstrap, provision
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.machines import Launch, Machines
from emr_dr.lab.times import LabTimes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """Start a cluster's machines."""

    launch: Launch


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a cluster's machines, or clear away what is left of lost ones."""

    cluster_id: str


Action = Start | Stop


def advance(region: Region, cluster: Cluster, *, healthy: bool) -> Action | None:
    """Move one cluster as far as time and its machines allow; return what must be done to the machines."""
    now, times = region.clock(), region.times
    match cluster.state:
        case "STARTING" if now >= cluster.created + times.cluster_start:
            return Start(as_launch(region, cluster)) if provision(region, cluster, now) else None
        case "BOOTSTRAPPING" | "WAITING" | "RUNNING" if cluster.lost_at is not None:
            _notice_loss(cluster, now, times)
        case "BOOTSTRAPPING" if cluster.launch_fault is not None:
            fail_bootstrap(cluster, now)
        case "BOOTSTRAPPING" if healthy:
            _become_ready(cluster, now)
        case "TERMINATING":
            return _end(cluster, now, times)
    return None


def _notice_loss(cluster: Cluster, now: float, times: LabTimes) -> None:
    if cluster.lost_at is not None and now >= cluster.lost_at + times.emr_notices_after:
        master = cluster.instances[0].ec2_id
        message = f"The master node was terminated: instance {master} failed."
        cluster.begin_to_end(now, "INSTANCE_FAILURE", message, ends_as="TERMINATED_WITH_ERRORS")


def _become_ready(cluster: Cluster, now: float) -> None:
    cluster.state, cluster.ready = "WAITING", now
    for machine in cluster.instances:
        machine.ready = now
    cluster.reason = "Cluster ready after last step completed."
    if not cluster.keep_alive:
        cluster.begin_to_end(now, "ALL_STEPS_COMPLETED", "Steps completed")


def _end(cluster: Cluster, now: float, times: LabTimes) -> Action | None:
    """Stop machines that can be reached; wait for EC2's word about those that cannot."""
    if cluster.ending_since is None:
        raise RuntimeError(f"{cluster.id} is TERMINATING since no time")
    if cluster.lost_at is not None and now < cluster.lost_at + times.ec2_confirms_after:
        return None
    if cluster.machines_running:
        if cluster.stopping:
            return None
        cluster.stopping = True
        return Stop(cluster.id)
    if now >= cluster.ending_since + times.cluster_end:
        cluster.state, cluster.ended = cluster.ends_as, now
        for machine in cluster.instances:
            machine.ended = machine.ended or now
        log.info("cluster_ended cluster=%s state=%s at=%s", cluster.id, cluster.state, moment(now))
    return None


class Lifecycle:
    """Runs rounds of observe, advance, act. `round` may also be called by hand, with a clock of one's own."""

    def __init__(self, region: Region, machines: Machines) -> None:
        self._region = region
        self._machines = machines
        self._workers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="machines")
        self._one_at_a_time: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def round(self) -> None:
        """Look at the machines, move every cluster, begin what must be done; returns before that is done."""
        with self._region.lock:
            booting = [each.id for each in self._region.clusters.values() if each.state == "BOOTSTRAPPING"]
        healthy = {cluster_id: self._look(cluster_id) for cluster_id in booting}
        with self._region.lock:
            living = [each for each in self._region.clusters.values() if each.state not in ENDED]
            moved = [advance(self._region, each, healthy=healthy.get(each.id, False)) for each in living]
        for action in moved:
            match action:
                case Start(launch):
                    self._workers.submit(self._start, launch)
                case Stop(cluster_id):
                    self._workers.submit(self._stop, cluster_id)

    def _look(self, cluster_id: str) -> bool:
        try:
            return self._machines.healthy(cluster_id)
        except EmrDrError as error:
            self._fail(cluster_id, error)
            return False

    def _fail(self, cluster_id: str, error: EmrDrError) -> None:
        """End a cluster whose machines cannot boot."""
        log.warning("machines_cannot_boot cluster=%s error=%s", cluster_id, error)
        with self._region.lock:
            cluster, now = self._region.clusters[cluster_id], self._region.clock()
            cluster.begin_to_end(now, "BOOTSTRAP_FAILURE", str(error), ends_as="TERMINATED_WITH_ERRORS")

    def on_machines(self, cluster_id: str, act: Callable[[Machines], None]) -> None:
        """Do something to one cluster's machines while nothing else does."""
        with self._one_at_a_time[cluster_id]:
            act(self._machines)

    def lose(self, doomed: Mapping[str, Cluster]) -> None:
        """Let the machines of these clusters vanish; EMR and EC2 notice in their own time. Safe to repeat."""
        now = self._region.clock()
        with self._region.lock:
            hit = [each for each in doomed.values() if each.machines_running and not each.stopping]
            for cluster in hit:
                cluster.lost_at = cluster.lost_at or now
        for cluster in hit:
            self.on_machines(cluster.id, partial(self._lose_if_lost, cluster))

    def _lose_if_lost(self, cluster: Cluster, machines: Machines) -> None:
        """It may have been told to come back while this waited for its turn."""
        with self._region.lock:
            lost = cluster.lost_at is not None
        if lost:
            machines.lose(cluster.id)

    def come_back(self, cluster: Cluster) -> None:
        """Let lost machines boot again; to EMR and EC2 they have never been away.

        Raises:
            UsageError: they were not lost, or EMR has noticed their loss and ends the cluster.
        """
        with self._region.lock:
            if cluster.lost_at is None:
                raise UsageError("its machines are not lost", where=cluster.id, remedy="lose them with `kill-member`")
            if cluster.state in ENDING:
                raise UsageError(
                    f"EMR has noticed that its machines are gone: it is {cluster.state}",
                    where=cluster.id,
                    remedy="let them come back sooner, or bring the lab up with --set emr_notices_after=never",
                )
            cluster.lost_at = None
            launch = as_launch(self._region, cluster)

        def boot(machines: Machines) -> None:
            machines.start(launch)  # where they were lost before they had begun to start
            machines.come_back(cluster.id)

        self.on_machines(cluster.id, boot)

    def close(self) -> None:
        """Wait for what was begun, then end all machines."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._machines.close()

    def _start(self, launch: Launch) -> None:
        """Start, unless the cluster was ended or lost while this waited for its turn."""

        def start_if_wanted(machines: Machines) -> None:
            with self._region.lock:
                cluster = self._region.clusters[launch.cluster_id]
                wanted = cluster.state not in ENDING and cluster.lost_at is None
            if wanted:
                machines.start(launch)

        try:
            self.on_machines(launch.cluster_id, start_if_wanted)
        except EmrDrError as error:
            self._fail(launch.cluster_id, error)
        except Exception:
            log.exception("machines_start_failed cluster=%s", launch.cluster_id)
            raise

    def _stop(self, cluster_id: str) -> None:
        try:
            self.on_machines(cluster_id, methodcaller("stop", cluster_id))
        except Exception:
            log.exception("machines_stop_failed cluster=%s", cluster_id)
            raise
        with self._region.lock:
            self._region.clusters[cluster_id].machines_running = False


def ending(cluster: Cluster) -> bool:
    """Say whether the cluster has begun to end, or has ended."""
    return cluster.state in ENDING
