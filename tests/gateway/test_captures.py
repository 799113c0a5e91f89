"""Every exchange recorded from a real Livy is played to the gateway: status, type, keys in order, and most bodies."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from emr_dr.core.batch import NewBatch, ShownState
from emr_dr.gateway.calls import Shown
from emr_dr.ports.ledger import BatchLog, LogTail
from gateway.memory import MemoryBatches
from gateway.served import Reply, Served, served

SHOWN_AS = {"recovering": "starting"}
"""A word that clients do not know and the gateway never shows."""
IN_NO_ORDER = "livy071-yarn-recovery-66-list"
"""After a restart Livy lists batches as its map has them; the gateway always by number."""
CAPTURES = Path(__file__).parent / "captures"
OTHERS = ("/sessions", "/metrics", "/ui")
"""What is not about batches, or is the gateway's own."""
COLUMNS_OF_ANOTHER_PATH = ("livy071-local-30-post-unknown-field", "livy071-local-32-post-wrong-type")
"""The path in these requests was shortened after it was recorded, so Livy's columns are 13 too high."""
WITHOUT_IMPERSONATION = ("livy071-local-43-post-proxyuser", "livy071-local-44-post-doas")
"""This Livy ran everything as itself and showed nobody; the gateway shows what was asked for."""


@dataclass(frozen=True)
class Capture:
    """One exchange."""

    name: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def body(self) -> bytes:
        """What Livy sent."""
        return str(self.response["body_verbatim"]).encode()


def captures() -> list[Capture]:
    """Those that the gateway has to match."""
    found = []
    for file in sorted(CAPTURES.glob("*.json")):
        told = json.loads(file.read_text())
        if "request" not in told:  # a list of states over time
            continue
        capture = Capture(file.stem, told["request"], told["response"])
        refused_as_html = "html" in capture.response["headers"].get("Content-Type", "") and capture.body
        if not capture.request["path"].startswith(OTHERS) and not refused_as_html:
            found.append(capture)
    return found


def batch(told: dict[str, Any]) -> Shown:
    """What the gateway would have to know to show what Livy showed."""
    info = told.get("appInfo") or {}
    new = NewBatch("token", "{}", 1.0, owner=told.get("owner"), name=told.get("name"), proxy_user=told.get("proxyUser"))
    made = new.numbered(int(told["id"]))
    last = replace(
        made.last,
        app_id=told.get("appId") or "",
        driver_log_url=info.get("driverLogUrl") or "",
        spark_ui_url=info.get("sparkUiUrl") or "",
    )
    state = ShownState(SHOWN_AS.get(told.get("state", "running"), told.get("state", "running")))
    return Shown(replace(made, shown=state).with_last(last), tuple(told.get("log", ())))


def prepare(capture: Capture) -> MemoryBatches:
    """Batches as they were when Livy answered."""
    batches = MemoryBatches()
    said = json.loads(capture.body) if capture.body else None
    status = capture.response["status"]
    if capture.request["method"] == "POST":
        _before_a_submission(batches, capture, said)
    elif capture.request["method"] in ("DELETE", "HEAD") and status == 200 and _asked(capture):
        named = _asked(capture)
        batches.add(batch({"id": named} if named.isdigit() else {"id": 1, "name": named}))
    elif status == 400 and capture.request["path"].partition("?")[0].endswith("/log"):
        batches.add(batch({"id": _asked(capture)}))
    elif status == 200 and isinstance(said, dict) and "sessions" in said:
        _before_a_list(batches, said)
    elif status == 200 and isinstance(said, dict) and "id" in said:
        _before_a_look(batches, capture, said)
    return batches


def _asked(capture: Capture) -> str:
    return "/".join(capture.request["path"].partition("?")[0].split("/")[2:3])


def _before_a_submission(batches: MemoryBatches, capture: Capture, said: dict[str, Any] | str | None) -> None:
    if capture.response["status"] == 201 and isinstance(said, dict):
        batches.next_id, batches.born = said["id"], ShownState(said["state"])
        batches.first_lines = tuple(said["log"])
    elif isinstance(said, dict) and "Duplicate" in said["msg"]:
        batches.add(batch({"id": 0, "name": json.loads(capture.request["body"])["name"]}))
        batches.next_id = int(said["msg"].rsplit(" ", 1)[1])


def _before_a_list(batches: MemoryBatches, said: dict[str, Any]) -> None:
    for n in range(min(said["from"], said["total"])):
        batches.add(batch({"id": n - 1000}))
    for each in said["sessions"]:
        batches.add(batch(each))
    for n in range(said["total"] - len(batches.shown)):
        batches.add(batch({"id": 1000 + n}))


def _before_a_look(batches: MemoryBatches, capture: Capture, said: dict[str, Any]) -> None:
    named = _asked(capture)
    name = None if any(char.isdigit() for char in named) else named
    shown = batches.add(batch({"name": name, **said}))
    if "total" in said:
        before = [f"line {n}" for n in range(min(said["from"], said["total"]))]
        lines = (*before, *said["log"])
        after = [f"line {n}" for n in range(len(lines), said["total"])]
        batches.logs[shown.batch.id] = BatchLog((LogTail(1, said["total"], (*lines, *after)),))


async def replay(capture: Capture) -> Reply:
    async with served(prepare(capture)) as gateway:
        return await play(gateway, capture)


async def play(gateway: Served, capture: Capture) -> Reply:
    body = capture.request["body"]
    return await gateway.ask(
        capture.request["method"],
        capture.request["path"],
        None if body is None else body.encode(),
        capture.request["headers"],
    )


PLAYED = captures()


def names(told: list[Capture]) -> list[str]:
    return [each.name for each in told]


@pytest.mark.parametrize("capture", PLAYED, ids=names(PLAYED))
async def test_a_recorded_request_gets_the_recorded_response(capture: Capture) -> None:
    reply = await replay(capture)
    recorded = {name.lower(): value for name, value in capture.response["headers"].items()}
    assert (reply.status, reply.reason) == (capture.response["status"], capture.response["reason"])
    for name in ("content-type", "allow"):
        assert reply.headers.get(name) == recorded.get(name)
    if "location" in recorded:
        assert _path(reply.headers["location"]) == _path(recorded["location"])
    assert _comparable(capture, reply.body) == _comparable(capture, capture.body)


def _path(location: str) -> str:
    return re.sub("^http://[^/]+", "", location)


def _comparable(capture: Capture, body: bytes) -> bytes:
    if capture.name in COLUMNS_OF_ANOTHER_PATH:
        return re.sub(rb"column: \d+", b"", body)
    if capture.name in WITHOUT_IMPERSONATION:
        return re.sub(rb'"proxyUser":[^,]*', b"", body)
    if capture.name == IN_NO_ORDER:
        told = json.loads(body)
        return json.dumps({**told, "sessions": sorted(told["sessions"], key=lambda each: int(each["id"]))}).encode()
    return body.replace(b'"recovering"', b'"starting"')


def test_no_recorded_exchange_about_batches_is_left_out() -> None:
    played = set(names(PLAYED))
    every = {file.stem for file in CAPTURES.glob("*.json")}
    assert sorted(every - played) == [
        "livy071-csrf-imp-01-post-nocsrf",  # a member's setting: the gateway adds the header on the inner leg
        "livy071-csrf-imp-02-delete-nocsrf",
        "livy071-local-01-sessions-empty",
        "livy071-local-04-metrics",
        "livy071-local-05-metrics2",
        "livy071-local-06-ping",
        "livy071-local-07-health",
        "livy071-local-09-ui",
        "livy071-local-50-post-session",
        "livy071-local-51-sessions-after",
        "livy071-local-52-session-404",
        "livy071-local-53-statements-404",
        "livy071-yarn-recovery-running-timeline",
    ]
