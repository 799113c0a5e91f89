"""Whether a cluster's services are well, asked of the services themselves."""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emr_dr.lab.cluster.settings import (
    DATA_NODE_PORT,
    LIVY_PORT,
    NAME_NODE_PORT,
    NODE_MANAGER_PORT,
    RESOURCE_MANAGER_PORT,
    Service,
)

_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Place:
    """A cluster's address, and the one to ask it from (empty: whatever the kernel takes)."""

    address: str
    source: str

    def ask(self, port: int, path: str) -> Any:  # noqa: ANN401 - it is whatever JSON the service answers
        source = (self.source, 0) if self.source else None
        connection = http.client.HTTPConnection(self.address, port, timeout=_TIMEOUT_SECONDS, source_address=source)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read()
            return json.loads(body) if reply.status == http.HTTPStatus.OK else None
        finally:
            connection.close()


def _name_node(place: _Place) -> bool:
    status = place.ask(NAME_NODE_PORT, "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus")
    return bool(status["beans"][0]["State"] == "active")


def _data_node(place: _Place) -> bool:
    """Both sides: the NameNode counts a dead DataNode as live for ten minutes."""
    seen = place.ask(NAME_NODE_PORT, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
    own = place.ask(DATA_NODE_PORT, "/jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo")
    return bool(seen["beans"][0]["NumLiveDataNodes"] >= 1 and own["beans"])


def _resource_manager(place: _Place) -> bool:
    return bool(place.ask(RESOURCE_MANAGER_PORT, "/ws/v1/cluster/info")["clusterInfo"]["state"] == "STARTED")


def _node_manager(place: _Place) -> bool:
    """Both sides, for the same reason."""
    seen = place.ask(RESOURCE_MANAGER_PORT, "/ws/v1/cluster/metrics")
    own = place.ask(NODE_MANAGER_PORT, "/ws/v1/node/info")
    return bool(seen["clusterMetrics"]["activeNodes"] >= 1 and own["nodeInfo"]["nodeHealthy"])


def _livy(place: _Place) -> bool:
    return "sessions" in place.ask(LIVY_PORT, "/batches?size=1")


_CHECKS: Mapping[Service, Callable[[_Place], bool]] = {
    Service.NAME_NODE: _name_node,
    Service.DATA_NODE: _data_node,
    Service.RESOURCE_MANAGER: _resource_manager,
    Service.NODE_MANAGER: _node_manager,
    Service.LIVY: _livy,
}


def unwell(address: str, source: str = "") -> list[Service]:
    """Return the services that do not answer as they should, each within 2 s; empty: the cluster is healthy.

    `source` is the address to ask from.
    """
    return [service for service, check in _CHECKS.items() if not _passes(check, _Place(address, source))]


def is_healthy(address: str, source: str = "") -> bool:
    """Return whether all five services are well, asked from `source`; stops at the first that is not."""
    return all(_passes(check, _Place(address, source)) for check in _CHECKS.values())


def _passes(check: Callable[[_Place], bool], place: _Place) -> bool:
    try:
        return check(place)
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        # Down, silent, half up, or answering something else: all the same to a health check.
        return False
