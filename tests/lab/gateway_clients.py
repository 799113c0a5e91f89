"""Clients of a group's gateways: they repeat what got no answer, and take any bad answer for a failure."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

ENDS = ("success", "dead", "killed")
PATIENCE = 300.0


@dataclass
class Sent:
    """One batch: its number, when it was accepted (seconds of the epoch), and each state it was shown in, in order."""

    key: str
    number: int
    accepted_at: float
    took: float
    states: list[str] = field(default_factory=list)

    @property
    def end(self) -> str:
        """The end it was shown in; empty while it has none."""
        return self.states[-1] if self.states and self.states[-1] in ENDS else ""


@dataclass
class Clients:
    """What they did and what they saw.

    Attributes:
        bad: Answers that no client should ever get, in words.
        reconnected: Requests that got no answer, and were made again.
    """

    url: str
    body: Callable[[str], Mapping[str, object]]
    sent: dict[str, Sent] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    reconnected: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def submit(self, key: str, rescue: str = "", *, by_header: bool = True) -> Sent:
        """Submit until it is accepted, under one idempotency key."""
        headers = {"Content-Type": "application/json", "X-Emr-Dr-Idempotency-Key": key}
        body = dict(self.body(key))
        if rescue and by_header:
            headers["X-Emr-Dr-Rescue"] = rescue
        elif rescue:
            body["conf"] = {"spark.emrdr.rescue": rescue}
        begun = time.time()
        status, told = self._ask("POST", "/batches", headers, json.dumps(body).encode())
        if status != 201:
            self.bad.append(f"submitting {key}: {status} {told}")
            raise AssertionError(self.bad[-1])
        now = time.time()
        self.sent[key] = Sent(key, int(told["id"]), now, now - begun)
        return self.sent[key]

    def look(self, key: str) -> Sent:
        """Poll one batch once."""
        sent = self.sent[key]
        status, told = self._ask("GET", f"/batches/{sent.number}")
        if status != 200 or told["name"] != key:
            self.bad.append(f"polling {key} ({sent.number}): {status} {told}")
        elif sent.end and told["state"] != sent.end:
            self.bad.append(f"{key} was {sent.end}, and is {told['state']}")
        elif not sent.states or sent.states[-1] != told["state"]:
            sent.states.append(told["state"])
        return sent

    def about(self, key: str) -> dict[str, Any]:
        """What the gateways tell of a batch and its attempts."""
        told: dict[str, Any]
        _, told = self._ask("GET", f"/gateway/batches/{self.sent[key].number}")
        return told

    def until_ended(self, seconds: float = PATIENCE) -> Mapping[str, int]:
        """Poll every batch to its end; return how many came to which."""
        until = time.monotonic() + seconds
        while left := [key for key in list(self.sent) if not self.look(key).end]:
            assert time.monotonic() < until, f"never ended: {[(k, self.about(k)) for k in left]}"
            time.sleep(0.5)  # between two looks, nothing more
        return Counter(each.end for each in self.sent.values())

    @contextmanager
    def going_on(self, period: float, rescue: str = "idempotent", width: int = 10_000) -> Iterator[None]:
        """Submit one batch a period for the length of the block, on a thread of its own, and poll the last ones."""

        def run() -> None:
            for number in range(width):
                if self._stop.wait(period):
                    return
                self.submit(f"on-{number}", rescue, by_header=number % 2 == 0)
                for key in [f"on-{n}" for n in range(max(0, number - 5), number + 1)]:
                    self.look(key)

        thread = threading.Thread(target=run, name="clients", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(60)
            assert not thread.is_alive()

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, Any]:
        until = time.monotonic() + PATIENCE
        while True:
            request = urllib.request.Request(self.url + path, body, dict(headers or {}), method=method)
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode(errors="replace")
            except (OSError, ValueError):
                assert time.monotonic() < until, f"nobody answers at {self.url}"
                self.reconnected += 1
                time.sleep(0.1)
