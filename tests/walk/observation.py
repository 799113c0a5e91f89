"""What a round sees of the truth: early or late, all of it or with a blind spot."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from emr_dr.core.group import Group, Stage
from emr_dr.core.world import Cluster, EmrState, Health, ProvingResult, RefusedLaunch, Sight, TargetState, World
from walk.setup import DAY_LATER, EARLY, LATE, OVERDUE, Budget, Setup
from walk.state import Machine


class View(NamedTuple):
    """One way of looking. `hidden` is the cluster that is not shown; `cost` is the budget that it is paid from."""

    name: str
    at: float
    hidden: str = ""
    blind: Sight | None = None
    doubt: bool = False
    cost: str = ""


def views(group: Group, machines: tuple[Machine, ...], budget: Budget, setup: Setup) -> Iterator[View]:
    """Every way of looking that the budget allows, the cheapest first."""
    yield View("early", EARLY)
    yield View("late", LATE)
    if group.launches or group.at(Stage.FENCING):
        yield View("a day later", DAY_LATER)
    remembered = {m.cluster for m in group.members}
    if budget.stale:  # only what is found by listing can be missing from a list; known ids are described
        new = [m.id for m in machines if m.number and m.id not in remembered and not m.ended]
        yield from (View(f"early, {i} is not listed", EARLY, i, cost="stale") for i in new)
        if not setup.bounded:
            yield from (View(f"late, {i} is not listed", LATE, i, cost="stale") for i in new)
    if budget.slow:
        yield View("overdue", OVERDUE, cost="slow")
    if budget.doubt:
        yield View("early, in doubt", EARLY, doubt=True, cost="doubt")
        yield View("late, in doubt", LATE, doubt=True, cost="doubt")
    if budget.blind:
        yield from _blind([m.id for m in machines if m.id in remembered])


def _blind(known: list[str]) -> Iterator[View]:
    for name, at in (("early", EARLY), ("late", LATE)):
        yield from (View(f"{name}, blind to {sight}", at, blind=sight, cost="blind") for sight in Sight)
        yield from (View(f"{name}, cannot describe {i}", at, i, Sight.CLUSTERS, cost="blind") for i in known)


def observe(machines: Iterable[Machine], remembered: frozenset[str], view: View, told: Iterable[int]) -> World:
    """What that way of looking shows.

    An ended cluster is read only by its id: one that nobody remembers is not seen and its target is a stranger's, as is
    that of a cluster that is none of ours.
    """
    clusters, strangers = list[Cluster](), list[str]()
    for m in machines:
        listed = m.id in remembered or (m.number and not m.ended)
        if listed and m.id != view.hidden and (view.hidden or view.blind is not Sight.CLUSTERS):
            clusters.append(_cluster(m, view))
        elif m.target and view.blind is not Sight.TARGETS:
            strangers.append(m.id)
    blind = frozenset({view.blind} if view.blind else ())
    refused = tuple(RefusedLaunch(n, "refused") for n in told)
    return World(view.at, tuple(clusters), tuple(strangers), blind, refused)


def _cluster(m: Machine, view: View) -> Cluster:
    return Cluster(
        m.id,
        m.number,
        m.emr,
        address="" if m.emr is EmrState.STARTING else m.id,
        health=_health(m, view),
        proving=ProvingResult.FAILED if m.unfit else ProvingResult.PASSED if m.fit else ProvingResult.PENDING,
        target=_target(m, view),
        protected=m.protected,
        idle=m.fit and not m.busy and view.blind is not Sight.PROBES,
    )


def _health(m: Machine, view: View) -> Health:
    if m.emr is EmrState.STARTING or view.blind is Sight.PROBES:
        return Health.UNKNOWN
    if m.fit:
        return Health.HEALTHY
    return Health.SUSPECT if view.doubt and m.emr is EmrState.UP else Health.LOST


def _target(m: Machine, view: View) -> TargetState:
    if view.blind is Sight.TARGETS:
        return TargetState.UNSEEN
    if not m.target:
        return TargetState.ABSENT
    return TargetState.IN_SERVICE if m.fit else TargetState.WAITING
