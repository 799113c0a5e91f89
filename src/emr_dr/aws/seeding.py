"""The bootstrap action that begins a member's batch numbers at its own range; its script lies under `artifacts`."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from emr_dr.core.batch_ids import batch_id_range
from emr_dr.spec.cluster import BootstrapAction
from emr_dr.spec.recovery_store import STORE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emr_dr.spec.cluster import ClusterTemplate

ACTION_NAME = "emr-dr: batch id range"


@cache
def seeding_script() -> bytes:
    """Return the script."""
    return (files("emr_dr.aws") / "seed_batch_ids.sh").read_bytes()


def seeding_file() -> str:
    """Return the script's name under `cluster.artifacts`.

    It goes by its content: EMR runs a bootstrap action on nodes that are added later, too, so what a running cluster
    was launched with must stay where and as it is.
    """
    return f"seed-batch-ids-{hashlib.sha256(seeding_script()).hexdigest()[:12]}.sh"


def seeding(template: "ClusterTemplate", number: int) -> "Sequence[BootstrapAction]":
    """Return the bootstrap actions of ours for a launch number: one, or none where ranges are not declared."""
    if not template.batch_id_ranges:
        return ()
    path = f"{template.artifacts.rstrip('/')}/{seeding_file()}"
    return (BootstrapAction(name=ACTION_NAME, path=path, args=(str(batch_id_range(number).start), STORE_FOLDER)),)
