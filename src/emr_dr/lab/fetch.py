"""Fetching the lab's parts with progress shown; what it takes is imported only when something is to be fetched."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emr_dr.lab.parts import Parts


def fetched() -> "Parts":
    """Return the parts, and the class archives that let their JVMs start a third faster; both are made once.

    Raises:
        PermanentError: A file is not the locked one, or this machine cannot run the JDK.
        TransientError: A registry could not be reached; what has arrived is kept.
    """
    from emr_dr.lab.cluster.archives import ensure_archives  # noqa: PLC0415 - see the module
    from emr_dr.lab.parts import ensure_parts, find_parts, progress_display  # noqa: PLC0415 - see the module

    if (found := find_parts()) is not None and found.archives.exists():
        return found
    with progress_display() as progress:
        parts = ensure_parts(progress)
        ensure_archives(parts, progress)
    return parts
