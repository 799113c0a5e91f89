"""What must hold of each deed that lands and of each state; the codes are those of the protocol."""

from collections.abc import Iterable, Iterator

from emr_dr.core.group import ENDING, ENTITLED, Group, Stage
from emr_dr.core.orders import NOTHING_WANTED
from emr_dr.core.standing import NOT_PROVEN_AGAIN
from emr_dr.core.world import EmrState, HostHealth
from walk.observation import View
from walk.setup import DAY_LATER
from walk.state import Deed, Machine, Verb


def of_deed(deed: Deed, machine: Machine, group: Group) -> tuple[str, ...]:
    """What is wrong with a deed that lands on this cluster now, by what is saved now."""
    stage = next((m.stage for m in group.members if m.cluster == machine.id), None)
    whose = f"a cluster whose member is {stage or 'not remembered'}"
    if deed.verb is Verb.TERMINATE and machine.emr is not EmrState.ENDED and stage not in ENDING:
        return (f"I1 terminated {whose}",)
    if deed.verb is Verb.REGISTER and not machine.target and stage not in ENTITLED:
        return (f"I4 registered {whose}",)
    if deed.verb is Verb.DEREGISTER and machine.target and stage in ENTITLED:
        return ("I6 deregistered an entitled member",)
    if deed.verb is Verb.DEREGISTER and machine.target and not machine.number and machine.fit and not group.entitled:
        return ("I6b deregistered a stranger that serves, with nobody to take over",)
    return ()


def of_state(
    group: Group, machines: Iterable[Machine], most_serving: int, *, by_gateway: bool = False
) -> tuple[str, ...]:
    """What is wrong with the truth, given what is saved."""
    machines = tuple(machines)
    bad = list[str]()
    if not by_gateway:  # there, who sends where is for gateways to decide, and nobody is a target
        bad += _of_targets(group, machines, most_serving)
    numbers = [m.number for m in machines if not m.ended and m.number]
    if len(numbers) != len(set(numbers)):
        bad.append("I3 two live clusters of one launch")
    leaving = {m.cluster for m in group.at(Stage.FENCING, *ENDING)}
    staying = sum(not m.ended and m.id not in leaving for m in machines)
    if staying > 2 * (group.wanted.serving + group.wanted.standby) + 1:
        bad.append("I3 more live clusters than wanted and one candidate for each")
    members = [m.cluster for m in group.members if m.cluster is not None]
    if len(set(members)) != len(members):
        bad.append("I4a one cluster has two members")
    return tuple(bad)


def _of_targets(group: Group, machines: Iterable[Machine], most_serving: int) -> Iterator[str]:
    members = {m.cluster: m for m in group.members}
    entitled = {m.cluster: m.epoch for m in group.entitled}
    targets = [m.id for m in machines if m.target and m.answers and m.emr in (EmrState.UP, EmrState.ENDING)]
    inside = [entitled[i] for i in targets if i in entitled]
    outside = [members[i].epoch if i in members else 0 for i in targets if i not in entitled]
    if len(targets) > most_serving:
        yield "I2 more live targets than wanted"
    if any(new >= old for new in inside for old in outside):
        yield "I2 a revoked member and its successor are live targets together"


def of_ends(before: Group, after: Group, machines: Iterable[Machine], view: View) -> tuple[str, ...]:
    """What is wrong, by the truth, with what is retired here: a batch may run where nobody could look.

    EC2's word `impaired` is taken of a machine that does not answer either; its word `ok` of none.
    """
    retired = {m.cluster for m in after.at(*ENDING)} - {m.cluster for m in before.at(*ENDING)}
    kept = {m.cluster for m in before.at(Stage.FENCING) if view.at >= DAY_LATER or m.released}  # by time or a person
    for m in machines if retired - kept else ():
        believed_dead = view.host == (m.id, HostHealth.IMPAIRED) and not m.answers
        if m.id in retired - kept and m.busy and m.emr is EmrState.UP and not believed_dead:
            return ("E2 gave one up whose batch runs",)
    return ()


def settled(group: Group, machines: Iterable[Machine]) -> bool:
    """Whether the group has converged, or waits for a person and makes the best of what it has meanwhile."""
    machines = tuple(machines)
    live = {m.id: m for m in machines if m.number and not m.ended}
    if group.wanted != NOTHING_WANTED and any(m.ended and m.on_ledger for m in machines):  # a batch waits for word
        return False
    if any(m.denied and (m.ended or m.fit) for m in machines):
        return False
    if any(m.number > group.launched for m in live.values()):  # the store is older than the world
        return True
    serving, standby = group.at(Stage.SERVING), group.at(Stage.STANDBY)
    targets = {m.id for m in machines if m.target}
    if group.held:
        strangers = {m.id for m in machines if not m.number}  # with nobody to take over, a stranger goes on serving
        expected = {m.cluster for m in group.entitled}
        return _at_rest(group, live) and targets - (set() if expected else strangers) == expected
    return (
        targets == {m.cluster for m in serving}
        and len(serving) == group.wanted.serving
        and len(standby) == group.wanted.standby
        and len(group.members) == len(serving) + len(standby)
        and {m.cluster for m in group.members} == live.keys()
        and all(m.fit for m in live.values())
    )


def _at_rest(group: Group, live: dict[str, Machine]) -> bool:
    """Whether a held group has nothing under way, and nobody who is fit waits while too few serve."""
    fit = {i for i, m in live.items() if m.fit}
    served = sum(m.cluster in fit for m in group.at(Stage.SERVING)) >= group.wanted.serving
    candidates = [m for m in group.at(Stage.STANDBY, Stage.FENCING) if m.death is None]
    waiting = [m for m in candidates if not m.reason.startswith(NOT_PROVEN_AGAIN)]
    idle = {m.cluster for m in waiting} & fit
    resting = group.at(Stage.SERVING, Stage.STANDBY, Stage.FENCING)
    lost = [m for m in group.at(Stage.ADMITTING) if m.cluster not in fit]  # kept, for there is nobody to take over
    return len(resting) + len(lost) == len(group.members) and (served or not idle)
