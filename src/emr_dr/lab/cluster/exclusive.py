"""Making a folder once, however many processes want it at the same time."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def make_once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return `target`, after `make` has filled it if it was not there; whole or not at all, safe to repeat.

    `make` is given an empty folder beside `target` and raises what it likes; nothing is left behind then.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
            try:
                make(scratch)
                scratch.rename(target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return target
