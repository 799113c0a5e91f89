"""Control targets: whether anything can be reached from here, asked of all at once and never in vain."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from emr_dr.probes.control import ControlTarget
from emr_dr.probes.http import Http
from emr_dr.probes.member import MemberProbes
from probes.member_on_loopback import serving, silent

HERE = "127.0.0.1"


def looking(client: Http, *targets: ControlTarget) -> MemberProbes:
    return MemberProbes(client, services={}, targets=targets)


@pytest.fixture
def deaf() -> Iterator[ControlTarget]:
    """A port that neither takes nor refuses a connection: its queue is full, as behind a rule that drops packets."""
    with socket.create_server((HERE, 0), backlog=0) as server:
        port: int = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex((HERE, port))
        yield ControlTarget(HERE, port)
        for each in waiting:
            each.close()


async def test_without_control_targets_there_is_nothing_to_say(client: Http) -> None:
    assert list(await looking(client).controls()) == []


async def test_a_target_that_takes_connections_is_reached_whatever_it_says(client: Http) -> None:
    async with serving(silent) as running:
        (result,) = await looking(client, ControlTarget(HERE, running.endpoint.port)).controls()
        assert (result.service, result.ok, result.detail) == (f"{HERE}:{running.endpoint.port}", True, "connected")
        assert running.asked == []


async def test_what_is_not_reached_is_told_in_the_words_of_the_other_probes(
    client: Http, unused_tcp_port: int, deaf: ControlTarget
) -> None:
    targets = [ControlTarget(HERE, unused_tcp_port), deaf, ControlTarget("no..name", 53), ControlTarget("x" * 64, 53)]
    results = await looking(client, *targets).controls()
    assert [(each.service, each.ok, each.detail) for each in results] == [
        (f"{HERE}:{unused_tcp_port}", False, "connection refused"),
        (f"{HERE}:{deaf.port}", False, "no connection within 0.3 s"),
        ("no..name:53", False, "the name is not known"),
        (f"{'x' * 64}:53", False, "the name is not known"),
    ]


async def test_one_that_hangs_delays_no_other(client: Http, deaf: ControlTarget) -> None:
    async with serving(silent) as running:
        start = time.monotonic()
        results = await looking(client, *[deaf] * 7, ControlTarget(HERE, running.endpoint.port)).controls()
        assert time.monotonic() - start < 2 * 0.3 + 1
    assert [each.ok for each in results] == [False] * 7 + [True]
    assert results[0].seconds >= 0.3 > results[-1].seconds


async def test_a_look_that_is_broken_off_leaves_nothing_behind(client: Http, deaf: ControlTarget) -> None:
    look = asyncio.ensure_future(looking(client, deaf).controls())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(look, 0.05)
    assert look.cancelled()


def test_an_ipv6_address_is_told_from_its_port() -> None:
    assert str(ControlTarget("fd00::2", 53)) == "[fd00::2]:53"
