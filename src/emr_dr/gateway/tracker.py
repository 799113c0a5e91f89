"""Follows one member: lists its Livy and its YARN, and hands on what changed. Nothing here waits for another member."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from emr_dr.core.strays import RunName, common_tag, run_names
from emr_dr.core.view import MemberView
from emr_dr.errors import EmrDrError, TransientError
from emr_dr.gateway.board import Board
from emr_dr.gateway.calls import MemberState
from emr_dr.gateway.cleaning import clean
from emr_dr.gateway.judging import Judge
from emr_dr.gateway.sight import Sight
from emr_dr.ports import Clock, Ledger, LivyBatch, QueueLoad, Upstream, YarnApplication

YARN_INTERVAL = 1.0
"""Between lists of YARN; less where a poll may not be as old, more if one takes long."""

SLOW = 3.0
"""Seconds after which a Livy that still does not answer is given nothing new: it hangs, or has too much to do."""

AWAY = 10.0
"""A member that was away for so long is cleaned before it works again: meanwhile its batches may have been rescued."""

LEAST_PAUSE = 0.5
"""A list is asked for again after so many times what it took: a member that is slow is not asked without a pause."""

CLEAN_AGAIN = 2.0

log = structlog.get_logger("emr_dr.gateway")


@dataclass(frozen=True, slots=True)
class Means:
    """What every tracker works with."""

    group: str
    board: Board
    ledger: Ledger
    upstream: Upstream
    clock: Clock
    interval: float


class Tracker:
    """One member, as this gateway sees it.

    Attributes:
        view: As published last.
        livy, yarn: What each tells.
    """

    def __init__(self, view: MemberView, means: Means, judge: Judge) -> None:
        self.view = view
        self.livy: Sight[LivyBatch] = Sight()
        self.yarn: Sight[YarnApplication] = Sight()
        self._means = means
        self._judge = judge
        self._load: QueueLoad | None = None
        self._clean = False
        self._asking_since: float | None = None
        self._unreached_until = 0.0
        self._seen_at = 0.0
        self._names: dict[str, tuple[YarnApplication, tuple[RunName, ...]]] = {}

    async def run(self) -> None:
        """Follow the member until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_livy())
            group.create_task(self._follow_yarn())
            group.create_task(self._keep_clean())

    def follow(self, view: MemberView) -> None:
        """Take in how the member is published now; one that was dead is cleaned before it works again."""
        self.view = view
        if view.death is not None:
            self._clean = False

    def state(self) -> MemberState:
        """The member as it is now."""
        return MemberState(
            self.view,
            livy=self._livy_trouble(),
            yarn=self.yarn.trouble,
            clean=self._clean,
            load=self._load,
            unfinished=len(self._means.board.on(self.view.cluster_id)),
            seen_at=self._seen_at,
        )

    def unreached(self, why: str) -> None:
        """A submission could not be brought there: nothing more is tried until Livy has answered again."""
        log.info("member_unreached", cluster=self.view.cluster_id, reason=why)
        self._unreached_until = self._means.clock.steady() + 2 * self._means.interval

    def _livy_trouble(self) -> str:
        now = self._means.clock.steady()
        if self.livy.trouble:
            return self.livy.trouble
        if self._asking_since is not None and now - self._asking_since > SLOW:
            return f"no answer for {now - self._asking_since:.0f} s"
        return "not reached just now" if now < self._unreached_until else ""

    async def _follow_livy(self) -> None:
        clock = self._means.clock
        while True:
            began = self._asking_since = clock.steady()
            await self._list_livy()
            self._asking_since = None
            took = clock.steady() - began
            await clock.sleep(max(self._means.interval - took, LEAST_PAUSE * took))

    async def _list_livy(self) -> None:
        means, at, steady = self._means, self._means.clock.now(), self._means.clock.steady()
        try:
            listed = await means.upstream.batches(self.view)
        except TransientError as error:
            self._failed("livy", self.livy, error)
            return
        self._back("livy", self.livy)
        self.livy.answered(((batch.name, batch) for batch in listed if batch.name), steady)
        self._seen_at = at
        self._round()
        means.board.confirm(self.view.cluster_id, at)

    async def _follow_yarn(self) -> None:
        clock = self._means.clock
        while True:
            began = clock.steady()
            await self._list_yarn()
            took = clock.steady() - began
            await clock.sleep(max(min(YARN_INTERVAL, 2 * self._means.interval) - took, LEAST_PAUSE * took))

    async def _list_yarn(self) -> None:
        means, at, steady = self._means, self._means.clock.now(), self._means.clock.steady()
        try:
            listed = await means.upstream.applications(self.view, common_tag(means.group))
            self._load = await means.upstream.load(self.view)
        except TransientError as error:
            self._load = None
            self._failed("yarn", self.yarn, error)
            return
        self._back("yarn", self.yarn)
        self.yarn.answered(self._by_attempt(listed), steady)
        if self._has_strays():
            self._clean = False
        self._round()
        if self.livy.trouble:
            means.board.confirm(self.view.cluster_id, at)

    def _by_attempt(self, listed: Sequence[YarnApplication]) -> Iterator[tuple[str, YarnApplication]]:
        """The applications by their attempts' tags; of two with one tag the one that may still run counts."""
        held, self._names = self._names, {}
        ended: list[tuple[str, YarnApplication]] = []
        living: list[tuple[str, YarnApplication]] = []
        for application in listed:
            known = held.get(application.id)
            if known is None or known[0] is not application:
                known = (application, tuple(run_names(application.tags)))
            self._names[application.id] = known
            for name in known[1]:
                (ended if application.ended else living).append((name.text, application))
        yield from ended
        yield from living

    def _round(self) -> None:
        """Judge every batch there by what is known now."""
        began = self._load.since if self._load is not None else 0.0
        self._judge.round(self.view, self.livy, self.yarn, yarn_began=began)

    async def _keep_clean(self) -> None:
        """Have the member cleaned before it works, and whenever YARN shows a run that nobody wants."""
        means = self._means
        while True:
            if not self.livy.trouble and not self.yarn.trouble and not self._clean:
                self._clean = await self._cleaned()
                if self._clean:
                    log.info("member_clean", cluster=self.view.cluster_id)
                else:
                    await means.clock.sleep(CLEAN_AGAIN)
            await means.clock.sleep(means.interval)

    async def _cleaned(self) -> bool:
        means = self._means
        try:
            return await clean(self.view, means.group, means.ledger, means.upstream, means.clock)
        except EmrDrError as error:
            log.warning("member_not_clean", cluster=self.view.cluster_id, reason=str(error))
            return False

    def _has_strays(self) -> bool:
        """Whether something runs that is known to be superseded; tombstones' runs are ended elsewhere."""
        board = self._means.board
        for application, names in self._names.values():
            for name in names if not application.ended else ():
                entry = board.entry(name.batch_id)
                if entry is None or entry.saved.token != name.token or not entry.saved.listed:
                    continue
                attempts = entry.saved.attempts
                if name.number <= len(attempts) and not attempts[name.number - 1].live:
                    return True
        return False

    def _failed(self, service: str, sight: Sight[LivyBatch] | Sight[YarnApplication], error: TransientError) -> None:
        steady = self._means.clock.steady()
        if sight.failed(str(error), steady):
            log.warning("member_not_answering", cluster=self.view.cluster_id, service=service, reason=str(error))
        if sight.away_for(steady) >= AWAY:
            self._clean = False

    def _back(self, service: str, sight: Sight[LivyBatch] | Sight[YarnApplication]) -> None:
        if sight.trouble:
            log.info("member_answering", cluster=self.view.cluster_id, service=service)
