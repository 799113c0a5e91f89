"""Fixtures of the gateway's tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from emr_dr.lab import world
from emr_dr.lab.standin import StandInMember
from gateway.members import Members, started_members


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
