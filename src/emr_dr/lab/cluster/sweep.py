"""Ending what a lab left behind when even its supervisors were killed."""

from emr_dr.lab.cluster.processes import kill_until_none, marked
from emr_dr.lab.cluster.settings import LAB_MARKER

_SECONDS = 30.0


def sweep(lab_id: str) -> bool:
    """SIGKILL every process that carries the lab's mark, found by its environment and never by its name.

    Safe to repeat. Returns False if something was still there after 30 s.
    """
    return kill_until_none(lambda: marked(LAB_MARKER, lab_id), seconds=_SECONDS)
