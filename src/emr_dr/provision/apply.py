"""Makes the account as declared: looks, finds the difference, carries it out, and looks again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby

from emr_dr.errors import PermanentError, TransientError
from emr_dr.provision.account import Account, Fields, Found
from emr_dr.provision.admission import Admission, admission, pending
from emr_dr.provision.change import Change, Key, diff
from emr_dr.provision.desired import DesiredBalancer, Kind, Resource
from emr_dr.provision.moving import FOLLOWED_SECONDS, Pause, is_move, left_over, move, takes_over, trials
from emr_dr.provision.naming import naming
from emr_dr.provision.step import Step

_TAG = "tag "


INTERFACE_SECONDS = 300.0
"""How long a new balancer may take to get its network interfaces; a Network Load Balancer is provisioned in minutes."""
LOOK_SECONDS = 5.0

Consent = Callable[[Sequence[Change]], None]
"""Is shown all that is going to be changed, if some of it is in what is not ours; raises to have nothing changed."""


async def plan(account: Account, desired: DesiredBalancer) -> list[Change]:
    """Return what `ensure` would change, and touch nothing.

    Raises:
        ConflictError: A resource of a declared name is not ours.
        UsageError: The declared subnets do not go together.
        PermanentError: A declared security group does not exist.
        TransientError: The account gave no good answer.
    """
    subnets = await account.subnets(desired.subnets)
    resources = desired.resources(subnets)
    found = await _look(account, resources)
    changes = diff(resources, found)
    moves = [change for change in changes if is_move(change)]
    balancer = found.get((Kind.BALANCER, desired.balancer.name))
    rules = await admission(account, desired, subnets, balancer)
    first = [*rules.missing, *await trials(account, desired, moves, balancer)]
    last = await _last(account, desired, rules, balancer)
    kept = [change for change in changes if not is_move(change)]
    return [*kept, *(step.change for step in first), *moves, *(step.change for step in last)]


async def ensure(
    account: Account,
    desired: DesiredBalancer,
    changed: Callable[[Change], None] = lambda _: None,
    *,
    consent: Consent = lambda _: None,
    pause: Pause = asyncio.sleep,
) -> Sequence[Change]:
    """Make the account as declared, and return what was changed; nothing the second time.

    It keeps no state of its own: broken off anywhere, it goes on from what is there when it is run again. Resources
    and rules carry our tag from the call that makes them, so what it left behind is known as ours.

    Args:
        account: Where to.
        desired: What is declared.
        changed: Told of each change once it is made.
        consent: Asked before anything is changed, where something is that is not ours.
        pause: Waits for so many seconds, while AWS is behind: with a new balancer's interfaces, with targets' health.

    Raises:
        ConflictError: A resource of a declared name is not ours; nothing was changed.
        PermanentError: Something differs that cannot be changed in place; nothing was changed.
        UsageError: The declared subnets do not go together; nothing was changed.
        TransientError: The account gave no good answer, or does not show the changes yet, or the address cannot lead
            to gateways (or back to members) before one of them is healthy; repeat.
    """
    planned = await plan(account, desired)
    _refuse_obstacles(planned)
    if any(change.asks for change in planned):
        consent(planned)
    subnets = await account.subnets(desired.subnets)
    resources = desired.resources(subnets)
    made = [*await _ensure_balancer(account, resources, changed)]
    balancer = await _await_interfaces(account, desired, pause)

    async def missing() -> Sequence[Step]:
        return (await admission(account, desired, subnets, balancer)).missing

    async def last() -> Sequence[Step]:
        return await _last(account, desired, await admission(account, desired, subnets, balancer), balancer)

    made += await _carry_out_all(missing, changed)
    made += await _ensure_moves(account, desired, resources, changed, pause)
    return [*made, *await _carry_out_all(last, changed)]


async def _ensure_moves(
    account: Account,
    desired: DesiredBalancer,
    resources: Sequence[Resource],
    changed: Callable[[Change], None],
    pause: Pause,
) -> Sequence[Change]:
    """Turn listeners that lead elsewhere, each when the balancer calls a target of the new group healthy."""
    found = await _look(account, resources)
    moves = [change for change in diff(resources, found) if is_move(change)]
    if not moves:
        return []
    balancer = found[Kind.BALANCER, desired.balancer.name]
    begun = [*await trials(account, desired, moves, balancer)]
    for step in begun:
        await step.carry_out()
        changed(step.change)
    for step in (turned := await move(account, desired, moves, balancer)):
        await takes_over(account, desired, step.change, pause)
        await step.carry_out()
        changed(step.change)
    _refuse_unseen([change for change in diff(resources, await _look(account, resources)) if is_move(change)])
    await pause(FOLLOWED_SECONDS)
    return [step.change for step in (*begun, *turned)]


async def _ensure_balancer(
    account: Account, resources: Sequence[Resource], changed: Callable[[Change], None]
) -> Sequence[Change]:
    found = dict(await _look(account, resources))
    changes = [change for change in diff(resources, found) if not is_move(change)]
    ids = {key: each.id for key, each in found.items()}
    wanted: dict[Key, Resource] = {(each.kind, each.name): each for each in resources}
    for key, group in groupby(changes, key=lambda change: (change.kind, change.name)):
        own = list(group)
        await _carry_out(account, wanted[key], own, ids)
        for change in own:
            changed(change)
    if changes:
        left = diff(resources, await _look(account, resources))
        _refuse_unseen([change for change in left if not is_move(change)])
    return changes


async def _last(account: Account, desired: DesiredBalancer, rules: Admission, balancer: Found | None) -> Sequence[Step]:
    """What is left over, and the name: it comes last, when what it leads to can be reached."""
    gone = await left_over(account, desired, balancer)
    return [*rules.left_over, *gone, *await naming(account, desired, balancer)]


async def _carry_out_all(
    look: Callable[[], Awaitable[Sequence[Step]]], changed: Callable[[Change], None]
) -> Sequence[Change]:
    steps = await look()
    for step in steps:
        await step.carry_out()
        changed(step.change)
    if steps:
        _refuse_unseen([step.change for step in await look()])
    return [step.change for step in steps]


async def _await_interfaces(account: Account, desired: DesiredBalancer, pause: Pause) -> Found:
    where, waited = f"balancer {desired.balancer.name}", 0.0
    while True:
        balancer = await account.load_balancer(desired.balancer.name)
        left = await pending(account, desired, balancer) if balancer is not None else desired.balancer.subnets
        if balancer is not None and not left:
            return balancer
        if waited >= INTERFACE_SECONDS:
            what = f"AWS does not show its network interfaces in {', '.join(left)} yet"
            raise TransientError(what, where=where, remedy="apply again")
        await pause(LOOK_SECONDS)
        waited += LOOK_SECONDS


def _refuse_unseen(left: Sequence[Change]) -> None:
    if left:
        raise TransientError(f"AWS does not show this yet: {left[0]}", where=left[0].resource, remedy="apply again")


def _refuse_obstacles(changes: Sequence[Change]) -> None:
    stuck = [change for change in changes if change.obstacle]
    if stuck:
        what = "; ".join(
            f"{c.resource}: {c.field} is {c.before or 'nothing'}, not {c.after or 'nothing'}" for c in stuck
        )
        raise PermanentError(f"cannot be changed in place: {what}", where=stuck[0].resource, remedy=stuck[0].obstacle)


async def _look(account: Account, resources: Sequence[Resource]) -> Mapping[Key, Found]:
    """What there is of each declared resource."""
    found: dict[Key, Found] = {}
    listeners: Mapping[str, Found] = {}
    for each in resources:
        match each.kind:
            case Kind.BALANCER:
                seen = await account.load_balancer(each.name)
                listeners = await account.listeners(seen.id) if seen else {}
            case Kind.TARGET_GROUP:
                seen = await account.target_group(each.name)
            case Kind.LISTENER:
                seen = listeners.get(each.fields["Port"].value)
        if seen is not None:
            found[each.kind, each.name] = seen
    return found


async def _carry_out(account: Account, resource: Resource, changes: Sequence[Change], ids: dict[Key, str]) -> None:
    key = (resource.kind, resource.name)
    if changes[0].creates:
        ids[key] = await _create(account, resource, ids)
        fields = {name: field.value for name, field in resource.fields.items() if "." in name}
        tags: dict[str, str] = {}
    else:
        fields = {each.field: each.after for each in changes if not each.field.startswith(_TAG)}
        tags = {each.field.removeprefix(_TAG): each.after for each in changes if each.field.startswith(_TAG)}
    if fields:
        await _changer(account, resource.kind)(ids[key], fields)
    if tags:
        await account.add_tags(ids[key], tags)


async def _create(account: Account, resource: Resource, ids: Mapping[Key, str]) -> str:
    fields = {name: field.value for name, field in resource.fields.items() if "." not in name}
    match resource.kind:
        case Kind.BALANCER:
            return await account.create_load_balancer(resource.name, fields, resource.tags)
        case Kind.TARGET_GROUP:
            return await account.create_target_group(resource.name, fields, resource.tags)
        case Kind.LISTENER:
            balancer = next(arn for (kind, _), arn in ids.items() if kind is Kind.BALANCER)
            return await account.create_listener(balancer, fields, resource.tags)


def _changer(account: Account, kind: Kind) -> Callable[[str, Fields], Awaitable[None]]:
    match kind:
        case Kind.BALANCER:
            return account.change_load_balancer
        case Kind.TARGET_GROUP:
            return account.change_target_group
        case Kind.LISTENER:
            return account.change_listener
