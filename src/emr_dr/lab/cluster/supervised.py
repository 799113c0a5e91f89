"""The caller's end of a supervisor: one process that owns a cluster's processes, spoken to line by line."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterable
from time import monotonic, sleep
from typing import IO, Any, cast

from emr_dr.errors import OutcomeUnknownError, PermanentError, TransientError
from emr_dr.lab.cluster.processes import kill_until_none, marked
from emr_dr.lab.cluster.screens import PortScreen
from emr_dr.lab.cluster.services import ServiceCommand
from emr_dr.lab.cluster.settings import ADDRESS_MARKER, LAB_MARKER, PORTS, Service, ports_of

# Killing everything may take 30 s on a machine that is overloaded.
_ANSWER_SECONDS = 45.0
_END_SECONDS = 45.0
_IN_ORDER_SECONDS = 15.0
_LOOK_SECONDS = 0.05
# Clients from outside the cluster hold connections to these; see `Supervisor.lose`.
_FRONT = (Service.LIVY, Service.NAME_NODE, Service.RESOURCE_MANAGER)


class Supervised:
    """A running supervisor; safe to use from several threads.

    Each command raises TransientError if the supervisor is gone or refuses, and OutcomeUnknownError if it does not
    answer.
    """

    def __init__(self, lab_id: str, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._unread = b""
        self._number = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emr_dr.lab.cluster.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {LAB_MARKER: lab_id, ADDRESS_MARKER: address},
            # Ctrl-C in a terminal goes to the whole process group; this one is ended by closing its input.
            start_new_session=True,
        )
        self._commands = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._burial = threading.Thread(target=self._bury, args=(lab_id,), name=f"bury-{address}", daemon=True)
        self._burial.start()

    def _bury(self, lab_id: str) -> None:
        """Kill what a killed supervisor leaves: the kernel ends its services, not the containers they started."""
        self._process.wait()

        def left() -> list[int]:
            return sorted({*marked(LAB_MARKER, lab_id)} & {*marked(ADDRESS_MARKER, self._address)})

        kill_until_none(left, seconds=_END_SECONDS)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def start(self, command: ServiceCommand) -> None:
        """Start a service; one that runs is left alone."""
        self._tell({"do": "start", "service": command.as_json()})

    def tell(self, action: str, service: str | None = None) -> None:
        """Do to a service what the supervisor's method `action` does, or to everything where that takes no service."""
        self._tell({"do": action} | ({"name": service} if service else {}))

    def lose(self) -> None:
        """End everything that runs, and make the address silent."""
        front = {service.value: ports_of(service) for service in _FRONT}
        others = [port.number for port in PORTS if port.service not in _FRONT]
        self._tell({"do": "lose", "address": self._address, "front": front, "others": others})

    def vanish(self, service: str, port: int) -> None:
        """Kill a service, and make its port silent to everybody, to those too who have a connection to it."""
        self._tell({"do": "vanish", "name": service, "address": self._address, "port": port})

    def end_in_order(self, service: str) -> None:
        """Ask a service to end, and give it some seconds; a no-op for one that does not run."""
        if self.status()["services"].get(service) != "running":
            return
        self.tell("terminate", service)
        deadline = monotonic() + _IN_ORDER_SECONDS
        while self.status()["services"].get(service) == "running" and monotonic() < deadline:
            sleep(_LOOK_SECONDS)

    def come_back(self) -> None:
        """Start everything again that ran when it was lost; a no-op otherwise."""
        self._tell({"do": "come_back"})

    def screen(self, screens: Iterable[PortScreen]) -> None:
        """Put up these screens and no others.

        Raises:
            PermanentError: the kernel refuses; the screens are as they were.
        """
        if refused := self._tell({"do": "screen", "screens": [each.as_json() for each in screens]})["refused"]:
            raise PermanentError(
                f"the kernel does not let the lab silence a path ({refused})",
                where=self._address,
                remedy="it takes pidfd_getfd and TCP signatures: in a container, allow the first (Docker: --cap-add "
                "SYS_PTRACE); `emr-dr lab freeze` needs neither",
            )

    def status(self) -> dict[str, Any]:
        """Return `services` (name: running, frozen or ended), `exits`, `processes` (how many) and `silent`."""
        return self._tell({"do": "status"})

    def end(self) -> None:
        """Kill everything and end the supervisor; safe to repeat.

        Raises:
            OutcomeUnknownError: it did not end in time, so processes may be left; sweep by the lab's id.
        """
        with self._lock:
            with contextlib.suppress(OSError):
                self._commands.close()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired as late:
                self._process.kill()
                raise OutcomeUnknownError("the supervisor did not end in time", where=self._address) from late
            self._burial.join(_END_SECONDS)  # before the address is another cluster's
            self._answers.close()

    def _tell(self, command: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._number += 1
            try:
                self._commands.write(json.dumps({"id": self._number, **command}).encode() + b"\n")
                self._commands.flush()
            except (OSError, ValueError) as gone:
                raise TransientError("the cluster's supervisor is gone", where=self._address) from gone
            answer: dict[str, Any] = json.loads(self._read_line())
            while answer.pop("id") != self._number:  # late, to a command that was given up
                answer = json.loads(self._read_line())
        if not answer.pop("ok"):
            raise TransientError(str(answer["error"]), where=self._address)
        return answer

    def _read_line(self) -> bytes:
        output = self._answers.fileno()
        deadline = monotonic() + _ANSWER_SECONDS
        while b"\n" not in self._unread:
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise OutcomeUnknownError("the cluster's supervisor does not answer", where=self._address)
            if not (received := os.read(output, 1 << 16)):
                raise TransientError("the cluster's supervisor is gone", where=self._address)
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line
