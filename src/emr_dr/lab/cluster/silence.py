"""Making an address silent: a lost Availability Zone does not answer, while a dead process refuses.

Linux drops the first packet of a connection when the listener's accept queue is full. So a listener that accepts
nothing and whose queue has been filled is, to everybody else, a machine that is not there: connections time out.
"""

import errno
import resource
import select
import socket
from collections.abc import Iterable

_ANSWERS_WITHIN_MS = 60
_SPARE_DESCRIPTORS = 64
_MOST_CONNECTIONS = 512


class Silence:
    """Sockets that keep ports silent for as long as this object is not ended."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    @property
    def is_kept(self) -> bool:
        """Whether any port is being kept silent."""
        return bool(self._held)

    def hold(self, sockets: Iterable[socket.socket]) -> None:
        """Keep another's sockets open, and let those that listen take nobody."""
        for each in sockets:
            self._held.append(each)
            if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                each.listen(0)  # else its queue takes more than can be filled

    def keep(self, address: str, ports: Iterable[int]) -> None:
        """Let nobody in at these ports, whether a process that does not accept listens there or nobody does."""
        for port in ports:
            if not self._fill(address, port):
                self._occupy(address, port)
                self._fill(address, port)

    def _occupy(self, address: str, port: int) -> None:
        listener = socket.socket()
        self._held.append(listener)
        # What was killed has left connections behind that would otherwise keep the port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)

    def _fill(self, address: str, port: int) -> bool:
        """Fill the accept queue of whoever listens; False if nobody does."""
        _allow_descriptors(len(self._held) + _MOST_CONNECTIONS + _SPARE_DESCRIPTORS)
        for _ in range(_MOST_CONNECTIONS):
            filler = socket.socket()
            self._held.append(filler)
            filler.setblocking(False)
            outcome = filler.connect_ex((address, port))
            poller = select.poll()
            poller.register(filler, select.POLLOUT)
            # On loopback an accepted connection is there at once, so one that is not there found the queue full.
            if outcome == errno.EINPROGRESS and not poller.poll(_ANSWERS_WITHIN_MS):
                return True
            if filler.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or outcome not in (0, errno.EINPROGRESS):
                return False
        return True

    def end(self) -> None:
        """Let the ports go."""
        while self._held:
            self._held.pop().close()


def _allow_descriptors(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
