"""What has not ended on a member, as Livy and YARN tell it together: neither of them knows it whole.

Livy shows what YARN has not been given yet, and YARN what nobody submitted through Livy. Source: Livy 0.7.1's REST API
as recorded in captures.
"""

import asyncio
from collections.abc import Mapping, Sequence

from emr_dr.errors import TransientError
from emr_dr.ports import Unfinished
from emr_dr.probes import yarn
from emr_dr.probes.answer import member_of, objects_of, one_line
from emr_dr.probes.http import Endpoint, Http

ENDED = frozenset({"success", "dead", "killed", "error"})
"""Livy's states of batches and sessions that have ended (Livy docs, REST API, Session State)."""

_PAGE = 100
_MOST_PAGES = 100
_LARGEST_PAGE = 16 << 20  # bytes: each batch comes with lines of its log


async def unfinished(http: Http, livy_at: Endpoint, yarn_at: Endpoint, address: str) -> Sequence[Unfinished]:
    """Return Livy's batches and sessions that have not ended, then YARN's applications that belong to none of them.

    Raises:
        TransientError: One of the two gave no good answer, so nobody knows.
    """
    batches, sessions, applications = await asyncio.gather(
        _of_livy(http, livy_at, address, "batches"),
        _of_livy(http, livy_at, address, "sessions"),
        yarn.unfinished(http, yarn_at, address),
    )
    theirs = {each.get("appId") for each in (*batches, *sessions)}
    return (
        *(_said("batch", each) for each in batches),
        *(_said("session", each) for each in sessions),
        *(_said("application", each) for each in applications if each.get("id") not in theirs),
    )


async def _of_livy(http: Http, endpoint: Endpoint, address: str, kind: str) -> list[Mapping[str, object]]:
    """Read the whole list, page by page; Livy gives it out in the order of its numbers."""
    found: list[Mapping[str, object]] = []
    for page in range(_MOST_PAGES):
        path = f"/{kind}?from={page * _PAGE}&size={_PAGE}"
        answer = await http.get(endpoint, address, path, largest=_LARGEST_PAGE)
        listed = objects_of(answer.json(), "sessions", answer.where)  # its name in both lists
        found += [each for each in listed if member_of(each, "state", str, answer.where) not in ENDED]
        if (page + 1) * _PAGE >= member_of(answer.json(), "total", int, answer.where) or not listed:
            return found
    raise TransientError(f"more than {_MOST_PAGES * _PAGE} {kind}", where=endpoint.url(address, f"/{kind}"))


def _said(what: str, told: Mapping[str, object]) -> Unfinished:
    number, name, state = (told.get(key) for key in ("id", "name", "state"))
    return Unfinished(what, one_line(str(number)), one_line(str(name or "")), one_line(str(state)))
