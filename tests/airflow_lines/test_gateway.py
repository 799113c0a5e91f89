"""Real LivyOperators of each line through real gateways, while the only member dies on which their jobs run."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_lines.airflow import Airflow
from benchmarks.gateway.bed import Bed, Gateway, ask, bed
from emr_dr.core.view import Proof, ProofKind, Role
from emr_dr.lab.standin import Plan

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

MODES = ("sync", "deferrable", "durable")
ONCE = "once"
LEAST = 3
"""Tasks that every line has: `durable` came with Airflow 3.3."""


def connection(gateway: Gateway) -> dict[str, str]:
    told = {"conn_type": "livy", "host": f"http://{gateway.address}", "port": 8998}
    return {"AIRFLOW_CONN_LIVY_DEFAULT": json.dumps(told)}


def tasks() -> str:
    """One task for each mode of the operator, and one whose job may not run twice."""
    usual = {"file": "s3://acme-artifacts/jobs/etl.py"}
    again = [usual | {"task": each, "mode": each, "headers": {"X-Emr-Dr-Rescue": "idempotent"}} for each in MODES]
    return json.dumps([*again, usual | {"task": ONCE, "mode": "sync"}])


async def all_running(gateway: Gateway) -> list[dict[str, Any]]:
    """Wait until the operators have submitted and every batch runs; which operators there are is the line's."""
    async with asyncio.timeout(60):
        while True:
            _, told = await ask(gateway.base, "/batches")
            found: list[dict[str, Any]] = told["sessions"]
            if len(found) >= LEAST and {each["state"] for each in found} == {"running"}:
                return found
            await asyncio.sleep(0.2)  # between two looks


async def dies(town: Bed, number: int) -> None:
    """A member vanishes, and EMR says so."""
    await town.members[number].lose()
    proof = Proof(ProofKind.TERMINATED, time.time(), "EMR says that the cluster has ended")
    views = [each.view() for each in town.members]
    views[number] = town.members[number].view(role=Role.FENCED, accepts_new=False, death=proof)
    await town.publish(*views)


async def test_operators_of_every_mode_end_well_though_their_member_dies(airflow: Airflow, tmp_path: Path) -> None:
    async with bed(tmp_path, plan=Plan(seconds=7.0, lines=250)) as town:
        await town.publish(town.members[0].view())
        gateway = await town.gateway()
        asked = asyncio.to_thread(airflow.ask, "operate", tasks(), env=connection(gateway))
        answering = asyncio.create_task(asked)
        before = await all_running(gateway)
        await dies(town, 0)
        answer = await answering
        by_name = {each["name"]: each for each in before}
        ran_on_the_other = {run.application for run in town.journal().all if run.address == town.members[1].address}
        once = answer.value.pop(ONCE)
        assert once["raised"].endswith(f"Batch {by_name[ONCE]['id']} did not succeed")
        assert "emr-dr: cluster lost; not retry-safe" in answer.said
        for name, told in answer.value.items():
            assert (told["raised"], told["returned"]) == ("", by_name[name]["id"]), answer.said
            # Airflow 3.3 pushes nothing for a task that has found its batch again.
            assert name == "durable" or told["pushed"]["app_id"] in ran_on_the_other
        _, after = await ask(gateway.base, "/batches")
        ended = {each["name"]: each["state"] for each in after["sessions"]}
        assert ended == dict.fromkeys(answer.value, "success") | {ONCE: "dead"}
        assert [each["name"] for each in after["sessions"]] == [each["name"] for each in before], "submitted once"
        assert not town.journal().completed_twice()
