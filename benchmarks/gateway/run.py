"""All figures in one run, so that their ratios are of one machine in one mood."""

import asyncio
import os
import re
import statistics
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.gateway.livy import Warm, warm_livy
from benchmarks.gateway.polls import LIVE, SERVER_CORE, at, polls, repeated
from benchmarks.gateway.remembered import REMEMBERED, RESCUED, memory, rescue
from benchmarks.gateway.submits import Pace
from benchmarks.gateway.submitting import added, under_death

VOID_BELOW = 3000
"""Polls a second of a Livy asked directly below which the machine was too busy for the ratio to mean anything."""
WARM_SECONDS = 10.0


async def direct(livy: Callable[[int], AbstractContextManager[Warm]] = warm_livy) -> dict[str, Any]:
    """Polls of one batch straight at a real Livy, warm and pinned as the gateway is."""

    async def asked(found: Warm) -> dict[str, Any]:
        await repeated(at(found.address, found.batch, found.batch, seconds=WARM_SECONDS), 1)
        return await repeated(at(found.address, found.batch, found.batch))

    with livy(SERVER_CORE) as found:
        return await asked(found)


def measure(*, small: bool, told: Callable[[str], None]) -> dict[str, Any]:
    """Return every figure. `small` is for trying: less of everything, and no real Livy."""
    pace = Pace(seconds=10.0, job_seconds=2.0) if small else Pace()
    live, rescued, remembered = (500, 50, 2000) if small else (LIVE, RESCUED, REMEMBERED)
    found: dict[str, Any] = {}

    def take(name: str, what: Callable[[Path], Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="emr-dr-gateway-") as folder:
            found[name] = asyncio.run(what(Path(folder)))
        told(f"{name}: {found[name]}")

    if not small:
        take("livy before", lambda _: direct())
    take("polls", lambda folder: polls(folder, live))
    if not small:
        take("livy after", lambda _: direct())
    take("submit", added)
    take("death", lambda folder: under_death(folder, pace, gateways=True))
    take("death without a gateway", lambda folder: under_death(folder, pace, gateways=False))
    take("rescue", lambda folder: rescue(folder, rescued))
    take("memory", lambda folder: memory(folder, remembered))
    return figures(found) | {"machine": machine(), "runs": found}


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """The figures by their names, from what each measurement told."""
    state, basic, death, saved = found["polls"]["state"], found["polls"]["basic"], found["death"], found["rescue"]
    livy = [each for name in ("livy before", "livy after") if name in found for each in found[name]["runs"]]
    asked_directly = round(statistics.median(livy)) if livy else None
    without = found["death without a gateway"]
    one, many = found["polls"]["reached"]
    return {
        "polls_per_second": state["per_second"],
        "direct_polls_per_second": asked_directly,
        "ratio": round(state["per_second"] / asked_directly, 2) if asked_directly else None,
        "ratio_void": asked_directly is None or asked_directly < VOID_BELOW,
        "polls_p99_ms": state["p99_ms"],
        "basic_polls_per_second": basic["per_second"],
        "basic_p99_ms": basic["p99_ms"],
        "generator_ceiling_per_second": found["polls"]["ceiling"]["per_second"],
        "reached_members_with_1": one["reached"],
        "reached_members_with_1000": many["reached"],
        "submit_added_ms": found["submit"]["added_ms"],
        "submit_disk_ms": found["submit"]["disk_ms"],
        "gap_seconds": death["gap_seconds"],
        "refused": death["refused"],
        "wrong_answers": death["wrong_answers"],
        "direct_gap_seconds": without["gap_seconds"],
        "direct_refused": without["refused"],
        "direct_wrong_answers": without["wrong_answers"],
        "rescued": saved["rescued"],
        "rescue_seconds": saved["rescue_seconds"],
        "ran_twice": saved["ran_twice"] + saved["ran_at_once"] + death["ran_at_once"],
        "ended_unseen": death["ended_unseen"],
        "longest_unseen_seconds": death["longest_unseen_seconds"],
        "lost": saved["submitted"] - saved["completed"],
        "memory_mb": found["memory"]["asked_for_all_mb"],
    }


AT_LEAST = {"ratio": 3}
AT_MOST = {
    "submit_added_ms": 5,
    "refused": 0,
    "gap_seconds": 2,
    "wrong_answers": 0,
    "rescue_seconds": 30,
    "lost": 0,
    "ran_twice": 0,
    "longest_unseen_seconds": 2,
    "memory_mb": 500,
}


def broken(figures: dict[str, Any]) -> list[str]:
    """Which bounds do not hold; a void ratio says nothing."""
    found = []
    if not figures["ratio_void"]:
        found += [f"{k} is {figures[k]}, and should be at least {n}" for k, n in AT_LEAST.items() if figures[k] < n]
    for name, bound in AT_MOST.items():
        if figures[name] is None or figures[name] > bound:
            found.append(f"{name} is {figures[name]}, and should be at most {bound}")
    if not _no_more(figures):
        found.append("more requests reach members while 1,000 clients poll than while 1 does")
    return found


def _no_more(figures: dict[str, Any]) -> bool:
    """A tenth is for where an interval begins and ends."""
    return bool(figures["reached_members_with_1000"] <= 1.1 * figures["reached_members_with_1"] + 2)


def machine() -> dict[str, Any]:
    """What it was taken on."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", text)
    return {
        "cpu": model.group(1) if model else "unknown",
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }
