"""Screens before the services of one machine: whom a port does not hear, kept so while sockets come and go."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from emr_dr.lab.cluster.deafness import be_deaf_to, hear
from emr_dr.lab.cluster.sockets import TcpSocket, borrow, tcp_sockets
from emr_dr.lab.machines import Screen

FOLLOW_SECONDS = 0.1
"""How often `follow` should be called while `are_up`: so long may a new socket hear everybody."""
Networks = frozenset[IPv4Network]


@dataclass(frozen=True, slots=True)
class PortScreen:
    """A screen at its port."""

    service: str
    port: int
    arriving: Networks
    established: Networks

    @classmethod
    def at(cls, service: str, port: int, screen: Screen) -> "PortScreen":
        """Read the networks of a screen."""
        return cls(service, port, _networks(screen.arriving), _networks(screen.established))

    def as_json(self) -> dict[str, Any]:
        """Return it as `read` expects it."""
        sides = {"arriving": self.arriving, "established": self.established}
        return {"service": self.service, "port": self.port, **{k: sorted(map(str, v)) for k, v in sides.items()}}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "PortScreen":
        """Undo `as_json`."""
        return cls.at(
            written["service"], written["port"], Screen(tuple(written["arriving"]), tuple(written["established"]))
        )

    def hides(self, sock: TcpSocket) -> Networks:
        """Return the networks that one socket must be deaf to."""
        if sock.listens:
            return self.arriving
        peer = IPv4Address(sock.peer)
        return frozenset({IPv4Network(peer)}) if any(peer in network for network in self.established) else frozenset()


class Screens:
    """The screens of one address; not safe to use from several threads at once."""

    def __init__(self, address: str, owner: Callable[[str], int | None]) -> None:
        """`owner` gives the process of a service, None while it does not run."""
        self._address = address
        self._owner = owner
        self._wanted: dict[int, PortScreen] = {}
        self._services: dict[int, str] = {}
        """Of every port that ever had a screen."""
        self._deaf: dict[int, tuple[int, Networks]] = {}
        """By a socket's inode: its port, and what it was made deaf to."""

    @property
    def are_up(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self._wanted or self._deaf)

    def put_up(self, wanted: Iterable[PortScreen]) -> None:
        """Replace the screens of all ports; safe to repeat.

        Raises:
            OSError: the kernel refuses; the screens are as they were before.
        """
        before, self._wanted = self._wanted, {each.port: each for each in wanted}
        self._services |= {each.port: each.service for each in self._wanted.values()}
        try:
            self.follow()
        except OSError:
            self._wanted = before
            with contextlib.suppress(OSError):
                self.follow()
            raise

    def follow(self) -> None:
        """Bring every socket that there is now to what its screen says.

        Raises:
            OSError: the kernel refuses.
        """
        if not self.are_up:
            return
        seen = {each.inode: each for each in tcp_sockets(self._address, self._services)}
        for inode, each in seen.items():
            screen = self._wanted.get(each.port)
            self._change(inode, each.port, screen.hides(each) if screen else frozenset())
        # The kernel's table may leave a socket out of one reading: none may stay deaf because of that.
        for inode, (port, networks) in list(self._deaf.items()):
            if inode not in seen:
                self._change(inode, port, networks if port in self._wanted else frozenset())

    def _change(self, inode: int, port: int, wanted: Networks) -> None:
        _, deaf = self._deaf.get(inode, (port, frozenset()))
        if wanted == deaf:
            return
        owner = self._owner(self._services[port])
        borrowed = borrow(owner, inode) if owner is not None else None
        if borrowed is None:
            self._deaf.pop(inode, None)
            return
        with borrowed:
            for network in wanted - deaf:
                be_deaf_to(borrowed, network)
                deaf |= {network}
                self._deaf[inode] = port, deaf
            for network in deaf - wanted:
                hear(borrowed, network)
                deaf -= {network}
                self._deaf[inode] = port, deaf
        if not deaf:
            self._deaf.pop(inode, None)


def _networks(written: tuple[str, ...]) -> Networks:
    return frozenset(IPv4Network(each) for each in written)
