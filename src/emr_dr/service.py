"""What emr-dr does, as plain functions over ports: the command line, Airflow and the tests call these."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import structlog

from emr_dr.controller.loop import Controller, Round
from emr_dr.controller.observe import Observation, Observer
from emr_dr.core.document import Document
from emr_dr.core.group import Group, Stage, Wanted
from emr_dr.core.standing import reached
from emr_dr.core.verdict import Verdict
from emr_dr.core.world import Health
from emr_dr.errors import ConflictError, EmrDrError, PermanentError, TransientError, UsageError
from emr_dr.history.decisions import remarks_on
from emr_dr.ports import Artifacts, Clock, Clusters, JournalEntry, Store
from emr_dr.provision.account import Account
from emr_dr.provision.apply import ensure
from emr_dr.provision.change import Change
from emr_dr.provision.desired import DesiredBalancer

STRATEGIES = {"active-passive": Wanted(1), "warm-standby": Wanted(1, 1), "active-active": Wanted(2)}
"""The whole of a strategy: how many members are wanted in which role."""

RELEASE_TRIES = 5
"""Saves of a person's word that others may be ahead of."""
LEFT_OUT = ("decided", "lease_taken")
"""Journal entries that a status leaves out: the whole evidence of a decision, and who came to look."""

HELD_REMEDY = "see why with `emr-dr status`, mend the cause, and apply again"

Told = Callable[[Round], None]

log = structlog.get_logger("emr_dr.service")


@dataclass(frozen=True, slots=True)
class Site:
    """Everything one group's functions work with, joined by the composition root."""

    group: str
    strategy: str
    store: Store
    clusters: Clusters
    observer: Observer
    controller: Controller
    account: Account
    balancer: DesiredBalancer
    artifacts: Artifacts
    proving_job: tuple[str, bytes]
    clock: Clock


class Answer(IntEnum):
    """What `check` found; the values are its exit codes."""

    HEALTHY = 0
    NOT_HEALTHY = 1
    COULD_NOT_TELL = 2


@dataclass(frozen=True, slots=True)
class Status:
    """The group as remembered, and as seen just now.

    Attributes:
        recent: The newest journal entries, oldest first, without the bulky decisions.
        address: Where clients reach the group; empty if nobody could say.
        remarks: In what members differ from the spec that did not keep them from being admitted.
    """

    document: Document
    observation: Observation
    recent: tuple[JournalEntry, ...]
    address: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """Healthy when as many healthy members serve as are wanted and the balancer does not call them out of service.

        Could not tell when some of them was not seen.
        """
        world, group = self.observation.world, self.document.group
        if reached(group, world):
            return Answer.HEALTHY
        serving = [world.of(m) for m in group.at(Stage.SERVING)]
        unseen = not serving or any(c is None or c.health is Health.UNKNOWN for c in serving)
        return Answer.COULD_NOT_TELL if world.blind and unseen else Answer.NOT_HEALTHY

    def verdict(self, cluster: str | None) -> Verdict | None:
        """The verdict on a cluster, if it was seen."""
        return self.observation.verdicts.get(cluster or "")


async def status(site: Site, *, recent: int = 10) -> Status:
    """Read what is remembered and look once; changes nothing.

    Raises:
        UsageError: The group was never applied with this store.
    """
    document = await site.store.load(site.group)
    if document is None:
        raise UsageError("the group is not in this store", where=site.group, remedy="run `emr-dr apply` first")
    observation = await site.observer.observe(document, site.clock.now())
    entries = await site.store.newest(site.group, recent, without=LEFT_OUT)
    # Candidates are compared by whoever proves them; this process was not there, but the journal was told.
    remarks = dict.fromkeys((*await remarks_on(site.store, document), *observation.remarks))
    return Status(document, observation, tuple(entries), await address(site), tuple(remarks))


async def address(site: Site) -> str:
    """Where clients reach the group: the balancer's own name; empty if nobody could say."""
    try:
        return await site.observer.balancer.address()
    except EmrDrError as error:
        log.warning("balancer_not_seen", group=site.group, reason=str(error))
        return ""


async def watch(site: Site, told: Told) -> Round:
    """Run the controller until the process is asked to stop; then give the lease back.

    Raises:
        UsageError: The group was never applied with this store.
    """
    await _stage_proving_job(site)
    try:
        return await site.controller.run(lambda _: False, told)
    finally:
        await _give_back(site)


async def tick(site: Site, seconds: float, told: Told) -> Round:
    """Run rounds until nothing is outstanding or `seconds` are over, for schedulers; at least one.

    Any number of ticks and watches may run at once: one leads, the others see that and end.

    Raises:
        TransientError: The store was out of reach when the time was over.
    """
    controller, until = site.controller, site.clock.steady() + seconds

    def over() -> bool:  # also between rounds that fail, and whoever sets the clock
        return controller.stopping() or site.clock.steady() >= until

    def stop(done: Round) -> bool:
        return done.converged or done.observation is None

    await _stage_proving_job(site)
    try:
        return await replace(controller, stopping=over).run(stop, told)
    finally:
        await _give_back(site)


async def apply(site: Site, told: Told, *, changed: Callable[[Change], None], wait: bool = True) -> Sequence[Change]:
    """Make what the spec declares: balancer, artifacts, first member; safe to repeat, and to interrupt anywhere.

    Raises:
        ConflictError: A resource of a needed name, or a running cluster of this group, belongs to somebody else.
        PermanentError: The group is held: its candidates failed.
    """
    document = await site.store.load(site.group)
    if document is None:
        await _refuse_other_stores(site)
    changes = await ensure(site.account, site.balancer, changed)
    await site.artifacts.put(*site.proving_job)
    if document is None:
        group = Group(site.group, uuid.uuid4().hex, STRATEGIES[site.strategy])
        entry = JournalEntry(site.clock.now(), "group_created", {"strategy": site.strategy})
        await site.store.save(Document(group), entries=[entry])
    elif document.group.held:
        await _release_hold(site)
    if wait:
        await _until_served(site, told)
    return changes


async def _release_hold(site: Site) -> None:
    """A person applies again after automation had stopped itself: its attempts are its own again.

    A controller beside us saves in each round while something fails, so a refused save is tried again on what is saved.
    """
    for tries_left in reversed(range(RELEASE_TRIES)):
        document = await site.store.load(site.group)
        if document is None or not document.group.held:
            return
        group = replace(document.group, held="", attempts=0, avoid=())
        entry = JournalEntry(site.clock.now(), "hold_released", {"was": document.group.held})
        published = await site.store.views(site.group)  # a person's word changes no view
        views = published.views if published is not None else ()
        try:
            await site.store.save(replace(document, group=group), views=views, entries=[entry])
        except ConflictError:
            if not tries_left:
                raise
        else:
            return


async def _until_served(site: Site, told: Told) -> None:
    """Run rounds until nothing is outstanding, or another controller leads and will see to it."""

    def stop(done: Round) -> bool:
        return done.converged or done.observation is None or bool(done.group.held)

    try:
        done = await site.controller.run(stop, told)
    finally:
        await _give_back(site)
    if done.still:
        raise TransientError(done.still, where=site.group, remedy="apply or watch again")
    if not done.converged and done.observation is not None and not done.group.held:
        raise TransientError("stopped before the first member served", where=site.group, remedy="apply or watch again")
    if done.group.held:
        raise PermanentError(f"automation stopped itself: {done.group.held}", where=site.group, remedy=HELD_REMEDY)


async def _stage_proving_job(site: Site) -> None:
    """See that the proving job's file is there before it is needed; without S3 the controller goes on all the same."""
    try:
        await site.artifacts.put(*site.proving_job)
    except EmrDrError as error:
        log.warning("proving_job_not_stored", group=site.group, reason=str(error))


async def _refuse_other_stores(site: Site) -> None:
    """A new store must not begin where another one's clusters run: it would take them for orphans."""
    running = await site.clusters.find()
    if running:
        names = ", ".join(f.id for f in running)
        remedy = "use the store that made them, or choose another group name"
        raise ConflictError(
            f"clusters of this group run already, unknown to this store: {names}", where=site.group, remedy=remedy
        )


async def _give_back(site: Site) -> None:
    """Give the lease back; when that fails it just expires."""
    try:
        await site.controller.release()
    except (ConflictError, TransientError):
        return
