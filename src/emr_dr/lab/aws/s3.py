"""Keep a copy of every S3 object as a plain file, where the clusters' real Spark reads it."""

import logging
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote

from moto.s3.models import s3_backends

from emr_dr.lab import world

log = logging.getLogger(__name__)

_CHANGES = ("PUT", "POST", "DELETE")


class FileMirror:
    """Writes objects to `<root>/<bucket>/<key>` after each change. The caller holds the S3 lock.

    Only path-style requests are followed, which is what clients send to an IP address.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._backend = s3_backends[world.ACCOUNT_ID]["aws"]

    def follow(self, method: str, path: str) -> None:
        """Bring the files up to date after a request that succeeded; safe to repeat."""
        found = re.fullmatch(r"/([^/?]+)(?:/([^?]*))?", path)
        if method not in _CHANGES or found is None:
            return
        bucket, key = unquote(found.group(1)), unquote(found.group(2) or "")
        if key:
            self._follow_key(bucket, key)
        else:
            self._follow_bucket(bucket)

    def _follow_key(self, bucket: str, key: str) -> None:
        held = self._backend.buckets.get(bucket)
        target = self._file(bucket, key)
        if target is None:
            return
        found = held.keys.get(key) if held else None
        # A versioned bucket keeps a delete marker, which has no value, in the place of the object.
        if found is None or not hasattr(found, "value"):
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as half:
            half.write(found.value)
        Path(half.name).chmod(0o644)
        Path(half.name).replace(target)

    def _follow_bucket(self, bucket: str) -> None:
        """A bucket was made, or several objects were deleted in one request: drop the files without an object."""
        held = self._backend.buckets.get(bucket)
        folder = self._root / bucket
        if held is not None:
            folder.mkdir(parents=True, exist_ok=True)
        for file in [each for each in folder.rglob("*") if each.is_file()]:
            key = str(file.relative_to(folder))
            if held is None or key not in held.keys or not hasattr(held.keys[key], "value"):
                file.unlink()

    def _file(self, bucket: str, key: str) -> Path | None:
        """Return the file for a key; None for what a file system cannot hold (`a/`, `../x`): it stays in S3 only."""
        parts = key.split("/")
        if any(part in ("", ".", "..") for part in parts):
            log.info("s3_key_without_file bucket=%s key=%s", bucket, key)
            return None
        return self._root.joinpath(bucket, *parts)
