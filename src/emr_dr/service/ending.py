"""To end a group: its clusters, what it stands on in the account, its files, and itself in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emr_dr.controller.act import Ending
from emr_dr.controller.loop import Round
from emr_dr.core.group import ENTITLED, Group, Member, Stage
from emr_dr.core.orders import ended
from emr_dr.core.world import EmrState
from emr_dr.errors import ConflictError, PermanentError, TransientError
from emr_dr.ports import ClusterFacts, JournalEntry, Unfinished
from emr_dr.provision.change import Change
from emr_dr.provision.removal import removals, remove
from emr_dr.service.orders import Written, unfinished_on, write
from emr_dr.service.site import Site, Told
from emr_dr.service.tending import give_back

DESTROYED = "the group is destroyed"
LOOKING_ON_SECONDS = 1800.0
"""How long another controller may lead without anything coming of it: longer than EMR takes to end a cluster."""
_AGAIN = "destroy again"


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster that would be terminated.

    Attributes:
        member: Who it is; None if nobody remembers it, so that the controller would end it anyway.
        unfinished: What runs on it; None where nobody could tell, and `unknown` says why.
    """

    cluster: str
    member: Member | None = None
    unfinished: tuple[Unfinished, ...] | None = ()
    unknown: str = ""

    @property
    def serves(self) -> bool:
        """Whether clients reach it through the balancer."""
        return self.member is not None and self.member.stage in ENTITLED


@dataclass(frozen=True, slots=True)
class Doomed:
    """What `destroy` would delete, in its order: clusters first, then the rest."""

    clusters: tuple[Running, ...]
    changes: tuple[Change, ...]

    @property
    def anything(self) -> bool:
        """Whether there is anything left to delete."""
        return bool(self.clusters or self.changes)


async def doom(site: Site) -> Doomed:
    """Say what would be deleted, and touch nothing.

    Raises:
        ConflictError: Clusters of this group run that another store made, or our balancer listens for somebody else.
        PermanentError: Our balancer is protected from deletion, or we may not look.
        TransientError: AWS, or the store, gave no good answer.
    """
    document = await site.store.load(site.group)
    group = document.group if document is not None else None
    found = await site.clusters.find()
    _refuse_other_stores(site, group, found)
    clusters = [await _running(site, m) for m in (group.members if group is not None else ())]
    known = {each.cluster for each in clusters}
    orphans = [Running(f.id) for f in found if f.id not in known]
    steps = await removals(site.account, site.balancer)
    return Doomed(
        (*clusters, *orphans), (*(step.change for step in steps), *(change for _, change in await _files(site)))
    )


async def destroy(site: Site, told: Told, *, changed: Callable[[Change], None]) -> Sequence[Change]:
    """Delete all that is ours, and return what was deleted; safe to repeat, and to interrupt anywhere.

    First the group is saved as wanting nobody and with all its members condemned: then any controller, ours here or
    one that runs beside us, takes them out of the balancer, lifts their protection and terminates them, and none
    launches another. What they stand on is deleted when the last one has ended.

    Raises:
        ConflictError: Clusters of this group run that another store made; nothing was deleted.
        PermanentError: AWS refuses for good to end a cluster or to delete something.
        TransientError: Not everything has gone yet; repeat.
    """
    document = await site.store.load(site.group)
    _refuse_other_stores(site, document.group if document is not None else None, await site.clusters.find())
    await removals(site.account, site.balancer)  # what stands in the way is told before anything is ended
    if document is not None:
        await _condemn(site)
        await _until_gone(site, told)
        await _refuse_left(site)
    gone = list(await remove(site.account, site.balancer, changed))
    for name, change in await _files(site):
        await site.artifacts.remove(name)
        changed(change)
        gone.append(change)
    if document is not None and gone:
        entry = JournalEntry(site.clock.now(), "group_destroyed", {"deleted": [each.resource for each in gone]})
        await site.store.append(site.group, [entry])
    return gone


async def _running(site: Site, m: Member) -> Running:
    serves = m.stage in (*ENTITLED, Stage.FENCING) and m.address
    unfinished, unknown = await unfinished_on(site, m) if serves else ((), "")
    return Running(m.cluster or f"launch {m.number}, not seen yet", m, unfinished, unknown)


def _refuse_other_stores(site: Site, group: Group | None, found: Sequence[ClusterFacts]) -> None:
    foreign = [f.id for f in found if group is None or f.origin != group.origin]
    if foreign:
        what = f"clusters of this group run that this store did not launch: {', '.join(foreign)}"
        remedy = "destroy it with the store that did, or terminate them yourself first"
        raise ConflictError(what, where=site.group, remedy=remedy)


async def _condemn(site: Site) -> None:
    """Save that nobody is wanted and everybody may be ended."""

    def change(group: Group) -> Written | None:
        after = ended(group, site.clock.now(), DESTROYED)
        if after is group:
            return None
        condemned = [m.number for was, m in zip(group.members, after.members, strict=True) if was.stage is not m.stage]
        return after, "group_ended", {"condemned": condemned}

    await write(site, change)


async def _until_gone(site: Site, told: Told) -> None:
    """Run rounds, or look on while another controller does, until no cluster of this store is left."""
    refused, moved, before = list[str](), site.clock.steady(), tuple[Member, ...]()

    def stop(done: Round) -> bool:
        nonlocal moved, before
        if done.observation is not None or done.group.members != before:
            moved, before = site.clock.steady(), done.group.members
        refused.extend(o.detail for o in done.outcomes if o.ending is Ending.REFUSED)
        seen = done.observation.world.clusters if done.observation is not None else ()
        gone = not done.group.members and all(c.emr is EmrState.ENDED for c in seen)
        return bool(refused) or gone or site.clock.steady() - moved >= LOOKING_ON_SECONDS

    try:
        done = await site.controller.run(stop, told)
    finally:
        await give_back(site)
    if refused:
        raise PermanentError(refused[0], where=site.group, remedy=f"mend that, then {_AGAIN}")
    if done.group.members:
        numbers = ", ".join(str(m.number) for m in done.group.members)
        leads = done.leader if done.observation is None else ""
        what = f"{leads} leads, and has not ended" if leads else "stopped before the end of"
        remedy = f"stop it, then {_AGAIN}" if leads else _AGAIN
        raise TransientError(f"{what} member {numbers}", where=site.group, remedy=remedy)


async def _refuse_left(site: Site) -> None:
    """Whoever led may have seen less than we: nothing is taken from under a cluster that runs."""
    if left := await site.clusters.find():
        what = f"clusters of this group are there still: {', '.join(f.id for f in left)}"
        raise TransientError(what, where=site.group, remedy=_AGAIN)


async def _files(site: Site) -> Sequence[tuple[str, Change]]:
    """Files that are there for us, by name; one that another group uses too is only given up."""
    found: list[tuple[str, Change]] = []
    for file in site.files:
        users = await site.artifacts.users(file.name)
        if site.group in users:
            others = [each for each in users if each != site.group]
            why = f"given up, and kept for {', '.join(others)}" if others else "it is ours"
            found.append((file.name, Change("file", site.artifacts.url(file.name), "", file.name, "", why)))
    return found
