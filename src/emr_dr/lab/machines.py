"""What the lab's EMR asks of whatever plays a cluster's machines: real processes, or the stand-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BootstrapAction:
    """One script of `RunJobFlow.BootstrapActions`; `path` is an S3 URI or a local path."""

    name: str
    path: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Launch:
    """What the machines of one cluster are started with; `address` is the primary's private IP, which is loopback."""

    cluster_id: str
    address: str
    availability_zone: str
    release: str = ""
    applications: tuple[str, ...] = ()
    configurations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Classification (`livy-conf`, `core-site` …) to its properties; nested configurations are not passed on."""
    bootstrap_actions: tuple[BootstrapAction, ...] = ()
    looked_at_from: str = ""
    """Source address of the lab's own questions whether it has booted; no screen is put up against it."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Whom one service does not hear, as networks (`127.10.200.0/24`): no refusal and no close, only silence."""

    arriving: tuple[str, ...] = ()
    """Who gets no new connection."""
    established: tuple[str, ...] = ()
    """Whose established connections stall, to go on when the screen has gone."""


class Machines(Protocol):
    """The machines of all clusters of one lab.

    The lab calls from one thread at a time for a given cluster, never while it holds a lock of the AWS overlay. Every
    method is safe to repeat, and everything but `start` is a no-op for a cluster that is not known.
    """

    def start(self, launch: Launch) -> None:
        """Begin to boot and return within a second or so; `healthy` says when it is done.

        Raises:
            EmrDrError: the machines cannot boot; EMR then says BOOTSTRAP_FAILURE with this message.
        """

    def healthy(self, cluster_id: str) -> bool:
        """Say whether ResourceManager, NameNode and Livy all answer well; returns within a few milliseconds.

        Raises:
            EmrDrError: the machines can never boot; EMR then says BOOTSTRAP_FAILURE with this message.
        """

    def stop(self, cluster_id: str) -> None:
        """End every process of the cluster and return when none is left; takes at most 30 s."""

    def lose(self, cluster_id: str) -> None:
        """Let the machines vanish as in a power cut: nothing is refused or closed, there is only silence."""

    def kill_service(self, cluster_id: str, service: str) -> None:
        """SIGKILL one service (`livy`, `resource-manager`, `name-node`): its port refuses from now on.

        Raises:
            UsageError: there is no such service.
        """

    def freeze(self, cluster_id: str, service: str) -> None:
        """SIGSTOP one service: its port accepts, nothing answers. Raises UsageError as `kill_service` does."""

    def thaw(self, cluster_id: str, service: str) -> None:
        """Undo `freeze`. Raises UsageError as `kill_service` does."""

    def come_back(self, cluster_id: str) -> None:
        """Begin to boot lost machines again, at their address and with their disks; a no-op if they are not lost."""

    def screen(self, cluster_id: str, screens: Mapping[str, Screen]) -> None:
        """Put up a screen before each service named, and take down all others.

        Screens stay through the end and the start of their service, and through a loss. A service that the machines
        do not have is passed over.

        Raises:
            PermanentError: this machine's kernel does not let the lab do that; the screens are as they were.
        """

    def close(self) -> None:
        """End everything of every cluster, lost ones too, and return when nothing is left running."""
