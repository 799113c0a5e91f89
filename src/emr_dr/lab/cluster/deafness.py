"""Making one TCP socket deaf to some networks, without any privilege: nothing is refused or closed, there is silence.

TCP signatures (RFC 2385) do it, an option made for routers. A socket that has a key for a network drops whatever comes
from there and is not signed, before it looks at it, and signs what it sends there, which a peer without the key drops
in turn. Here nobody has the key. So the path is silent both ways, for established connections as for new ones, until
the key is taken away: then both sides' retransmissions go on as after any other gap.
"""

import contextlib
import socket
import struct
from ipaddress import IPv4Network

_TCP_MD5SIG_EXT = 32
_FLAG_PREFIX = 1
_ADDRESS_BYTES = 128
_KEY_BYTES = 80
_KEY = b"nobody has this"


def be_deaf_to(listener_or_connection: socket.socket, network: IPv4Network) -> None:
    """Hear nothing from a network, and be heard by nobody in it; safe to repeat.

    Raises:
        OSError: the kernel was built without TCP signatures, or allows no more keys on this socket.
    """
    _set_key(listener_or_connection, network, _KEY)


def hear(listener_or_connection: socket.socket, network: IPv4Network) -> None:
    """Undo `be_deaf_to` for the very same network; safe to repeat."""
    with contextlib.suppress(FileNotFoundError):  # it was not deaf to it
        _set_key(listener_or_connection, network, b"")


def _set_key(sock: socket.socket, network: IPv4Network, key: bytes) -> None:
    """Set `struct tcp_md5sig`: address, flags, length of the prefix, length of the key, interface, key."""
    address = struct.pack("=HH4s", socket.AF_INET, 0, network.network_address.packed).ljust(_ADDRESS_BYTES, b"\0")
    rest = struct.pack(f"=BBHi{_KEY_BYTES}s", _FLAG_PREFIX, network.prefixlen, len(key), 0, key)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG_EXT, address + rest)
