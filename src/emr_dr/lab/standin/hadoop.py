"""A ResourceManager and a NameNode that manage nothing but answer health checks as Hadoop 3.3 does."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from aiohttp import web


class ResourceManager:
    """YARN's REST API of one cluster; its id is the time it started, as in YARN, and never given twice."""

    def __init__(self, started: int, applications: Callable[[], list[dict[str, object]]]) -> None:
        """`started` in milliseconds."""
        self._started = started
        self._applications = applications

    def come_back(self, started: int) -> None:
        """Have a new identity, as after each start."""
        self._started = started

    def routes(self) -> list[web.RouteDef]:
        """Return what the ResourceManager serves on its port."""
        return [
            web.get("/ws/v1/cluster", self._info),
            web.get("/ws/v1/cluster/info", self._info),
            web.get("/ws/v1/cluster/metrics", self._metrics),
            web.get("/ws/v1/cluster/apps", self._apps),
        ]

    async def _info(self, _: web.Request) -> web.Response:
        info = {
            "id": self._started,
            "startedOn": self._started,
            "state": "STARTED",
            "haState": "ACTIVE",
            "rmStateStoreName": "org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore",
            "resourceManagerVersion": "3.3.6",
            "hadoopVersion": "3.3.6",
            "haZooKeeperConnectionState": "Could not find leader elector. Verify both HA and automatic failover "
            "are enabled.",
        }
        return web.json_response({"clusterInfo": info})

    async def _metrics(self, _: web.Request) -> web.Response:
        running = sum(each["state"] == "RUNNING" for each in self._applications())
        metrics = {
            "appsSubmitted": len(self._applications()),
            "appsRunning": running,
            "appsPending": 0,
            "activeNodes": 1,
            "lostNodes": 0,
            "unhealthyNodes": 0,
            "totalNodes": 1,
            "availableMB": 4096,
            "totalMB": 4096,
        }
        return web.json_response({"clusterMetrics": metrics})

    async def _apps(self, request: web.Request) -> web.Response:
        wanted = {state for value in request.query.getall("states", []) for state in value.split(",")}
        found = [each for each in self._applications() if not wanted or each["state"] in wanted]
        return web.json_response({"apps": {"app": found} if found else None})


class NameNode:
    """HDFS's JMX servlet of one cluster."""

    def __init__(self, address: str) -> None:
        self._address = address

    def routes(self) -> list[web.RouteDef]:
        """Return what the NameNode serves on its port."""
        return [web.get("/jmx", self._jmx)]

    async def _jmx(self, request: web.Request) -> web.Response:
        """Answer every query with the beans whose name is asked for, all of them without `qry`."""
        beans = [
            {
                "name": "Hadoop:service=NameNode,name=NameNodeStatus",
                "modelerType": "org.apache.hadoop.hdfs.server.namenode.NameNode",
                "State": "active",
                "NNRole": "NameNode",
                "HostAndPort": f"{self._address}:8020",
                "SecurityEnabled": False,
                "LastHATransitionTime": 0,
            },
            {
                "name": "Hadoop:service=NameNode,name=FSNamesystemState",
                "FSState": "Operational",
                "NumLiveDataNodes": 1,
                "NumDeadDataNodes": 0,
            },
            {"name": "Hadoop:service=NameNode,name=NameNodeInfo", "Safemode": "", "Threads": 20},
        ]
        wanted = request.query.get("qry", "*")  # an ObjectName pattern
        return web.json_response({"beans": [each for each in beans if fnmatchcase(str(each["name"]), wanted)]})
