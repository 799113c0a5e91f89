"""Questions to Livy: does it work, and how does the proving job stand; and submitting that job.

Source: Livy 0.7.1's REST API as recorded in captures; `GET /batches/{name}` works like an id since 0.6.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

from emr_dr.core.world import ProvingResult
from emr_dr.errors import TransientError
from emr_dr.ports import ProvingRun
from emr_dr.probes.answer import member_of
from emr_dr.probes.http import Endpoint, Http

SUBMIT_TIMEOUT = 8.0
"""Seconds. Livy handles one submission after the other, and each starts a process. Shorter than `EFFECT_DEADLINE`."""

_RESULTS: Mapping[str, ProvingResult] = {
    "success": ProvingResult.PASSED,
    "dead": ProvingResult.FAILED,
    "killed": ProvingResult.FAILED,
    "error": ProvingResult.FAILED,
}


async def check(http: Http, endpoint: Endpoint, address: str) -> str:
    """Return what a working Livy said: it knows its version and lists its batches.

    The version alone is answered even by a Livy that can no longer do anything with batches.

    Raises:
        TransientError: It does not work, or gave no good answer.
    """
    answer = await http.get(endpoint, address, "/version")
    version = member_of(answer.json(), "version", str, answer.where)
    answer = await http.get(endpoint, address, "/batches?size=1")
    batches = answer.json()
    total = member_of(batches, "total", int, answer.where)
    member_of(batches, "sessions", list, answer.where)
    return f"version {version}, {total} batches"


async def batch(http: Http, endpoint: Endpoint, address: str, name: str) -> ProvingRun:
    """Return how the batch of this name stands, and its number; one that Livy does not know is pending.

    Livy forgets a finished batch after a while (600 s unless configured), and its own restart may lose all of them.

    Raises:
        TransientError: No good answer.
    """
    answer = await http.request("GET", endpoint, address, f"/batches/{quote(name, safe='')}")
    if answer.status == HTTPStatus.NOT_FOUND:
        # Livy's own 404 is JSON with a message; whoever else answers here knows nothing of batches.
        member_of(answer.json(), "msg", str, answer.where)
        return ProvingRun(ProvingResult.PENDING)
    if answer.status != HTTPStatus.OK:
        raise TransientError(f"HTTP {answer.status}", where=answer.where)
    said = answer.json()
    state = _RESULTS.get(member_of(said, "state", str, answer.where), ProvingResult.RUNNING)
    number = said.get("id") if isinstance(said, Mapping) else None
    return ProvingRun(state, number if isinstance(number, int) else None)  # a proof is no worse for lack of a number


async def submit(
    http: Http,
    endpoint: Endpoint,
    address: str,
    name: str,
    *,
    file: str,
    args: Sequence[str] = (),
    conf: Mapping[str, str],
) -> None:
    """Submit a batch under this name, unless Livy knows one of that name already. May be repeated.

    Asking first spares a batch id: Livy burns one for each name it refuses (captured).

    Raises:
        TransientError: Livy refused it or gave no good answer; it may have been submitted.
    """
    if (await batch(http, endpoint, address, name)).result is not ProvingResult.PENDING:
        return
    body = {"name": name, "file": file, "args": list(args), "conf": dict(conf)}
    answer = await http.request("POST", endpoint, address, "/batches", body=body, timeout=SUBMIT_TIMEOUT)
    if answer.status == HTTPStatus.CREATED or (
        answer.status == HTTPStatus.BAD_REQUEST and b"Duplicate session name" in answer.body
    ):
        return
    raise TransientError(f"HTTP {answer.status} {answer.quoted()}", where=answer.where)
