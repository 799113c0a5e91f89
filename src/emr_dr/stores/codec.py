"""How values are kept as text: JSON with the number of its format, checked both when written and when read."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from emr_dr.core.batch import Batch
from emr_dr.core.document import Document
from emr_dr.core.evidence import Sighting
from emr_dr.core.session import Session
from emr_dr.core.view import Load, MemberView
from emr_dr.errors import PermanentError
from emr_dr.ports import JournalEntry
from emr_dr.ports.ledger import BatchLog

FORMAT = 1
"""Grows when a kept field changes meaning, name or type. A field more, with a default, needs no new format."""

_UNKNOWN = {"unexpected_keyword_argument", "enum"}
"""What pydantic calls a field, and a word, that only a newer version knows."""

_UPGRADE = "use the newest emr-dr that ever wrote to this store"
_RESTORE = "keep a copy of it, then restore the store from a backup"

T = TypeVar("T")


class _Envelope(BaseModel, Generic[T]):
    """The text's outermost object. Its configuration holds for all the dataclasses inside.

    An unknown field is refused, not skipped: a save would drop what a newer version meant to keep.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, ser_json_inf_nan="constants")

    format: Literal[1]
    value: T


class Codec(Generic[T]):
    """Keeps values of one type."""

    def __init__(self, name: str, of: type[T]) -> None:
        self._name = name
        self._envelope: type[_Envelope[T]] = _Envelope[of]  # type: ignore[valid-type]

    def encode(self, value: T, where: str) -> str:
        """Return the text of a value.

        Raises:
            PermanentError: It would not read back as the same value (a number that is not finite, a lone surrogate).
        """
        try:
            text = self._envelope.model_construct(format=FORMAT, value=value).model_dump_json(warnings="none")
            kept = self._envelope.model_validate_json(text).value
        except (PydanticSerializationError, ValidationError) as error:
            raise PermanentError(
                f"the {self._name} cannot be kept as JSON: {_first_line(error)}", where=where
            ) from error
        if kept != value:
            raise PermanentError(f"the {self._name} would not read back from JSON as it is", where=where)
        return text

    def decode(self, text: str, where: str) -> T:
        """Return the value of a text that `encode` made, now or in an earlier version.

        Raises:
            PermanentError: A newer version wrote it, or it is damaged.
        """
        try:
            return self._envelope.model_validate_json(text).value
        except ValidationError as error:
            raise _unreadable(self._name, text, where, error) from error


DOCUMENT = Codec("document", Document)
VIEWS = Codec("list of member views", tuple[MemberView, ...])
SIGHTING = Codec("sighting", Sighting)
BATCH = Codec("batch", Batch)
SESSION = Codec("session", Session)
LOG = Codec("batch log", BatchLog)
LOADS = Codec("list of loads", tuple[Load, ...])


def encode_entry(entry: JournalEntry, where: str) -> str:
    """Return the text of a journal entry, all but its `seq`, which the store gives.

    Raises:
        PermanentError: Its detail holds something that is no JSON.
    """
    value = {"at": _plain(entry.at, where), "event": entry.event, "detail": _plain(entry.detail, where)}
    return json.dumps({"format": FORMAT, "value": value}, allow_nan=False)


def decode_entry(text: str, seq: int, where: str) -> JournalEntry:
    """Return the journal entry of a text that `encode_entry` made.

    Raises:
        PermanentError: A newer version wrote it, or it is damaged.
    """
    try:
        match json.loads(text):
            case {"format": 1, "value": {"at": int() | float() as at, "event": str(event), "detail": dict(detail)}}:
                return JournalEntry(at, event, detail, seq)
            case _:
                error: ValueError = ValueError("not as expected")
    except ValueError as damage:
        error = damage
    raise _unreadable("journal entry", text, where, error) from error


def _plain(value: object, where: str) -> object:
    """Return a JSON value made of nothing but Python's own lists, dictionaries and scalars."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _plain(item, where) for key, item in value.items()}
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [_plain(item, where) for item in value]
        case _:
            raise PermanentError(f"a journal entry holds {value!r}, which is no JSON", where=where)


def _unreadable(name: str, text: str, where: str, error: ValueError) -> PermanentError:
    written = _format_of(text)
    if written is not None and written > FORMAT:
        return PermanentError(f"the {name} has format {written}, newer than {FORMAT}", where=where, remedy=_UPGRADE)
    if isinstance(error, ValidationError) and {e["type"] for e in error.errors()} <= _UNKNOWN:
        what = f"the {name} has something that this version does not know: {_first_line(error)}"
        return PermanentError(what, where=where, remedy=_UPGRADE)
    return PermanentError(f"the {name} is damaged: {_first_line(error)}", where=where, remedy=_RESTORE)


def _format_of(text: str) -> int | None:
    try:
        match json.loads(text):
            case {"format": int(number)}:
                return number
    except ValueError:
        pass
    return None


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'][1:])}: {first['msg']}"
    return str(error).partition("\n")[0]
