"""Numbers as Livy reads them from paths and queries: Java's `Integer.parseInt`."""

import re
from urllib.parse import unquote_to_bytes

INT32 = 2**31
_WHOLE = re.compile(r"[+-]?\d+")


class NotANumberError(Exception):
    """The text is no int32."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def whole(text: str) -> int:
    """Read an int32.

    Raises:
        NotANumberError: It is none.
    """
    # Twenty digits are too many in any case, and Python is slow at, and then refuses, very long ones.
    if not _WHOLE.fullmatch(text) or len(text.lstrip("+-0")) > 20:  # noqa: PLR2004 - said above
        raise NotANumberError(text)
    number = int(text)
    if not -INT32 <= number < INT32:
        raise NotANumberError(text)
    return number


def is_number(text: str) -> bool:
    """Whether a batch is asked for by number rather than by name."""
    return bool(text) and all(char.isdecimal() for char in text)


def unquoted(raw: bytes) -> str | None:
    """Return the text of a path segment; None if its escapes are broken."""
    if re.search(rb"%(?![0-9A-Fa-f]{2})", raw):
        return None
    return unquote_to_bytes(raw).decode("utf-8", "replace")
