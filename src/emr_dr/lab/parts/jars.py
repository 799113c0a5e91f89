"""Jars from the Maven registry, each verified against the lock before it is where the lab looks for it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from jgo.maven import MavenContext, PythonResolver

from emr_dr.errors import TransientError
from emr_dr.lab.parts.lock import Artifact, verify

_TIMEOUT_SECONDS = 60


def fetch_jar(artifact: Artifact, folder: Path, advance: Callable[[int], None]) -> None:
    """Put one jar into `folder`, unless it is there; `advance` is called with each piece's number of bytes.

    A jar in `folder` was verified when it was put there, so repeating this is cheap and safe.

    Raises:
        PermanentError: the registry gave another file than the locked one.
        TransientError: the registry could not be reached or did not have it.
    """
    target = folder / artifact.file_name
    if target.exists():
        advance(artifact.size)
        return
    # Beside the target, so that the rename stays within one file system and is atomic.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as scratch:
        downloaded = _download(artifact, Path(scratch), advance)
        verify(downloaded, artifact)
        downloaded.rename(target)


def _download(artifact: Artifact, scratch: Path, advance: Callable[[int], None]) -> Path:
    @contextmanager
    def report(_file_name: str, _total_bytes: int) -> Iterator[Callable[[int], None]]:
        yield advance

    context = MavenContext(
        resolver=PythonResolver(progress_callback=report), repo_cache=scratch, timeout=_TIMEOUT_SECONDS
    )
    group, name, version, *classifier = artifact.coordinate.split(":")
    try:
        return Path(context.project(group, name).at_version(version).artifact(*classifier).resolve())
    except (requests.RequestException, RuntimeError) as failure:
        raise TransientError(
            f"could not download it: {failure}",
            where=artifact.coordinate,
            remedy="check the network and repeat; what is already here is kept",
        ) from failure
