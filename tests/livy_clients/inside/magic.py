"""Run by a Python that has sparkmagic: starts a session with its own classes, runs code in it, and ends it."""

import json
import sys
from typing import Any

from sparkmagic.livyclientlib.command import Command
from sparkmagic.livyclientlib.endpoint import Endpoint
from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient
from sparkmagic.livyclientlib.livysession import LivySession


class Screen:
    """What a notebook shows."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def _show(self, what: Any) -> None:
        self.shown.append(str(what))

    write = writeln = send_error = html = display = stderr_flush = stdout_flush = _show


url, code = sys.argv[1:]
http = LivyReliableHttpClient.from_endpoint(Endpoint(url, None))
screen = Screen()
session = LivySession(http, {"kind": "pyspark", "name": "notebook"}, screen, heartbeat_timeout=60)
session.start()
answer: dict[str, Any] = {"id": session.id, "status": session.status, "app_id": session.get_app_id()}
answer["listed"] = [each["id"] for each in http.get_sessions()["sessions"]]
answer["ran"] = [str(part) for part in Command(code).execute(session)]
answer["logs"] = session.get_logs()
session.delete()
answer["end"] = session.status
answer["shown"] = screen.shown
sys.stdout.write(f"\n{json.dumps(answer)}\n")
sys.stdout.flush()
