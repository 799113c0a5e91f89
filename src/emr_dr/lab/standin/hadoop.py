"""A ResourceManager and a NameNode that answer as those of Hadoop 3.3 do (captured)."""

from collections import Counter
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from http import HTTPStatus

import orjson
from aiohttp import web

from emr_dr.lab.standin.yarn import Application, Yarn

_STATES = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING", "FINISHED", "FAILED", "KILLED")
_JSON = "application/json;charset=utf-8"
_KEPT_ANSWERS = 16
_APPS = "/ws/v1/cluster/apps"


class ResourceManager:
    """YARN's REST API of one cluster; its id is the time it started, as in YARN, and never given twice."""

    def __init__(self, yarn: Yarn) -> None:
        self._yarn = yarn
        self._lists: dict[str, tuple[int, bytes]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return what the ResourceManager serves on its port."""
        return [
            web.get("/ws/v1/cluster", self._info),
            web.get("/ws/v1/cluster/info", self._info),
            web.get("/ws/v1/cluster/metrics", self._metrics),
            web.get(_APPS, self._apps),
            web.get(_APPS + "/{id}", self._app),
            web.get(_APPS + "/{id}/state", self._app_state),
            web.put(_APPS + "/{id}/state", self._put_state),
        ]

    async def _info(self, _: web.Request) -> web.Response:
        info = {
            "id": self._yarn.started,
            "startedOn": self._yarn.started,
            "state": "STARTED",
            "haState": "ACTIVE",
            "rmStateStoreName": "org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore",
            "resourceManagerVersion": "3.3.6",
            "hadoopVersion": "3.3.6",
            "haZooKeeperConnectionState": "Could not find leader elector. Verify both HA and automatic failover "
            "are enabled.",
        }
        return _answer({"clusterInfo": info})

    async def _metrics(self, _: web.Request) -> web.Response:
        states = Counter(each.state for each in self._yarn.applications.values())
        metrics = {
            "appsSubmitted": self._yarn.submitted,
            "appsCompleted": states["FINISHED"],
            "appsPending": states["ACCEPTED"],
            "appsRunning": states["RUNNING"],
            "appsFailed": states["FAILED"],
            "appsKilled": states["KILLED"],
            "activeNodes": 1,
            "lostNodes": 0,
            "unhealthyNodes": 0,
            "totalNodes": 1,
            "availableMB": 4096,
            "totalMB": 4096,
        }
        return _answer({"clusterMetrics": metrics})

    async def _apps(self, request: web.Request) -> web.Response:
        """List applications: those in any of the states, with any of the tags, and so on for what else is asked."""
        asked = request.query_string
        turn, body = self._lists.get(asked, (-1, b""))
        if turn != self._yarn.turn:
            wanted = _asked(request, "states") | _asked(request, "state")
            if unknown := {state.upper() for state in wanted}.difference(_STATES):
                what = f"Invalid application-state {min(unknown)} specified. It should be one of [{', '.join(_STATES)}]"
                return _refuse(HTTPStatus.BAD_REQUEST, "BadRequestException", what)
            found = self._selected(request, {state.upper() for state in wanted})
            body = b'{"apps":{"app":[%b]}}' % b",".join(map(_shown, found)) if found else b'{"apps":{}}'
            if len(self._lists) >= _KEPT_ANSWERS:
                self._lists.clear()
            self._lists[asked] = self._yarn.turn, body
        return _raw(body)

    def _selected(self, request: web.Request, states: set[str]) -> list[Application]:
        tags = {tag.lower() for tag in _asked(request, "applicationTags")}
        apps = self._yarn.tagged(sorted(tags)) if tags else list(self._yarn.applications.values())
        filters: list[Callable[[Application], bool]] = []
        if states:
            filters.append(lambda app: app.state in states)
        if user := request.query.get("user"):
            filters.append(lambda app: app.user == user)
        if queue := request.query.get("queue"):
            filters.append(lambda app: app.queue == queue)
        found = [app for app in apps if all(takes(app) for takes in filters)]
        limit = request.query.get("limit", "")
        return found[: int(limit)] if limit.isdecimal() else found

    async def _app(self, request: web.Request) -> web.Response:
        app = self._yarn.applications.get(request.match_info["id"])
        return _raw(b'{"app":%b}' % _shown(app)) if app else _unknown(request)

    async def _app_state(self, request: web.Request) -> web.Response:
        app = self._yarn.applications.get(request.match_info["id"])
        return _answer({"state": app.state}) if app else _unknown(request)

    async def _put_state(self, request: web.Request) -> web.Response:
        """Order a kill: 202 while it is under way, 200 once there is nothing left to kill; as a real one answers."""
        app = self._yarn.applications.get(request.match_info["id"])
        try:
            wanted = orjson.loads(await request.read())["state"]
        except (ValueError, KeyError, TypeError):
            return _refuse(HTTPStatus.BAD_REQUEST, "BadRequestException", "a state is needed")
        if app is None:
            return _unknown(request)
        if wanted != "KILLED":
            return _refuse(HTTPStatus.BAD_REQUEST, "BadRequestException", "Only 'KILLED' is allowed as a target state.")
        if app.ended:
            return _answer({"state": app.state})
        self._yarn.kill(app)
        return _answer({"state": "KILLING"}, HTTPStatus.ACCEPTED, {"Location": str(request.url)})


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


def _asked(request: web.Request, key: str) -> set[str]:
    values = request.query.getall(key, [])
    return {each.strip() for value in values for each in value.split(",") if each.strip()}


def _shown(app: Application) -> bytes:
    """Return one application as JSON, without what `deSelects=resourceRequests` leaves out and what nobody reads."""
    if app.rendered is None:
        started, finished = int(app.submitted_at * 1000), int(app.finished_at * 1000)
        view = {
            "id": app.id,
            "user": app.user,
            "name": app.name,
            "queue": app.queue,
            "state": app.state,
            "finalStatus": app.final,
            "progress": 100.0 if app.ended else 10.0 if app.state == "RUNNING" else 0.0,
            "trackingUI": "History" if app.ended else "ApplicationMaster" if app.run else "UNASSIGNED",
            "diagnostics": app.diagnostics,
            "clusterId": int(app.id.split("_")[1]),
            "applicationType": "SPARK",
            "applicationTags": ",".join(app.tags),
            "priority": 0,
            "startedTime": started,
            "launchTime": int(app.launched_at * 1000),
            "finishedTime": finished,
            "elapsedTime": max(finished - started, 0),
            "runningContainers": 2 if app.state == "RUNNING" else 0,
            "logAggregationStatus": "DISABLED",
            "unmanagedApplication": False,
            "amNodeLabelExpression": "",
        }
        app.rendered = orjson.dumps(view)
    return app.rendered


def _raw(body: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": _JSON, **(headers or {})})


def _answer(content: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    return _raw(orjson.dumps(content), status, headers)


def _unknown(request: web.Request) -> web.Response:
    return _refuse(HTTPStatus.NOT_FOUND, "NotFoundException", f"app with id: {request.match_info['id']} not found")


def _refuse(status: HTTPStatus, exception: str, text: str) -> web.Response:
    told = {
        "exception": exception,
        "message": f"java.lang.Exception: {text}",
        "javaClassName": f"org.apache.hadoop.yarn.webapp.{exception}",
    }
    return _answer({"RemoteException": told}, status)
