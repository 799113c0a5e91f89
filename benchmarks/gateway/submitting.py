"""What a gateway adds to a submission, and what clients see when a member dies, with a gateway and without one."""

import asyncio
import os
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.gateway.bed import PORT, POST_CHECKS, Bed, balanced, bed, on_core
from benchmarks.gateway.polls import CLIENT_CORE, JOB, SERVER_CORE, own_process
from benchmarks.gateway.submits import Clients, Pace
from emr_dr.core.view import Proof, ProofKind, Role
from emr_dr.lab.standin import Plan

PAIRS = 300
KILLED_AFTER = 8.0
PROVEN_AFTER = 5.0
"""Seconds from the loss until EMR says that the cluster has ended: the proof on which batches are run again."""
IDEMPOTENT = {"X-Emr-Dr-Rescue": "idempotent"}


async def added(folder: Path) -> dict[str, Any]:
    """Submissions through a gateway and straight to its only member, one after the other, twenty pairs a second."""
    async with bed(folder, members=1, plan=Plan(seconds=36_000.0)) as town:
        with on_core(CLIENT_CORE):
            gateway = await town.gateway(core=SERVER_CORE)
            disk = [synced(folder)]
            bases = {"gateway": gateway.base, "direct": town.members[0].livy_url}
            told = await own_process("pairs", {"bases": bases, "body": JOB, "turns": PAIRS})
            disk.append(synced(folder))
    difference = round(told["gateway_ms"] - told["direct_ms"], 2)
    return {"pairs": PAIRS, **told, "disk_ms": round(statistics.mean(disk), 2), "added_ms": difference}


def synced(folder: Path) -> float:
    """Milliseconds that the disk takes to keep a page, at the median: a submission waits for that at least once."""
    took = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


async def lost(town: Bed, number: int) -> None:
    """A member vanishes; the group's controller says so when EMR has confirmed it."""
    member = town.members[number]
    town.lost_at = time.time()
    await member.lose()
    await asyncio.sleep(PROVEN_AFTER)  # EMR's time
    proof = Proof(ProofKind.TERMINATED, time.time(), "EMR says that the cluster has ended")
    views = [each.view() for each in town.members]
    views[number] = member.view(role=Role.FENCED, accepts_new=False, death=proof)
    await town.publish(*views)


async def under_death(folder: Path, pace: Pace, *, gateways: bool) -> dict[str, Any]:
    """Twenty submissions a second, and one of two members vanishes: behind a gateway, or behind a plain balancer."""
    async with bed(folder, plan=Plan(seconds=pace.job_seconds)) as town:
        load = round(os.getloadavg()[0], 1)
        if gateways:
            base = (await town.gateway(core=SERVER_CORE)).base
            with on_core(CLIENT_CORE):
                told = await Clients(base, pace, IDEMPOTENT).run(lambda: lost(town, 1), KILLED_AFTER)
        else:
            address = f"127.{town.addresses.octet}.100.1"
            async with balanced(address, [each.address for each in town.members], POST_CHECKS):
                clients = Clients(f"http://{address}:{PORT}", pace, {})
                told = await clients.run(lambda: lost(town, 1), KILLED_AFTER)
        told |= {"load": load, "killed_after_seconds": KILLED_AFTER}
        return told | unseen(town) if gateways else told


def unseen(town: Bed) -> dict[str, Any]:
    """Runs that came to their end on the lost member just before it was lost, so that nobody was told of it.

    Such a batch is run again if it says that it may be: to the world outside it was running when its member died.
    """
    journal = town.journal()
    ends = [
        town.lost_at - min(run.ended_at or 0.0 for run in runs if run.completed)
        for batch, runs in journal.by_batch().items()
        if batch in journal.completed_twice()
    ]
    return {
        "ran_at_once": len(journal.at_once()),
        "ended_unseen": len(ends),
        "longest_unseen_seconds": round(max(ends, default=0.0), 2),
    }
