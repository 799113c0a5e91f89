"""A Livy that runs nothing: batches succeed after a settable time. Answers follow captures of Livy 0.7.1."""

import json
import time
from dataclasses import dataclass

from aiohttp import web

_VERSION = {
    "url": "https://github.com/apache/incubator-livy.git",
    "branch": "branch-0.7",
    "revision": "972b600d72629884140aec315ea925858eb67884",
    "version": "0.7.1-incubating",
    "date": "2021-02-04T05:14:46Z",
    "user": "root",
}
_FIELDS = {
    "file", "proxyUser", "className", "args", "jars", "pyFiles", "files", "archives", "driverMemory", "driverCores",
    "executorMemory", "executorCores", "numExecutors", "queue", "name", "conf",
}  # fmt: skip
_STARTING_SECONDS = 0.2
_EMPTY_LOG = ("stdout: ", "\nstderr: ", "\nYARN Diagnostics: ")


@dataclass(slots=True)
class Batch:
    """One batch; `submitted` in seconds of the monotonic clock."""

    id: int
    name: str | None
    application: str
    submitted: float
    dead: bool = False
    in_yarn: bool = True


class Livy:
    """The batches of one cluster, which end with it."""

    def __init__(self, address: str, cluster_started: int, batch_seconds: float, first_id: int = 0) -> None:
        """`cluster_started` in milliseconds, part of YARN's application ids; a batch runs for `batch_seconds`.

        Ids count from 0, as a fresh Livy's do, or from what its recovery store was seeded with.
        """
        self._address = address
        self._started = cluster_started
        self._batch_seconds = batch_seconds
        self._next_id = first_id
        self._applications = 0
        self._batches: dict[int, Batch] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return what Livy serves on its port."""
        return [
            web.get("/version", self._version),
            web.get("/sessions", self._sessions),
            web.post("/sessions", self._no_sessions),
            web.get("/sessions/{id}", self._no_session),
            web.get("/batches", self._list),
            web.post("/batches", self._submit),
            web.get("/batches/{id}", self._get),
            web.get("/batches/{id}/state", self._get_state),
            web.get("/batches/{id}/log", self._get_log),
            web.delete("/batches/{id}", self._delete),
        ]

    def applications(self) -> list[dict[str, object]]:
        """Return the batches as YARN lists its applications."""
        finals = {"success": ("FINISHED", "SUCCEEDED"), "running": ("RUNNING", "UNDEFINED")}
        listed: list[dict[str, object]] = []
        for batch in [each for each in self._batches.values() if each.in_yarn]:
            state, final = finals.get(self._state(batch), ("ACCEPTED", "UNDEFINED"))
            listed.append({"id": batch.application, "name": batch.name or "", "state": state, "finalStatus": final})
        return listed

    def lose(self) -> None:
        """End with the cluster's machines: what runs will never succeed."""
        for batch in self._batches.values():
            batch.dead = self._state(batch) != "success"

    def come_back(self, cluster_started: int) -> None:
        """Know the batches from the disk, as Livy does, where YARN begins with none."""
        self._started, self._applications = cluster_started, 0
        for batch in self._batches.values():
            batch.in_yarn = False

    def _state(self, batch: Batch) -> str:
        if batch.dead:
            return "dead"
        age = time.monotonic() - batch.submitted
        if age < min(_STARTING_SECONDS, self._batch_seconds / 2):
            return "starting"
        return "running" if age < self._batch_seconds else "success"

    def _shown(self, batch: Batch) -> dict[str, object]:
        state = self._state(batch)
        app = None if state == "starting" else batch.application
        ui = f"http://{self._address}:8088/proxy/{batch.application}/" if app else None
        return {
            "id": batch.id,
            "name": batch.name,
            "owner": None,
            "proxyUser": None,
            "state": state,
            "appId": app,
            "appInfo": {"driverLogUrl": None, "sparkUiUrl": ui},
            "log": list(_EMPTY_LOG),
        }

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response(_VERSION)

    async def _sessions(self, _: web.Request) -> web.Response:
        return web.json_response({"from": 0, "total": 0, "sessions": []})

    async def _no_sessions(self, _: web.Request) -> web.Response:
        return web.json_response("Cannot find Livy REPL jars.", status=400)

    async def _no_session(self, request: web.Request) -> web.Response:
        return _not_found(request)

    async def _list(self, request: web.Request) -> web.Response:
        start, size = int(request.query.get("from", 0)), int(request.query.get("size", 100))
        page = list(self._batches.values())[start : start + size]
        shown = [self._shown(batch) for batch in page]
        return web.json_response({"from": start, "total": len(self._batches), "sessions": shown})

    async def _submit(self, request: web.Request) -> web.Response:
        """A refused duplicate name burns an id, as it does in Livy."""
        try:
            asked = json.loads(await request.text())
        except ValueError as error:
            return web.json_response(str(error), status=400)
        unknown = set(asked) - _FIELDS
        if unknown:
            text = f'Unrecognized field "{min(unknown)}" (class org.apache.livy.server.batch.CreateBatchRequest)'
            return web.json_response(text, status=400)
        if not asked.get("file"):
            return web.json_response({"msg": "requirement failed: File is required."}, status=400)
        number, self._next_id = self._next_id, self._next_id + 1
        name = asked.get("name")
        if name is not None and any(batch.name == name for batch in self._batches.values()):
            return web.json_response({"msg": f"Duplicate session name: Some({name}) for session {number}"}, status=400)
        self._applications += 1
        application = f"application_{self._started}_{self._applications:04}"
        batch = self._batches[number] = Batch(number, name, application, time.monotonic())
        return web.json_response(self._shown(batch), status=201, headers={"Location": f"/batches/{number}"})

    def _find(self, request: web.Request) -> Batch | None:
        asked = request.match_info["id"]
        if asked.isdecimal():
            return self._batches.get(int(asked))
        return next((batch for batch in self._batches.values() if batch.name == asked), None)

    async def _get(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        return web.json_response(self._shown(batch)) if batch else _not_found(request)

    async def _get_state(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        return web.json_response({"id": batch.id, "state": self._state(batch)}) if batch else _not_found(request)

    async def _get_log(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if batch is None:
            return _not_found(request)
        size, start = int(request.query.get("size", 100)), int(request.query.get("from", -1))
        start = max(0, len(_EMPTY_LOG) - size) if start < 0 else start
        lines = _EMPTY_LOG[start : start + size]
        return web.json_response({"id": batch.id, "from": start, "total": len(_EMPTY_LOG), "log": lines})

    async def _delete(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if batch is None:
            return _not_found(request)
        del self._batches[batch.id]
        return web.json_response({"msg": "deleted"})


def _not_found(request: web.Request) -> web.Response:
    return web.json_response({"msg": f"Session '{request.match_info['id']}' not found."}, status=404)
