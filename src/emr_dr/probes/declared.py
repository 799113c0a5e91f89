"""A check that the user declared: a GET, and perhaps a regular expression found in a part of the answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from emr_dr.errors import TransientError
from emr_dr.probes.answer import as_json, quoted, veiled
from emr_dr.probes.http import Endpoint, Http

_LONGEST_SUBJECT = 10_000


@dataclass(frozen=True, slots=True)
class DeclaredCheck:
    """What to get, and what must be found there.

    Attributes:
        path: What to get; a 200 is asked for.
        pointer: JSON Pointer (RFC 6901) to what `matches` looks at; None means the text of the answer.
        matches: Regular expression to be found there; None means that the 200 is enough.
    """

    endpoint: Endpoint
    path: str = "/"
    pointer: str | None = None
    matches: str | None = None


async def check(http: Http, declared: DeclaredCheck, address: str) -> str:
    """Return what was found.

    Raises:
        TransientError: Not found, or no good answer.
    """
    answer = await http.request("GET", declared.endpoint, address, declared.path)
    if answer.status != HTTPStatus.OK:
        raise TransientError(f"HTTP {answer.status}", where=answer.where)
    if declared.matches is None:
        return "HTTP 200"
    if declared.pointer is None:
        text = answer.body.decode("utf-8", "replace")
    else:
        text = _text(_pointed_at(answer.json(), declared.pointer, answer.where))
    # The user's expression meets a stranger's text: a short one, so that a bad pair cannot hold up everything.
    if found := re.search(declared.matches, text[:_LONGEST_SUBJECT]):
        return veiled(found.group(), answer.hidden)[:100]
    what, shown = declared.pointer or "the answer", quoted(veiled(text, answer.hidden))
    # Never the service's own word: whoever took its port may answer with a page of its own.
    raise TransientError(f"{what} does not match {declared.matches}: {shown}", where=answer.where)


def _pointed_at(value: object, pointer: str, where: str) -> object:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise TransientError(f"JSON without {pointer}", where=where)
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else as_json(value)
