"""A real Livy with one batch that runs, warm and alone on one core: what polls cost where nothing is in front of it."""

import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.answers import job
from benchmarks.answers.pair import BUCKET, KEY, LIVY_CONF, client, launch, primary, states, until, verb

PORT = 8998
JOB_SECONDS = 600


@dataclass(frozen=True)
class Real:
    """A real cluster that nobody but us knows of, and the URL of a file that was put into S3 for its jobs."""

    address: str
    cluster: str
    file: str


@dataclass(frozen=True)
class Warm:
    """Where it is, and the number of its batch."""

    address: str
    batch: int


@contextmanager
def real_cluster(file: Path, conf: Mapping[str, str]) -> Iterator[Real]:
    """Bring a lab and one real cluster up, with this `livy-conf`; everything is down when the block has ended."""
    with tempfile.TemporaryDirectory(prefix="emr-dr-gateway-") as folder:
        env = {**os.environ, "EMR_DR_LAB_DIR": f"{folder}/lab"}
        try:
            verb(env, "lab", "up", "--detach", "--owner", str(os.getpid()))
            env |= json.loads(verb(env, "lab", "env", "--json"))
            there = json.loads((Path(folder) / "lab" / "lab.json").read_text())["resources"]
            client(env, "s3").put_object(Bucket=BUCKET, Key=KEY, Body=file.read_bytes())
            cluster = launch(client(env, "emr"), next(iter(there["subnets"].values())), there, conf)
            until(lambda: states(env, [cluster]) == {"WAITING"}, "the cluster is up")
            yield Real(primary(env, cluster), cluster, f"s3://{BUCKET}/{KEY}")
        finally:
            verb(env, "lab", "down")


@contextmanager
def warm_livy(core: int) -> Iterator[Warm]:
    """Have the Livy of a real cluster run a batch, and pin it to a core."""
    with real_cluster(Path(job.__file__), LIVY_CONF) as real:
        number = _submitted(real)
        _pin(real.address, core)
        yield Warm(real.address, number)


def _submitted(real: Real) -> int:
    """Have a batch run there; return its number once it does."""
    body = json.dumps({"file": real.file, "args": ["succeeds", str(JOB_SECONDS)], "name": "polled"})
    base = f"http://{real.address}:{PORT}/batches"
    request = urllib.request.Request(base, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        number = int(json.load(answer)["id"])

    def running() -> bool:
        with urllib.request.urlopen(f"{base}/{number}/state", timeout=10) as answer:  # noqa: S310 - http
            return bool(json.load(answer)["state"] == "running")

    until(running, "its batch runs")
    time.sleep(2)  # for what starting it leaves to be done
    return number


def _pin(address: str, core: int) -> None:
    """Have every thread of that Livy, those to come included, run on one core."""
    (process,) = [each for each in psutil.process_iter() if _is_livy(each, address)]
    for thread in process.threads():
        os.sched_setaffinity(thread.id, {core})
    os.sched_setaffinity(process.pid, {core})


def _is_livy(process: psutil.Process, address: str) -> bool:
    try:
        if "org.apache.livy.server.LivyServer" not in process.cmdline():
            return False
        return any(each.laddr.ip.endswith(address) and each.laddr.port == PORT for each in process.net_connections())
    except psutil.Error:
        return False
