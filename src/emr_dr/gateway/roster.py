"""The members of the group as this gateway sees them: one tracker each, and the choice among those that take work."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from emr_dr.core.routing import Candidate, RouteRule, Wish, in_order
from emr_dr.core.view import MemberView
from emr_dr.gateway.calls import MemberState
from emr_dr.gateway.tracker import Tracker
from emr_dr.gateway.views import INTERVAL, Views
from emr_dr.ports import Clock


class Roster:
    """Follows what is published, and runs a tracker for each member of it."""

    def __init__(
        self, views: Views, rules: Sequence[RouteRule], clock: Clock, tracker: Callable[[MemberView], Tracker]
    ) -> None:
        self.views = views
        self._rules = rules
        self._clock = clock
        self._make = tracker
        self._trackers: dict[str, Tracker] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                if await self.views.read():
                    self._update(group)
                await self._clock.sleep(INTERVAL)

    def states(self) -> list[MemberState]:
        """Every published member as it is now."""
        return [tracker.state() for tracker in self._trackers.values()]

    def tracker(self, cluster_id: str) -> Tracker | None:
        """The tracker of a member; None if it is not published."""
        return self._trackers.get(cluster_id)

    def choose(self, wish: Wish, *, but: Collection[str] = ()) -> list[MemberView]:
        """The members that may be given a batch, the best first; without those named."""
        if not self.views.fresh:
            return []
        taking = {s.view.cluster_id: s for s in self.states() if s.takes_work and s.view.cluster_id not in but}
        candidates = (Candidate(s.view.cluster_id, s.view.az, _load(s)) for s in taking.values())
        return [taking[c.cluster_id].view for c in in_order(candidates, wish, self._rules)]

    def unreached(self, cluster_id: str, why: str) -> None:
        """A submission could not be brought to a member."""
        tracker = self.tracker(cluster_id)
        if tracker is not None:
            tracker.unreached(why)

    def _update(self, group: asyncio.TaskGroup) -> None:
        published = {view.cluster_id: view for view in self.views.views}
        for cluster in self._trackers.keys() - published.keys():
            del self._trackers[cluster]
            self._running.pop(cluster).cancel()
        for cluster, view in published.items():
            tracker = self._trackers.get(cluster)
            if tracker is not None:
                tracker.follow(view)
                continue
            tracker = self._trackers[cluster] = self._make(view)
            self._running[cluster] = group.create_task(tracker.run())


def _load(state: MemberState) -> int:
    in_yarn = state.load.running + state.load.pending if state.load is not None else 0
    return in_yarn + state.unfinished
