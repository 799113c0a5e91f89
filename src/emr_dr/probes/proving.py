"""The proving job's file: a small Spark program that every candidate has to run before it may serve."""

from importlib.resources import files

PROVING_JOB_NAME = "proving-job.py"
"""Its name under `cluster.artifacts`."""


def proving_job() -> bytes:
    """Return its source, to be put under `cluster.artifacts`: EMR's Livy refuses `file:` URLs."""
    return (files("emr_dr.probes") / "proving_job.py.txt").read_bytes()
