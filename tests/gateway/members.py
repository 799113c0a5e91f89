"""Stand-in members for tests of the gateway: each on a loopback address of its own, on Livy's and YARN's own ports.

The fixtures are in `conftest.py` of this folder.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from emr_dr.lab import world
from emr_dr.lab.standin import Runs, StandInMember
from emr_dr.lab.standin.agenda import wall

ZONES = world.ZONES


class Clock:
    """The members' time, which a test moves by hand: `clock.skip(600)`; it goes on by itself between."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return wall() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


class Members:
    """Starts members `j-1`, `j-2` … in AZs a, b, c, a …; all write one journal of runs, and share one clock."""

    def __init__(self, addresses: world.Addresses) -> None:
        self._addresses = {zone: addresses.hosts(zone) for zone in ZONES}
        self.runs = Runs()
        self.clock = Clock()
        self.all: list[StandInMember] = []

    async def start(self, **more: Any) -> StandInMember:  # noqa: ANN401 - as StandInMember has it
        """Start one more; keywords are those of `StandInMember`."""
        number = len(self.all)
        zone = ZONES[number % len(ZONES)]
        given: dict[str, Any] = {
            "cluster_id": f"j-{number + 1}",
            "zone": zone,
            "runs": self.runs,
            "clock": self.clock,
        } | more
        member = StandInMember(next(self._addresses[zone]), **given)
        self.all.append(member)
        await member.open()
        return member

    def journal(self) -> Runs:
        """Return the journal up to this moment."""
        for member in self.all:
            member.agenda.catch_up()
        return self.runs

    async def close(self) -> None:
        """Close every port of every member."""
        for member in self.all:
            await member.close()


@asynccontextmanager
async def started_members(addresses: world.Addresses) -> AsyncIterator[Members]:
    """Members that end with the block."""
    members = Members(addresses)
    try:
        yield members
    finally:
        await members.close()
