"""Fixtures of the gateway's tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop

from emr_dr.lab import world
from emr_dr.lab.standin import StandInMember
from gateway.members import Members, started_members

AS_A_GATEWAY = ("test_access.py", "test_app.py", "test_bad_input.py", "test_captures.py", "test_pages.py")
"""What is tested on the event loop that `emr-dr gateway` runs on: its sockets behave in ways of their own."""


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Choose the event loop of a test."""
    return {"loop": uvloop.new_event_loop if item.path.name in AS_A_GATEWAY else asyncio.new_event_loop}


@pytest.fixture(scope="session")
def addresses() -> Iterator[world.Addresses]:
    """Loopback addresses that no other process has."""
    with world.claim_addresses() as claimed:
        yield claimed


@pytest.fixture
async def members(addresses: world.Addresses) -> AsyncIterator[Members]:
    """Starts stand-in members, and ends them with the test."""
    async with started_members(addresses) as started:
        yield started


@pytest.fixture
async def member(members: Members) -> StandInMember:
    """One stand-in member."""
    return await members.start()
