"""What a cluster is made with: its services, their ports, its place and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

LAB_MARKER = "EMR_DR_LAB"
"""Environment variable that every process of a lab carries, and its value is the lab's id."""
ADDRESS_MARKER = "SPARK_LOCAL_IP"
"""Environment variable that every process of a cluster carries; Spark itself binds to its value."""


class Service(StrEnum):
    """The daemons of one cluster, in the order in which they are started."""

    NAME_NODE = "name-node"
    RESOURCE_MANAGER = "resource-manager"
    LIVY = "livy"
    DATA_NODE = "data-node"
    NODE_MANAGER = "node-manager"


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a cluster listens on for as long as its service runs."""

    number: int
    service: Service


LIVY_PORT = 8998
RESOURCE_MANAGER_PORT = 8088
NAME_NODE_PORT = 9870
NAME_NODE_RPC_PORT = 8020
DATA_NODE_PORT = 9864
NODE_MANAGER_PORT = 8042

PORTS = (
    Port(LIVY_PORT, Service.LIVY),
    Port(NAME_NODE_PORT, Service.NAME_NODE),
    Port(NAME_NODE_RPC_PORT, Service.NAME_NODE),
    Port(DATA_NODE_PORT, Service.DATA_NODE),
    Port(9866, Service.DATA_NODE),
    Port(9867, Service.DATA_NODE),
    Port(RESOURCE_MANAGER_PORT, Service.RESOURCE_MANAGER),
    Port(8030, Service.RESOURCE_MANAGER),
    Port(8031, Service.RESOURCE_MANAGER),
    Port(8032, Service.RESOURCE_MANAGER),
    Port(8033, Service.RESOURCE_MANAGER),
    Port(NODE_MANAGER_PORT, Service.NODE_MANAGER),
    Port(8040, Service.NODE_MANAGER),
    Port(8041, Service.NODE_MANAGER),
)
"""All of them; numbers are those of EMR."""


HTTP_PORTS = {
    Service.LIVY: LIVY_PORT,
    Service.RESOURCE_MANAGER: RESOURCE_MANAGER_PORT,
    Service.NAME_NODE: NAME_NODE_PORT,
    Service.DATA_NODE: DATA_NODE_PORT,
    Service.NODE_MANAGER: NODE_MANAGER_PORT,
}
"""What clients from outside use. On the other ports the services talk to each other, all of them from 127.0.0.1."""


def ports_of(service: Service) -> list[int]:
    """Return the numbers of the ports that a service listens on."""
    return [port.number for port in PORTS if port.service is service]


@dataclass(frozen=True, slots=True)
class Script:
    """A bootstrap action; it finds the node's root in `EMR_DR_ROOT`, and must keep to it: this machine is yours."""

    body: bytes
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What the caller decides about a cluster."""

    bootstrap: tuple[Script, ...] = ()
    """What is run before any service starts, in order."""
    configurations: Sequence[Mapping[str, Any]] = ()
    """As in RunJobFlow: `{"Classification": …, "Properties": {…}}`; addresses and folders cannot be changed by them."""
    s3_root: Path | None = None
    """Folder with a folder for each bucket; jobs see it as `s3://BUCKET/…`. None: no `s3://`."""
    looked_at_from: str = ""
    """Source address of the health checks; empty: whatever the kernel takes."""
    node_memory_mb: int = 4096
    """What YARN may give to containers, in MiB: three small batches at once, which is what two cores bear."""


@dataclass(frozen=True, slots=True)
class Node:
    """The one machine of a cluster: a loopback address and a folder for everything that it writes."""

    address: str
    home: Path

    @property
    def configuration(self) -> Path:
        """Where its configuration files are."""
        return self.home / "conf"

    @property
    def logs(self) -> Path:
        """Where each service's output is, as `SERVICE.log`."""
        return self.home / "logs"

    @property
    def name_directory(self) -> Path:
        """Where the NameNode keeps its image."""
        return self.home / "name"

    @property
    def root(self) -> Path:
        """What stands for `/` where scripts and settings name a path on the primary."""
        return self.home / "root"

    @property
    def livy_state(self) -> Path:
        """Where Livy keeps its batches for recovery, unless it is told where."""
        return self.home / "livy-state"
