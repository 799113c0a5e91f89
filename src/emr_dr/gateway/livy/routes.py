"""Which of Livy's resources a path means, and the answer where it means none."""

from dataclasses import dataclass
from enum import StrEnum

from emr_dr.gateway.livy import answers
from emr_dr.gateway.livy.answers import HTML, Answer
from emr_dr.gateway.livy.numbers import NotANumberError, is_number, unquoted, whole


class Resource(StrEnum):
    """What a request is about."""

    ROOT = "root"
    UI = "ui"
    VERSION = "version"
    BATCHES = "batches"
    BATCH = "batch"
    STATE = "state"
    LOG = "log"


_ALLOWED: dict[Resource, tuple[str, ...]] = {
    # In the order in which Livy names them.
    Resource.ROOT: ("GET", "HEAD"),
    Resource.UI: ("GET", "HEAD"),
    Resource.VERSION: ("GET", "HEAD"),
    Resource.BATCHES: ("POST", "GET", "HEAD"),
    Resource.BATCH: ("DELETE", "GET", "HEAD"),
    Resource.STATE: ("GET", "HEAD"),
    Resource.LOG: ("GET", "HEAD"),
}
_WHOLE_PATHS = {
    b"/": Resource.ROOT,
    b"/ui": Resource.UI,
    b"/ui/": Resource.UI,
    b"/version": Resource.VERSION,
    b"/version/": Resource.VERSION,
    b"/batches": Resource.BATCHES,
    b"/batches/": Resource.BATCHES,
}
_BELOW_A_BATCH = {b"state": Resource.STATE, b"log": Resource.LOG}


@dataclass(frozen=True, slots=True)
class Route:
    """A resource.

    Attributes:
        batch: The number or name as the client wrote it; empty where the resource is of no one batch.
        number: The number; None if it is a name.
    """

    resource: Resource
    batch: str = ""
    number: int | None = None


def route(method: str, path: bytes) -> Route | Answer:
    """Return the resource of a path as it came, escapes and all, or what Livy answers where there is none.

    Paths are taken as they are: `..` and `//` lead nowhere, and an escaped slash is part of a name.
    """
    found = _resource(path)
    if isinstance(found, Answer):
        return found
    if method not in _ALLOWED[found.resource]:
        plain = found.resource in (Resource.ROOT, Resource.UI)
        return answers.wrong_method(_ALLOWED[found.resource], *((HTML,) if plain else ()))
    return found


def _resource(path: bytes) -> Route | Answer:
    if path in _WHOLE_PATHS:
        return Route(_WHOLE_PATHS[path])
    # A servlet does not see what follows a semicolon.
    first, *rest = (segment.partition(b";")[0] for segment in path[1:].split(b"/"))
    if first == b"version":
        return answers.NO_SUCH_PATH_BELOW
    if first != b"batches" or not rest:
        return answers.NO_SUCH_PATH
    resource = Resource.BATCH if len(rest) == 1 else _BELOW_A_BATCH.get(rest[-1])
    if resource is None or len(rest) > 2 or not rest[0]:  # noqa: PLR2004 - a batch, and what of it
        return answers.NO_SUCH_PATH_BELOW
    return _batch(resource, rest[0])


def _batch(resource: Resource, segment: bytes) -> Route | Answer:
    name = unquoted(segment)
    if name is None:
        return Answer(400, content_type=HTML)
    if not is_number(name):
        return Route(resource, name)
    try:
        return Route(resource, name, whole(name))
    except NotANumberError:
        return answers.not_a_number(name)
