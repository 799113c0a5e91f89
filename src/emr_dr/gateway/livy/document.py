"""A JSON object read key by key, as Livy's parser reads it, and what that parser says where it cannot.

Livy 0.7.1 reads with Jackson, whose complaint becomes the whole answer: people know it, and the column helps.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from emr_dr.gateway.calls import RefusedError
from emr_dr.gateway.livy.answers import rendered

SOURCE = "[Source: (org.eclipse.jetty.server.HttpInputOverHTTP); "
REQUEST = "org.apache.livy.server.batch.CreateBatchRequest"
_BLANK = re.compile(r"[ \t\n\r]*")
_WORD = re.compile(r"\w+")
_STANDS_FOR = {
    "Expecting ',' delimiter": "was expecting comma to separate entries",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Expecting value": "expected a valid value (number, String, array, object, 'true', 'false' or 'null')",
    "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
    "Illegal trailing comma before end of array": (
        "expected a valid value (number, String, array, object, 'true', 'false' or 'null')"
    ),
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: what it is good for depends on where it stands, and some are very long."""

    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the object with its value: None, bool, `Number`, str, list or dict.

    Attributes:
        start, end: Where the value is in the text.
    """

    key: str
    value: object
    start: int
    end: int


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_constant)


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a request."""

    text: str

    @classmethod
    def of(cls, body: bytes) -> "Document":
        """Decode it; other charsets than UTF-8 are no JSON.

        Raises:
            RefusedError: It is not UTF-8.
        """
        try:
            return cls(body.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            start = error.reason == "invalid start byte" or error.start + 1 >= len(body)
            byte = body[error.start] if start else body[error.start + 1]
            valid = cls(body[: error.start].decode())
            said = f"Invalid UTF-8 {'start' if start else 'middle'} byte 0x{byte:02x}"
            raise valid.complaint(said, len(valid.text)) from error

    def entries(self) -> Iterator[Entry]:
        """Yield the object's keys in order; what follows the object does not count, as with Livy.

        Raises:
            RefusedError: It is no JSON object as far as it was read.
        """
        at = self._blank(0)
        if at == len(self.text):
            raise refused(f"No content to map due to end-of-input\n at {SOURCE}line: 1, column: 0]")
        if self.text[at] != "{":
            raise self._no_object(at)
        opened, at = at, self._blank(at + 1)
        if self._char(at) == "}":
            return
        while True:
            entry = self._entry(at, opened)
            yield entry
            at = self._blank(entry.end)
            if self._char(at) == "}":
                return
            if self._char(at) != ",":
                raise self._unexpected(at, "was expecting comma to separate Object entries", opened)
            at = self._blank(at + 1)

    def complaint(self, what: str, at: int, *, chain: str = "") -> RefusedError:
        """Return the refusal as Livy words it, with a place in the text, and the keys that lead there."""
        through = f" (through reference chain: {REQUEST}{chain})" if chain else ""
        return refused(f"{what}\n at {SOURCE}{self._place(at)}]{through}")

    def _place(self, at: int) -> str:
        before = self.text[:at]
        line = before.count("\n") + 1
        column = len(before[before.rfind("\n") + 1 :].encode("utf-8", "replace")) + 1
        return f"line: {line}, column: {column}"

    def _entry(self, at: int, opened: int) -> Entry:
        if self._char(at) != '"':
            raise self._unexpected(at, "was expecting double-quote to start field name", opened)
        try:
            key, after = json.decoder.scanstring(self.text, at + 1, True)  # type: ignore[attr-defined]
        except json.JSONDecodeError as error:
            raise self._ended("in field name") if _unterminated(error) else self._of(error) from error
        at = self._blank(after)
        if self._char(at) != ":":
            raise self._unexpected(at, "was expecting a colon to separate field name and value", opened)
        start = self._blank(at + 1)
        value, end = self._value(start)
        return Entry(key, value, start, end)

    def _value(self, start: int) -> tuple[object, int]:
        if start >= len(self.text):
            raise self._ended("within/between Object entries")
        try:
            found: tuple[object, int] = _DECODER.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            raise self._of(error) from error
        except ValueError as error:
            said = f"Non-standard token '{error}': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
            raise self.complaint(said, start) from error
        except RecursionError as error:
            raise self.complaint("Nested too deeply", start) from error
        return found

    def _of(self, error: json.JSONDecodeError) -> RefusedError:
        """Put what Python's parser says into Jackson's words."""
        if _unterminated(error):
            return self.complaint("Unexpected end-of-input in VALUE_STRING", error.pos)
        if error.pos >= len(self.text):
            return self._ended("within/between entries")
        char = self.text[error.pos]
        if error.msg.startswith("Invalid control character"):
            said = f"Illegal unquoted character ((CTRL-CHAR, code {ord(char)})): has to be escaped using backslash"
            return self.complaint(f"{said} to be included in string value", error.pos + 1)
        if error.msg.startswith("Invalid \\"):
            return self.complaint("Unrecognized character escape", error.pos + 1)
        if error.msg == "Expecting value" and (word := _WORD.match(self.text, error.pos)) and not char.isdigit():
            said = f"Unrecognized token '{word[0][:256]}': was expecting 'null', 'true', 'false' or NaN"
            return self.complaint(said, word.end() + 1)
        return self._unexpected(error.pos, _STANDS_FOR.get(error.msg, error.msg), 0)

    def _unexpected(self, at: int, expected: str, opened: int) -> RefusedError:
        if at >= len(self.text):
            if expected.endswith("field name") and at == opened + 1:
                marker = f"(start marker at {SOURCE}{self._place(opened)}])"
                return self._ended(f"expected close marker for Object {marker}", colon=True)
            return self._ended("within/between Object entries")
        char = self.text[at]
        if ord(char) < ord(" "):
            said = f"Illegal character ((CTRL-CHAR, code {ord(char)})): only regular white space"
            return self.complaint(f"{said} (\\r, \\n, \\t) is allowed between tokens", at + 1)
        return self.complaint(f"Unexpected character ('{char}' (code {ord(char)})): {expected}", at + 1)

    def _ended(self, where: str, *, colon: bool = False) -> RefusedError:
        # Jackson counts what it has read twice once it has reached the end.
        last = len(self.text[self.text.rfind("\n") + 1 :].encode("utf-8", "replace"))
        place = f"line: {self.text.count(chr(10)) + 1}, column: {2 * last + 1}"
        return refused(f"Unexpected end-of-input{':' if colon else ''} {where}\n at {SOURCE}{place}]")

    def _no_object(self, at: int) -> RefusedError:
        value, _ = self._value(at)
        if isinstance(value, list):
            return self.complaint(f"Cannot deserialize instance of `{REQUEST}` out of START_ARRAY token", at)
        return self.complaint(no_constructor(REQUEST, value), at)

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def _char(self, at: int) -> str:
        return self.text[at : at + 1]


def refused(complaint: str) -> RefusedError:
    """Return what Livy makes of its parser's complaint: a bare JSON string."""
    return RefusedError(400, rendered(complaint))


def no_constructor(kind: str, value: object) -> str:
    """Say that a simple value stands where an object belongs."""
    if isinstance(value, str):
        said = f"no String-argument constructor/factory method to deserialize from String value ('{value[:500]}')"
    elif isinstance(value, Number):
        word = "double/Double" if {".", "e", "E"} & set(value.text) else "int/Int"
        said = f"no {word}-argument constructor/factory method to deserialize from Number value ({value.text[:500]})"
    else:
        word = {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]
        said = f"no boolean/Boolean-argument constructor/factory method to deserialize from boolean value ({word})"
    return f"Cannot construct instance of `{kind}` (although at least one Creator exists): {said}"


def _unterminated(error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string")
