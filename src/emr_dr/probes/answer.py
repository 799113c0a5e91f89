"""A member's answer, and reading fields out of JSON that may be anything."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from emr_dr.errors import TransientError

T = TypeVar("T")
_SHOWN = 120
_LONGEST_LINE = 300


class NotWellError(TransientError):
    """The service answered as it should, and said of itself that it is not well.

    Only a whole answer of the very service we mean is such a word; an error page, garbage or silence never is.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, of any status.

    Attributes:
        where: The request in words.
        hidden: What must not be shown of it, should it echo our credentials.
    """

    where: str
    status: int
    body: bytes
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> object:
        """Return the body as JSON.

        Raises:
            TransientError: It is none.
        """
        try:
            value: object = json.loads(self.body)
        except (ValueError, RecursionError):
            raise TransientError(f"not JSON but {self.quoted()}", where=self.where) from None
        return value

    def quoted(self) -> str:
        """Return the beginning of the body, fit for one line of a message."""
        return quoted(veiled(self.body.decode("utf-8", "replace"), self.hidden))


def member_of(value: object, key: str, kind: type[T], where: str) -> T:
    """Return `value[key]` if `value` is a JSON object that has something of this kind there.

    Raises:
        TransientError: It is not so; `what` names the field.
    """
    if not isinstance(value, Mapping) or key not in value:
        raise TransientError(f"JSON without {key}", where=where)
    found: object = value[key]
    # JSON's true is no number, though Python's True is one.
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise TransientError(f"{key} is {as_json(found)[:_SHOWN]}", where=where)
    return found


def objects_of(value: object, key: str, where: str) -> Sequence[Mapping[str, object]]:
    """Return the list of objects under `key`.

    Raises:
        TransientError: There is none, or something else is in it.
    """
    found = member_of(value, key, list, where)
    if not all(isinstance(each, Mapping) for each in found):
        raise TransientError(f"{key} holds something else than objects", where=where)
    return found


def as_json(value: object) -> str:
    """Return a value that was read from JSON as JSON again; what can be read may still be too deep to be written."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "something very deep"


def quoted(text: str) -> str:
    """Return the beginning of a text, fit for one line of a message."""
    start = " ".join(text[:_SHOWN].encode("ascii", "replace").decode().split())
    return repr(start) if start else "an empty answer"


def one_line(text: str) -> str:
    """Return a text of whoever answered so that it can be logged and stored: printable, on one line, not long."""
    line = "".join(char if char.isprintable() else " " for char in text[:_LONGEST_LINE])
    return line if len(text) <= _LONGEST_LINE else f"{line}…"


def veiled(text: str, hidden: Iterable[str]) -> str:
    """Return a text without the words to be hidden."""
    for word in hidden:
        text = text.replace(word, "[hidden]")
    return text
