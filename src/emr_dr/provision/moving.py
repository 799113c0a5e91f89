"""From members to gateways behind one address, or back: how a listener is turned to other targets with none missing.

The two kinds never share a target group: a client would be sent to either. And the balancer checks only what a listener
leads to, so a group that is to take over gets one on trial, on a port that nobody uses, and the address is turned to
it once the balancer calls one of its targets healthy. What led there before is deleted last, with its targets.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from emr_dr.errors import TransientError
from emr_dr.provision.account import Account, Found
from emr_dr.provision.change import Change
from emr_dr.provision.desired import (
    OWNER_TAG,
    SERVICE_TAG,
    DesiredBalancer,
    Kind,
    every_target_group_name,
)
from emr_dr.provision.step import Step

HEALTHY_SECONDS = 300.0
"""How long the balancer may take to call a registered target healthy: AWS says "a few minutes"."""
FOLLOWED_SECONDS = 60.0
"""How long the balancer's nodes may lead to the former targets after a change (see `spec.objectives`, doubled)."""
LOOK_SECONDS = 5.0

Pause = Callable[[float], Awaitable[None]]

_TRIAL = "trial"
_PORTS = range(65535, 64511, -1)


def is_move(change: Change) -> bool:
    """Whether a listener that is there is to lead elsewhere."""
    return change.kind == Kind.LISTENER and change.field == "TargetGroup" and bool(change.before)


async def trials(
    account: Account, desired: DesiredBalancer, moves: Sequence[Change], balancer: Found | None
) -> list[Step]:
    """Return the listeners on trial that the moves need and that are not there yet."""
    if balancer is None or not moves:
        return []
    listeners = await account.listeners(balancer.id)
    led_to = {each.fields.get("TargetGroup") for each in listeners.values()}
    free = (str(port) for port in _PORTS if str(port) not in listeners)
    steps: list[Step] = []
    for name in sorted({move.after for move in moves} - led_to):
        fields = {"Protocol": "TCP", "Port": next(free), "TargetGroup": name}
        tags = {OWNER_TAG: desired.group, SERVICE_TAG: _TRIAL}
        shown = ", ".join(f"{field}={value}" for field, value in fields.items())
        why = "on trial: the balancer checks only what a listener leads to"
        change = Change(Kind.LISTENER, f"{desired.balancer.name}:{fields['Port']}", "", "", shown, why)
        steps.append(Step(change, partial(_create, account, balancer.id, fields, tags)))
    return steps


async def move(account: Account, desired: DesiredBalancer, moves: Sequence[Change], balancer: Found) -> list[Step]:
    """Return the turning of each listener; whoever carries one out waits for `takes_over` first."""
    listeners = await account.listeners(balancer.id)
    by_name = {f"{desired.balancer.name}:{port}": each.id for port, each in listeners.items()}
    return [
        Step(each, partial(account.change_listener, by_name[each.name], {"TargetGroup": each.after})) for each in moves
    ]


async def nobody_there(account: Account, desired: DesiredBalancer) -> str:
    """Why clients reach no gateway at the address yet, and what to do; empty if they do, and always in mode direct."""
    if desired.gateways is None:
        return ""
    name = next(desired.leads_to(service) for service in desired.services)
    group = await account.target_group(name)
    targets = await account.targets(group.id) if group is not None else ()
    if any(each.health == "healthy" for each in targets):
        return ""
    if not targets:
        return f"no gateway is registered in target group {name} yet; start `emr-dr gateway` and register its address"
    return f"the balancer calls no gateway in target group {name} healthy yet; see that it is let in at them"


async def takes_over(account: Account, desired: DesiredBalancer, change: Change, pause: Pause) -> None:
    """Return once the balancer calls a target healthy of the group to which a listener is to lead.

    Raises:
        TransientError: It has none, or none that is healthy; what clients are led to was left as it is.
    """
    who = "gateway" if desired.gateways is not None else "member"
    where, waited = f"target group {change.after}", 0.0
    while True:
        group = await account.target_group(change.after)
        targets = await account.targets(group.id) if group is not None else ()
        coming = [each for each in targets if each.health != "draining"]
        if any(each.health == "healthy" for each in coming):
            return
        kept = f"clients are led to {change.before} as before"
        if not coming:
            raise TransientError(f"no {who} is registered there; {kept}", where=where, remedy=_how_to_begin(who))
        if waited >= HEALTHY_SECONDS:
            seen = ", ".join(f"{each.address}:{each.port} is {each.health} {each.reason}".strip() for each in coming)
            what = f"the balancer calls no {who} there healthy: {seen}; {kept}"
            raise TransientError(what, where=where, remedy=f"let the balancer in at the {who}s, then apply again")
        await pause(LOOK_SECONDS)
        waited += LOOK_SECONDS


async def left_over(account: Account, desired: DesiredBalancer, balancer: Found | None) -> list[Step]:
    """Return the removal of listeners and target groups of ours that are declared no more."""
    ports = {str(service.port) for service in desired.services.values()}
    names = {desired.leads_to(service) for service in desired.services}
    steps: list[Step] = []
    listeners = await account.listeners(balancer.id) if balancer is not None else {}
    for port, each in sorted(listeners.items()):
        if port not in ports and each.tags.get(OWNER_TAG) == desired.group:
            name, why = f"{desired.balancer.name}:{port}", "nothing that is declared is served there"
            change = Change(Kind.LISTENER, name, "", each.fields.get("TargetGroup", ""), "", why)
            steps.append(Step(change, partial(account.delete_listener, each.id)))
    for name in every_target_group_name(desired.group):
        found = await account.target_group(name) if name not in names else None
        if found is not None and found.tags.get(OWNER_TAG) == desired.group:
            why = "no declared listener leads there; its targets go with it"
            change = Change(Kind.TARGET_GROUP, name, "", found.id, "", why)
            steps.append(Step(change, partial(account.delete_target_group, found.id)))
    return steps


async def _create(account: Account, balancer: str, fields: dict[str, str], tags: dict[str, str]) -> None:
    await account.create_listener(balancer, fields, tags)


def _how_to_begin(who: str) -> str:
    if who == "gateway":
        return "start `emr-dr gateway` at two places or more and register their addresses there, then apply again"
    return "run `emr-dr tick --for 1m`, which registers the members that serve, then apply again"
