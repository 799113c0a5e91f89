"""What a round sees of the truth: early or late, all of it or with a blind spot."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from emr_dr.core.group import Group, Stage
from emr_dr.core.world import (
    Cluster,
    EmrState,
    Health,
    HostHealth,
    ProvingResult,
    RefusedLaunch,
    Sight,
    TargetState,
    World,
)
from walk.setup import DAY_LATER, EARLY, LATE, OVERDUE, Budget, Setup
from walk.state import Flaw, Machine

REFUSED = "AWS refuses the request"
"""One sentence for all refusals, so that two of them are one cause."""


class View(NamedTuple):
    """One way of looking.

    `hidden` is the cluster that is not shown, `proofs` whether what is fit has passed its proof by now, `host` EC2's
    word on the machine of one, `ledger` whether that of the gateways can be read; `cost` is the budget that it is paid
    from.
    """

    name: str
    at: float
    hidden: str = ""
    blind: Sight | None = None
    doubt: bool = False
    proofs: bool = True
    host: tuple[str, HostHealth] = ("", HostHealth.OK)
    ledger: bool = True
    cost: str = ""


def views(group: Group, machines: tuple[Machine, ...], budget: Budget, setup: Setup) -> Iterator[View]:
    """Every way of looking that the budget allows, the cheapest first."""
    yield View("at once", EARLY)
    yield View("after a while", LATE)
    if group.launches or group.at(Stage.FENCING):
        yield View("a day later", DAY_LATER)
    remembered = {m.cluster for m in group.members}
    if budget.stale:  # only what is found by listing can be missing from a list; known ids are described
        new = [m.id for m in machines if m.number and m.id not in remembered and not m.ended]
        yield from (View(f"at once; the list does not show <{i}> yet", EARLY, i, cost="stale") for i in new)
        if not setup.bounded:
            yield from (View(f"after a while; the list lacks <{i}> still", LATE, i, cost="stale") for i in new)
    if budget.slow:
        yield View("when every deadline is over", OVERDUE, cost="slow")
        yield View("when every deadline is over; proofs run still", OVERDUE, proofs=False, cost="slow")
    if budget.doubt:
        yield View("at once; what is lost looks suspect only", EARLY, doubt=True, cost="doubt")
        yield View("after a while; what is lost looks suspect only", LATE, doubt=True, cost="doubt")
    if budget.blind:
        yield from _blind([m.id for m in machines if m.id in remembered])
        if setup.policy.by_gateway:
            for name, at in (("at once", EARLY), ("after a while", LATE)):
                yield View(f"{name}; the ledger cannot be read", at, ledger=False, cost="blind")
    if budget.host:
        once_served = {m.cluster for m in (*group.entitled, *group.at(Stage.FENCING))}
        yield from _words_of_ec2([m for m in machines if m.id in once_served and m.emr is EmrState.UP])


def _words_of_ec2(machines: Iterable[Machine]) -> Iterator[View]:
    """EC2 knows at once, later or never, and an impaired machine may well answer; one that is gone runs nothing."""
    for m in machines:
        for word in (HostHealth.IMPAIRED, *(() if m.answers or m.partly or m.busy else (HostHealth.GONE,))):
            for name, at in (("at once", EARLY), ("after a while", LATE)):
                yield View(f"{name}; EC2 calls the machine of <{m.id}> {word}", at, host=(m.id, word), cost="host")


def _blind(known: list[str]) -> Iterator[View]:
    for name, at in (("at once", EARLY), ("after a while", LATE)):
        yield from (View(f"{name}; it is blind to the {sight}", at, blind=sight, cost="blind") for sight in Sight)
        for i in known:
            yield View(f"{name}; EMR does not describe <{i}>", at, i, Sight.CLUSTERS, cost="blind")


def observe(machines: Iterable[Machine], remembered: frozenset[str], view: View, told: Iterable[int]) -> World:
    """What that way of looking shows.

    An ended cluster is read only by its id: one that nobody remembers is not seen and its target is a stranger's, as is
    that of a cluster that is none of ours.
    """
    clusters, strangers = list[Cluster](), list[str]()
    for m in machines:
        listed = m.id in remembered or (m.number and not m.ended) or (m.on_ledger and view.ledger)
        if listed and m.id != view.hidden and (view.hidden or view.blind is not Sight.CLUSTERS):
            word = view.host[1] if view.host[0] == m.id else HostHealth.OK
            seen = _cluster(m, view.blind, word, doubt=view.doubt)
            if not view.proofs:
                seen = replace(seen, proving=ProvingResult.RUNNING)
            clusters.append(seen if view.ledger else replace(seen, unfinished=None))
        elif m.target and view.blind is not Sight.TARGETS:
            strangers.append(m.id)
    blind = frozenset({view.blind} if view.blind else ())
    refused = tuple(RefusedLaunch(n, REFUSED) for n in told)
    return World(view.at, tuple(clusters), tuple(strangers), blind, refused)


@cache
def _cluster(m: Machine, blind: Sight | None, host: HostHealth, *, doubt: bool) -> Cluster:
    up, readable = m.emr is EmrState.UP, m.answers or m.partly
    return Cluster(
        m.id,
        m.number,
        m.emr,
        address="" if m.emr is EmrState.STARTING else m.id,
        health=_health(m, blind, doubt=doubt),
        proving=_proving(m),
        target=_target(m, blind),
        protected=m.protected,
        idle=up and readable and not m.busy and blind is not Sight.PROBES,
        reason=m.flaw if m.ended else "",
        host=host,
        differs=(str(m.flaw),) if m.flaw is Flaw.UNLIKE else (),
        no_room=m.ended and m.flaw in (Flaw.ROOM, Flaw.TYPE),
        lacking="m5.xlarge" if m.flaw is Flaw.TYPE else "",
        unfinished=int(m.on_ledger),
        machines_ended=3 if m.void else 0,
        denied=m.denied,
    )


def _health(m: Machine, blind: Sight | None, *, doubt: bool) -> Health:
    if m.emr is EmrState.STARTING or blind is Sight.PROBES:
        return Health.UNKNOWN
    if m.fit:
        return Health.HEALTHY
    return Health.SUSPECT if doubt and m.emr is EmrState.UP else Health.LOST


def _proving(m: Machine) -> ProvingResult:
    if m.flaw is Flaw.PROOF and m.emr is EmrState.UP:
        return ProvingResult.FAILED
    return ProvingResult.PASSED if m.fit else ProvingResult.PENDING


def _target(m: Machine, blind: Sight | None) -> TargetState:
    if blind is Sight.TARGETS:
        return TargetState.UNSEEN
    if not m.target:
        return TargetState.ABSENT
    return TargetState.IN_SERVICE if m.fit else TargetState.WAITING
