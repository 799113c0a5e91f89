"""The orders of the control API that spoil AWS API calls and launches of clusters."""

from dataclasses import fields
from http import HTTPStatus

from emr_dr.errors import UsageError
from emr_dr.lab.aws.faults import ANY, BOOT_FAILURE, HANG_STARTING, NO_CAPACITY, ApiFault, Fault, Faults, LaunchFault
from emr_dr.lab.aws.operations import require_operation
from emr_dr.lab.aws.protocol import JsonObject, Operations
from emr_dr.lab.world import ZONES

_KINDS: dict[str, type[ApiFault | LaunchFault]] = {"api": ApiFault, "launch": LaunchFault}


class Spoiling:
    """Orders by name in `orders`; each adds a rule to those in force, but for the one that withdraws them all."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.orders: Operations = {
            "throttle": self._throttle,
            "lose-reply": self._lose_reply,
            "api-error": self._api_error,
            "no-capacity": self._no_capacity,
            "boot-failure": lambda asked: self._add(LaunchFault(BOOT_FAILURE, zone_of(asked), times_of(asked))),
            "hang-starting": lambda asked: self._add(LaunchFault(HANG_STARTING, zone_of(asked), times_of(asked))),
            "fault": self._fault,
            "clear-faults": self._clear,
        }

    def _add(self, fault: Fault) -> JsonObject:
        self._faults.add(fault)
        return {}

    def _throttle(self, asked: JsonObject) -> JsonObject:
        operation = ANY if asked.get("operation") is None else _operation_of(asked)
        return self._add(ApiFault(operation=operation, throttle=True, times=times_of(asked)))

    def _lose_reply(self, asked: JsonObject) -> JsonObject:
        return self._add(ApiFault(operation=_operation_of(asked), lose_reply=True, times=times_of(asked)))

    def _api_error(self, asked: JsonObject) -> JsonObject:
        code, status = asked.get("code"), asked.get("status", 400)
        if not isinstance(code, str) or not code:
            raise UsageError("an error needs a code", remedy="write it as AWS does: AccessDeniedException")
        if not isinstance(status, int) or not HTTPStatus.BAD_REQUEST <= status <= 599:  # noqa: PLR2004  HTTP's end
            raise UsageError(f"{status!r} is not the status of an error", remedy="use one from 400 to 599")
        message = str(asked.get("message") or f"{code}, as the lab was told to answer")
        operation = _operation_of(asked)
        return self._add(ApiFault("*", operation, code, message, status, times=times_of(asked)))

    def _no_capacity(self, asked: JsonObject) -> JsonObject:
        kind, hang = asked.get("type") or ANY, bool(asked.get("hang", False))
        return self._add(LaunchFault(NO_CAPACITY, zone_of(asked), times_of(asked), str(kind), hang))

    def _fault(self, asked: JsonObject) -> JsonObject:
        """Add any rule: `{"launch": {…}}` with LaunchFault's fields, or `{"api": {…}}` with ApiFault's."""
        for name, kind in _KINDS.items():
            if name in asked:
                unknown = set(asked[name]) - {field.name for field in fields(kind)}
                if unknown:
                    raise UsageError(f"a fault of kind {name!r} has no {', '.join(sorted(unknown))}")
                return self._add(kind(**asked[name]))
        raise UsageError("a fault is of kind 'api' or 'launch'")

    def _clear(self, _: JsonObject) -> JsonObject:
        self._faults.clear()
        return {}


def times_of(asked: JsonObject) -> int:
    """Return how often a fault is to strike; what is no such number is refused by the fault itself."""
    times: int = asked.get("times", 1)
    return times


def zone_of(asked: JsonObject) -> str:
    """Return the AZ that an order names, `*` if it names none.

    Raises:
        UsageError: there is no such AZ.
    """
    zone = asked.get("zone")
    return ANY if zone is None else require_zone(zone)


def require_zone(zone: object) -> str:
    """Return an AZ of the lab.

    Raises:
        UsageError: there is no such AZ.
    """
    if zone not in ZONES:
        raise UsageError(f"no Availability Zone is called {zone!r}", remedy=f"use one of {', '.join(ZONES)}")
    return str(zone)


def _operation_of(asked: JsonObject) -> str:
    operation = str(asked.get("operation"))
    require_operation(operation)
    return operation
