"""What becomes of clusters by themselves: they boot, fail, come back, and end."""

from collections.abc import Iterator
from typing import NamedTuple

from emr_dr.core.world import EmrState
from walk.setup import Budget, Setup
from walk.state import Flaw, Machine


class Fate(NamedTuple):
    """What may become of one cluster, and the budget that it is paid from; what costs nothing is benign."""

    label: str
    cost: str
    after: Machine


def fates(m: Machine, budget: Budget, setup: Setup) -> Iterator[Fate]:
    """Everything that may become of this cluster next."""
    match m.emr:
        case EmrState.STARTING:
            yield from _of_a_beginner(m, budget, setup)
        case EmrState.UP:
            yield from _of_its_work(m, budget, setup)
            yield from _of_its_health(m, budget, setup)
        case EmrState.ENDING:
            yield Fate("has ended", "", m.at_its_end())
        case EmrState.ENDED:
            pass


def terminated(m: Machine, setup: Setup) -> Machine:
    """This machine after EMR was told to terminate it."""
    return m._replace(emr=EmrState.ENDING) if setup.ending and not m.ended else m.at_its_end(m.flaw)


def _of_a_beginner(m: Machine, budget: Budget, setup: Setup) -> Iterator[Fate]:
    up = m._replace(emr=EmrState.UP)
    yield Fate("is up", "", up)
    if budget.unfit:
        yield Fate("ends while booting: a bootstrap script failed", "unfit", m.at_its_end(Flaw.SCRIPT))
        yield Fate("is up, but will fail its proof", "unfit", up._replace(flaw=Flaw.PROOF))
    if budget.differ:
        yield Fate("is up, but is not what the spec declares", "differ", up._replace(flaw=Flaw.UNLIKE))
    if budget.room:
        yield Fate("is ended by EMR: EC2 has no room", "room", m.at_its_end(Flaw.ROOM))
        if any(p.types for p in setup.policy.placements):
            yield Fate("is ended by EMR: EC2 has no room for its type", "room", m.at_its_end(Flaw.TYPE))


def _of_its_work(m: Machine, budget: Budget, setup: Setup) -> Iterator[Fate]:
    if m.busy:
        yield Fate("has finished its batch", "", m._replace(busy=False))
    elif setup.policy.by_gateway:  # work comes from gateways then
        return
    elif budget.work and m.target and m.fit:
        yield Fate("is given a batch", "work", m._replace(busy=True))


def _of_its_health(m: Machine, budget: Budget, setup: Setup) -> Iterator[Fate]:
    if budget.void and not m.void:
        dead = m._replace(answers=False, partly=False, busy=False, void=True)
        yield Fate("loses all its machines, and EMR has not noticed", "void", dead)
    if m.void:
        yield Fate("has ended, as EMR notices", "", m.at_its_end())
        return
    if not m.answers:
        if budget.back:
            back = m._replace(answers=True, partly=False)
            yield Fate("answers again", "back", back)
            if budget.unfit and not m.flaw:
                yield Fate("answers again, but would fail its proof", "unfit", back._replace(flaw=Flaw.PROOF))
        return
    runs_on = "; its batch runs on" if m.busy else ""
    if budget.fail:
        yield Fate(f"stops answering{runs_on}", "fail", m._replace(answers=False))
    if budget.part:
        yield Fate(
            f"loses Livy, though its YARN still answers{runs_on}", "part", m._replace(answers=False, partly=True)
        )
    if budget.gone:
        yield Fate("is terminated by a person", "gone", terminated(m, setup))
