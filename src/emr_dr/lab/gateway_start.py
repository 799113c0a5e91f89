"""Waits until gateways that were started are in service, as whoever deploys them would."""

import time
from pathlib import Path
from typing import Any

from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.client import RunningLab

HEALTHY_SECONDS = 90.0
_LOOK_SECONDS = 0.2
_LINES = 10


def await_gateways(lab: RunningLab, *, seconds: float = HEALTHY_SECONDS) -> list[dict[str, Any]]:
    """Return the lab's gateways once the balancer calls healthy whoever is not lost, or time is up.

    Raises:
        PermanentError: One has ended; its last words are in the message.
        TransientError: One is not healthy in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen: list[dict[str, Any]] = lab.status()["gateways"]
        missing = [each for each in seen if each["state"] != "lost" and each["target"] != "healthy"]
        if not missing or not seconds:
            return seen
        for each in missing:
            log = lab.directory / "gateways" / f"{each['name']}.log"
            if each["state"] == "ended":
                raise PermanentError(f"it has ended:\n{_last_words(log)}", where=each["name"], remedy=f"see {log}")
        if time.monotonic() > deadline:
            first = missing[0]
            what = f"the balancer calls it {first['target'] or 'no target'} after {seconds:g} s"
            remedy = f"see {lab.directory / 'gateways' / first['name']}.log"
            raise TransientError(what, where=first["name"], remedy=remedy)
        time.sleep(_LOOK_SECONDS)


def _last_words(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_LINES:])
    except OSError:
        return "it said nothing"
