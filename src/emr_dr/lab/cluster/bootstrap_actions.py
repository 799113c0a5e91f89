"""Runs a bootstrap action on a node of the lab, with a folder for its root, before any service starts."""

import json
import os
import subprocess

from emr_dr.errors import PermanentError
from emr_dr.lab.cluster.settings import Node, Script

_INSTANCE = "mnt/var/lib/info/instance.json"
_SECONDS = 60


def run_bootstrap_actions(node: Node, scripts: tuple[Script, ...]) -> None:
    """Run them one after another, as EMR does; what they say is kept with the logs of services.

    Raises:
        PermanentError: One of them ended with another code than 0, or did not end.
    """
    instance = node.root / _INSTANCE
    instance.parent.mkdir(parents=True, exist_ok=True)
    # A lab's cluster is one machine: it is the primary, and has a core node's daemons, too.
    instance.write_text(json.dumps({"isMaster": True, "isRunningNameNode": True, "isRunningDataNode": True}))
    for number, script in enumerate(scripts, 1):
        _run(node, number, script)


def _run(node: Node, number: int, script: Script) -> None:
    file = node.home / "bootstrap-actions" / f"{number}.sh"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(script.body)
    with (node.logs / "bootstrap-actions.log").open("ab") as log:
        try:
            code = subprocess.run(  # noqa: S603 - our own script, compared with the one we ship
                ["/bin/bash", str(file), *script.args],
                env={**os.environ, "EMR_DR_ROOT": str(node.root), "EMR_DR_LIVY_USER": ""},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=_SECONDS,
                check=False,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PermanentError(f"bootstrap action {number} did not end well: {error}", where=node.address) from error
    if code:
        what = f"bootstrap action {number} returned a non-zero return code ({code})"
        raise PermanentError(what, where=node.address, remedy=f"see {log.name}")
