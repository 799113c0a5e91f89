"""Faults as data: a list of rules that is consulted at each API call and at each launch of a cluster."""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from emr_dr.errors import UsageError

ANY = "*"
NO_CAPACITY, HANG_STARTING, BOOT_FAILURE = LAUNCH_FAULTS = ("no-capacity", "hang-starting", "boot-failure")


@dataclass(frozen=True, slots=True)
class ApiFault:
    """Answer an API call wrongly. With none of `code`, `throttle` and `lose_reply` the call is only slowed down."""

    service: str = ANY
    """As in the signature's scope: `elasticmapreduce`, `elasticloadbalancing`, `ec2`, `s3`; `*` for all."""
    operation: str = ANY
    code: str = ""
    """The error to answer instead of carrying the call out, e.g. `AccessDeniedException`."""
    message: str = "Rate exceeded"
    status: int = 400
    throttle: bool = False
    """Answer as the service does when it is asked too often, instead of carrying the call out."""
    lose_reply: bool = False
    """Carry the call out, then cut the connection: the client cannot know."""
    delay: float = 0.0
    """Seconds to wait before anything else."""
    times: int = 1
    """Calls to spoil; 0 means until the rule is withdrawn."""

    def __post_init__(self) -> None:
        _check_times(self.times)

    def matches(self, service: str, operations: Collection[str]) -> bool:
        """Say whether the rule speaks of this call, whose operation may go by several names."""
        return self.service in (ANY, service) and (self.operation == ANY or self.operation in operations)


@dataclass(frozen=True, slots=True)
class LaunchFault:
    """Spoil the launch of a cluster in one AZ, or in any (`*`)."""

    kind: str
    """`no-capacity` (ends with an EC2 capacity error), `hang-starting`, `boot-failure` (a bootstrap action fails)."""
    availability_zone: str = ANY
    times: int = 1
    """Launches to spoil; 0 means until the rule is withdrawn."""
    instance_type: str = ANY
    """The only type that there is no capacity of: a launch that can do without it is spared, and counts for nothing."""
    hang: bool = False
    """For want of capacity stay in STARTING for ever, instead of giving up."""

    def __post_init__(self) -> None:
        if self.kind not in LAUNCH_FAULTS:
            remedy = f"use one of {', '.join(LAUNCH_FAULTS)}"
            raise UsageError(f"no launch fault is called {self.kind!r}", remedy=remedy)
        if self.kind != NO_CAPACITY and (self.hang or self.instance_type != ANY):
            raise UsageError(f"an instance type and hanging are of {NO_CAPACITY!r}, not of {self.kind!r}")
        _check_times(self.times)

    @property
    def hangs(self) -> bool:
        """Whether the launch never ends."""
        return self.hang or self.kind == HANG_STARTING

    def is_about(self, zone: str) -> bool:
        """Say whether it spoils launches in this AZ."""
        return self.availability_zone in (ANY, zone)

    def is_lack_of(self, zone: str, instance_type: str) -> bool:
        """Say whether by it EC2 has none of a type in an AZ."""
        return self.kind == NO_CAPACITY and self.is_about(zone) and self.instance_type in (ANY, instance_type)


Fault = ApiFault | LaunchFault


def _check_times(times: object) -> None:
    if not isinstance(times, int) or isinstance(times, bool) or times < 0:
        raise UsageError(f"a fault strikes 0 or more times, not {times!r}", remedy="0 means until it is withdrawn")


class Faults:
    """The rules in force, first match first; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Put a rule behind those in force."""
        with self._lock:
            self._rules.append((fault, fault.times))

    def clear(self) -> None:
        """Withdraw every rule."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[Fault]:
        """Return the rules in force, in order, with the times that each will still strike."""
        with self._lock:
            return [replace(fault, times=left) for fault, left in self._rules]

    def for_call(self, service: str, operations: Collection[str]) -> ApiFault | None:
        """Take the first rule for this API call, whose operation may go by several names; one that is used up goes."""
        with self._lock:
            for place, (fault, _) in enumerate(self._rules):
                if isinstance(fault, ApiFault) and fault.matches(service, operations):
                    self._use({place})
                    return fault
        return None

    def for_launch(self, zone: str, wishes: Sequence[Sequence[str]]) -> LaunchFault | None:
        """Take the first rule for a launch in this AZ; a rule that is used up goes.

        `wishes` are, of each group or fleet, the instance types that would do.
        """
        with self._lock:
            for place, (fault, _) in enumerate(self._rules):
                if not isinstance(fault, LaunchFault) or not fault.is_about(zone):
                    continue
                struck = {place} if fault.kind != NO_CAPACITY else self._unmet(zone, wishes, place)
                if struck:
                    self._use(struck)
                    return fault
        return None

    def lacks(self, zone: str, instance_type: str) -> bool:
        """Say whether EC2 has none of a type in an AZ now; uses nothing up."""
        with self._lock:
            return self._lack_of(zone, instance_type) is not None

    def _lack_of(self, zone: str, instance_type: str) -> int | None:
        """Return the place of the first rule by which a type is not to be had."""
        for place, (fault, _) in enumerate(self._rules):
            if isinstance(fault, LaunchFault) and fault.is_lack_of(zone, instance_type):
                return place
        return None

    def _unmet(self, zone: str, wishes: Iterable[Sequence[str]], place: int) -> set[int]:
        """Return the places of all rules by which one wish cannot be met, if the one at `place` is among them."""
        for types in wishes:
            lacks = [self._lack_of(zone, each) for each in types]
            if place in lacks and None not in lacks:
                return {each for each in lacks if each is not None}
        return set()

    def _use(self, places: set[int]) -> None:
        for place in sorted(places, reverse=True):
            fault, left = self._rules[place]
            if left == 1:
                del self._rules[place]
            elif left > 1:
                self._rules[place] = (fault, left - 1)
