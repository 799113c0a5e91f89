"""The rounds: load, observe, decide, save with the expected version, act; and how soon to look again."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from emr_dr.controller.act import Actor, Ending, Outcome
from emr_dr.controller.journal import Told, acted, decided
from emr_dr.controller.observe import Observation, Observer
from emr_dr.controller.publish import views_of
from emr_dr.core.document import Document, Lease
from emr_dr.core.effects import Effect, LaunchCluster
from emr_dr.core.group import Group, Policy, Stage
from emr_dr.core.recovery import decide
from emr_dr.core.standing import converged
from emr_dr.core.world import RefusedLaunch
from emr_dr.errors import ConflictError, TransientError, UsageError
from emr_dr.ports import Clock, JournalEntry, Store

LEASE_SECONDS = 60.0
BRISK_SECONDS = 1.0
"""Between rounds while clients wait for the switch."""

log = structlog.get_logger("emr_dr.controller")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to.

    Attributes:
        observation: None when another holder leads, and nothing was looked at.
        leader: Who holds the lease.
    """

    document: Document
    observation: Observation | None
    outcomes: tuple[Outcome, ...] = ()
    leader: str = ""

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
    _told: Told = field(default_factory=Told)

    async def round(self) -> Round:
        """Do one round.

        Raises:
            UsageError: The group was never applied here.
            PermanentError: The store is unreadable.
            ConflictError: Somebody else saved meanwhile, or looking took too long; nothing was done.
            TransientError: The store is out of reach; nothing was done.
        """
        document = await self.store.load(self.group)
        if document is None:
            raise UsageError("the group is not in this store", where=self.group, remedy="run `emr-dr apply` first")
        lease = document.lease
        if lease is not None and lease.holder != self.holder and lease.expires_at > self.clock.now():
            return Round(document, None, leader=lease.holder)
        observation = await self.observer.observe(document, self.clock.now(), tuple(self._refused))
        if self.clock.now() - observation.world.at > LEASE_SECONDS:  # we were stopped while looking, or starved
            raise ConflictError("what was seen is too old to act on", where=self.group, remedy="look again")
        group, effects = decide(document.group, observation.world, self.policy)
        saved = await self._save(document, group, observation, effects)
        self._refused.clear()
        self._told = replace(self._told, verdicts=observation.verdicts, effects=effects)
        # All have to end before the next round decides, also when the journal refuses the outcome of one.
        endings = await asyncio.gather(*(self._act(effect, saved) for effect in effects), return_exceptions=True)
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

    async def _save(self, document: Document, group: Group, seen: Observation, effects: Sequence[Effect]) -> Document:
        """Save what is new, renewing the lease; a quiet round writes only when the lease is half spent."""
        now = self.clock.now()
        entries = [*decided(document.group, group, seen, effects, self._told)]
        lease = document.lease
        ours = lease is not None and lease.holder == self.holder
        fresh = ours and lease is not None and lease.expires_at - now > LEASE_SECONDS / 2
        if fresh and not effects and not entries and group == document.group and seen.runs == document.runs:
            return document
        term = (lease.term if lease else 0) + (0 if ours else 1)
        if not ours:
            entries.insert(0, JournalEntry(now, "lease_taken", {"holder": self.holder, "term": term}))
        after = replace(document, group=group, runs=seen.runs, lease=Lease(self.holder, term, now + LEASE_SECONDS))
        saved = await self.store.save(after, views=views_of(group, seen.world, self.urls), entries=entries)
        self._tell(entries)
        return saved

    async def _act(self, effect: Effect, document: Document) -> Outcome:
        outcome = await self.actor.carry_out(effect, document)
        if isinstance(effect, LaunchCluster) and outcome.ending is Ending.REFUSED:
            self._refused.append(RefusedLaunch(effect.number, outcome.detail))
        if self._told.outcomes.get(effect) != outcome:
            entry = acted(self.clock.now(), outcome)
            await self.store.append(self.group, [entry])
            self._tell([entry])
        return outcome

    def _tell(self, entries: Iterable[JournalEntry]) -> None:
        for entry in entries:
            if entry.event != "decided":  # the journal has it whole; a log line of its size helps nobody
                log.info(entry.event, at=entry.at, group=self.group, **entry.detail)
