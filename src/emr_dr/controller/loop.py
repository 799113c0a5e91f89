"""The rounds: load, observe, decide, save with the expected version, act; and how soon to look again."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from emr_dr.controller.act import Actor, Ending, Outcome
from emr_dr.controller.journal import Told, acted, decided, told_by
from emr_dr.controller.lookout import seen_by_others
from emr_dr.controller.observe import Observation, Observer
from emr_dr.controller.publish import views_of
from emr_dr.controller.tenure import LEASE_SECONDS, Standstill, Tenure, Unrenewed, extended, free
from emr_dr.core.document import Document, Lease
from emr_dr.core.effects import Effect, LaunchCluster
from emr_dr.core.evidence import Sighting
from emr_dr.core.group import Group, Policy, Stage
from emr_dr.core.recovery import decide
from emr_dr.core.standing import begun_anew, converged
from emr_dr.core.world import RefusedLaunch
from emr_dr.errors import ConflictError, EmrDrError, TransientError, UsageError
from emr_dr.ports import Clock, JournalEntry, Store

BRISK_SECONDS = 1.0
"""Between rounds while clients wait for the switch."""
RECALLED = 100
"""Journal entries that whoever begins to lead looks back on, so as not to tell again what was told."""

log = structlog.get_logger("emr_dr.controller")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to.

    Attributes:
        observation: None when nothing was decided: another holder leads, or we stand still.
        leader: Who holds the lease; empty when nobody does.
        still: Why nothing was decided though nobody else leads; empty when something was.
    """

    document: Document
    observation: Observation | None
    outcomes: tuple[Outcome, ...] = ()
    leader: str = ""
    still: str = ""

    @property
    def group(self) -> Group:
        """The group as remembered after the round."""
        return self.document.group

    @property
    def converged(self) -> bool:
        """Whether nothing is outstanding."""
        return self.observation is not None and converged(self.group, self.observation.world)


@dataclass
class Controller:
    """One process's part in looking after one group. Any number may run; the lease lets one act.

    Attributes:
        holder: Who we are in the lease; unique to this process.
        urls: The base URL of a member's service at an address, for gateways.
        stopping: Whether the process was asked to stop: then the round under way is the last.
    """

    group: str
    store: Store
    observer: Observer
    actor: Actor
    clock: Clock
    policy: Policy
    holder: str
    urls: Callable[[str, str], str]
    stopping: Callable[[], bool] = lambda: False
    _refused: list[RefusedLaunch] = field(default_factory=list)
    _launched: dict[int, str] = field(default_factory=dict)
    _told: Told = field(default_factory=Told)
    _standstill: Standstill = field(init=False)
    _unrenewed: Unrenewed = field(init=False)

    def __post_init__(self) -> None:
        self._standstill = Standstill(self.clock)
        self._unrenewed = Unrenewed(self.clock)

    async def round(self) -> Round:
        """Do one round: lead it, or be another vantage for whoever leads.

        Raises:
            UsageError: The group was never applied here.
            PermanentError: The store is unreadable.
            ConflictError: Somebody else saved meanwhile, or looking took too long; nothing was done.
            TransientError: The store is out of reach; nothing was done.
        """
        document = await self.store.load(self.group)
        if document is None:
            raise UsageError("the group is not in this store", where=self.group, remedy="run `emr-dr apply` first")
        if still := self._standstill.look():
            return Round(document, None, still=still)
        if document.lease is not None and not self._may_lead(document.lease):
            self._standstill.rest()
            await self._bear_witness(document)
            return Round(document, None, leader=document.lease.holder)
        sightings = await self._sightings()
        launching = {m.number for m in document.group.at(Stage.LAUNCHING)}
        self._launched = {number: cluster for number, cluster in self._launched.items() if number in launching}
        observation = await self.observer.observe(
            document, self.clock.now(), tuple(self._refused), sightings, tuple(self._launched.values())
        )
        gap = self.observer.detection.lately
        if observation.isolated and seen_by_others(sightings, self.observer.vantage, observation.world.at, gap):
            await self.release()  # to a controller that sees more
            why = f"cut off, and another controller is not: {'; '.join(observation.troubles)}"
            return Round(document, None, still=why)
        return await self._lead(document, observation)

    def _may_lead(self, lease: Lease) -> bool:
        return free(lease, self.holder, self.clock.now()) or self._unrenewed.look(lease)

    async def _bear_witness(self, document: Document) -> None:
        """Tell whoever leads what we see from here; a store that does not keep it is no reason to end."""
        try:
            await self.store.tell(self.group, await self.observer.sight(document, self.clock.now()))
        except EmrDrError as error:
            log.warning("sighting_not_told", group=self.group, reason=str(error))

    async def _recall(self) -> Told:
        """What the journal was told already; one that cannot be read is told all of it once more."""
        try:
            return told_by(await self.store.newest(self.group, RECALLED))
        except EmrDrError as error:
            log.warning("journal_not_read", group=self.group, reason=str(error))
            return Told()

    async def _sightings(self) -> Sequence[Sighting]:
        """What others saw; without it we lead by our own eyes, as we would alone."""
        try:
            return await self.store.sightings(self.group)
        except EmrDrError as error:
            log.warning("sightings_not_read", group=self.group, reason=str(error))
            return ()

    async def _lead(self, document: Document, observation: Observation) -> Round:
        """Decide on what was seen, save, and act."""
        if self.clock.now() - observation.world.at > LEASE_SECONDS:  # we were stopped while looking, or starved
            raise ConflictError("what was seen is too old to act on", where=self.group, remedy="look again")
        if still := self._standstill.look():
            return Round(document, None, still=still)
        if document.lease is None or document.lease.holder != self.holder:
            self._told = await self._recall()
        self._standstill.saw(all_there_is=not observation.world.blind)
        known = document
        if self._standstill.passed:
            known = replace(document, group=begun_anew(document.group, observation.world.at))
        group, effects = decide(known.group, observation.world, self.policy)
        saved, tenure = await self._save(known, group, observation, effects)
        self._standstill.passed &= saved.version == document.version  # a quiet round keeps the old stamps
        self._refused.clear()
        self._told = replace(self._told, verdicts=observation.verdicts, effects=effects, remarks=observation.remarks)
        # All have to end before the next round decides, also when the journal refuses the outcome of one.
        endings = await asyncio.gather(
            *(self._act(e, saved, tenure, observation.world.at) for e in effects), return_exceptions=True
        )
        failures = [e for e in endings if isinstance(e, BaseException)]
        if failures:
            for other in failures[1:]:
                failures[0].add_note(f"and: {other!r}")
            raise failures[0]
        outcomes = tuple(e for e in endings if isinstance(e, Outcome))
        self._told = replace(self._told, outcomes={o.effect: o for o in outcomes})
        return Round(saved, observation, outcomes, self.holder)

    async def run(self, stop: Callable[[Round], bool], told: Callable[[Round], None] = lambda _: None) -> Round:
        """Do rounds until `stop` says so, telling each to `told`. A refused save is just another look.

        Raises:
            UsageError: The group was never applied here.
            PermanentError: The store is unreadable.
        """
        while True:
            try:
                done = await self.round()
            except ConflictError as error:
                log.info("save_refused", group=self.group, reason=str(error))
                if self.stopping():
                    raise
                await self.clock.sleep(BRISK_SECONDS)
                continue
            except TransientError as error:  # without its memory a controller does nothing; what serves goes on
                log.warning("store_out_of_reach", group=self.group, reason=str(error))
                if self.stopping():
                    raise
                await self.clock.sleep(self.observer.detection.interval)
                continue
            told(done)
            if stop(done) or self.stopping():
                return done
            await self.clock.sleep(self.pause_after(done))

    async def release(self) -> None:
        """Give the lease back, so that another controller need not wait it out; a no-op if it is not ours."""
        document = await self.store.load(self.group)
        if document is not None and document.lease is not None and document.lease.holder == self.holder:
            published = await self.store.views(self.group)  # kept as they are: gateways go on without a controller
            views = published.views if published is not None else ()
            await self.store.save(replace(document, lease=replace(document.lease, expires_at=0.0)), views=views)

    def pause_after(self, done: Round) -> float:
        """Seconds to the next round: brisk while a switch is under way, else the declared interval."""
        urgent = done.group.at(Stage.ADMITTING, Stage.STANDBY, Stage.PROVING)
        interval = self.observer.detection.interval
        waiting = len(done.group.at(Stage.SERVING)) < done.group.wanted.serving  # one that is kept fenced is no hurry
        return min(BRISK_SECONDS, interval) if urgent and waiting else interval

    async def _save(
        self, document: Document, group: Group, seen: Observation, effects: Sequence[Effect]
    ) -> tuple[Document, Tenure]:
        """Save what is new, renewing the lease; a quiet round writes only when the lease is half spent."""
        now, steady = self.clock.now(), self.clock.steady()
        entries = [*decided(document.group, group, seen, effects, self._told, self.policy, self.observer.detection)]
        lease = document.lease
        ours = lease is not None and lease.holder == self.holder
        fresh = ours and lease is not None and lease.expires_at - now > LEASE_SECONDS / 2
        if fresh and not effects and not entries and group == document.group and seen.runs == document.runs:
            return document, Tenure(lease or extended(document, self.holder, now), steady)
        after = replace(document, group=group, runs=seen.runs, lease=extended(document, self.holder, now))
        tenure = Tenure(extended(document, self.holder, now), steady + LEASE_SECONDS)
        if not ours:
            entries.insert(0, JournalEntry(now, "lease_taken", {"holder": self.holder, "term": tenure.lease.term}))
        saved = await self.store.save(after, views=views_of(group, self.urls), entries=entries)
        self._tell(entries)
        return saved, tenure

    async def _act(self, effect: Effect, document: Document, tenure: Tenure, decided_at: float) -> Outcome:
        outcome = await self.actor.carry_out(effect, document, tenure)
        if isinstance(effect, LaunchCluster) and outcome.ending is Ending.REFUSED:
            self._refused.append(RefusedLaunch(effect.number, outcome.detail))
        if isinstance(effect, LaunchCluster) and outcome.ending is Ending.DONE:
            self._launched[effect.number] = outcome.detail
        if self._told.outcomes.get(effect) != outcome:
            entry = acted(self.clock.now(), outcome, decided_at)
            await self.store.append(self.group, [entry])
            self._tell([entry])
        return outcome

    def _tell(self, entries: Iterable[JournalEntry]) -> None:
        for entry in entries:
            if entry.event != "decided":  # the journal has it whole; a log line of its size helps nobody
                log.info(entry.event, at=entry.at, group=self.group, **entry.detail)
