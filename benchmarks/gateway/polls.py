"""How many polls a second one gateway on one core answers, with and without passwords, and what they cost members."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt

from benchmarks.gateway.bed import PORT, Bed, Gateway, ask, bed, on_core, working
from benchmarks.gateway.load import Order
from emr_dr.lab.standin import Plan

SERVER_CORE, CLIENT_CORE = 0, 1
LIVE = 10_000
AT_ONCE = 32
SECONDS = 5.0
RUNS = 3
PAGE = 500
POLLERS = 1000
REACH_SECONDS = 10.0
JOB = {"file": "s3://acme-artifacts/jobs/etl.py", "args": ["--date", "2026-11-28", "--table", "orders"]}
USER, PASSWORD = "airflow", "visibly-fake"
BASIC = "gateway: {users: {scheme: basic, file: users}}\n"


async def loaded(order: Order) -> dict[str, Any]:
    """Have a process of its own carry out an order of polls."""
    return await own_process("load", asdict(order))


async def own_process(program: str, order: dict[str, Any]) -> dict[str, Any]:
    """Run one of the programs of this folder to its end; return what it told."""
    command = [sys.executable, "-m", f"benchmarks.gateway.{program}", json.dumps(order)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, start_new_session=True)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"benchmarks.gateway.{program} ended with {process.returncode}")
    told: dict[str, Any] = json.loads(out)
    return told


def at(host: str, first: int, last: int, **more: Any) -> Order:  # noqa: ANN401 - as Order has it
    """Polls of batches by their numbers, from the clients' core."""
    return Order(host, PORT, first, last, core=CLIENT_CORE, seconds=more.pop("seconds", SECONDS), **more)


async def repeated(order: Order, runs: int = RUNS) -> dict[str, Any]:
    """Carry an order out several times; return the run of the median rate, with all rates and the load before each."""
    told = []
    for _ in range(runs):
        load = round(os.getloadavg()[0], 1)
        told.append(await loaded(order) | {"load": load})
    middle = sorted(told, key=lambda each: each["per_second"])[len(told) // 2]
    return middle | {"runs": [each["per_second"] for each in told], "loads": [each["load"] for each in told]}


async def ceiling(host: str) -> dict[str, Any]:
    """What the clients reach against a server that does nothing."""
    command = [sys.executable, "-m", "benchmarks.gateway.trivial", host, str(PORT), str(SERVER_CORE)]
    server = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    try:
        await _listening(host)
        return await repeated(at(host, 1, LIVE), 1)
    finally:
        server.terminate()
        await server.wait()


async def _listening(host: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, PORT)
            except OSError:
                await asyncio.sleep(0.1)  # between two looks
            else:
                writer.close()
                return


async def filled(base: str, count: int, body: dict[str, object], headers: dict[str, str] | None = None) -> float:
    """Submit so many batches, some at once; return how long it took, from when members take them."""
    await working(base)
    numbers = iter(range(count))
    loop = asyncio.get_running_loop()

    async def submits(session: aiohttp.ClientSession) -> None:
        for _ in numbers:
            async with session.post(f"{base}/batches", json=body, headers=headers) as answer:
                if answer.status != 201:  # noqa: PLR2004 - created
                    raise RuntimeError(f"a submission was refused: {answer.status} {await answer.text()}")

    begun = loop.time()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(submits(session))
    return loop.time() - begun


async def all_in(base: str, state: str, count: int, seconds: float = 300.0) -> None:
    """Wait until so many batches are in a state."""
    async with asyncio.timeout(seconds):
        while await _in(base, state) < count:  # noqa: ASYNC110 - nobody tells when one gets there
            await asyncio.sleep(1)


async def _in(base: str, state: str) -> int:
    """How many are, asked for page by page, so that no question takes long."""
    found, start, total = 0, 0, 1
    while start < total:
        _, told = await ask(base, f"/batches?from={start}&size={PAGE}")
        found += sum(each["state"] == state for each in told["sessions"])
        start, total = start + PAGE, told["total"]
    return found


async def reaching(town: Bed, gateway: Gateway, live: int, pollers: int) -> dict[str, Any]:
    """How many requests reach members within some seconds while so many clients poll once a second."""
    before = _requests(town)
    order = at(gateway.address, 1, live, connections=pollers, every=1.0, seconds=REACH_SECONDS)
    told = await loaded(order)
    reached = _requests(town) - before
    return {"pollers": pollers, "polls": told["good"], "reached": reached.total(), "by_route": dict(reached)}


def _requests(town: Bed) -> Counter[str]:
    return sum((each.requests for each in town.members), Counter[str]())


async def polls(folder: Path, live: int = LIVE) -> dict[str, Any]:
    """The figures of polls: rate, latency, with Basic auth, and requests that reach members."""
    (folder / "users").write_text(f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()}\n")
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    async with bed(folder, plan=Plan(seconds=36_000.0)) as town:
        with on_core(CLIENT_CORE):
            gateway = await town.gateway(core=SERVER_CORE)
            took = await filled(gateway.base, live, dict(JOB))
            await all_in(gateway.base, "running", live)
            order = at(gateway.address, 1, live)
            plain = await repeated(order)
            whole = await repeated(at(gateway.address, 1, live, suffix=""), 1)
            reached = [await reaching(town, gateway, live, pollers) for pollers in (1, POLLERS)]
            memory = gateway.memory
            gateway.stop()
            signed = await town.gateway(core=SERVER_CORE, spec=BASIC)
            basic = await repeated(at(signed.address, 1, live, header=f"Authorization: Basic {secret}"))
            return {
                "live": live,
                "submissions_per_second": round(live / took),
                "state": plain,
                "view": whole,
                "basic": basic,
                "reached": reached,
                "memory_mb": round(memory / 1e6),
                "ceiling": await ceiling(f"127.{town.addresses.octet}.101.1"),
            }
