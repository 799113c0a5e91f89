"""Where a request begins and ends: heads that two servers might read differently are refused (RFC 9112, 6.3, 11.2)."""

from collections.abc import Mapping

ONCE = frozenset({b"content-length", b"transfer-encoding", b"host", b"expect", b"authorization"})
"""Headers of which a second one is refused: which of two counts is read in different ways."""


class FaultError(Exception):
    """The request cannot be read; raised within the parser's callbacks, to get out of it.

    Attributes:
        status: What is answered.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def check_head(version: str, method: bytes, once: Mapping[bytes, bytes]) -> None:
    """Look at a whole head, of which `once` are the headers of `ONCE`.

    Raises:
        FaultError: What follows it is read in different ways, or it asks for what is no request to us.
    """
    coding = once.get(b"transfer-encoding")
    if version not in ("1.0", "1.1"):
        raise FaultError(505)
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0" or b"content-length" in once):
        raise FaultError(400)
    if version == "1.1" and b"host" not in once:
        raise FaultError(400)
    if method == b"CONNECT":
        raise FaultError(405)
