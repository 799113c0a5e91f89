"""Move clusters through EMR's states: look at the machines, decide under the lock, act outside of it."""

import logging
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from operator import methodcaller

from emr_dr.errors import EmrDrError
from emr_dr.lab.aws.emr_describe import moment
from emr_dr.lab.aws.emr_launch import new_id
from emr_dr.lab.aws.emr_model import ENDED, ENDING, Cluster, Collection, Instance
from emr_dr.lab.aws.faults import Faults
from emr_dr.lab.aws.protocol import AwsError
from emr_dr.lab.machines import BootstrapAction, Launch, Machines
from emr_dr.lab.times import LabTimes
from emr_dr.lab.world import ZONES, Addresses

log = logging.getLogger(__name__)

_PUBLIC_DOC = "https://docs.aws.amazon.com/emr/latest/ManagementGuide/INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ.html"


@dataclass
class Region:
    """All that EMR and EC2 know together; every field is read and changed under `lock`."""

    addresses: Addresses
    times: LabTimes
    clock: Callable[[], float]
    """Seconds, Unix time."""
    faults: Faults
    clusters: dict[str, Cluster] = field(default_factory=dict)
    dead_zones: dict[str, float] = field(default_factory=dict)
    """AZ to the time of its death."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _hosts: dict[str, Iterator[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hosts = {zone: cycle(self.addresses.hosts(zone)) for zone in ZONES}

    def free_address(self, zone: str) -> str:
        """Return an address that no living machine has; one that was given back is used again as late as possible.

        Raises:
            AwsError: all are taken.
        """
        taken = {each.address for cluster in self.clusters.values() for each in cluster.instances if not each.ended}
        for address in islice(self._hosts[zone], len(list(self.addresses.hosts(zone)))):
            if address not in taken:
                return address
        raise AwsError("InsufficientFreeAddressesInSubnet", f"The lab's subnet in {zone} has no free address left")

    def add_instances(self, cluster: Cluster, collection: Collection, count: int) -> None:
        """Give a group or fleet more machines, ready at once if the cluster is."""
        now = self.clock()
        cluster.instances += [
            Instance(
                emr_id=new_id("ci"),
                ec2_id=f"i-{secrets.token_hex(9)[:17]}",
                role=collection.role,
                collection_id=collection.id,
                instance_type=collection.instance_type,
                market=collection.market,
                address=self.free_address(cluster.availability_zone),
                created=now,
                ready=None if cluster.ready is None else now,
            )
            for _ in range(count)
        ]


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
            return _provision(region, cluster, now)
        case "BOOTSTRAPPING" | "WAITING" | "RUNNING" if cluster.lost_at is not None:
            _notice_loss(cluster, now, times)
        case "BOOTSTRAPPING" if cluster.launch_fault == "boot-failure":
            where = f"On the master instance ({cluster.instances[0].ec2_id}), bootstrap action 1"
            message = f"{where} returned a non-zero return code"
            cluster.error_details = [
                {"ErrorCode": "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE", "ErrorMessage": message, "ErrorData": []}
            ]
            cluster.begin_to_end(now, "BOOTSTRAP_FAILURE", message, ends_as="TERMINATED_WITH_ERRORS")
        case "BOOTSTRAPPING" if healthy:
            _become_ready(cluster, now)
        case "TERMINATING":
            return _end(cluster, now, times)
    return None


def _provision(region: Region, cluster: Cluster, now: float) -> Action | None:
    zone = cluster.availability_zone
    if cluster.launch_fault is None and (fault := region.faults.for_launch(zone)):
        cluster.launch_fault = fault.kind
    if cluster.launch_fault == "hang-starting":
        return None
    if cluster.launch_fault == "no-capacity" or zone in region.dead_zones:
        kind = cluster.collections[0].instance_type
        _refuse_capacity(cluster, now, f"The requested instance type {kind} is not available in {zone}.")
        return None
    try:
        for collection in cluster.collections:
            region.add_instances(cluster, collection, collection.count)
    except AwsError as error:
        _refuse_capacity(cluster, now, error.message)
        return None
    cluster.state = "BOOTSTRAPPING"
    cluster.machines_running = True
    return Start(_launch(cluster))


def _refuse_capacity(cluster: Cluster, now: float, message: str) -> None:
    data = {
        "instance-type": cluster.collections[0].instance_type,
        "availability-zone": cluster.availability_zone,
        "public-doc": _PUBLIC_DOC,
    }
    code = "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"
    cluster.error_details = [{"ErrorCode": code, "ErrorMessage": message, "ErrorData": [data]}]
    cluster.begin_to_end(now, "INTERNAL_ERROR", message, ends_as="TERMINATED_WITH_ERRORS")


def _launch(cluster: Cluster) -> Launch:
    request = cluster.request
    master = cluster.master
    if master is None:
        raise RuntimeError(f"{cluster.id} has no master although its instances exist")
    scripts = ((each["Name"], each["ScriptBootstrapAction"]) for each in request.get("BootstrapActions", []))
    return Launch(
        cluster_id=cluster.id,
        address=master.address,
        availability_zone=cluster.availability_zone,
        release=request["ReleaseLabel"],
        applications=tuple(each["Name"] for each in request.get("Applications", [])),
        configurations={
            each["Classification"]: dict(each.get("Properties") or {}) for each in request.get("Configurations", [])
        },
        bootstrap_actions=tuple(
            BootstrapAction(name, script["Path"], tuple(script.get("Args") or ())) for name, script in scripts
        ),
    )


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
            self.on_machines(cluster.id, methodcaller("lose", cluster.id))

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
