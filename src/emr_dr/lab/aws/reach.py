"""Whether AWS can be reached; while it cannot, a request is held without an answer, and then its connection is cut."""

import contextlib
import select
import socket
import threading
import time
from typing import NoReturn

from emr_dr.lab.aws.protocol import Environ

# Longer than botocore waits for an answer by default.
_HELD_SECONDS = 90.0
_LOOK_MS = 100


class Reach:
    """The path from everybody to the AWS API; safe to use from several threads."""

    def __init__(self) -> None:
        self._there = threading.Event()
        self._there.set()

    @property
    def is_cut(self) -> bool:
        """Whether requests get no answer."""
        return not self._there.is_set()

    def cut(self) -> None:
        """Answer nothing from now on, and carry nothing out. Safe to repeat."""
        self._there.clear()

    def heal(self) -> None:
        """Answer what comes from now on; what was held is cut, for AWS never saw it. Safe to repeat."""
        self._there.set()

    def swallow(self, environ: Environ) -> NoReturn:
        """Hold a request until the path is healed, its client has left, or 90 s have passed.

        Raises:
            ConnectionResetError: always: the connection is cut, and the server must not answer.
        """
        connection: socket.socket = environ["werkzeug.socket"]
        left = select.poll()
        left.register(connection, select.POLLRDHUP)
        end = time.monotonic() + _HELD_SECONDS
        while self.is_cut and time.monotonic() < end and not left.poll(_LOOK_MS):
            pass
        with contextlib.suppress(OSError):  # its client may have cut it already
            connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("AWS is cut off on purpose")
