"""Clients of Livy that submit one batch and poll it to its end, and what each of their polls was answered."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

LIVY = 8998
TIMEOUT = 3.0
"""Seconds for one request."""
POLL_SECONDS = 1.0
PATIENCE = 60.0
"""Seconds without a 200 after which a client gives up."""
ENDED = frozenset({"success", "dead", "killed", "error"})

Answer = tuple[int, Any]


class Asker(Protocol):
    """How a client reaches the balancer."""

    def ask(self, method: str, path: str, body: object = None) -> Answer | None:
        """Return status and JSON; None for no answer."""
        ...

    def close(self) -> None:
        """End what is still open."""
        ...


class OneConnection:
    """One connection for the whole task, as Airflow's LivyOperator has it; another one only when it breaks."""

    def __init__(self, address: str, port: int = LIVY) -> None:
        self._address, self._port = address, port
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: object = None) -> Answer | None:
        """See `Asker.ask`."""
        self._connection = self._connection or http.client.HTTPConnection(self._address, self._port, timeout=TIMEOUT)
        answer = _ask(self._connection, method, path, body)
        if answer is None:
            self.close()
        return answer

    def close(self) -> None:
        """See `Asker.close`."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class ConnectionEach:
    """A connection for each request: curl, deferrable triggers, tasks that are retried."""

    def __init__(self, address: str, port: int = LIVY) -> None:
        self._address, self._port = address, port

    def ask(self, method: str, path: str, body: object = None) -> Answer | None:
        """See `Asker.ask`."""
        connection = http.client.HTTPConnection(self._address, self._port, timeout=TIMEOUT)
        try:
            return _ask(connection, method, path, body)
        finally:
            connection.close()

    def close(self) -> None:
        """See `Asker.close`: nothing ever is."""


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: object) -> Answer | None:
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None


@dataclass
class Task:
    """One batch as its client sees it.

    Attributes:
        succeeds: What becomes of it if nobody disturbs it.
        refused: Submissions that were not accepted.
        right: Polls answered about this very batch.
        others: Polls answered about another job's batch.
        unknown: Polls answered with 404.
        silent: Polls without an answer.
        told: The state with which the client took it for ended; empty if it gave up.
        told_of: The name of the batch of which it was told so.
        names: Under which it was submitted; more than one if a submission was not accepted.
        pause: Seconds between two requests.
    """

    name: str
    succeeds: bool
    refused: int = 0
    right: int = 0
    others: int = 0
    unknown: int = 0
    silent: int = 0
    told: str = ""
    told_of: str = ""
    names: list[str] = field(default_factory=list)
    pause: float = POLL_SECONDS

    @property
    def another_jobs(self) -> bool:
        """Whether the client ended with another job's state."""
        return bool(self.told) and self.told_of not in self.names

    @property
    def opposite(self) -> bool:
        """Whether that is the opposite of what its own job does."""
        return self.another_jobs and (self.told == "success") is not self.succeeds

    def run(self, asker: Asker, body: dict[str, object], submitted: Callable[[], None]) -> None:
        """Submit, tell that it is submitted, and poll until a state says that it has ended."""
        number = self._submit(asker, body)
        submitted()
        patient_until = time.monotonic() + PATIENCE
        while number is not None and time.monotonic() < patient_until:
            time.sleep(self.pause)  # as a client does between two polls
            answer = asker.ask("GET", f"/batches/{number}")
            if answer is None:
                self.silent += 1
            elif answer[0] != http.client.OK:
                self.unknown += 1
            else:
                patient_until = time.monotonic() + PATIENCE
                if self._take(answer[1]):
                    return

    def _submit(self, asker: Asker, body: dict[str, object]) -> int | None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self.names.append(f"{self.name}-{len(self.names)}")  # one without an answer may have been accepted
            answer = asker.ask("POST", "/batches", {**body, "name": self.names[-1]})
            if answer is not None and answer[0] == http.client.CREATED:
                return int(answer[1]["id"])
            self.refused += 1
            time.sleep(self.pause)  # as a client does that was refused
        return None

    def _take(self, batch: dict[str, Any]) -> bool:
        """Believe what is said, as every client does; return whether it is the end."""
        if batch["name"] in self.names:
            self.right += 1
        else:
            self.others += 1
        if batch["state"] in ENDED:
            self.told, self.told_of = batch["state"], str(batch["name"])
        return bool(self.told)
