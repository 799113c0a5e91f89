"""Whether a cluster's services are well, asked of the services themselves."""

import http.client
import json
from collections.abc import Callable, Mapping
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


def _ask(address: str, port: int, path: str) -> Any:  # noqa: ANN401 - it is whatever JSON the service answers
    connection = http.client.HTTPConnection(address, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        return json.loads(body) if reply.status == http.HTTPStatus.OK else None
    finally:
        connection.close()


def _name_node(address: str) -> bool:
    status = _ask(address, NAME_NODE_PORT, "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus")
    return bool(status["beans"][0]["State"] == "active")


def _data_node(address: str) -> bool:
    """Both sides: the NameNode counts a dead DataNode as live for ten minutes."""
    seen = _ask(address, NAME_NODE_PORT, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
    own = _ask(address, DATA_NODE_PORT, "/jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo")
    return bool(seen["beans"][0]["NumLiveDataNodes"] >= 1 and own["beans"])


def _resource_manager(address: str) -> bool:
    return bool(_ask(address, RESOURCE_MANAGER_PORT, "/ws/v1/cluster/info")["clusterInfo"]["state"] == "STARTED")


def _node_manager(address: str) -> bool:
    """Both sides, for the same reason."""
    seen = _ask(address, RESOURCE_MANAGER_PORT, "/ws/v1/cluster/metrics")
    own = _ask(address, NODE_MANAGER_PORT, "/ws/v1/node/info")
    return bool(seen["clusterMetrics"]["activeNodes"] >= 1 and own["nodeInfo"]["nodeHealthy"])


def _livy(address: str) -> bool:
    return "sessions" in _ask(address, LIVY_PORT, "/batches?size=1")


_CHECKS: Mapping[Service, Callable[[str], bool]] = {
    Service.NAME_NODE: _name_node,
    Service.DATA_NODE: _data_node,
    Service.RESOURCE_MANAGER: _resource_manager,
    Service.NODE_MANAGER: _node_manager,
    Service.LIVY: _livy,
}


def unwell(address: str) -> list[Service]:
    """Return the services that do not answer as they should, each within 2 s; empty: the cluster is healthy."""
    return [service for service, check in _CHECKS.items() if not _passes(check, address)]


def is_healthy(address: str) -> bool:
    """Return whether all five services are well; stops at the first that is not."""
    return all(_passes(check, address) for check in _CHECKS.values())


def _passes(check: Callable[[str], bool], address: str) -> bool:
    try:
        return check(address)
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        # Down, silent, half up, or answering something else: all the same to a health check.
        return False
