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


def connection(gateway: Gateway) -> dict[str, str]:
    told = {"conn_type": "livy", "host": f"http://{gateway.address}", "port": 8998}
    return {"AIRFLOW_CONN_LIVY_DEFAULT": json.dumps(told)}


def tasks(rescue: str, **more: object) -> str:
    headers = {"X-Emr-Dr-Rescue": rescue}
    return json.dumps([{"task": each, "mode": each, "file": "/job.py", "headers": headers, **more} for each in MODES])


async def all_running(gateway: Gateway) -> list[dict[str, Any]]:
    """Wait until the operators have submitted and every batch runs; which operators there are is the line's."""
    async with asyncio.timeout(60):
        while True:
            _, told = await ask(gateway.base, "/batches")
            found: list[dict[str, Any]] = told["sessions"]
            if len(found) >= 2 and {each["state"] for each in found} == {"running"}:
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
    async with bed(tmp_path, plan=Plan(seconds=10.0, lines=250)) as town:
        await town.publish(town.members[0].view())
        gateway = await town.gateway()
        asked = asyncio.to_thread(airflow.ask, "operate", tasks("idempotent"), env=connection(gateway))
        answering = asyncio.create_task(asked)
        before = await all_running(gateway)
        await dies(town, 0)
        answer = await answering
        by_name = {each["name"]: each for each in before}
        applications = {run.application for run in town.journal().all if run.address == town.members[1].address}
        for name, told in answer.value.items():
            assert told["raised"] == "", answer.said
            assert told["returned"] == by_name[name]["id"] if name != "durable" else True
            assert told["pushed"].get("app_id") in applications or name == "durable"
        _, after = await ask(gateway.base, "/batches")
        assert [each["name"] for each in after["sessions"]] == [each["name"] for each in before], "submitted once"
        assert {each["state"] for each in after["sessions"]} == {"success"}
        assert not town.journal().completed_twice()
