"""Two real clusters side by side: they boot, run a job, break in every way there is, and leave nothing behind."""

import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from emr_dr.aws.seeding import seeding_script
from emr_dr.errors import ConflictError, UsageError
from emr_dr.lab.cluster.archives import PROVING_JOB
from emr_dr.lab.cluster.client import ClusterProcesses
from emr_dr.lab.cluster.processes import marked
from emr_dr.lab.cluster.settings import ADDRESS_MARKER, LAB_MARKER, PORTS, ClusterSettings, Script, Service
from emr_dr.lab.parts import find_parts
from emr_dr.spec.recovery_store import CLASSIFICATION, SETTINGS, STORE_FOLDER

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

_PARTS = find_parts()
_BOOT_SECONDS = 180.0
_BATCH_SECONDS = 240.0
LAB_ID = f"test-{os.getpid()}"
FIRST, SECOND = (f"127.78.{os.getpid() >> 8 & 0xFF}.{number}" for number in (10, 11))


def eventually(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline, "not in time"
        sleep(0.1)


def get(address: str, path: str, timeout: float = 10.0) -> Any:  # noqa: ANN401 - JSON
    with urllib.request.urlopen(f"http://{address}:8998{path}", timeout=timeout) as reply:
        return json.load(reply)


def submit(address: str, file: str, *args: str) -> int:
    body = json.dumps({"file": file, "args": args}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}:8998/batches", body, headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return int(json.load(reply)["id"])


def has_ended(address: str, batch: int) -> bool:
    return get(address, f"/batches/{batch}")["state"] in ("success", "dead", "killed")


def listening(pids: list[int]) -> set[str]:
    """Return the addresses that these processes listen on."""
    ss = shutil.which("ss")
    assert ss is not None
    table = subprocess.run([ss, "-ltnpH"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in table.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    return {row[3].rpartition(":")[0].removeprefix("[::ffff:").removesuffix("]") for row in rows}


@pytest.fixture(scope="module")
def s3_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("s3")
    (root / "jobs").mkdir()
    shutil.copy(PROVING_JOB, root / "jobs" / "proof.py")
    return root


def numbered_from(first: int, s3_root: Path) -> ClusterSettings:
    """As our own launch has it: the settings of Livy, and the script that seeds its store."""
    return ClusterSettings(
        bootstrap=(Script(seeding_script(), (str(first), STORE_FOLDER)),),
        configurations=[{"Classification": CLASSIFICATION, "Properties": dict(SETTINGS)}],
        s3_root=s3_root,
    )


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory, s3_root: Path) -> Iterator[ClusterProcesses]:
    if _PARTS is None:
        pytest.skip("the lab's parts are not here; fetch them with: emr-dr lab fetch")
    made = ClusterProcesses(_PARTS, lab_id=LAB_ID, root=tmp_path_factory.mktemp("clusters"))
    try:
        made.start("first", FIRST, numbered_from(1_000_000, s3_root))
        made.start("second", SECOND, numbered_from(2_000_000, s3_root))
        eventually(lambda: made.healthy("first") and made.healthy("second"), _BOOT_SECONDS)
        yield made
    finally:
        made.close()


def test_a_second_cluster_needs_an_id_and_an_address_of_its_own(clusters: ClusterProcesses) -> None:
    with pytest.raises(ConflictError, match="stop it first"):
        clusters.start("third", FIRST)
    with pytest.raises(ConflictError, match="stop it first"):
        clusters.start("first", "127.78.0.99")
    with pytest.raises(UsageError, match="needs a loopback address"):
        clusters.start("third", "10.0.0.1")
    with pytest.raises(UsageError, match="no such cluster"):
        clusters.healthy("third")


@pytest.mark.usefixtures("clusters")
def test_a_job_runs_from_s3_to_s3_and_every_port_is_on_its_own_cluster_s_address(s3_root: Path) -> None:
    batch = submit(FIRST, "s3://jobs/proof.py", "s3://jobs/out")
    assert batch == 1_000_000
    seen: set[str] = set()

    def look() -> bool:
        seen.update(listening(marked(ADDRESS_MARKER, FIRST)))
        return has_ended(FIRST, batch)

    eventually(look, _BATCH_SECONDS)
    assert get(FIRST, f"/batches/{batch}")["state"] == "success"
    assert (s3_root / "jobs/out/part-00000").read_text() == "4950\n"
    assert not list(s3_root.rglob("*.crc"))
    # PySpark's private ports between driver and Python are on 127.0.0.1, each with a number that the kernel chose.
    assert seen <= {FIRST, "127.0.0.1"}
    assert listening(marked(ADDRESS_MARKER, SECOND)) == {SECOND}


def test_a_bucket_made_later_is_seen_after_a_refresh(clusters: ClusterProcesses, s3_root: Path) -> None:
    (s3_root / "later").mkdir()
    shutil.copy(PROVING_JOB, s3_root / "later" / "proof.py")
    clusters.refresh_buckets("second")
    batch = submit(SECOND, "s3://later/proof.py")
    assert batch == 2_000_000
    eventually(lambda: has_ended(SECOND, batch), _BATCH_SECONDS)
    assert get(SECOND, f"/batches/{batch}")["state"] == "success"


def test_a_frozen_livy_hangs_and_a_thawed_one_answers(clusters: ClusterProcesses) -> None:
    clusters.freeze("first", Service.LIVY)
    with pytest.raises(TimeoutError):
        get(FIRST, "/batches", timeout=1.0)
    assert clusters.unwell("first") == [Service.LIVY]
    clusters.thaw("first", Service.LIVY)
    eventually(lambda: clusters.healthy("first"), 30.0)


def test_a_killed_livy_refuses_and_comes_back_with_its_batches(clusters: ClusterProcesses) -> None:
    clusters.kill_service("first", Service.LIVY)
    with pytest.raises(ConnectionRefusedError), socket.create_connection((FIRST, 8998), timeout=5):
        pass
    clusters.restart("first", Service.LIVY)
    eventually(lambda: clusters.healthy("first"), _BOOT_SECONDS)
    assert submit(FIRST, "s3://jobs/missing.py") == 1_000_001


def test_a_dead_node_manager_is_noticed_though_yarn_still_counts_it(clusters: ClusterProcesses) -> None:
    clusters.kill_service("second", Service.NODE_MANAGER)
    assert clusters.unwell("second") == [Service.NODE_MANAGER]
    clusters.restart("second", Service.NODE_MANAGER)
    eventually(lambda: clusters.healthy("second"), _BOOT_SECONDS)


def test_a_lost_cluster_is_silent_on_every_port_while_its_job_dies_and_the_other_lives(
    clusters: ClusterProcesses,
) -> None:
    batch = submit(FIRST, "s3://jobs/proof.py")
    eventually(lambda: bool(get(FIRST, f"/batches/{batch}")["appId"]), _BATCH_SECONDS)
    clusters.lose("first")
    assert clusters.status("first")["processes"] == 3  # stopped for good, so that connections are not closed
    for port in PORTS:
        with pytest.raises(TimeoutError), socket.create_connection((FIRST, port.number), timeout=0.3):
            pass
    assert not clusters.healthy("first")
    assert clusters.healthy("second")


def test_a_stopped_cluster_leaves_no_process_no_port_and_no_file(clusters: ClusterProcesses) -> None:
    homes = [clusters.logs(cluster_id).parent for cluster_id in clusters.running()]
    clusters.stop("first")
    assert marked(ADDRESS_MARKER, FIRST) == []
    for port in PORTS:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((FIRST, port.number), timeout=5):
            pass
    clusters.close()
    assert clusters.running() == []
    assert marked(LAB_MARKER, LAB_ID) == []
    assert [home for home in homes if home.exists()] == []
    clusters.stop("first")  # once more does no harm
