"""One lab for all tests of the lab."""

from collections.abc import Iterator

import pytest

from emr_dr.lab import client
from emr_dr.lab.server import Lab
from emr_dr.lab.standin import StandInMachines
from emr_dr.lab.times import LabTimes
from lab.lab_world import Clock, World


@pytest.fixture(scope="session")
def _session_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("lab")
    clock = Clock()
    times = LabTimes(health_check_speed=50)
    with Lab(directory, StandInMachines(), times, clock=clock) as lab:
        lab.announce()
        world = World(lab, clock, client.require(directory))
        yield world
        for each in world.clients.values():
            each.close()


@pytest.fixture
def world(_session_world: World) -> Iterator[World]:
    """The session's lab; faults, cuts and dead zones of one test do not reach the next."""
    yield _session_world
    _session_world.orders.clear_faults()
    _session_world.orders.heal()
    for zone in _session_world.lab.resources.subnets:
        _session_world.orders.restore_az(zone)
