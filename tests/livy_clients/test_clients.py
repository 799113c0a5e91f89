"""pylivy, sparkmagic and Livy's own client for Java, unmodified, through a real gateway over stand-in members."""

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.gateway.bed import Bed, Gateway, ask, bed
from emr_dr.lab.fetch import fetched
from emr_dr.lab.standin import Plan
from livy_clients.place import asked, java

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(240)]

QUICK = Plan(seconds=2.0, lines=8)
FILE = {"file": "s3://acme-artifacts/jobs/etl.py"}


async def base(town: Bed) -> tuple[Gateway, str]:
    gateway = await town.gateway()
    return gateway, gateway.base


async def test_pylivy_submits_polls_pages_logs_kills_and_runs_code_in_a_session(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=QUICK) as town:
        gateway, url = await base(town)
        wanted = {
            "batches": {
                "good": FILE,
                "bad": FILE | {"args": ["outcome=fail"]},
                "gone": FILE | {"args": ["seconds=60"]},
            },
            "kill": "gone",
            "code": "1 + 1",
        }
        told = await asyncio.to_thread(asked, "pylivy", url, json.dumps(wanted), home=tmp_path)
        _, listed = await ask(gateway.base, "/batches")
    assert told["legacy"] is False
    assert told["states"] == {"good": "success", "bad": "dead"}
    assert (told["killed"], told["unknown"], told["after"]) == (None, None, None)
    assert told["pages"] == {"good": 2, "bad": 2}
    assert len(told["logs"]["good"]) >= 8
    assert told["session"] in told["sessions"]
    assert told["output"] == "ok"
    assert [each["name"] for each in listed["sessions"]] == ["good", "bad"]


async def test_sparkmagic_starts_a_session_runs_code_and_ends_it(tmp_path: Path) -> None:
    async with bed(tmp_path) as town:
        _, url = await base(town)
        told = await asyncio.to_thread(asked, "magic", url, "1 + 1", home=tmp_path)
    assert told["status"] == "idle"
    assert told["id"] in told["listed"]
    assert told["app_id"].startswith("application_")
    assert told["ran"][0] == "True"
    assert told["end"] == "dead"


async def test_livy_s_own_client_for_java_takes_every_answer_though_it_knows_no_further_field(tmp_path: Path) -> None:
    parts = fetched()
    async with bed(tmp_path, plan=QUICK) as town:
        gateway, url = await base(town)
        _, made = await ask(gateway.base, "/batches", "POST", json=FILE | {"name": "strict"})
        path = f"/batches/{made['id']}"
        told = await asyncio.to_thread(java, parts, "strict", url, path, "/batches/strict")
    assert told["again"] == told["id"]
    assert told["uploaded"] == ""
    assert set(told["states"]) <= {"starting", "running", "success"}
    assert told["gone"] == 404
