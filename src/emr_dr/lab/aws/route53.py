"""Route 53 where moto differs from AWS: the ids of hosted zones, and what may be created and deleted.

Zones, records and their changes are moto's. Nothing in the lab resolves names: a record is made and read, no more.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from moto.route53 import models
from moto.route53.exceptions import ResourceRecordAlreadyExists, Route53ClientError

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_Key = tuple[str, str, str]
_MOTOS = models.Route53Backend.change_resource_record_sets


def mend_moto() -> None:
    """Have moto give out ids as AWS does, and refuse the changes that AWS refuses. Safe to repeat."""
    mended: dict[Any, tuple[str, Callable[..., Any]]] = {
        models: ("create_route53_zone_id", _zone_id),
        models.Route53Backend: ("change_resource_record_sets", _change_resource_record_sets),
    }
    for where, (name, function) in mended.items():
        setattr(where, name, function)


def _zone_id(**_: object) -> str:
    return "Z" + "".join(secrets.choice(_LETTERS) for _ in range(20))


def _change_resource_record_sets(backend: Any, zone_id: str, change_list: list[dict[str, Any]]) -> None:  # noqa: ANN401
    """Carry a batch out, all of it or nothing; moto takes any later record of a zone for one that is to be created."""
    zone = backend.get_hosted_zone(zone_id)
    there = {(_plain(each.name), each.type, each.set_identifier or "") for each in zone.rrsets}
    created = set(_checked(change_list, there))
    # moto compares with every change there ever was; those of records that have gone mean nothing.
    zone.rr_changes[:] = [old for old in zone.rr_changes if _key(old) not in created]
    _MOTOS(backend, zone_id, change_list)


def _checked(changes: list[dict[str, Any]], there: set[_Key]) -> Iterator[_Key]:
    """Yield what is created.

    Raises:
        ResourceRecordAlreadyExists: It is there.
        Route53ClientError: What is to be deleted is not there.
    """
    for change in changes:
        key = _key(change)
        if change["Action"] == "CREATE":
            if key in there:
                raise ResourceRecordAlreadyExists(name=f"{key[0]}.", _type=key[1])
            yield key
        if change["Action"] == "DELETE" and key not in there:
            text = f"[Tried to delete resource record set [name='{key[0]}.', type='{key[1]}'] but it was not found]"
            raise Route53ClientError("InvalidChangeBatch", text)
        there = there - {key} if change["Action"] == "DELETE" else there | {key}


def _key(change: dict[str, Any]) -> _Key:
    record = change["ResourceRecordSet"]
    return _plain(record["Name"]), str(record["Type"]), str(record.get("SetIdentifier") or "")


def _plain(name: str) -> str:
    return name.lower().rstrip(".")
