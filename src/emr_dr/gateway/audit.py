"""One log line for each change that somebody asked for: who, what, which batch, and what came of it."""

from collections.abc import Mapping

import structlog

from emr_dr.gateway.calls import Caller
from emr_dr.gateway.http import Scope

log = structlog.get_logger("emr_dr.gateway")

LONGEST = 256
"""Characters of anything that a client sent."""


def tell(
    what: str,
    scope: Scope,
    caller: Caller,
    *,
    outcome: str,
    batch: int | str | None = None,
    about: Mapping[str, object] | None = None,
) -> None:
    """Log that somebody wanted to change something, and whether it was done.

    Args:
        what: `submit` or `delete`.
        scope: The request.
        caller: Who asked.
        outcome: `done`, `refused` or `unavailable`.
        batch: Its number, or the name by which it was asked for.
        about: What else there is to tell.
    """
    told = {key: plain(value) for key, value in (about or {}).items() if value not in (None, "")}
    user, named = plain(caller.user), plain(batch)
    log.info("audit", action=what, user=user, client=client_of(scope), batch=named, outcome=outcome, **told)


def client_of(scope: Scope) -> str:
    """Return the address that a request came from; that of a proxy, if one is in front."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def plain(value: object) -> object:
    """Return what clients sent as it may stand in a line of a log: short, and without what could feign another line."""
    if not isinstance(value, str):
        return value
    text = value if value.isprintable() else value.encode("unicode_escape").decode("ascii")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
