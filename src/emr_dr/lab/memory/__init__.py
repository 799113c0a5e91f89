"""AWS, the members and time, in memory and on virtual time: for tests, and for rehearsals of any strategy."""

from emr_dr.lab.memory.adapters import (
    MemoryArtifacts,
    MemoryBalancer,
    MemoryClusters,
    MemoryHosts,
    MemoryProbes,
    MemoryRoles,
    MemoryWork,
)
from emr_dr.lab.memory.clock import OwnClock, VirtualClock
from emr_dr.lab.memory.cloud import MemoryCloud
from emr_dr.lab.memory.faults import Faults, Moment
from emr_dr.lab.memory.machine import Delays, Machine

__all__ = [
    "Delays",
    "Faults",
    "Machine",
    "MemoryArtifacts",
    "MemoryBalancer",
    "MemoryCloud",
    "MemoryClusters",
    "MemoryHosts",
    "MemoryProbes",
    "MemoryRoles",
    "MemoryWork",
    "Moment",
    "OwnClock",
    "VirtualClock",
]
