"""TCP sockets of running processes: found in /proc, and borrowed, so that their options can be changed from outside."""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PIDFD_GETFD = 438
_LISTENS = "0A"
# Process or descriptor went away between two looks.
_GONE = (errno.ESRCH, errno.EBADF, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """One line of the kernel's table; a connection that nobody has accepted yet is not in it."""

    inode: int
    port: int
    peer: str
    """The other side's address; of a listening socket, 0.0.0.0."""
    listens: bool


def tcp_sockets(address: str, ports: Collection[int]) -> list[TcpSocket]:
    """Return the IPv4 sockets that processes hold at an address and one of these ports."""
    found = []
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
        host, port = _place(local)
        if port in ports and host == address and inode != "0":
            found.append(TcpSocket(int(inode), port, _place(remote)[0], state == _LISTENS))
    return found


def _place(written: str) -> tuple[str, int]:
    """Read `0A010A7F:2326`: the address as a number in the machine's own order of bytes, and the port."""
    host, _, port = written.partition(":")
    return socket.inet_ntoa(struct.pack("=I", int(host, 16))), int(port, 16)


def borrow(pid: int, inode: int) -> socket.socket | None:
    """Return a duplicate of a process's socket, to be closed by the caller; None if it is gone.

    Raises:
        OSError: the kernel does not let this process have it.
    """
    try:
        descriptor = _descriptor(pid, inode)
        if descriptor is None:
            return None
        ours = os.dup(descriptor) if pid == os.getpid() else _take(pid, descriptor)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    if os.fstat(ours).st_ino != inode:  # closed and used for something else since we looked
        os.close(ours)
        return None
    return socket.socket(fileno=ours)


def borrow_all(pid: int, address: str, port: int) -> list[socket.socket]:
    """Return duplicates of what a process has open at a port; none where the kernel does not let us have them."""
    try:
        borrowed = [borrow(pid, each.inode) for each in tcp_sockets(address, [port])]
    except OSError:
        return []
    return [each for each in borrowed if each is not None]


def _descriptor(pid: int, inode: int) -> int | None:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if str(entry.readlink()) == f"socket:[{inode}]":
                return int(entry.name)
        except FileNotFoundError:
            continue
    return None


def _take(pid: int, descriptor: int) -> int:
    process = os.pidfd_open(pid)
    try:
        taken = int(_LIBC.syscall(_PIDFD_GETFD, process, descriptor, 0))
        if taken < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "pidfd_getfd")
    finally:
        os.close(process)
    return taken
