"""A member's answer, and reading fields out of JSON that may be anything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from emr_dr.errors import TransientError

T = TypeVar("T")
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, of any status; `where` is the request in words."""

    where: str
    status: int
    body: bytes

    def json(self) -> object:
        """Return the body as JSON.

        Raises:
            TransientError: It is none.
        """
        try:
            value: object = json.loads(self.body)
        except (ValueError, RecursionError):
            raise TransientError(f"not JSON but {quoted(self.body)}", where=self.where) from None
        return value


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
        raise TransientError(f"{key} is {json.dumps(found)[:_SHOWN]}", where=where)
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


def quoted(body: bytes) -> str:
    """Return the beginning of a body, fit for one line of a message."""
    text = " ".join(body[:_SHOWN].decode("ascii", "replace").split())
    return repr(text) if text else "an empty answer"
