"""To make what a spec declares, and a first member that serves."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from emr_dr.controller.loop import Round
from emr_dr.core.document import Document
from emr_dr.core.group import Group
from emr_dr.errors import ConflictError, PermanentError, TransientError
from emr_dr.ports import JournalEntry
from emr_dr.provision import moving
from emr_dr.provision.apply import Consent, ensure
from emr_dr.provision.change import Change
from emr_dr.service.orders import Detail, Written, release_hold, write
from emr_dr.service.planning import file_changes, wanted_changes
from emr_dr.service.site import HELD_REMEDY, STRATEGIES, Site, Told
from emr_dr.service.tending import give_back


async def apply(
    site: Site,
    told: Told,
    *,
    changed: Callable[[Change], None],
    consent: Consent = lambda _: None,
    wait: bool = True,
) -> Sequence[Change]:
    """Make what the spec declares: balancer, artifacts, first member; safe to repeat, and to interrupt anywhere.

    `consent` is asked before anything is changed, where something is that is not ours; it raises to prevent it all.

    Raises:
        ConflictError: A resource of a needed name, or a running cluster of this group, belongs to somebody else.
        PermanentError: The group is held: its candidates failed.
    """
    document = await site.store.load(site.group)
    if document is None:
        await _refuse_other_stores(site)
    files = await _files_to_put(site)
    made = await ensure(site.account, site.balancer, changed, consent=consent, pause=site.clock.sleep)
    await _put_files(site, files, changed)
    changes = [*made, *files]
    if document is None:
        group = Group(site.group, uuid.uuid4().hex, STRATEGIES[site.strategy])
        entry = JournalEntry(site.clock.now(), "group_created", {"strategy": site.strategy})
        await site.store.save(Document(group), entries=[entry])
    else:
        await release_hold(site)  # a person applies again after automation had stopped itself
        changes += await _follow_spec(site, changed)
    if wait:
        await _until_served(site, told)
    return changes


async def nobody_there(site: Site) -> str:
    """Why clients that come to the address reach nobody yet, and what to do; empty where they do."""
    return await moving.nobody_there(site.account, site.balancer)


async def _files_to_put(site: Site) -> Sequence[Change]:
    try:
        return await file_changes(site)
    except PermanentError:  # who may write there need not be allowed to look; the writing tells
        return ()


async def _put_files(site: Site, changes: Sequence[Change], changed: Callable[[Change], None]) -> None:
    for file in site.files:
        await site.artifacts.put(file.name, file.body)
    for each in changes:
        changed(each)


async def _follow_spec(site: Site, changed: Callable[[Change], None]) -> Sequence[Change]:
    """Have the group want what the spec declares by now: members come and go one after the other, drained first."""
    wanted = STRATEGIES[site.strategy]
    changes: list[Change] = []

    def change(group: Group) -> Written | None:
        changes[:] = wanted_changes(site, group)
        if not changes:
            return None
        detail = Detail(strategy=site.strategy, serving=wanted.serving, standby=wanted.standby)
        return replace(group, wanted=wanted), "strategy_changed", detail

    await write(site, change)
    for each in changes:
        changed(each)
    return changes


async def _until_served(site: Site, told: Told) -> None:
    """Run rounds until nothing is outstanding, or another controller leads and will see to it."""

    def stop(done: Round) -> bool:
        return done.converged or done.observation is None or bool(done.group.held)

    try:
        done = await site.controller.run(stop, told)
    finally:
        await give_back(site)
    if done.still:
        raise TransientError(done.still, where=site.group, remedy="apply or watch again")
    if not done.converged and done.observation is not None and not done.group.held:
        raise TransientError("stopped before the first member served", where=site.group, remedy="apply or watch again")
    if done.group.held:
        raise PermanentError(f"automation stopped itself: {done.group.held}", where=site.group, remedy=HELD_REMEDY)


async def _refuse_other_stores(site: Site) -> None:
    """A new store must not begin where another one's clusters run: it would take them for orphans."""
    running = await site.clusters.find()
    if running:
        names = ", ".join(f.id for f in running)
        remedy = "use the store that made them, or choose another group name"
        raise ConflictError(
            f"clusters of this group run already, unknown to this store: {names}", where=site.group, remedy=remedy
        )
