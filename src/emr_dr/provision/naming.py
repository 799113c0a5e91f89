"""A name of one's own for the balancer: an alias record, which is known as ours by a record beside it."""

from functools import partial

from emr_dr.errors import ConflictError
from emr_dr.provision.account import Account, Found, Named
from emr_dr.provision.change import Change
from emr_dr.provision.desired import DesiredBalancer
from emr_dr.provision.step import Step

RECORD = "record"
_WHY = "declared: address.balancer.dns"


async def naming(account: Account, desired: DesiredBalancer, balancer: Found | None) -> list[Step]:
    """Return what has to be done so that the declared name leads to the balancer: one step, or none.

    Raises:
        ConflictError: Something is at that name that is not ours, and does not lead to our balancer.
        PermanentError: There is no such hosted zone, or we may not look.
        UsageError: The name does not belong to the zone.
    """
    dns = desired.balancer.dns
    if dns is None:
        return []
    found = await account.names.find(dns.zone, dns.name)
    target = balancer.fields.get("DNSName", "") if balancer is not None else ""
    _refuse_foreign(desired, found, target)
    change = _change(desired, found, target)
    if change is None:
        return []
    zone = balancer.fields.get("CanonicalHostedZoneId", "") if balancer is not None else ""
    point = partial(account.names.point, dns.zone, dns.name, (target, zone), desired.group, found)
    return [Step(change, point)]


async def removal(account: Account, desired: DesiredBalancer) -> list[Step]:
    """Return the removal of what is ours at the declared name."""
    dns = desired.balancer.dns
    found = await account.names.find(dns.zone, dns.name) if dns is not None else None
    if dns is None or found is None or found.owner != desired.group:
        return []
    change = Change(RECORD, dns.name, "", found.target or "its mark alone", "", "it leads to the balancer")
    return [Step(change, partial(account.names.forget, dns.zone, found))]


def _refuse_foreign(desired: DesiredBalancer, found: Named, target: str) -> None:
    what = ""
    if found.owner not in ("", desired.group):
        what = f"is of group {found.owner}"
    elif found.other:
        what = f"is there already, and is no alias of ours: {found.other}"
    elif found.target and not found.owner and found.target != target.lower().rstrip("."):
        what = f"is there already, leads to {found.target}, and is not marked as ours"
    if what and desired.balancer.dns is not None:
        where = f"{RECORD} {desired.balancer.dns.name}"
        raise ConflictError(what, where=where, remedy="choose another name, or delete the record if nobody needs it")


def _change(desired: DesiredBalancer, found: Named, target: str) -> Change | None:
    name = desired.balancer.dns.name if desired.balancer.dns is not None else ""
    shown = target or f"balancer {desired.balancer.name}"
    if not found.target:
        return Change(RECORD, name, "", "", f"alias of {shown}", _WHY)
    if found.target != target.lower().rstrip("."):
        return Change(RECORD, name, "AliasTarget", found.target, shown, _WHY)
    if not found.owner:
        return Change(RECORD, name, "owner", "", desired.group, "by it we know the record")
    return None
