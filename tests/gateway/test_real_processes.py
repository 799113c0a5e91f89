"""Real gateway processes over stand-in members: what clients see when members, gateways and connections break."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks.gateway.bed import PORT, Bed, Gateway, ask, balanced, bed, until
from benchmarks.gateway.load import Order
from benchmarks.gateway.polls import filled, loaded
from benchmarks.gateway.submits import KEY, Clients, Pace
from emr_dr.core.view import Proof, ProofKind, Role
from emr_dr.lab.standin import Plan

JOB = {"file": "s3://acme-artifacts/jobs/etl.py"}
RESCUE = "X-Emr-Dr-Rescue"
LONG = Plan(seconds=600.0)


async def submitted(gateway: Gateway, headers: dict[str, str] | None = None, **more: object) -> int:
    status, told = await ask(gateway.base, "/batches", "POST", json=JOB | more, headers=headers or {})
    assert status == 201, told
    return int(told["id"])


async def shown(gateway: Gateway, number: int, *states: str, seconds: float = 30.0) -> dict[str, Any]:
    """The batch once it is in one of these states; every answer until then is about it."""
    async with asyncio.timeout(seconds):
        while True:
            status, told = await ask(gateway.base, f"/batches/{number}")
            assert (status, told["id"]) == (200, number)
            if told["state"] in states:
                return dict(told)
            await asyncio.sleep(0.1)  # between two looks


async def dies(town: Bed, number: int, kind: ProofKind = ProofKind.TERMINATED) -> None:
    await town.members[number].lose()
    views = [each.view() for each in town.members]
    proof = Proof(kind, time.time(), "shown")
    views[number] = town.members[number].view(role=Role.FENCED, accepts_new=False, death=proof)
    await town.publish(*views)


async def test_what_was_running_on_a_member_that_dies_goes_on_or_ends_by_its_class(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=LONG) as town:
        await town.publish(town.members[0].view())
        gateway = await town.gateway()
        classes = ("never", "idempotent", "atomic", "checkpointed")
        numbers = {each: await submitted(gateway, {RESCUE: each}, name=each) for each in classes}
        for number in numbers.values():
            await shown(gateway, number, "running")
        await dies(town, 0)
        dead = await shown(gateway, numbers["never"], "dead")
        assert dead["name"] == "never"
        for each in classes[1:]:
            await shown(gateway, numbers[each], "starting", "running")
        await until(lambda: len({run.name for run in town.journal().all if not run.end}) == 3)
        for each in classes[1:]:
            assert (await shown(gateway, numbers[each], "running"))["name"] == each
        assert not town.journal().at_once(), "one that could still write was run again"


async def test_a_number_never_means_another_job_though_both_members_give_the_same_numbers(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=LONG) as town:
        gateway = await town.gateway()
        names = [f"job-{n}" for n in range(8)]
        numbers = {name: await submitted(gateway, name=name) for name in names}
        for number in numbers.values():
            await shown(gateway, number, "running")
        used = {run.address for run in town.journal().all}
        assert used == {each.address for each in town.members}, "both members have batches 0, 1, 2 …"
        await dies(town, 1)
        for name, number in numbers.items():
            told = await shown(gateway, number, "running", "dead")
            assert told["name"] == name


async def test_a_submission_repeated_while_its_member_is_fenced_runs_once(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=LONG) as town:
        gateway = await town.gateway()
        fenced = town.members[0].view(role=Role.FENCED, accepts_new=False)

        async def submits(name: str) -> int:
            return await submitted(gateway, {KEY: name}, name=name)

        async with asyncio.TaskGroup() as group:
            first = [group.create_task(submits(f"job-{n}")) for n in range(10)]
            group.create_task(town.publish(fenced, town.members[1].view()))
            second = [group.create_task(submits(f"job-{n}")) for n in range(10)]
        numbers = [each.result() for each in first]
        assert [each.result() for each in second] == numbers
        assert await asyncio.gather(*(submits(f"job-{n}") for n in range(10))) == numbers
        for number in numbers:
            await shown(gateway, number, "running")
        assert {name: len(runs) for name, runs in town.journal().by_batch().items()} == dict.fromkeys(
            town.journal().by_batch(), 1
        )
        assert len(town.journal().by_batch()) == 10


async def test_a_kept_connection_to_a_gateway_that_hangs_is_cut_and_its_client_goes_on(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=LONG) as town:
        pair = [await town.gateway(), await town.gateway()]
        number = await submitted(pair[0], name="job")
        address = f"127.{town.addresses.octet}.102.1"
        async with balanced(address, [each.address for each in pair]), aiohttp.ClientSession() as session:
            url = f"http://{address}:{PORT}/batches/{number}"
            for hanging in pair:
                await polled(session, url)  # by a connection that is kept from here on, to either of them
                hanging.freeze()
                assert await polled(session, url) < 6.0, "the balancer's checks take two seconds to fail"
                hanging.thaw()
                await town.up(hanging)


async def polled(session: aiohttp.ClientSession, url: str) -> float:
    """Ask until there is an answer, as a client with a deadline of a second does; return how long it took."""
    begun = time.monotonic()
    while time.monotonic() < begun + 30:
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(1)) as answer:
                told = await answer.json()
                assert (answer.status, told["name"]) == (200, "job")
                return time.monotonic() - begun
        except (aiohttp.ClientError, TimeoutError):
            continue
    raise AssertionError(f"no answer for {time.monotonic() - begun:.0f} s")


@pytest.mark.lab
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_ten_thousand_clients_that_poll_notice_nothing_of_a_member_that_hangs(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=LONG) as town:
        gateway = await town.gateway()
        await filled(gateway.base, 500, dict(JOB))
        order = Order(gateway.address, PORT, 1, 500, connections=10_000, every=5.0, seconds=10.0)
        before = await loaded(order)
        town.members[1].freeze("livy")
        town.members[1].freeze("resource-manager")
        told = await loaded(order)
        for each in (before, told):
            assert (each["wrong"], each["broken"], each["refused"]) == (0, 0, {})
            assert each["good"] >= 15_000
        assert told["p99_ms"] < 2 * before["p99_ms"] + 100, (before, told)
        begun = time.monotonic()
        for _ in range(5):
            await submitted(gateway)
        assert time.monotonic() - begun < 5.0, "new work goes to the member that answers"


@pytest.mark.lab
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_clients_of_a_gateway_that_is_killed_only_connect_again(tmp_path: Path) -> None:
    async with bed(tmp_path, plan=Plan(seconds=3.0)) as town:
        pair = [await town.gateway(), await town.gateway()]
        address = f"127.{town.addresses.octet}.102.1"

        async def deed() -> None:
            pair[0].kill()

        async with balanced(address, [each.address for each in pair]):
            pace = Pace(rate=20, seconds=12, job_seconds=3.0)
            clients = Clients(f"http://{address}:{PORT}", pace, {}, again=True)
            told = await clients.run(deed, 4.0)
        assert told["repeated"] > 0 or told["polls"]["silent"] > 0, "nobody noticed"
        assert (told["refused"], told["wrong_answers"]) == (0, 0), told
        assert told["ends"] == {"right": 240, "wrong": 0, "never_learned": 0}
        runs = town.journal().by_batch()
        assert {len(each) for each in runs.values()} == {1}
        assert len(runs) == 240
