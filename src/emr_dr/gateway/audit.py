"""One log line for each change that somebody asked for: who, what, which batch, and what came of it."""

from collections.abc import Mapping

import structlog

from emr_dr.gateway.calls import Caller
from emr_dr.gateway.http import Scope

log = structlog.get_logger("emr_dr.gateway")


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
    client = scope.get("client")
    host = client[0] if client else ""
    told = {key: value for key, value in (about or {}).items() if value not in (None, "")}
    log.info("audit", action=what, user=caller.user, client=host, batch=batch, outcome=outcome, **told)
