"""The HTTP side of a stand-in's Livy. Answers follow captures of Livy 0.7.1."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import orjson
from aiohttp import web

from emr_dr.lab.standin.batches import Batch, Batches, RejectedError
from emr_dr.lab.standin.reading import UnreadableError, read
from emr_dr.lab.standin.server import Handler

_JSON = "application/json;charset=utf-8"
_HTML = "text/html;charset=utf-8"
_VERSION = {
    "url": "https://github.com/apache/incubator-livy.git",
    "branch": "branch-0.7",
    "revision": "972b600d72629884140aec315ea925858eb67884",
    "version": "0.7.1-incubating",
    "date": "2021-02-04T05:14:46Z",
    "user": "root",
}
_CSRF = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>Error 400 </title>
</head>
<body>
<h2>HTTP ERROR: 400</h2>
<p>Problem accessing {path}. Reason:
<pre>    {why}</pre></p>
<hr /><a href="http://eclipse.org/jetty">Powered by Jetty:// 9.3.24.v20180605</a><hr/>
</body>
</html>
"""
_NO_HEADER = "Missing Required Header for CSRF protection."
_LISTS = ("/batches", "/sessions")
_METHODS = ("POST", "DELETE", "PUT", "GET", "HEAD")
"""In the order in which Livy says what it takes."""
_NO_METHOD = web.HTTPMethodNotAllowed
_TOO_MANY = "Rejected, too many sessions are being created!"
_KILL_LOOKS = 0.01
_DEFAULT_PAGE = 100
_MOST = 2**31 - 1


class Livy:
    """What Livy serves on its port, over the batches that it knows."""

    def __init__(self, address: str, batches: Batches, catch_up: Callable[[], None]) -> None:
        self._address = address
        self._batches = batches
        self._catch_up = catch_up

    def routes(self, more: Sequence[web.RouteDef] = ()) -> list[web.RouteDef]:
        """Return the routes and `more`; lists are taken with a slash at their end too, as by Livy."""
        routes = [
            *more,
            web.get("/", self._root),
            web.get("/ui", self._ui),
            web.get("/version", self._version),
            web.get("/metrics/ping", self._ping),
            web.get("/batches", self._list),
            web.post("/batches", self._submit),
            web.get("/batches/{id}", self._get),
            web.get("/batches/{id}/state", self._get_state),
            web.get("/batches/{id}/log", self._get_log),
            web.delete("/batches/{id}", self._delete),
        ]
        return [*routes, *(_with_slash(route) for route in routes if route.path in _LISTS)]

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse as Livy does, before and after what is carried out."""
        guarded = request.method not in ("GET", "HEAD", "OPTIONS")
        if self._batches.settings.csrf and guarded and "X-Requested-By" not in request.headers:
            return _csrf(request.path)
        try:
            return await handler(request)
        except UnreadableError as error:
            return answer(str(error), error.status)
        except RejectedError as error:
            return message(str(error), HTTPStatus.BAD_REQUEST)
        except NotKnownError as error:
            return message(f"Session '{error}' not found.", HTTPStatus.NOT_FOUND)
        except web.HTTPException as error:  # aiohttp's own words for what has no route
            allowed = error.allowed_methods if isinstance(error, _NO_METHOD) else ()
            allow = {"Allow": ", ".join(each for each in _METHODS if each in allowed)} if allowed else {}
            below = request.path.startswith(_LISTS)
            return web.Response(status=error.status, headers={"Content-Type": _JSON if below else _HTML, **allow})

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(
            status=HTTPStatus.FOUND, headers={"Location": f"http://{self._address}:8998/ui", "Content-Type": _HTML}
        )

    async def _ui(self, _: web.Request) -> web.Response:
        return web.Response(text="<html>A stand-in</html>", headers={"Content-Type": _HTML})

    async def _version(self, _: web.Request) -> web.Response:
        return answer(_VERSION)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="pong\n", headers={"Content-Type": "text/plain;charset=iso-8859-1"})

    async def _list(self, request: web.Request) -> web.Response:
        start, size = number(request, "from", 0), number(request, "size", _DEFAULT_PAGE)
        return raw(self._batches.page(start, size))

    async def _submit(self, request: web.Request) -> web.Response:
        body = await request.text()
        self._catch_up()
        settings = self._batches.settings
        if settings.too_many:
            raise RejectedError(_TOO_MANY)
        asked = read(body)
        proxy_user = request.query.get("doAs") or asked.text("proxyUser")
        batch = self._batches.submit(asked, proxy_user if settings.impersonation else None)
        return raw(self._batches.shown(batch), HTTPStatus.CREATED, {"Location": f"/batches/{batch.id}"})

    async def _get(self, request: web.Request) -> web.Response:
        return raw(self._batches.shown(self._found(request)))

    async def _get_state(self, request: web.Request) -> web.Response:
        batch = self._found(request)
        return raw(b'{"id":%d,"state":"%b"}' % (batch.id, batch.state.encode()))

    async def _get_log(self, request: web.Request) -> web.Response:
        batch = self._found(request)
        return log_page(batch.id, batch.log(), request)

    async def _delete(self, request: web.Request) -> web.Response:
        """Answer when the application is dead, however long that takes."""
        batch = self._found(request)
        self._batches.delete(batch)
        while batch.application is not None and not batch.application.ended:
            await asyncio.sleep(_KILL_LOOKS)
            self._catch_up()
        return message("deleted")

    def _found(self, request: web.Request) -> Batch:
        asked = request.match_info["id"]
        batch = self._batches.find(str(int32(asked)) if asked.isdecimal() else asked)
        if batch is None:
            raise NotKnownError(request.match_info["id"])
        return batch


class NotKnownError(Exception):
    """Livy answers 404 for the number or name."""


def number(request: web.Request, key: str, default: int) -> int:
    """Return a number of the query.

    Raises:
        RejectedError: It is none that fits into 32 bits.
    """
    text = request.query.get(key)
    return default if text is None else int32(text)


def int32(text: str) -> int:
    """Read a number as Livy does; what is none is Java's NumberFormatException, hence a 400.

    Raises:
        RejectedError: It is none that fits into 32 bits.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and int(digits) <= _MOST):
        raise RejectedError(f'For input string: "{text}"')
    return int(text)


def log_page(owner: int, lines: list[str], request: web.Request) -> web.Response:
    """Answer with some of the lines, the last ones where nothing else is asked for."""
    start, size = number(request, "from", -1), number(request, "size", _DEFAULT_PAGE)
    size = len(lines) if size < 0 else size
    start = max(0, len(lines) - size) if start < 0 else start
    return answer({"id": owner, "from": start, "total": len(lines), "log": lines[start : start + size]})


def answer(content: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON as Livy writes it."""
    return raw(orjson.dumps(content), status, headers)


def raw(body: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON that is made already."""
    return web.Response(body=body, status=status, headers={"Content-Type": _JSON, **(headers or {})})


def message(text: str, status: int = HTTPStatus.OK) -> web.Response:
    """Answer with a message as Livy wraps it."""
    return answer({"msg": text}, status)


def _with_slash(route: web.RouteDef) -> web.RouteDef:
    return web.RouteDef(route.method, f"{route.path}/", route.handler, dict(route.kwargs))


def _csrf(path: str) -> web.Response:
    text = _CSRF.format(path=path, why=_NO_HEADER)
    headers = {"Content-Type": "text/html;charset=iso-8859-1", "Cache-Control": "must-revalidate,no-cache,no-store"}
    return web.Response(status=HTTPStatus.BAD_REQUEST, reason=_NO_HEADER, body=text.encode(), headers=headers)
