"""To change who serves because a person wants it: switchover, failback, and failover by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from emr_dr.controller.journal import CALLED_OFF
from emr_dr.controller.observe import Observation
from emr_dr.core.group import Group, Member, Order, Placement, Policy, Stage
from emr_dr.core.orders import asked_out, called_off
from emr_dr.core.placement import allowed, choose
from emr_dr.core.staffing import DAY
from emr_dr.core.world import World
from emr_dr.errors import ConflictError, EmrDrError, PermanentError, TransientError, UsageError
from emr_dr.history.reading import backwards
from emr_dr.ports import Unfinished
from emr_dr.service.orders import Detail, Written, remembered, unfinished_on, write
from emr_dr.service.site import HELD_REMEDY, Site

BY_A_PERSON = "a person called it off"
_LOOK = "look with `emr-dr status`, then ask again if it is still wanted"


class Kind(StrEnum):
    """What a person asks for."""

    SWITCHOVER = "switchover"
    """The one that serves is well; its work is waited for."""
    FAILOVER = "failover"
    """A person's word in place of a verdict: nothing is waited for but a proven successor."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What a switchover or failover would come to, as things stand.

    Attributes:
        successor: The proven standby that takes over; None where a cluster is launched for it, in `placement`.
        order: What is written down, if it is asked for.
        drain: Seconds for which the leaving member's work is waited for.
        unfinished: What runs on the leaving member; None where nobody could tell, and `unknown` says why.
        held: Why automation had stopped itself; the order of a failover releases it.
        others: How many others serve meanwhile, so that new batches find one of them.
        by_gateway: Whether gateways send the work: nothing is refused, and what is unfinished is followed to its end.
        refusal: Why it is not begun; None when nothing is in the way.
    """

    kind: Kind
    leaving: Member
    successor: Member | None
    placement: Placement | None
    order: Order
    drain: float
    unfinished: tuple[Unfinished, ...] | None
    unknown: str = ""
    held: str = ""
    others: int = 0
    by_gateway: bool = False
    refusal: EmrDrError | None = None


async def prepare(site: Site, kind: Kind, *, leaving: str = "", to: str = "", drain: float | None = None) -> Handover:
    """Look, and say what would come of it; changes nothing.

    Args:
        site: The group's.
        kind: What is asked for.
        leaving: Number or cluster id of the member that is to go; needed where several serve.
        to: Subnet or AZ in which the successor is to live; where the placement order says, if empty.
        drain: Seconds for which unfinished work is waited for; the spec's `recovery.drain_timeout`, if None.

    Raises:
        UsageError: What is named is not there, the standby lives elsewhere, or a drain is asked for where none is made.
        PermanentError: Nobody serves.
        TransientError: The store gave no good answer.
    """
    if site.by_gateway and drain is not None:
        what = "has no effect with gateways: what runs on the member runs on there, and is followed to its end"
        raise UsageError(what, where="--drain-timeout", remedy="leave it out")
    document = await remembered(site)
    group, policy = document.group, site.controller.policy
    member = _leaver(group, leaving)
    subnet = _subnet(to, policy.placements, member, where=site.group)
    order = Order(failover=kind is Kind.FAILOVER, subnet=subnet, drain=drain)
    observation = await site.observer.observe(document, site.clock.now())
    successor = next((m for m in group.at(Stage.STANDBY) if observation.world.healthy(m)), None)
    if successor is not None and subnet and (successor.placement is None or successor.placement.subnet != subnet):
        place = successor.placement.subnet if successor.placement else "another place"
        what = f"the proven standby is in {place}, and takes over"
        raise UsageError(what, where=f"--to {to}", remedy="leave --to out")
    asked = asked_out(group, member.number, order)
    unfinished, unknown = await unfinished_on(site, member)
    return Handover(
        kind,
        member,
        successor,
        _place(asked, observation.world, policy) if successor is None else None,
        order,
        0.0 if order.failover or site.by_gateway else (policy.drain if drain is None else drain),
        unfinished,
        unknown,
        group.held,
        len(group.entitled) - 1,
        site.by_gateway,
        _refusal(site, group, member, observation, order, launches=successor is None),
    )


async def previous_place(site: Site) -> str:
    """The subnet of the member that served before the one that serves now: where a failback leads.

    Raises:
        UsageError: Nobody else ever served, or that place is not declared any more.
    """
    group = (await remembered(site)).group
    here = {m.placement.subnet for m in group.entitled if m.placement is not None}
    declared = {p.subnet for p in site.controller.policy.placements}
    async for entry in backwards(site.store, site.group):
        left = entry.event == "stage_changed" and entry.detail.get("to") == Stage.FENCING
        subnet = str(entry.detail.get("subnet", "")) if left else ""
        if subnet and subnet not in here:
            if subnet in declared:
                return subnet
            raise UsageError(
                f"it was in {subnet}, which is no placement of the spec any more",
                where=site.group,
                remedy="use `emr-dr switchover --to PLACE`",
            )
    raise UsageError("no other member served before", where=site.group, remedy="use `emr-dr switchover --to PLACE`")


async def ask(site: Site, handover: Handover) -> None:
    """Write the order down; whichever controller leads carries it out. The journal tells of it.

    Raises:
        ConflictError: Meanwhile the member does not serve any more, or another order or a pause was written.
        EmrDrError: The refusal of the handover, if it has one.
    """
    if handover.refusal is not None:
        raise handover.refusal
    number, order = handover.leaving.number, handover.order

    def change(group: Group) -> Written:
        if number not in {m.number for m in group.entitled}:
            raise ConflictError(f"member {number} does not serve any more", where=group.name, remedy=_LOOK)
        if (obstacle := _obstacle(group, site.clock.now())) is not None:
            raise obstacle
        detail = Detail(
            kind=handover.kind,
            member=number,
            cluster=handover.leaving.cluster,
            subnet=order.subnet,
            drain=None if order.failover else handover.drain,
        )
        return asked_out(group, number, order), "handover_asked", detail

    await write(site, change)


async def call_off(site: Site) -> int | None:
    """Take an order back that has not led to the switch yet; return who was to leave, None if nobody was.

    Raises:
        UsageError: The group was never applied with this store.
    """
    was: list[int | None] = [None]

    def change(group: Group) -> Written | None:
        was[0] = group.leaving
        if group.leaving is None:
            return None
        ended = Detail(member=group.leaving, outcome=CALLED_OFF, reason=BY_A_PERSON)
        return called_off(group), "handover_ended", ended

    await write(site, change)
    return was[0]


def _place(group: Group, world: World, policy: Policy) -> Placement | None:
    places = allowed(group, world, policy)
    return choose(group, world, replace(policy, placements=places)) if places else None


def _leaver(group: Group, named: str) -> Member:
    serving = group.entitled
    if named:
        found = [m for m in serving if named in (str(m.number), m.cluster)]
        if not found:
            there = ", ".join(str(m.number) for m in serving) or "none"
            raise UsageError(f"no such member serves; those that do: {there}", where=f"--member {named}")
        return found[0]
    if not serving:
        remedy = "wait for `watch` to admit one, and see `emr-dr status`"
        raise PermanentError("nobody serves, so there is nothing to hand over", where=group.name, remedy=remedy)
    if len(serving) > 1:
        there = ", ".join(str(m.number) for m in serving)
        raise UsageError(f"several members serve: {there}", where=group.name, remedy="say which one goes: --member N")
    return serving[0]


def _subnet(to: str, placements: Sequence[Placement], leaver: Member, *, where: str) -> str:
    if not to:
        return ""
    found = next((p for p in placements if to in (p.subnet, p.az)), None)
    if found is None:
        there = ", ".join(dict.fromkeys(f"{p.subnet} {p.az}".strip() for p in placements))
        raise UsageError(f"is no placement of the spec: {there}", where=f"--to {to}", remedy="name one of them")
    if leaver.placement is not None and leaver.placement.subnet == found.subnet:
        raise UsageError(f"member {leaver.number} serves from there already", where=where, remedy="name another place")
    return found.subnet


def _refusal(
    site: Site, group: Group, member: Member, seen: Observation, order: Order, *, launches: bool
) -> EmrDrError | None:
    """Why it is not begun now, the gravest reason first."""
    if (obstacle := _obstacle(group, site.clock.now())) is not None:
        return obstacle
    if seen.world.blind:
        return TransientError(f"could not see {'; '.join(seen.troubles)}", where=group.name, remedy="try again")
    if not order.failover:
        if group.held:
            return PermanentError(f"automation stopped itself: {group.held}", where=group.name, remedy=HELD_REMEDY)
        if member.stage is not Stage.SERVING or not seen.world.healthy(member):
            verdict = seen.verdicts.get(member.cluster or "")
            why = f"{verdict.name}: {verdict.why}" if verdict is not None else "it was not seen"
            remedy = "a switchover needs both sides well; use `emr-dr failover` to replace it all the same"
            return PermanentError(f"member {member.number} is {member.stage}, {why}", where=group.name, remedy=remedy)
    limit = site.controller.policy.launches_a_day
    today = sum(seen.world.at - at < DAY for at in group.launches)
    if launches and today >= limit:
        what = f"budget: {today} launches in the last 24 h, {limit} are allowed"
        return PermanentError(what, where=group.name, remedy="raise recovery.launches_a_day in the spec")
    return None


def _obstacle(group: Group, at: float) -> EmrDrError | None:
    """What was written by somebody else and stands in the way."""
    if group.pause is not None and at < group.pause.until:
        return ConflictError(f"the group is paused: {group.pause.reason}", where=group.name, remedy="`emr-dr resume`")
    if group.leaving is not None:
        what = f"member {group.leaving} is asked to leave already"
        return ConflictError(what, where=group.name, remedy="wait for it, or `emr-dr switchover --call-off`")
    return None
