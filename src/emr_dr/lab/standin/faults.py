"""Faults of one port of a stand-in: what becomes of certain requests instead of a good answer."""

from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web


class Does(StrEnum):
    """What a fault does with a request. The first four keep it from being carried out, the others do not."""

    HANG = "hang"
    """Read it and never answer."""
    CLOSE = "close"
    """Read it and cut the connection."""
    GARBAGE = "garbage"
    """Answer 200 with something that is no JSON."""
    REFUSE = "refuse"
    """Answer `status`, as a proxy or a server in trouble does."""
    LATE = "late"
    """Carry it out and answer after `seconds`, even if the client has gone by then."""
    SLOW = "slow"
    """Carry it out at once, and answer after `seconds`."""
    LOSE_REPLY = "lose-reply"
    """Carry it out, then cut the connection without an answer."""
    HOLD_REPLY = "hold-reply"
    """Carry it out and never answer."""


@dataclass(slots=True, eq=False)
class Fault:
    """One fault.

    Attributes:
        method, path: Which requests; a path means everything below it too. Empty: any.
        times: How many requests it hits before it is over; None: until it is taken away.
        hits: How many it has hit.
    """

    does: Does
    method: str = ""
    path: str = ""
    times: int | None = None
    seconds: float = 0.0
    status: int = 503
    hits: int = 0

    def takes(self, request: web.Request) -> bool:
        """Say whether it hits this request, and count it if so."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method not in ("", request.method) or not _below(request.path, self.path):
            return False
        self.hits += 1
        return True


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")
