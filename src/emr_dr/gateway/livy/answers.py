"""Answers as values, and those of Livy 0.7.1 that are always the same."""

import json
from dataclasses import dataclass

import orjson

from emr_dr.gateway.calls import RefusedError

JSON = "application/json;charset=utf-8"
HTML = "text/html;charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response.

    Attributes:
        headers: Besides Content-Type and Content-Length, by their names in small letters.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def rendered(value: object) -> bytes:
    """Return JSON as Livy writes it: no spaces, keys in order, text as UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, which no UTF-8 can hold: Livy would send a question mark too
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def message(status: int, text: str) -> Answer:
    """Return what Livy answers to most of what it does not do: a status with a `msg`."""
    return Answer(status, rendered({"msg": text}))


DELETED = message(200, "deleted")
NO_SUCH_PATH = Answer(404, content_type=HTML)
NO_SUCH_PATH_BELOW = Answer(404)
"""Within a servlet of Livy, such as `/batches/1/nosuch`."""
VERSION = Answer(
    200,
    rendered(
        {
            "url": "https://github.com/apache/incubator-livy.git",
            "branch": "branch-0.7",
            "revision": "972b600d72629884140aec315ea925858eb67884",
            "version": "0.7.1-incubating",
            "date": "2021-02-04T05:14:46Z",
            "user": "root",
        }
    ),
)
"""Of the Livy whose protocol is spoken, whatever the members run: clients take from it what they may ask for."""


def not_found(batch: str) -> Answer:
    """No batch of that number or name."""
    return message(404, f"Session '{batch}' not found.")


def not_a_number(text: str) -> Answer:
    """A number was asked for, or one that fits into an int32."""
    return message(400, f'For input string: "{text}"')


def wrong_method(allowed: tuple[str, ...], content_type: str = JSON) -> Answer:
    """The path is there, but not for that method."""
    return Answer(405, content_type=content_type, headers=(("allow", ", ".join(allowed)),))


def redirect(location: str) -> Answer:
    """Where the user interface is."""
    return Answer(302, content_type=HTML, headers=(("location", location),))


def unavailable(why: str, retry_after: int) -> Answer:
    """Nothing was done, and a later request may do better."""
    return Answer(503, rendered({"msg": why}), headers=(("retry-after", str(retry_after)),))


def refusal(text: str, status: int = 400) -> RefusedError:
    """Return the error for a request that is not carried out, said as a `msg`."""
    return RefusedError(status, rendered({"msg": text}))


def duplicate_name(name: str, number: int) -> RefusedError:
    """Return what Livy says of a name that is taken; `number` is the one that the new batch would have got."""
    return refusal(f"Duplicate session name: Some({name}) for session {number}")
