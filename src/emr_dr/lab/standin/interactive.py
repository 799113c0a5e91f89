"""The HTTP side of a stand-in's sessions, after the sources of Livy 0.7."""

from collections.abc import Callable
from http import HTTPStatus

import orjson
from aiohttp import BodyPartReader, web

from emr_dr.lab.standin.batches import RejectedError
from emr_dr.lab.standin.livy import NotKnownError, answer, int32, log_page, message, number
from emr_dr.lab.standin.reading import SESSION, read
from emr_dr.lab.standin.sessions import Session, Sessions, Statement, check_active

_TOO_MANY = "Rejected, too many sessions are being created!"
_DEFAULT_PAGE = 100
_CHUNK = 1 << 16


class Interactive:
    """What Livy serves below /sessions."""

    def __init__(self, sessions: Sessions, catch_up: Callable[[], None]) -> None:
        self._sessions = sessions
        self._catch_up = catch_up

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        one = "/sessions/{id}"
        uploads = (f"upload-{what}" for what in ("jar", "pyfile", "file"))
        adding = (f"add-{what}" for what in ("jar", "pyfile", "file"))
        return [
            web.get("/sessions", self._list),
            web.post("/sessions", self._create),
            web.get(one, self._get),
            web.get(f"{one}/state", self._state),
            web.get(f"{one}/log", self._log),
            web.delete(one, self._delete),
            web.post(f"{one}/stop", self._stop),
            web.post(f"{one}/interrupt", self._interrupt),
            web.post(f"{one}/connect", self._get),
            web.get(f"{one}/statements", self._statements),
            web.post(f"{one}/statements", self._run),
            web.get(f"{one}/statements/{{statement}}", self._statement),
            web.post(f"{one}/statements/{{statement}}/cancel", self._cancel),
            web.post(f"{one}/completion", self._complete),
            web.post(f"{one}/submit-job", self._job),
            web.post(f"{one}/run-job", self._job),
            web.get(f"{one}/jobs/{{job}}", self._job_status),
            web.post(f"{one}/jobs/{{job}}/cancel", self._job_status),
            *(web.post(f"{one}/{each}", self._upload) for each in uploads),
            *(web.post(f"{one}/{each}", self._add) for each in adding),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        start, size = number(request, "from", 0), number(request, "size", _DEFAULT_PAGE)
        every = list(self._sessions.all.values())
        shown = [each.shown() for each in every[start : start + size]]
        return answer({"from": start, "total": len(every), "sessions": shown})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.text()
        self._catch_up()
        settings = self._sessions.settings
        if settings.too_many:
            raise RejectedError(_TOO_MANY)
        asked = read(body, SESSION)
        user = request.query.get("doAs") or asked.text("proxyUser")
        session = self._sessions.create(asked, user if settings.impersonation else None)
        return answer(session.shown(), HTTPStatus.CREATED, {"Location": f"/sessions/{session.id}"})

    async def _get(self, request: web.Request) -> web.Response:
        return answer(self._found(request).shown())

    async def _state(self, request: web.Request) -> web.Response:
        session = self._found(request)
        return answer({"id": session.id, "state": session.state})

    async def _log(self, request: web.Request) -> web.Response:
        session = self._found(request)
        return log_page(session.id, session.log, request)

    async def _delete(self, request: web.Request) -> web.Response:
        self._sessions.delete(self._found(request))
        return message("deleted")

    async def _stop(self, request: web.Request) -> web.Response:
        self._sessions.delete(self._found(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _interrupt(self, request: web.Request) -> web.Response:
        session = self._found(request)
        for each in session.statements:
            self._sessions.cancel(session, each)
        return message("interrupted")

    async def _statements(self, request: web.Request) -> web.Response:
        session = self._active(request)
        start = number(request, "from", 0)
        size = number(request, "size", len(session.statements))
        shown = [each.shown() for each in session.statements[start : start + size]]
        return answer({"total_statements": len(session.statements), "statements": shown})

    async def _run(self, request: web.Request) -> web.Response:
        session = self._found(request)
        try:
            code = str(orjson.loads(await request.read())["code"])
        except (ValueError, KeyError, TypeError):
            raise RejectedError("a statement needs code") from None
        statement = self._sessions.run(session, code)
        location = {"Location": f"/sessions/{session.id}/statements/{statement.id}"}
        return answer(statement.shown(), HTTPStatus.CREATED, location)

    async def _statement(self, request: web.Request) -> web.Response:
        statement = _statement_of(self._active(request), request)
        if statement is None:
            return answer("Statement not found", HTTPStatus.NOT_FOUND)
        return answer(statement.shown())

    async def _cancel(self, request: web.Request) -> web.Response:
        session = self._active(request)
        statement = _statement_of(session, request)
        if statement is not None:
            self._sessions.cancel(session, statement)
        return message("canceled")

    async def _complete(self, request: web.Request) -> web.Response:
        self._active(request)
        return answer({"candidates": [orjson.loads(await request.read()).get("code", "")]})

    async def _job(self, request: web.Request) -> web.Response:
        session = self._active(request)
        session.jobs += 1
        status = {"id": session.jobs - 1, "state": "SENT", "result": None, "error": None}
        return answer(status, HTTPStatus.CREATED)

    async def _job_status(self, request: web.Request) -> web.Response:
        self._active(request)
        return answer({"id": int(request.match_info["job"]), "state": "SUCCEEDED", "result": None, "error": None})

    async def _upload(self, request: web.Request) -> web.Response:
        """Count what is uploaded, without keeping it."""
        session, how = self._active(request), request.path.rpartition("/")[2]
        wanted = "jar" if how == "upload-jar" else "file"
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name == wanted:
                size = 0
                while chunk := await part.read_chunk(_CHUNK):
                    size += len(chunk)
                    session.received += len(chunk)
                session.uploads.append((how, part.filename or "", size))
                return web.Response(headers={"Content-Type": "application/json;charset=utf-8"})
        return answer(f"No {wanted} sent!", HTTPStatus.BAD_REQUEST)

    async def _add(self, request: web.Request) -> web.Response:
        session, how = self._active(request), request.path.rpartition("/")[2]
        session.added.append((how, str(orjson.loads(await request.read())["uri"])))
        return web.Response(headers={"Content-Type": "application/json;charset=utf-8"})

    def _active(self, request: web.Request) -> Session:
        session = self._found(request)
        check_active(session)
        return session

    def _found(self, request: web.Request) -> Session:
        asked = request.match_info["id"]
        session = self._sessions.find(str(int32(asked)) if asked.isdecimal() else asked)
        if session is None:
            raise NotKnownError(request.match_info["id"])
        self._sessions.beat(session)
        return session


def _statement_of(session: Session, request: web.Request) -> Statement | None:
    wanted = request.match_info["statement"]
    return next((each for each in session.statements if str(each.id) == wanted), None)
