"""The state of ELBv2 in one region, what of it is in effect at a time, and its way to the data plane."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from emr_dr.lab.aws.elbv2_model import ListenerRecord, LoadBalancer, Registration, TargetGroup
from emr_dr.lab.aws.protocol import AwsError, JsonObject
from emr_dr.lab.balancer import Health, Listener, Snapshot
from emr_dr.lab.times import LabTimes
from emr_dr.lab.world import Addresses


class DataPlane(Protocol):
    """What carries the traffic; `emr_dr.lab.balancer.Balancer` does."""

    def apply(self, snapshot: Snapshot) -> None:
        """Make everything follow the snapshot; return when it does."""

    def health(self, serial: int) -> Health:
        """Return the health of one registration."""


@dataclass
class Balancing:
    """Balancers, listeners, groups and tags; every field is read and changed under `lock`."""

    addresses: Addresses
    times: LabTimes
    clock: Callable[[], float]
    plane: DataPlane
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    listeners: dict[str, ListenerRecord] = field(default_factory=dict)
    groups: dict[str, TargetGroup] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """ARN to its tags."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    free_addresses: Iterator[str] = field(init=False)
    _applied: Snapshot = field(default_factory=Snapshot)

    def __post_init__(self) -> None:
        self.free_addresses = self.addresses.balancers()

    def is_active(self, balancer: LoadBalancer) -> bool:
        """Say whether a balancer is through provisioning."""
        return self.clock() >= balancer.created + self.times.balancer_provisioning

    def load_balancer(self, arn: str) -> LoadBalancer:
        """Return a balancer.

        Raises:
            AwsError: LoadBalancerNotFound.
        """
        if arn not in self.load_balancers:
            raise not_found("LoadBalancer", arn)
        return self.load_balancers[arn]

    def balancer_of(self, group: TargetGroup) -> LoadBalancer | None:
        """Return the one balancer that uses a group; AWS allows no second."""
        for listener in self.listeners.values():
            if listener.target_group_arn == group.arn:
                return self.load_balancers[listener.load_balancer_arn]
        return None

    def snapshot(self) -> Snapshot:
        """Return what is in effect now: active balancers' listeners and the groups they use."""
        now = self.clock()
        active = [each for each in self.listeners.values() if self.is_active(self._owner(each))]
        used = {each.target_group_arn: self._owner(each) for each in active}
        return Snapshot(
            listeners=tuple(
                Listener(
                    address=self._owner(each).address,
                    port=each.port,
                    group_arn=each.target_group_arn,
                    idle_timeout=float(each.attributes["tcp.idle_timeout.seconds"]),
                )
                for each in active
            ),
            groups=tuple(
                replace(
                    self.groups[arn].in_effect(owner.zones, now, self.times.health_check_speed), source=owner.address
                )
                for arn, owner in used.items()
            ),
        )

    def _owner(self, listener: ListenerRecord) -> LoadBalancer:
        return self.load_balancers[listener.load_balancer_arn]

    def publish(self) -> None:
        """Drop targets that have drained and bring the data plane up to date; called on changes and on time passing.

        Raises:
            OSError: a listener could not be bound.
        """
        now = self.clock()
        for group in self.groups.values():
            group.targets = {
                key: each for key, each in group.targets.items() if each.gone_at is None or now < each.gone_at
            }
        wanted = self.snapshot()
        if wanted != self._applied:
            self.plane.apply(wanted)
            self._applied = wanted

    def target_health(self, group: TargetGroup, target: Registration) -> JsonObject:
        """Return TargetHealth of a registered target, as DescribeTargetHealth words it."""
        now = self.clock()
        balancer = self.balancer_of(group)
        if balancer is None:
            text = "Target group is not configured to receive traffic from the load balancer"
            return {"State": "unused", "Reason": "Target.NotInUse", "Description": text}
        if target.zone not in balancer.zones:
            text = "Target is in an Availability Zone that is not enabled for the load balancer"
            return {"State": "unused", "Reason": "Target.NotInUse", "Description": text}
        if target.drains_from is not None and now >= target.drains_from:
            text = "Target deregistration is in progress"
            return {"State": "draining", "Reason": "Target.DeregistrationInProgress", "Description": text}
        if now < target.effective or not self.is_active(balancer):
            text = "Target registration is in progress"
            return {"State": "initial", "Reason": "Elb.RegistrationInProgress", "Description": text}
        health = self.plane.health(target.serial)
        shown: JsonObject = {"State": str(health.state)}
        if health.reason:
            shown |= {"Reason": health.reason, "Description": health.description}
        return shown


def not_found(kind: str, arns: list[str] | str) -> AwsError:
    """Return the error for a LoadBalancer, TargetGroup or Listener that does not exist."""
    return AwsError(f"{kind}NotFound", f"One or more {kind}s not found: {arns}")


def tags_of(asked: JsonObject) -> dict[str, str]:
    """Return the tags of a Create… or AddTags call."""
    return {tag["Key"]: tag.get("Value", "") for tag in asked.get("Tags") or []}
