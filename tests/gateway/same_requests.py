"""One list of requests for a Livy and for a gateway, and what has to be the same in their answers."""

import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}
NO_FILE = "file:/nonexistent/nosuch.py"
TIMEOUT = 30.0


@dataclass(frozen=True)
class Ask:
    """One request; `{named}` and `{plain}` in a path stand for the numbers of the two batches that were submitted.

    Attributes:
        keeps: The name under which the number in the answer is known from then on.
        exact: Whether the bodies have to be equal, numbers of batches aside; else their keys, order and types.
    """

    method: str
    path: str
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keeps: str = ""
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path} {(self.body or '')[:60]} {dict(self.headers) or ''}".strip()


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(*paths: str, exact: bool = True) -> list[Ask]:
    return [Ask("GET", path, exact=exact) for path in paths]


def post(*bodies: str, keeps: str = "", exact: bool = True) -> list[Ask]:
    return [Ask("POST", "/batches", each, JSON, keeps, exact) for each in bodies]


def submissions(file: str, name: str, args: Sequence[str] = ("2",)) -> list[Ask]:
    """Two batches: one with a name, and one without that is deleted later."""
    good = {"file": file, "args": list(args)}
    return [
        *post(json.dumps(good | {"name": name}), keeps="named", exact=False),
        *post(json.dumps(good), keeps="plain", exact=False),
    ]


def questions(name: str) -> list[Ask]:
    """What is asked whatever has become of the batches."""
    good = {"file": NO_FILE}
    return [
        *get("/version", "/sessions", "/ping", "/", "/ui", "/nosuch", "/batches/{named}/nosuch"),
        *get("/batches", "/batches?from=0&size=1", "/batches/", "/batches/{named}", "/batches/{named}/", exact=False),
        *get("/batches?from=100000&size=5", "/batches?size=0", exact=False),
        *get("/batches?from=x", "/batches?size=1.5", "/batches?from=3000000000", "/batches?from=-1", exact=False),
        *get("/batches/{named}/state", f"/batches/{name}", f"/batches/{name}/state", exact=False),
        *get("/batches/{named}/log", "/batches/{named}/log?from=0&size=2", exact=False),
        *get(
            "/batches/{named}/log?from=-5", "/batches/{named}/log?size=-1", "/batches/{named}/log?size=0", exact=False
        ),
        *get("/batches/{named}/log?from=100000", "/batches/{named}/log?from=x", exact=False),
        *get("/batches/999999", "/batches/999999/state", "/batches/999999/log", "/batches/nosuchname"),
        *get("/batches/2147483647", "/batches/2147483648", "/batches/99999999999999999999", "/batches/-1"),
        *get("/batches/00{named}", exact=False),
        *get("/batches/1.5", "/batches/%20", "/batches/nosuch/state", "/sessions/999999", "/sessions/999999/state"),
        *get("/sessions/999999/log", "/sessions/999999/statements", "/sessions/999999/statements/0"),
        Ask("HEAD", "/batches"),
        Ask("HEAD", "/batches/{named}"),
        Ask("HEAD", "/batches/999999"),
        Ask("HEAD", "/version"),
        Ask("DELETE", "/batches/999999"),
        Ask("DELETE", "/sessions/999999"),
        Ask("DELETE", "/batches"),
        Ask("PUT", "/batches", "{}", JSON),
        Ask("PUT", "/batches/{named}", "{}", JSON),
        Ask("PATCH", "/batches/{named}", "{}", JSON),
        Ask("POST", "/batches/{named}", "{}", JSON),
        Ask("POST", "/batches/999999", "{}", JSON),
        Ask("OPTIONS", "/batches"),
        *post("{}", "", "[]", "3", "null", '{"file": 3}', '{"file": ""}', '{"file": null}', '{"file":'),
        *post('{"file": "a", "nosuchfield": 1}', '{"file": "a", "args": "x"}', '{"file": "a", "args": [1, true]}x'),
        *post(
            '{"file": "a", "numExecutors": "two"}', '{"file": "a", "numExecutors": 2.5}', '{"file": "a", "conf": []}'
        ),
        *post('{"file": "a", "conf": {"spark.master": "local[*]"}}', '{"file": "a", "driverCores": 99999999999}'),
        *post(json.dumps(good | {"name": name}), json.dumps(good | {"name": "12345"})),
        Ask("POST", "/batches", '{"file": "", "name": "x"}', {"Content-Type": "text/plain"}),
        Ask("POST", "/batches/", "{}", JSON),
    ]


def deletions() -> list[Ask]:
    """The end of the batch that may go, and what is said of it afterwards."""
    gone = "/batches/{plain}"
    return [
        *[Ask("DELETE", gone), Ask("DELETE", gone)],
        *get(gone, f"{gone}/state", f"{gone}/log"),
    ]


class Asker:
    """Asks one server, and knows the numbers that it gave out."""

    def __init__(self, address: str, port: int = 8998) -> None:
        self._place = (address, port)
        self.known: dict[str, str] = {}

    def ask(self, what: Ask) -> Told:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(*self._place, timeout=TIMEOUT)
        try:
            body = None if what.body is None else what.body.encode()
            connection.request(what.method, self._with_numbers(what.path), body, dict(what.headers))
            answer = connection.getresponse()
            told = Told(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()
        if what.keeps and told.status == http.client.CREATED:
            self.known[what.keeps] = str(json.loads(told.body)["id"])
        return told

    def json(self, path: str) -> dict[str, Any]:
        """What is at a path."""
        told: dict[str, Any] = json.loads(self.ask(Ask("GET", path)).body)
        return told

    def _with_numbers(self, path: str) -> str:
        for name, number in self.known.items():
            path = path.replace(f"{{{name}}}", number)
        return path


def compared(what: Ask, told: Told, asker: Asker) -> dict[str, Any]:
    """What has to be the same of two answers."""
    kept = ("content-type", "allow")
    found: dict[str, Any] = {"status": told.status} | {each: told.headers.get(each) for each in kept}
    found["location"] = _neutral(told.headers.get("location", ""), asker)
    found["length"] = "content-length" in told.headers
    text = told.body.decode()
    try:
        value = json.loads(text)
    except ValueError:
        return found | {"text": _neutral(text, asker) if what.exact else bool(text)}
    return found | {"json": _neutral(text, asker) if what.exact else shape(value)}


def _neutral(text: str, asker: Asker) -> str:
    """Without what is each server's own: its address, and the numbers that it gave out."""
    text = re.sub(r"http://[^/]+", "http://HERE", text)
    text = re.sub(r"for session \d+", "for session N", text)
    text = re.sub(r"@[0-9a-f]{4,8}\b", "@ADDRESS", text)
    for name, number in asker.known.items():
        text = re.sub(rf"(?<=/){number}\b|(?<='){number}(?=')", name, text)
    return text


SOMETIMES = {"driverLogUrl": "text or null", "log": "lines"}
"""What comes and goes in Livy's own views: the gateway still shows a log's address after Livy has dropped it."""


def shape(value: object) -> object:
    """Keys in their order and kinds of values; of a list, the shapes that are in it."""
    if isinstance(value, dict):
        return [(key, SOMETIMES.get(key) or shape(each)) for key, each in value.items()]
    if isinstance(value, list):
        return ["list", *sorted({json.dumps(shape(each)) for each in value})]
    return type(value).__name__
