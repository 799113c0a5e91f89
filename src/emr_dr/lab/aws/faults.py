"""Faults as data: a list of rules that is consulted at each API call and at each launch of a cluster."""

import threading
from dataclasses import dataclass
from typing import ClassVar

from emr_dr.errors import UsageError


@dataclass(frozen=True, slots=True)
class ApiFault:
    """Answer an API call wrongly. With neither `code` nor `lose_reply` the call is only slowed down."""

    service: str = "*"
    """As in the signature's scope: `elasticmapreduce`, `elasticloadbalancing`, `ec2`, `s3`; `*` for all."""
    operation: str = "*"
    code: str = ""
    """The error to answer instead of carrying the call out, e.g. `ThrottlingException`."""
    message: str = "Rate exceeded"
    status: int = 400
    lose_reply: bool = False
    """Carry the call out, then cut the connection: the client cannot know."""
    delay: float = 0.0
    """Seconds to wait before anything else."""
    times: int = 1
    """Calls to spoil; 0 means until the rule is withdrawn."""

    def matches(self, service: str, operation: str) -> bool:
        """Say whether the rule speaks of this call."""
        return self.service in ("*", service) and self.operation in ("*", operation)


@dataclass(frozen=True, slots=True)
class LaunchFault:
    """Spoil the launch of a cluster in one AZ, or in any (`*`)."""

    kind: str
    """`no-capacity` (ends with an EC2 capacity error), `hang-starting`, `boot-failure` (a bootstrap action fails)."""
    availability_zone: str = "*"
    times: int = 1
    """Launches to spoil; 0 means until the rule is withdrawn."""

    KINDS: ClassVar[tuple[str, ...]] = ("no-capacity", "hang-starting", "boot-failure")

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise UsageError(f"no launch fault is called {self.kind!r}", remedy=f"use one of {', '.join(self.KINDS)}")


Fault = ApiFault | LaunchFault


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
        """Return the rules in force, in order."""
        with self._lock:
            return [fault for fault, _ in self._rules]

    def for_call(self, service: str, operation: str) -> ApiFault | None:
        """Take the first rule for this API call; a rule that is used up goes."""
        with self._lock:
            for place, (fault, _) in enumerate(self._rules):
                if isinstance(fault, ApiFault) and fault.matches(service, operation):
                    self._use(place)
                    return fault
        return None

    def for_launch(self, availability_zone: str) -> LaunchFault | None:
        """Take the first rule for a launch in this AZ; a rule that is used up goes."""
        with self._lock:
            for place, (fault, _) in enumerate(self._rules):
                if isinstance(fault, LaunchFault) and fault.availability_zone in ("*", availability_zone):
                    self._use(place)
                    return fault
        return None

    def _use(self, place: int) -> None:
        fault, left = self._rules[place]
        if left == 1:
            del self._rules[place]
        elif left > 1:
            self._rules[place] = (fault, left - 1)
