"""What is ours in the account, and how it goes: the name first, then listeners, balancer, and what it leaned on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from emr_dr.errors import ConflictError, PermanentError, TransientError
from emr_dr.provision import admission, naming
from emr_dr.provision.account import Account, Found
from emr_dr.provision.change import Change
from emr_dr.provision.desired import OWNER_TAG, DesiredBalancer, Kind, every_target_group_name
from emr_dr.provision.step import Step

_WHY = "it is ours"


async def removals(account: Account, desired: DesiredBalancer) -> Sequence[Step]:
    """Return what has to be deleted so that nothing of ours is left, in the order in which it goes.

    What does not carry our group's tag is left alone, whatever it is called. It asks for nothing but names and tags, so
    it works when subnets or security groups have gone already.

    Raises:
        ConflictError: Our balancer has a listener that is not ours, which would go with it.
        PermanentError: Our balancer is protected from deletion, or we may not look.
        TransientError: The account gave no good answer.
    """
    steps = list(await naming.removal(account, desired))
    balancer = await account.load_balancer(desired.balancer.name)
    if balancer is not None:
        listeners = await account.listeners(balancer.id)
        for port, each in sorted(listeners.items()):
            if _is_ours(each, desired):
                name, delete = f"{desired.balancer.name}:{port}", partial(account.delete_listener, each.id)
                steps.append(_step(Kind.LISTENER, name, each, delete))
        if _is_ours(balancer, desired):
            _refuse_to_delete(balancer, listeners, desired)
            delete = partial(account.delete_load_balancer, balancer.id)
            steps.append(_step(Kind.BALANCER, desired.balancer.name, balancer, delete))
    for name in every_target_group_name(desired.group):
        found = await account.target_group(name)
        if found is not None and _is_ours(found, desired):
            steps.append(_step(Kind.TARGET_GROUP, name, found, partial(account.delete_target_group, found.id)))
    return [*steps, *await _rules(account, desired)]


async def remove(
    account: Account, desired: DesiredBalancer, changed: Callable[[Change], None] = lambda _: None
) -> Sequence[Change]:
    """Delete what `removals` says, and return what was deleted; nothing the second time. See there for what it raises.

    Raises:
        TransientError: The account still shows something; repeat.
    """
    steps = await removals(account, desired)
    for step in steps:
        await step.carry_out()
        changed(step.change)
    if steps and (left := await removals(account, desired)):
        what = f"AWS shows it still: {left[0].change.resource}"
        raise TransientError(what, where=left[0].change.resource, remedy="destroy again")
    return [step.change for step in steps]


def _refuse_to_delete(balancer: Found, listeners: Mapping[str, Found], desired: DesiredBalancer) -> None:
    where = f"{Kind.BALANCER} {desired.balancer.name}"
    if foreign := sorted(port for port, each in listeners.items() if not _is_ours(each, desired)):
        what = f"it listens on port {', '.join(foreign)} for somebody else, whose listener would go with it"
        raise ConflictError(what, where=where, remedy="move or delete that listener first")
    if balancer.fields.get("deletion_protection.enabled") == "true":
        remedy = "switch deletion_protection.enabled off, if it is really to go"
        raise PermanentError("it is protected from deletion", where=where, remedy=remedy)


async def _rules(account: Account, desired: DesiredBalancer) -> Sequence[Step]:
    """Ours in whatever security group they stand: a group that is declared no more has kept its rules until now."""
    found = await account.rules.tagged(OWNER_TAG, desired.group)
    return [admission.removal(account, rule, "it lets in a balancer that goes") for rule in found]


def _is_ours(found: Found, desired: DesiredBalancer) -> bool:
    return found.tags.get(OWNER_TAG) == desired.group


def _step(kind: Kind, name: str, found: Found, delete: Callable[[], Awaitable[None]]) -> Step:
    return Step(Change(kind, name, "", found.id, "", _WHY), delete)
