"""The livy-conf settings by which Livy keeps its next batch number in a file that can be there before Livy is."""

from collections.abc import Iterator, Mapping, Sequence

from emr_dr.spec.configuration import Configuration
from emr_dr.spec.fields import Finding

STORE_FOLDER = "/var/lib/emr-dr/livy-state"
"""On the primary: its own disk outlives a reboot; HDFS is not there yet when a bootstrap action runs."""

CLASSIFICATION = "livy-conf"
SETTINGS: Mapping[str, str] = {
    "livy.server.recovery.mode": "recovery",
    "livy.server.recovery.state-store": "filesystem",
    "livy.server.recovery.state-store.url": f"file://{STORE_FOLDER}",
}
"""Livy 0.7.1, livy.conf.template; without them it counts from 0 after each restart, whatever is on its disk."""

_YARN = ("livy.spark.master", "yarn")
"""EMR's own. With recovery on and another master Livy refuses to start: "Session recovery requires YARN."."""


def with_recovery_store(declared: Sequence[Configuration]) -> tuple[Configuration, ...]:
    """Return the configurations with our settings among those that are declared for Livy, or behind all others."""
    found = next((each for each in declared if each.classification == CLASSIFICATION), None)
    if found is None:
        return (*declared, Configuration(Classification=CLASSIFICATION, Properties=SETTINGS))
    merged = found.model_copy(update={"properties": {**found.properties, **SETTINGS}})
    return tuple(merged if each is found else each for each in declared)


def conflicts(declared: Sequence[Configuration]) -> Iterator[Finding]:
    """Yield the declared settings with which Livy would not number in a range, or not start; each where it stands."""
    for index, each in enumerate(declared):
        if each.classification == CLASSIFICATION:
            for key, ours in (*SETTINGS.items(), _YARN):
                if each.properties.get(key, ours) != ours:
                    at = ("configurations", index, "Properties", key)
                    what = f"{each.properties[key]} does not go with batch_id_ranges, which needs {ours}"
                    yield Finding(at, what, "remove this setting, or say batch_id_ranges: false")
