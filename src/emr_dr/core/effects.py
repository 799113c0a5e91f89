"""What a decision asks the shell to ensure once the decision is saved."""

from dataclasses import dataclass

from emr_dr.core.group import Placement


@dataclass(frozen=True, slots=True)
class LaunchCluster:
    """Call RunJobFlow once. The only effect that must not be repeated: one save licenses one call."""

    number: int
    placement: Placement


@dataclass(frozen=True, slots=True)
class ProveMember:
    """Start the proving job `name` on the member; repeating it must not start a second one."""

    cluster: str
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class ProtectCluster:
    """Switch termination protection on."""

    cluster: str


@dataclass(frozen=True, slots=True)
class RegisterTarget:
    """Make the address a target of every target group of the group's balancer."""

    cluster: str
    address: str
    epoch: int


@dataclass(frozen=True, slots=True)
class DeregisterTarget:
    """Take the address out of every target group; `cluster` is empty for a stranger's address."""

    cluster: str
    address: str
    epoch: int


@dataclass(frozen=True, slots=True)
class StopWork:
    """Kill what carries a tag of an epoch older than `epoch`, and read back that it is killed."""

    cluster: str
    address: str
    epoch: int


@dataclass(frozen=True, slots=True)
class DenyRole:
    """Deny everything to a role that this cluster alone has, and read it back."""

    cluster: str
    role: str


@dataclass(frozen=True, slots=True)
class AllowRole:
    """Take the denial back that was made for this cluster."""

    cluster: str
    role: str


@dataclass(frozen=True, slots=True)
class UnprotectCluster:
    """Switch termination protection off; only ever asked for what is saved as retiring or condemned."""

    cluster: str


@dataclass(frozen=True, slots=True)
class TerminateCluster:
    """Terminate; only ever asked for what is saved as retiring or condemned and is no target any more."""

    cluster: str


Effect = (
    LaunchCluster
    | ProveMember
    | ProtectCluster
    | RegisterTarget
    | DeregisterTarget
    | StopWork
    | DenyRole
    | AllowRole
    | UnprotectCluster
    | TerminateCluster
)
