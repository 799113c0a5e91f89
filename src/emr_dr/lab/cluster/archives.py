"""Class data archives: what the JVM would parse and verify at each start, done once for all clusters of this machine.

They are made by training: a cluster is booted and given a job while its JVMs write down which classes they load. A
cluster without archives works the same, only slower.
"""

import dataclasses
import json
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.cluster.exclusive import make_once
from emr_dr.lab.cluster.health import is_healthy
from emr_dr.lab.cluster.node_files import lay_out
from emr_dr.lab.cluster.services import ServiceCommand, jars, service_command
from emr_dr.lab.cluster.settings import LIVY_PORT, ClusterSettings, Node, Service
from emr_dr.lab.cluster.spark_settings import class_path_of_spark
from emr_dr.lab.cluster.supervised import Supervised
from emr_dr.lab.cluster.sweep import sweep
from emr_dr.lab.parts import Parts, Progress

TRAINING_ADDRESS = "127.255.255.250"
PROVING_JOB = Path(__file__).with_name("proving_job.py")
_BOOT_SECONDS = 120.0
_BATCH_SECONDS = 180.0
_END_SECONDS = 60.0
_POLL_SECONDS = 0.2
_LISTING = "-XX:DumpLoadedClassList="


def ensure_archives(parts: Parts, progress: Progress) -> Path:
    """Return the folder with the archives, training a cluster for about a minute if they are not there.

    Safe to repeat, and in several processes at once.

    Raises:
        TransientError: the training cluster did not come up or did not run its job in time.
        PermanentError: the JDK could not write an archive.
    """
    if not parts.archives.exists():
        progress.begin("class archives", 0)
        make_once(parts.archives, lambda folder: _make(folder, parts))
        progress.finish("class archives")
    return parts.archives


def _make(folder: Path, parts: Parts) -> None:
    with tempfile.TemporaryDirectory(prefix="emr-dr-training-") as scratch:
        lists = Path(scratch) / "classes"
        lists.mkdir()
        _train(Path(scratch) / "node", lists, parts)
        hadoop = [lists / service for service in Service if service is not Service.LIVY]
        spark = [lists / name for name in ("submit", "driver", "executor")]
        jobs = (
            (folder / "hadoop.jsa", hadoop, ":".join(map(str, jars(Service.NAME_NODE, parts)))),
            (folder / "livy.jsa", [lists / Service.LIVY], ":".join(map(str, jars(Service.LIVY, parts)))),
            (folder / "spark.jsa", spark, class_path_of_spark(parts)),
        )
        with ThreadPoolExecutor(len(jobs)) as pool:
            for dumped in [pool.submit(_dump, *job, parts) for job in jobs]:
                dumped.result()


def _train(home: Path, lists: Path, parts: Parts) -> None:
    """Boot a cluster, run a job on it, and end it in order: a killed JVM does not finish its list."""
    listing = {f"spark.{side}.extraJavaOptions": f"{_LISTING}{lists / side}" for side in ("driver", "executor")}
    settings = ClusterSettings(configurations=({"Classification": "spark-defaults", "Properties": listing},))
    node = Node(TRAINING_ADDRESS, home)
    lay_out(node, parts, settings)
    lab_id = f"training-{home.parent.name}"
    supervisor = Supervised(lab_id, TRAINING_ADDRESS)
    try:
        for service in Service:
            supervisor.start(_listed(service_command(service, node, parts, lab_id), lists))
        _wait("the training cluster to be healthy", lambda: is_healthy(TRAINING_ADDRESS), _BOOT_SECONDS)
        _run_job()
        for service in Service:
            supervisor.tell("terminate", service)
        _wait("the training cluster to end", lambda: supervisor.status()["processes"] == 0, _END_SECONDS)
    finally:
        supervisor.end()
        sweep(lab_id)


def _listed(command: ServiceCommand, lists: Path) -> ServiceCommand:
    java, *arguments = command.arguments
    environment = dict(command.environment)
    environment["SPARK_SUBMIT_OPTS"] += f" {_LISTING}{lists / 'submit'}"
    return dataclasses.replace(
        command, arguments=(java, f"{_LISTING}{lists / command.name}", *arguments), environment=environment
    )


def _run_job() -> None:
    batches = f"http://{TRAINING_ADDRESS}:{LIVY_PORT}/batches"
    body = json.dumps({"file": PROVING_JOB.as_uri()}).encode()
    request = urllib.request.Request(batches, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - the same
        batch = f"{batches}/{json.load(reply)['id']}/state"

    def ended() -> bool:
        with urllib.request.urlopen(batch, timeout=30) as reply:  # noqa: S310 - the same
            return json.load(reply)["state"] in ("success", "dead", "killed")

    _wait("the training job to end", ended, _BATCH_SECONDS)


def _wait(what: str, is_so: Callable[[], bool], seconds: float) -> None:
    deadline = monotonic() + seconds
    while not is_so():
        if monotonic() > deadline:
            raise TransientError(
                f"gave up waiting for {what} after {seconds:.0f} s", remedy="try again when the machine is less busy"
            )
        sleep(_POLL_SECONDS)


def _dump(archive: Path, lists: Iterable[Path], class_path: str, parts: Parts) -> None:
    # A dictionary rather than a set: the JVM wants superclasses first, which is the order they were loaded in.
    classes = dict.fromkeys(line for path in lists for line in path.read_text(encoding="utf-8").splitlines())
    union = archive.with_suffix(".classes")
    union.write_text("\n".join(classes) + "\n", encoding="utf-8")
    finished = subprocess.run(  # noqa: S603 - the lab's own JDK
        [
            str(parts.java),
            "-Xshare:dump",
            "-XX:+UseSerialGC",
            f"-XX:SharedClassListFile={union}",
            f"-XX:SharedArchiveFile={archive}",
            "-cp",
            class_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    union.unlink()
    if finished.returncode != 0:
        raise PermanentError(
            f"the JDK could not write a class data archive: {finished.stderr.strip()[-600:]}",
            where=str(archive),
            remedy="the lab works without; report this with the message",
        )
