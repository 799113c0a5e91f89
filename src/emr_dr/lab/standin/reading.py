"""How Livy 0.7.1 reads what is posted to it: strictly, with Jackson's words for what it does not take (captured)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT, TEXTS, NUMBER, MAP = "text", "texts", "number", "map"
BATCH = {
    "file": TEXT, "proxyUser": TEXT, "className": TEXT, "args": TEXTS, "jars": TEXTS, "pyFiles": TEXTS,
    "files": TEXTS, "archives": TEXTS, "driverMemory": TEXT, "driverCores": NUMBER, "executorMemory": TEXT,
    "executorCores": NUMBER, "numExecutors": NUMBER, "queue": TEXT, "name": TEXT, "conf": MAP,
}  # fmt: skip
SESSION = {
    "executorCores": NUMBER, "conf": MAP, "driverMemory": TEXT, "name": TEXT, "driverCores": NUMBER, "pyFiles": TEXTS,
    "archives": TEXTS, "kind": TEXT, "files": TEXTS, "jars": TEXTS, "proxyUser": TEXT, "numExecutors": NUMBER,
    "heartbeatTimeoutInSecond": NUMBER, "queue": TEXT, "executorMemory": TEXT,
}  # fmt: skip
KINDS = ("spark", "pyspark", "sparkr", "sql", "shared")
_CLASSES = {"batch": "org.apache.livy.server.batch.CreateBatchRequest"}
_SESSION_CLASS = "org.apache.livy.server.interactive.CreateInteractiveRequest"
# Jackson lists a class's properties in an order of its own.
_BATCH_ORDER = (
    "executorCores", "className", "conf", "driverMemory", "name", "driverCores", "pyFiles", "archives",
    "executorMemory", "files", "jars", "proxyUser", "numExecutors", "file", "args", "queue",
)  # fmt: skip
_TOKENS = {dict: "START_OBJECT", list: "START_ARRAY", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}
_DECODER = json.JSONDecoder()
_INT32 = 2**31
_SOURCE = "\n at [Source: (org.eclipse.jetty.server.HttpInputOverHTTP); line: 1, column: {column}]"


class UnreadableError(Exception):
    """Livy answers 400 with the message as a bare JSON string; 500 where it did not foresee what it was asked."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """A batch or a session as it was asked for; what was not said is empty."""

    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    conf: dict[str, str] = field(default_factory=dict)
    fatal: list[str] = field(default_factory=list)
    """What Livy takes and then fails over: it has given a number by then."""

    def text(self, key: str) -> str | None:
        """Return a text, None where none was given."""
        return self.texts.get(key)

    def tags(self) -> tuple[str, ...]:
        """Return the YARN tags that the client asks for."""
        return tuple(filter(None, self.conf.get("spark.yarn.tags", "").split(",")))


def read(body: str, known: Mapping[str, str] = BATCH) -> Asked:
    """Read the body of a POST.

    Raises:
        UnreadableError: Livy does not take it.
    """
    of = _CLASSES["batch"] if known is BATCH else _SESSION_CLASS
    given = _parsed(body, of)
    asked = Asked()
    for key, value in given.items():
        if key not in known:
            raise UnreadableError(_unrecognised(key, body, known, of))
        if key == "kind" and value is not None and value not in KINDS:
            raise UnreadableError(f'Invalid kind: {value} (through reference chain: {of}["kind"])')
        if value is not None:
            _take(asked, key, value, known[key], _Place(body, of, key))
    return asked


@dataclass(frozen=True, slots=True)
class _Place:
    body: str
    of: str
    key: str

    def refuse(self, what: str, value: object) -> UnreadableError:
        column = max(self.body.find(f'"{self.key}"') + len(self.key) + 4, 1)
        chain = f' (through reference chain: {self.of}["{self.key}"])'
        token = _token(value)
        return UnreadableError(
            f"Cannot deserialize instance of `{what}` out of {token} token{_SOURCE.format(column=column)}{chain}"
        )


def _parsed(body: str, of: str) -> Mapping[str, object]:
    try:
        given, _ = _DECODER.raw_decode(body.lstrip())  # what follows does not count
    except ValueError:
        where = _SOURCE.format(column=len(body) + 1)
        if body.strip():
            raise UnreadableError(f"Unexpected end-of-input within/between Object entries{where}") from None
        raise UnreadableError(f"No content to map due to end-of-input{_SOURCE.format(column=0)}") from None
    if given is None:
        request = f'"{of}.name()" because "createRequest" is null'
        raise UnreadableError(f"java.lang.NullPointerException: Cannot invoke {request}", 500)
    if not isinstance(given, dict):
        raise UnreadableError(f"{_no_object(given, of)}{_SOURCE.format(column=1)}")
    return given


def _no_object(given: object, of: str) -> str:
    if isinstance(given, list):
        return f"Cannot deserialize instance of `{of}` out of START_ARRAY token"
    kind, what = {int: ("int/Int", "Number"), float: ("double/Double", "Number")}.get(type(given), ("String", "String"))
    no_way = f"no {kind}-argument constructor/factory method to deserialize from {what} value ({given})"
    return f"Cannot construct instance of `{of}` (although at least one Creator exists): {no_way}"


def _unrecognised(key: str, body: str, known: Mapping[str, str], of: str) -> str:
    order = _BATCH_ORDER if known is BATCH else tuple(known)
    properties = ", ".join(f'"{each}"' for each in order)
    end = body.rfind("}")
    where = _SOURCE.format(column=end + 1 if end > 0 else len(body))
    return (
        f'Unrecognized field "{key}" (class {of}), not marked as ignorable ({len(order)} known properties: '
        f'{properties}]){where} (through reference chain: {of}["{key}"])'
    )


def _take(asked: Asked, key: str, value: object, kind: str, place: _Place) -> None:
    if kind == TEXT:
        asked.texts[key] = _text(value, place)
    elif kind == TEXTS:
        asked.lists[key] = _texts(value, place)
    elif kind == NUMBER:
        if isinstance(value, bool | dict | list):
            raise place.refuse("int", value)
        _take_number(asked, key, value)
    elif isinstance(value, dict):
        asked.conf.update((name, _text(each, place)) for name, each in value.items() if each is not None)
    else:
        raise place.refuse("scala.collection.immutable.Map", value)


def _text(value: object, place: _Place) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)  # Jackson takes every scalar for a text
    raise place.refuse("java.lang.String", value)


def _texts(value: object, place: _Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise place.refuse("scala.collection.immutable.List", value)
    return tuple(_text(each, place) for each in value if each is not None)


def _take_number(asked: Asked, key: str, value: object) -> None:
    """Take a number; Livy takes everything for one, and fails over it later (seen on a real one)."""
    if isinstance(value, int) and -_INT32 <= value < _INT32:
        asked.numbers[key] = value
        return
    kind = {str: "String", float: "Double"}.get(type(value), "Long")
    both = f"class java.lang.{kind} cannot be cast to class java.lang.Integer (java.lang.{kind} and java.lang.Integer"
    asked.fatal.append(f"java.lang.ClassCastException: {both} are in module java.base of loader 'bootstrap')")


def _token(value: object) -> str:
    if value is None or isinstance(value, bool):
        return f"VALUE_{json.dumps(value).upper()}"
    return _TOKENS.get(type(value), "VALUE_STRING")
