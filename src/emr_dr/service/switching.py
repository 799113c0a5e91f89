"""To see an ordered handover through: lead or follow the rounds until it is over, and say what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emr_dr.controller.journal import CALLED_OFF, HANDED_OVER
from emr_dr.controller.loop import Round
from emr_dr.core.group import Group, Member, Stage
from emr_dr.errors import PermanentError, TransientError
from emr_dr.history.reading import backwards
from emr_dr.ports import JournalEntry, Unfinished
from emr_dr.service.handover import Handover
from emr_dr.service.orders import remembered, unfinished_on
from emr_dr.service.site import HELD_REMEDY, Site, Told
from emr_dr.service.tending import give_back, stage_files

STANDS = "the order stands, and `watch` carries it out; to take it back: `emr-dr switchover --call-off`"


@dataclass(frozen=True, slots=True)
class Gap:
    """How long nobody took new work at the balancer, in seconds, as the controller's journal has it.

    Attributes:
        refused: From the deregistration of the one until the other was seen in service; clients see no more than this.
        balancer: The part of it that began with the other's registration: the balancer's own time to call it healthy.
    """

    refused: float
    balancer: float


@dataclass(frozen=True, slots=True)
class Switched:
    """How a handover ended.

    Attributes:
        outcome: `handed over` or `called off`, the latter with its reason.
        successor: Who took over; None if nobody did.
        gap: None where others served on, or the journal does not tell, as after the loss of the one that was to leave;
            and with gateways, which hold new batches back while the switch is made.
        unfinished: What the one that left still runs; None where nobody could tell. It is kept until that has ended.
        led: Whether another controller leads now, and will see to the rest.
    """

    outcome: str
    reason: str
    leaving: Member
    successor: Member | None
    gap: Gap | None = None
    unfinished: Sequence[Unfinished] | None = None
    led: bool = False
    by_gateway: bool = False


async def see_through(site: Site, handover: Handover, told: Told) -> Switched:
    """Do rounds, or follow whoever leads, until the successor serves or the order was called off.

    Raises:
        PermanentError: Automation stopped itself meanwhile.
        TransientError: We were asked to stop before it was over; the order stands.
    """
    number = handover.leaving.number
    await stage_files(site)
    try:
        done = await site.controller.run(lambda seen: _over(seen, number) or bool(seen.group.held), told)
    finally:
        await give_back(site)
    if done.group.held:
        raise PermanentError(f"automation stopped itself: {done.group.held}", where=site.group, remedy=HELD_REMEDY)
    if not _over(done, number):
        raise TransientError("stopped before the switch was over", where=site.group, remedy=STANDS)
    return await _told(site, handover, led=done.observation is None and bool(done.leader))


def _over(done: Round, number: int) -> bool:
    group = done.group
    if group.leaving is not None:
        return False
    stays = number in {m.number for m in group.entitled}
    return stays or (len(group.at(Stage.SERVING)) >= group.wanted.serving and not group.at(Stage.ADMITTING))


async def _told(site: Site, handover: Handover, *, led: bool) -> Switched:
    """Read off the journal how it ended."""
    entries: list[JournalEntry] = []
    async for entry in backwards(site.store, site.group):
        if entry.event == "handover_asked":
            break
        entries.insert(0, entry)
    ended: Mapping[str, Any] = next((e.detail for e in reversed(entries) if e.event == "handover_ended"), {})
    group = (await remembered(site)).group
    if ended.get("outcome", HANDED_OVER) == CALLED_OFF:
        return Switched(CALLED_OFF, ended.get("reason", ""), handover.leaving, None, None, None, led, site.by_gateway)
    successor = _successor(group, entries)
    unfinished, _ = await unfinished_on(site, handover.leaving)
    alone = successor is not None and not handover.others
    gap = _gap(entries, handover.leaving.cluster, successor) if alone and successor is not None else None
    return Switched(HANDED_OVER, "", handover.leaving, successor, gap, unfinished, led, site.by_gateway)


def _successor(group: Group, entries: Sequence[JournalEntry]) -> Member | None:
    """Of those that serve now, the one that came to serve last."""
    came = [e.detail.get("member") for e in entries if e.event == "stage_changed" and e.detail.get("to") == "serving"]
    return next((m for number in reversed(came) for m in group.at(Stage.SERVING) if m.number == number), None)


def _gap(entries: Sequence[JournalEntry], left: str | None, successor: Member) -> Gap | None:
    out = _done(entries, "DeregisterTarget", left)
    came = _done(entries, "RegisterTarget", successor.cluster)
    serving = [
        e.at
        for e in entries
        if (e.event, e.detail.get("member"), e.detail.get("to")) == ("stage_changed", successor.number, "serving")
    ]
    if out is None or came is None or not serving:
        return None
    return Gap(serving[-1] - out, serving[-1] - came)


def _done(entries: Sequence[JournalEntry], effect: str, cluster: str | None) -> float | None:
    """When an effect on this cluster was first carried out."""
    wanted = ("effect_done", effect, cluster)
    return next((e.at for e in entries if (e.event, e.detail.get("effect"), e.detail.get("cluster")) == wanted), None)
