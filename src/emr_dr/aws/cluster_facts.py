"""What EMR's answers say of one cluster: its state, whose it is, its primary's machine, and why it ended."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from emr_dr.aws import tags
from emr_dr.core.world import EmrState
from emr_dr.spec.recovery_store import CLASSIFICATION as LIVY
from emr_dr.spec.recovery_store import SETTINGS

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing

_STATES: Mapping[str, EmrState] = {
    "STARTING": EmrState.STARTING,
    "BOOTSTRAPPING": EmrState.STARTING,
    "RUNNING": EmrState.UP,
    "WAITING": EmrState.UP,
    "TERMINATING": EmrState.ENDING,
    "TERMINATED": EmrState.ENDED,
    "TERMINATED_WITH_ERRORS": EmrState.ENDED,
}
_GONE_INSTANCE = frozenset({"TERMINATED"})

# EMR management guide, "Error codes with ErrorDetail information": the codes that say that EC2 has none of a type where
# it was asked for. A price above the bid and a type that the AZ does not offer are such, too: another type helps.
_NO_ROOM = frozenset({
    "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ", "INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY",
    "INTERNAL_ERROR_SPOT_PRICE_INCREASE_PRIMARY", "VALIDATION_ERROR_INSTANCE_TYPE_NOT_SUPPORTED",
})  # fmt: skip
_LIKE_NO_ROOM = re.compile(r"INSUFFICIENT_.*CAPACITY|NO_CAPACITY")
"""Codes that AWS may add to its list."""
_LACKING = ("instance-type", "instance-types")
"""Keys of ErrorData that name the type; the second one holds a list, written as text."""
_TYPE = re.compile(r"\b[a-z][a-z0-9-]*\.[a-z0-9-]+\b")

# Before ErrorDetails there were only words, and they may still come alone: "EC2 is out of capacity for r5.24xlarge in
# availability zone us-east-1a", under a code that also stands for much else.
_WORDS_CODES = frozenset({"INTERNAL_ERROR", "VALIDATION_ERROR"})
_WORDS = re.compile(
    r"out of capacity|(?:insufficient|not (?:have )?(?:enough|sufficient)) (?:\S+ )?capacity", re.IGNORECASE
)
_WORDS_TYPE = re.compile(r"(?:capacity for|instance type|sufficient) \W?([a-z][a-z0-9-]*\.[a-z0-9-]+)", re.IGNORECASE)
_TIMEOUT = "INSTANCE_FLEET_TIMEOUT"
"""A fleet did not get its instances in time (EMR API, ClusterStateChangeReasonCode)."""


class Primary(NamedTuple):
    """The machine of the primary node: private address and EC2's id; empty where EMR does not say them yet."""

    address: str = ""
    instance: str = ""


class Room(NamedTuple):
    """Whether a cluster ended because EC2 had no room for it, and which instance type was lacking, if that is said."""

    lacked: bool = False
    kind: str = ""


def emr_state(name: object) -> EmrState:
    """Return what decisions call EMR's state; a state that we do not know counts as starting.

    Starting is the one reading that does no harm: it is neither ended nor lost, so nothing is replaced for it, and not
    up, so nothing is admitted or retired because of it.
    """
    return _STATES.get(str(name), EmrState.STARTING)


def launch_number(cluster: Json, group: str) -> int | None:
    """Return the launch number on a cluster's tags; None if it is not a cluster of this group."""
    labels = tags.as_mapping(cluster.get("Tags") or ())
    number = labels.get(tags.LAUNCH, "")
    ours = labels.get(tags.GROUP) == group and number.isascii() and number.isdigit()
    return int(number) if ours else None


def primary_of(instances: Sequence[Json]) -> Primary:
    """Return the primary among the instances that EMR lists for its role, ended ones included."""
    living = [each for each in instances if (each.get("Status") or {}).get("State") not in _GONE_INSTANCE]
    found = [Primary(each.get("PrivateIpAddress") or "", each.get("Ec2InstanceId") or "") for each in living]
    addressed = (each for each in found if each.address)
    return next(addressed, None) or next((each for each in found if each.instance), Primary())


def reason_of(status: Json) -> str:
    """Return all that EMR says of why a cluster is in its state, for people."""
    change: Json = status.get("StateChangeReason") or {}
    details = [
        f"{detail.get('ErrorCode') or ''} {detail.get('ErrorMessage') or ''}".strip()
        for detail in status.get("ErrorDetails") or ()
    ]
    words = [change.get("Code") or "", change.get("Message") or "", *details]
    return ": ".join(word for word in words if word)


def room_of(status: Json) -> Room:
    """Return whether the cluster ended for want of capacity; of groups and of fleets EMR says it alike."""
    short = [detail for detail in status.get("ErrorDetails") or () if _says_no_room(detail.get("ErrorCode") or "")]
    if short:
        return Room(lacked=True, kind=next((kind for detail in short for kind in _types_in(detail)), ""))
    change: Json = status.get("StateChangeReason") or {}
    code, message = change.get("Code") or "", change.get("Message") or ""
    if code in _WORDS_CODES and _WORDS.search(message):
        named = _WORDS_TYPE.search(message)
        return Room(lacked=True, kind=named.group(1).rstrip(".") if named else "")
    return Room(lacked=code == _TIMEOUT)


def is_ranged(cluster: Json) -> bool:
    """Return whether a cluster was launched with the settings by which its Livy numbers in a range of its own."""
    own = (c.get("Properties") or {} for c in cluster.get("Configurations") or () if c.get("Classification") == LIVY)
    return any(each.items() >= SETTINGS.items() for each in own)


def _says_no_room(code: str) -> bool:
    return code in _NO_ROOM or bool(_LIKE_NO_ROOM.search(code))


def _types_in(detail: Json) -> Iterator[str]:
    """The types that ErrorData names: a list of mappings, all pairs in one of them or each in its own."""
    data: Iterable[Json] = detail.get("ErrorData") or ()
    for pairs in data:
        for key in _LACKING:
            yield from _TYPE.findall(pairs.get(key) or "")
