"""What can be done to a running lab, one method an order of its control API."""

from abc import ABC, abstractmethod
from enum import StrEnum
from pathlib import Path
from typing import Any

from emr_dr.errors import UsageError
from emr_dr.provision.desired import desired_balancer
from emr_dr.spec import load_spec

AWS = "aws"
"""The target of a cut that is no member."""
RULED_SERVICES = ("livy", "resource-manager", "name-node")
"""What the lab's security groups open to clients."""


class Source(StrEnum):
    """Where a path begins; the monitor is whoever is nobody else, for it has no address of its own."""

    MONITOR = "monitor"
    BALANCER = "balancer"
    EVERYONE = "everyone"


class Orders(ABC):
    """Faults and their ends, for whoever can give an `order`.

    Every method raises UsageError where the lab refuses (no such cluster, AZ, service or operation), PermanentError
    where this machine's kernel does, and TransientError where there is no answer within 60 s. An AZ that is None is
    any; `times` 0 means until `clear_faults`.
    """

    __slots__ = ()

    @abstractmethod
    def order(self, name: str, **arguments: object) -> dict[str, Any]:
        """Give any order of the control API."""

    def set_times(self, **times: float | str) -> dict[str, float]:
        """Change how long things take (see `LabTimes`) and return every time as it is now. Safe to repeat."""
        now: dict[str, float] = self.order("set", times=times)["times"]
        return now

    def kill_az(self, zone: str) -> dict[str, Any]:
        """Power off an AZ; return `lost` (cluster ids), `gateways` (names) and `at` (Unix time). Safe to repeat."""
        return self.order("kill-az", zone=zone)

    def restore_az(self, zone: str) -> None:
        """Let an AZ take launches again; clusters lost in it stay lost, gateways start again. Safe to repeat."""
        self.order("restore-az", zone=zone)

    def run_gateways(self, count: int, spec: Path) -> list[dict[str, Any]]:
        """Have so many gateways of a spec's group run, each in the next AZ; return all there are. Safe to repeat.

        Raises:
            SpecError: The spec cannot be used.
            UsageError: It is not in mode gateway, or its target group is not there yet.
        """
        declared = load_spec(spec)
        desired = desired_balancer(declared)
        if desired.gateways is None:
            remedy = "write one with `emr-dr lab spec STRATEGY --mode gateway`"
            raise UsageError("its address.mode is direct", where=str(spec), remedy=remedy)
        place = {"spec": str(spec.absolute()), "group": declared.group, "port": desired.gateways.port}
        running: list[dict[str, Any]] = self.order(
            "gateways", count=count, target_group=desired.leads_to("livy"), **place
        )["gateways"]
        return running

    def kill_gateway(self, name: str) -> None:
        """SIGKILL one gateway: its port refuses. Safe to repeat; `come_back` starts it again."""
        self.order("kill-gateway", gateway=name)

    def kill_member(self, cluster_id: str) -> dict[str, Any]:
        """Power off one cluster's machines; return `lost`. Safe to repeat."""
        return self.order("kill-member", cluster_id=cluster_id)

    def come_back(self, cluster_id: str) -> None:
        """Let lost machines boot again at their address with their disks; refused once EMR has noticed the loss.

        Given a gateway's name, start that again.
        """
        self.order("come-back", cluster_id=cluster_id)

    def kill_service(self, cluster_id: str, service: str) -> None:
        """SIGKILL one service of a cluster: its port refuses."""
        self.order("kill-service", cluster_id=cluster_id, service=service)

    def freeze(self, cluster_id: str, service: str) -> None:
        """SIGSTOP one service: its port accepts, nothing answers."""
        self.order("freeze", cluster_id=cluster_id, service=service)

    def thaw(self, cluster_id: str, service: str) -> None:
        """Undo `freeze`."""
        self.order("thaw", cluster_id=cluster_id, service=service)

    def cut(self, source: str, target: str) -> list[str]:
        """Make a path silent and return whom it cut off.

        `source` is `monitor` (whoever looks directly), `balancer` or `everyone`; `target` a cluster, an AZ (its members
        of now) or `aws`. Safe to repeat.
        """
        targets: list[str] = self.order("cut", source=source, target=target)["targets"]
        return targets

    def heal(self, source: str | None = None, target: str | None = None) -> list[str]:
        """Undo one cut, or without arguments every cut and every revoked rule; return whom it was. Safe to repeat."""
        targets: list[str] = self.order("heal", source=source, target=target)["targets"]
        return targets

    def revoke_rule(self, cluster_id: str, service: str | None = None) -> None:
        """Let nobody but the member itself make new connections to a service, or to all three. Safe to repeat."""
        self.order("revoke-rule", cluster_id=cluster_id, service=service)

    def restore_rule(self, cluster_id: str | None = None, service: str | None = None) -> list[str]:
        """Undo `revoke_rule`, without a cluster everywhere; return where a rule was missing. Safe to repeat."""
        targets: list[str] = self.order("restore-rule", cluster_id=cluster_id, service=service)["targets"]
        return targets

    def no_capacity(
        self, zone: str | None = None, *, hang: bool = False, instance_type: str | None = None, times: int = 1
    ) -> None:
        """Let launches find no capacity and end with EC2's error; with `hang` they stay in STARTING for ever.

        With `instance_type` only launches that cannot do without it are struck.
        """
        self.order("no-capacity", zone=zone, hang=hang, type=instance_type, times=times)

    def boot_failure(self, zone: str | None = None, *, times: int = 1) -> None:
        """Let launches fail in a bootstrap action."""
        self.order("boot-failure", zone=zone, times=times)

    def hang_starting(self, zone: str | None = None, *, times: int = 1) -> None:
        """Let launches stay in STARTING for ever."""
        self.order("hang-starting", zone=zone, times=times)

    def throttle(self, operation: str | None = None, *, times: int = 1) -> None:
        """Refuse calls of an operation (`RunJobFlow`), or of any, as AWS does when there are too many."""
        self.order("throttle", operation=operation, times=times)

    def lose_reply(self, operation: str, *, times: int = 1) -> None:
        """Carry calls out, and cut the connection instead of answering."""
        self.order("lose-reply", operation=operation, times=times)

    def api_error(
        self, operation: str, code: str, *, message: str | None = None, status: int = 400, times: int = 1
    ) -> None:
        """Answer calls with an error, `AccessDeniedException` for example, instead of carrying them out."""
        self.order("api-error", operation=operation, code=code, message=message, status=status, times=times)

    def clear_faults(self) -> None:
        """Withdraw every fault of calls and launches that is still to strike. Safe to repeat."""
        self.order("clear-faults")
