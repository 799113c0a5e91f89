"""What is left of a thousand batches after their member's death, and the memory that a hundred thousand take."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gateway.bed import GROUP, bed, on_core, until
from benchmarks.gateway.polls import CLIENT_CORE, JOB, SERVER_CORE, all_in, at, filled, loaded
from benchmarks.gateway.submitting import IDEMPOTENT
from emr_dr.core.batch import NewBatch, ShownState, SubmitState
from emr_dr.core.view import Proof, ProofKind, Role
from emr_dr.lab.standin import Plan
from emr_dr.stores import codec

RESCUED = 1000
JOB_SECONDS = 120.0
"""So long that none has ended when its member dies, and short enough to see all of them end."""
PATIENCE = 240.0
REMEMBERED = 100_000
RUNNING = 100


async def rescue(folder: Path, count: int = RESCUED) -> dict[str, Any]:
    """A member dies with so many batches; from the proof of it until each runs on the other, and to their end."""
    async with bed(folder, plan=Plan(seconds=JOB_SECONDS)) as town:
        dying, other = town.members
        with on_core(CLIENT_CORE):
            await town.publish(dying.view())
            gateway = await town.gateway(core=SERVER_CORE)
            submitting = await filled(gateway.base, count, dict(JOB), IDEMPOTENT)
            await all_in(gateway.base, "running", count)
            await dying.lose()
            proof = Proof(ProofKind.TERMINATED, time.time(), "EMR says that the cluster has ended")
            proven = time.monotonic()
            await town.publish(dying.view(role=Role.FENCED, accepts_new=False, death=proof), other.view())
            await until(lambda: sum(run.address == other.address for run in other.runs.all) >= count, PATIENCE)
            took = time.monotonic() - proven
            await all_in(gateway.base, "success", count)
        runs = town.journal().by_batch()
        return {
            "submitted": count,
            "submitting_seconds": round(submitting, 1),
            "rescued": sum(any(run.address == other.address for run in each) for each in runs.values()),
            "rescue_seconds": round(took, 1),
            "ran_twice": len(town.journal().completed_twice()),
            "ran_at_once": len(town.journal().at_once()),
            "completed": sum(any(run.completed for run in each) for each in runs.values()),
        }


async def memory(folder: Path, count: int = REMEMBERED) -> dict[str, Any]:
    """How much one gateway holds after it was asked for every batch of a ledger that has so many; most have ended."""
    async with bed(folder, plan=Plan(seconds=36_000.0)) as town:
        with on_core(CLIENT_CORE):
            first = await town.gateway(core=SERVER_CORE)
            empty = first.memory
            await filled(first.base, RUNNING, dict(JOB))
            await all_in(first.base, "running", RUNNING)
            first.stop()
            await asyncio.to_thread(_add_ended, folder / "emr-dr.db", range(RUNNING + 1, count + 1))
            gateway = await town.gateway(core=SERVER_CORE)
            started = gateway.memory
            order = at(gateway.address, 1, count, requests=count, seconds=300.0)
            told = [await loaded(order) for _ in range(2)]
            return {
                "remembered": count,
                "running": RUNNING,
                "empty_mb": round(empty / 1e6),
                "started_mb": round(started / 1e6),
                "asked_for_all_mb": round(gateway.memory / 1e6),
                "polls": [{key: each[key] for key in ("good", "wrong", "broken", "per_second")} for each in told],
            }


def _add_ended(path: Path, numbers: range) -> None:
    """Write batches that have succeeded into the ledger at once: to run them would take hours."""
    rows = []
    for number in numbers:
        now = time.time()
        new = NewBatch(
            f"seeded{number}", json.dumps(JOB), now, name=f"etl-{number}", cluster_id="j-1", epoch=1, sent=True
        )
        batch = new.numbered(number)
        ran = replace(
            batch.last,
            submit=SubmitState.CONFIRMED,
            livy_id=number,
            app_id=f"application_1795895682148_{number:06}",
            livy_state="success",
            yarn_state="FINISHED/SUCCEEDED",
            spark_ui_url=f"http://10.0.1.10:20888/proxy/application_1795895682148_{number:06}/",
            ended_at=now,
        )
        batch = batch.with_last(ran).showing(ShownState.SUCCESS, now)
        text = codec.BATCH.encode(batch, "seeding")
        rows.append((GROUP, number, 1, batch.token, "", batch.name, "j-1", text, number))
    sql = """INSERT INTO batches
             (group_name, id, version, token, owner, name, cluster_id, batch, change, listed, unfinished)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0)"""
    with closing(sqlite3.connect(path)) as connection, connection:
        (turn,) = connection.execute("SELECT value FROM counters WHERE name = ?", (f"change/{GROUP}",)).fetchone()
        connection.executemany(sql, [(*row[:-1], turn + n) for n, row in enumerate(rows, 1)])
        for name, value in ((f"change/{GROUP}", turn + len(rows)), (f"batch/{GROUP}", numbers[-1])):
            connection.execute("UPDATE counters SET value = ? WHERE name = ?", (value, name))
