"""A person's word to a group: pause it, resume it, release its hold or a member that is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from emr_dr.core.document import Document
from emr_dr.core.group import Group, Member, Pause, Stage
from emr_dr.core.orders import released, released_hold
from emr_dr.errors import ConflictError, EmrDrError, UsageError
from emr_dr.ports import JournalEntry, Unfinished
from emr_dr.ports.store import JsonValue
from emr_dr.service.site import Site

log = structlog.get_logger("emr_dr.service")

WRITE_TRIES = 5
"""Saves of a person's word that others may be ahead of."""

Detail = dict[str, JsonValue]
Written = tuple[Group, str, Detail]
"""The group as a person wants it remembered, and the journal's event and detail of that."""


async def remembered(site: Site) -> Document:
    """The group's document.

    Raises:
        UsageError: The group was never applied with this store.
    """
    document = await site.store.load(site.group)
    if document is None:
        raise UsageError("the group is not in this store", where=site.group, remedy="run `emr-dr apply` first")
    return document


async def write(site: Site, change: Callable[[Group], Written | None]) -> Group:
    """Save what `change` makes of the group, with its entry in the journal; nothing where it makes nothing of it.

    A controller beside us saves in each round while something happens, so a refused save is tried again on what is
    saved by then; `change` is asked anew each time, and may raise.

    Raises:
        ConflictError: Others were ahead of us each time.
        UsageError: The group was never applied with this store.
    """
    for tries_left in reversed(range(WRITE_TRIES)):
        document = await remembered(site)
        written = change(document.group)
        if written is None:
            return document.group
        group, event, detail = written
        published = await site.store.views(site.group)  # a person's word changes no view
        views = published.views if published is not None else ()
        entry = JournalEntry(site.clock.now(), event, detail)
        try:
            return (await site.store.save(replace(document, group=group), views=views, entries=[entry])).group
        except ConflictError:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


async def pause(site: Site, reason: str, seconds: float) -> Pause:
    """Have automation begin and end nothing until the time is over; a pause that is there already is replaced.

    What is decided already goes on: whoever is entitled is registered, whoever is not is taken out. Safe to repeat.

    Raises:
        UsageError: The group was never applied with this store.
    """
    paused = Pause(reason, site.clock.now() + seconds)

    def change(group: Group) -> Written:
        return replace(group, pause=paused), "group_paused", {"reason": reason, "until": paused.until}

    await write(site, change)
    return paused


async def resume(site: Site) -> Pause | None:
    """End a pause and return it; None if there was none. Safe to repeat.

    Raises:
        UsageError: The group was never applied with this store.
    """
    ended: list[Pause] = []

    def change(group: Group) -> Written | None:
        ended.clear()
        if group.pause is None:
            return None
        ended.append(group.pause)
        return replace(group, pause=None), "group_resumed", {"was": group.pause.reason}

    await write(site, change)
    return ended[0] if ended and ended[0].until > site.clock.now() else None


async def release_hold(site: Site) -> str:
    """Let automation go on that had stopped itself, with new attempts; return why it had, empty if it had not.

    Raises:
        UsageError: The group was never applied with this store.
    """
    held: list[str] = []

    def change(group: Group) -> Written | None:
        held[:] = [group.held]
        if not group.held:
            return None
        return released_hold(group), "hold_released", {"was": group.held}

    await write(site, change)
    return held[0]


@dataclass(frozen=True, slots=True)
class Kept:
    """A member that is kept fenced until something shows that it ended or runs nothing.

    Attributes:
        unfinished: What runs on it; None where nobody could tell, and `unknown` says why.
        by_gateway: Whether a release is a proof of death to gateways, which then run again what was declared so.
    """

    member: Member
    unfinished: tuple[Unfinished, ...] | None
    unknown: str = ""
    by_gateway: bool = False


async def kept(site: Site, named: str = "") -> Sequence[Kept]:
    """The members that are kept, or the one that is named by its number or cluster id, with what runs on them.

    Where gateways send the work, one that is being ended counts too, until it is proven dead: its batches wait for it.

    Raises:
        UsageError: The one that is named is not there, or is not kept.
    """
    group = (await remembered(site)).group
    if named:
        members: Sequence[Member] = [_named(site, group, named)]
    else:
        members = [m for m in group.members if _is_kept(site, m) and not m.released]
    return [Kept(m, *await unfinished_on(site, m), by_gateway=site.by_gateway) for m in members]


def _is_kept(site: Site, m: Member) -> bool:
    return m.stage is Stage.FENCING or (site.by_gateway and m.stage is Stage.RETIRING and m.death is None)


def _named(site: Site, group: Group, named: str) -> Member:
    found = next((m for m in group.members if named in (str(m.number), m.cluster)), None)
    if found is None:
        there = ", ".join(str(m.number) for m in group.members) or "none"
        raise UsageError(f"no member is called so; there are: {there}", where=named, remedy="see `emr-dr status`")
    if not _is_kept(site, found):
        what = f"member {found.number} is {found.stage}: only one that is fenced is kept for want of evidence"
        raise UsageError(what, where=named, remedy="see `emr-dr status`")
    return found


async def unfinished_on(site: Site, member: Member) -> tuple[tuple[Unfinished, ...] | None, str]:
    """What runs on a member; or None, and why nobody could tell.

    Where gateways send the work, their ledger knows the batches, by the ids that people know, also while the member
    does not answer; the member itself has the sessions.
    """
    try:
        if site.ledger is None:
            return tuple(await site.observer.work.unfinished(member.address)), ""
        batches = await site.ledger.unfinished(member.cluster)
    except EmrDrError as error:
        return None, str(error)
    found = (Unfinished("batch", str(b.id), b.name or "", b.shown) for b in batches)
    return (*found, *await _sessions(site, member)), ""


async def _sessions(site: Site, member: Member) -> tuple[Unfinished, ...]:
    """The member's sessions, if it answers; of one that does not, nobody knows them."""
    try:
        return tuple(u for u in await site.observer.work.unfinished(member.address) if u.what == "session")
    except EmrDrError as error:
        log.warning("sessions_not_read", group=site.group, member=member.number, reason=str(error))
        return ()


async def release(site: Site, member: Member, *, by: str = "") -> None:
    """A person's word that a fenced member may be retired without evidence, once its successor has served well.

    `by` is who gives it, for the journal.

    Raises:
        UsageError: It is not kept any more.
    """

    def change(group: Group) -> Written | None:
        now = _named(site, group, member.cluster or str(member.number))
        if now.released:
            return None
        return released(group, now), "member_released", {"member": now.number, "cluster": now.cluster, "by": by}

    await write(site, change)
