"""What a path below /sessions asks for, and how it is passed on."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from emr_dr.gateway.livy.numbers import unquoted

LOOK_SECONDS = 15.0
"""For a question."""
WORK_SECONDS = 60.0
"""For what makes Livy talk to the session's driver, or end it; of an upload, for each piece."""

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,200}")
_OURS = frozenset({"doAs", "_method"})
"""Of a query's parameters: who acts is for the gateway to say, and a POST is no DELETE in disguise."""


class Part(StrEnum):
    """Parts of a session that the gateway treats in ways of their own; every other one is passed on as it is."""

    VIEW = ""
    STATE = "/state"
    LOG = "/log"
    CONNECT = "/connect"
    STOP = "/stop"
    INTERRUPT = "/interrupt"
    COMPLETION = "/completion"
    OTHER = "/…"

    @property
    def numbered(self) -> bool:
        """Whether its answer tells the session's number."""
        return self in (Part.VIEW, Part.STATE, Part.LOG, Part.CONNECT)


@dataclass(frozen=True, slots=True)
class SessionPath:
    """A path below /sessions.

    Attributes:
        session: Its number or name; empty for all of them.
        rest: What follows, safe to pass on.
    """

    session: str = ""
    rest: str = ""

    @property
    def part(self) -> Part:
        """Which part of the session it is about."""
        return Part(self.rest) if self.rest in {each.value for each in Part} else Part.OTHER

    def harmless_again(self, method: str) -> bool:
        """Whether asking it twice does no more than asking it once, so that a client may repeat it."""
        ends = self.part in (Part.CONNECT, Part.STOP, Part.INTERRUPT, Part.COMPLETION)
        return method != "POST" or ends or self.rest.endswith("/cancel")


def read_path(path: bytes) -> SessionPath | None:
    """Return what a path asks for; None if a member must not see it, or might read it in another way than we do.

    Of what follows the session's number only plain words are passed on: no dots that lead elsewhere, no encoded
    slashes, no `;`.
    """
    first, *rest = path.removeprefix(b"/sessions").removeprefix(b"/").split(b"/")
    session = unquoted(first)
    words = [each.decode("latin-1") for each in rest]
    if session is None or not all(_SAFE.fullmatch(each) for each in words) or (words and not session):
        return None
    return SessionPath(session, "".join(f"/{each}" for each in words))


def passed_query(parameters: dict[str, str]) -> str:
    """Return the query as it is passed on, with its question mark; empty if nothing is left of it."""
    left = {key: value for key, value in parameters.items() if key not in _OURS}
    return f"?{urlencode(left)}" if left else ""
