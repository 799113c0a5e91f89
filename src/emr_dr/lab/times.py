"""How long things take in the lab; what a demo shortens, it prints."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from emr_dr.errors import UsageError

NEVER = 1e12
"""Seconds of a time that is set to `never`: a number that JSON can hold, and some thirty thousand years."""


@dataclass(frozen=True, slots=True)
class LabTimes:
    """The lab's durations, all in seconds but the last."""

    cluster_start: float = 0.0
    """STARTING lasts this long; the real boot of the machines (BOOTSTRAPPING) comes on top. EMR takes minutes."""
    cluster_end: float = 0.0
    """TERMINATING lasts at least this long for machines that can be reached."""
    balancer_propagation: float = 0.0
    """Registering and deregistering take effect this much later; AWS: "can take a few minutes"."""
    balancer_provisioning: float = 0.0
    """A new balancer is `provisioning` this long and does not listen; AWS: about two minutes."""
    emr_notices_after: float = 120.0
    """EMR goes on saying WAITING this long after the machines were lost."""
    ec2_notices_after: float = 60.0
    """EC2's status checks go on saying `ok` this long after the machines were lost; then `impaired`."""
    ec2_confirms_after: float = 300.0
    """EC2 cannot confirm the end of a lost machine before this time after the loss: until then TERMINATING."""

    health_check_speed: float = 1.0
    """A factor: the balancer's checks run this many times faster than their target group says."""

    def __post_init__(self) -> None:
        if self.health_check_speed <= 0:
            raise UsageError("health_check_speed must be more than 0")

    @classmethod
    def parse(cls, settings: Mapping[str, str]) -> "LabTimes":
        """Build from `{"name": "seconds"}` and the defaults; see `changed`."""
        return cls().changed(settings)

    def changed(self, settings: Mapping[str, str]) -> "LabTimes":
        """Return these times with some of them set anew, by `{"name": "seconds"}`; the seconds may be `never`.

        Raises:
            UsageError: an unknown name, or a value that is not a number of seconds from 0.
        """
        known = {each.name for each in fields(self)}
        changes: dict[str, float] = {}
        for name, value in settings.items():
            if name not in known:
                raise UsageError(f"no time is called {name!r}", remedy=f"use one of {', '.join(sorted(known))}")
            changes[name] = _seconds(name, value)
        return replace(self, **changes)

    def shortened(self) -> dict[str, float]:
        """Return the times that differ from the defaults, for printing."""
        default = LabTimes()
        pairs = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in pairs.items() if value != getattr(default, name)}


def _seconds(name: str, value: str) -> float:
    if value == "never" and name != "health_check_speed":
        return NEVER
    try:
        seconds = float(value)
    except ValueError as error:
        raise UsageError(f"{name}={value!r} is not a number of seconds") from error
    if not 0 <= seconds < NEVER:
        raise UsageError(f"{name}={value!r} must be 0 or more seconds", remedy="for ever is written `never`")
    return seconds
