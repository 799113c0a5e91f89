"""Everything that can happen next, and what is wrong with it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from emr_dr.core.batch import Batch, RescueClass, ShownState, SubmitState, objections
from emr_dr.core.following import Patience, follow
from emr_dr.core.look import Absent, Look
from emr_dr.core.rescue import Hold
from emr_dr.core.strays import run_names
from emr_dr.core.view import ProofKind, Role
from emr_dr.ports import YarnApplication
from gateway.walk.state import LIMITS, OTHERS, Hand, Run, Setup, Site, State

NO_PATIENCE = Patience(settle=0.0, leak=0.0, sure=0.0, forgotten=0.0, attempts=3)
WORDS = {
    "runs": ("RUNNING", "UNDEFINED"),
    "succeeded": ("FINISHED", "SUCCEEDED"),
    "killed": ("KILLED", "KILLED"),
}


class Step(NamedTuple):
    """A next state, and what is wrong with getting there."""

    label: str
    state: State
    bad: tuple[str, ...] = ()


def steps(state: State, setup: Setup) -> Iterator[Step]:
    """Every next state."""
    yield from _nature(state)
    yield from _controller(state)
    if state.budget.delete and state.batch.listed:
        deleted = state._replace(budget=state.budget.less("delete"))
        yield _kept("the client deletes the batch", deleted, state.batch.deleted(), None)
    for hand in sorted(state.hands, key=lambda h: h.who):
        yield from _go_on(state, hand, setup)
        if state.budget.crash:
            crashed = state._replace(budget=state.budget.less("crash"))
            yield Step(f"{hand.who} is killed before it can {hand.what}", crashed.doing(hand.who, None))
    yield from _looks(state, setup)


def _nature(state: State) -> Iterator[Step]:
    budget = state.budget
    for flight in sorted(state.flights):
        gone = state._replace(flights=state.flights - {flight})
        yield _arrives(gone, flight)
        if budget.lose:
            yield Step(f"{flight.tag} is lost on its way", gone._replace(budget=budget.less("lose")))
    for run in sorted(state.runs):
        if run.phase == "runs" and not state.site(run.cluster).ended and run.tag.startswith(f"{state.batch.yarn_tag}-"):
            runs = state.runs - {run} | {run._replace(phase="succeeded")}
            yield Step(f"{run.tag} succeeds on {run.cluster}", state._replace(runs=runs))
    site = state.site("j-1")
    if site.cut:
        yield Step("j-1 is reached again", state.with_site(site._replace(cut=False)))
    elif budget.cut and not site.ended:
        away = state.with_site(site._replace(cut=True))._replace(budget=budget.less("cut"))
        yield Step("j-1 is cut off, and works on", away._replace(clean=state.clean - {"j-1"}))
    if budget.end and not site.ended:
        yield Step("j-1 ends, with all that it runs", _ended(state, site))


def _ended(state: State, site: Site) -> State:
    runs = frozenset(r._replace(phase="killed") if (r.cluster, r.phase) == (site.id, "runs") else r for r in state.runs)
    flights = frozenset(f for f in state.flights if f.cluster != site.id)
    ended = state.with_site(site._replace(ended=True))
    return ended._replace(runs=runs, flights=flights, budget=state.budget.less("end"), clean=state.clean - {site.id})


def _arrives(state: State, flight: Run) -> Step:
    """A run begins: the moment of truth."""
    bad = list[str]()
    earlier = [r for r in state.runs if r.tag.startswith(f"{state.batch.yarn_tag}-")]
    writes = [r for r in earlier if r.phase == "runs" and not state.site(r.cluster).denied]
    if writes and not state.site(flight.cluster).denied:
        bad.append(f"R1 {flight.tag} begins while {writes[0].tag} may still write")
    if earlier and state.batch.rescue is RescueClass.NEVER:
        bad.append(f"R3 {flight.tag} is a second run of a batch of class never")
    after = state._replace(runs=state.runs | {flight})
    return Step(f"{flight.tag} begins to run on {flight.cluster}", after, tuple(bad))


def _controller(state: State) -> Iterator[Step]:
    view, site, budget = state.view("j-1"), state.site("j-1"), state.budget
    if view.death is not None:
        return
    if site.ended:
        yield Step("j-1 is published as terminated", state.with_view("j-1", Role.FENCED, ProofKind.TERMINATED))
    if view.role is Role.FENCED:
        if not site.ended:
            yield Step("j-1 serves again", state.with_view("j-1", Role.SERVING))
        if budget.deny and not site.ended:
            denied = state.with_site(site._replace(denied=True))._replace(budget=budget.less("deny"))
            label = "the role of j-1 is denied, and that is published"
            yield Step(label, denied.with_view("j-1", Role.FENCED, ProofKind.ROLE_DENIED))
    elif budget.fence:
        fenced = state.with_view("j-1", Role.FENCED)._replace(budget=budget.less("fence"))
        yield Step("j-1 is fenced", fenced)


def _looks(state: State, setup: Setup) -> Iterator[Step]:
    """Everybody who is doing nothing may begin something."""
    yield from _senders(state, setup)
    yield from _rescuers(state, setup)
    if state.hand("tracker") is None and (seen := _followed(state)) != state.batch:
        yield Step("the tracker looks", state.doing("tracker", Hand("tracker", "save", after=seen)))
    for site in state.sites:
        who = f"cleaner of {site.id}"
        if site.reachable and state.hand(who) is None and (site.id not in state.clean or _unwanted(state, site)):
            hand = _listed(state, who, site)
            if setup.parts.reads_first:
                hand = Hand(who, "list", site.id, state.batch)
            yield Step(f"the {who} begins", state.doing(who, hand))


def _senders(state: State, setup: Setup) -> Iterator[Step]:
    batch, last = state.batch, state.batch.last
    for n in _free(state, "sender", setup.senders):
        who = f"sender {n}"
        if not batch.listed and last.live and last.never_ran:
            buried = batch.with_last(replace(last, submit=SubmitState.FAILED)).showing(ShownState.KILLED, 0.0)
            yield Step(f"{who} buries it", state.doing(who, Hand(who, "save burial", after=buried)))
        for view in state.views if _sendable(batch) else ():
            if view.accepts_new and view.cluster_id in state.clean:
                sent = replace(last, cluster_id=view.cluster_id, submit=SubmitState.SENT, sent_at=0.0)
                hand = Hand(who, "save sent", view.cluster_id, batch.with_last(sent))
                yield Step(f"{who} chooses {view.cluster_id}", state.doing(who, hand))


def _rescuers(state: State, setup: Setup) -> Iterator[Step]:
    batch, parts = state.batch, setup.parts
    for n in _free(state, "rescuer", setup.rescuers):
        for view in (v for v in state.views if v.cluster_id == batch.last.cluster_id):
            decision = parts.decide(batch, view, LIMITS, 0.0)
            if not isinstance(decision, Hold):
                hand = Hand(f"rescuer {n}", "save", after=parts.carried_out(batch, decision, 0.0))
                yield Step(f"rescuer {n} decides: {decision.why}", state.doing(hand.who, hand))


def _free(state: State, role: str, most: int) -> list[int]:
    """The first of them that is doing nothing: they are all alike."""
    return [n for n in range(most) if state.hand(f"{role} {n}") is None][:1]


def _sendable(batch: Batch) -> bool:
    return batch.last.submit is SubmitState.INTENT and batch.last.live and batch.listed and not batch.shown.terminal


def _followed(state: State) -> Batch:
    """What the product's own rule makes of what YARN shows of the live attempt, or of its being nowhere."""
    last = state.batch.last
    if not last.cluster_id or not state.site(last.cluster_id).reachable:
        return state.batch
    run = next((r for r in state.runs if (r.cluster, r.tag) == (last.cluster_id, last.yarn_tag)), None)
    if run is not None:
        app = YarnApplication(f"app-{run.tag}", "", *WORDS[run.phase])
        return follow(state.batch, Look(0.0, yarn=app), NO_PATIENCE).batch
    in_the_air = any(f.tag == last.yarn_tag for f in state.flights)
    in_hand = any(h.what.startswith("post") and last.yarn_tag in h.tags for h in state.hands)
    if in_the_air or in_hand:  # what is waited out is by then neither
        return state.batch
    nowhere = Absent(0.0, 0.0)
    return follow(state.batch, Look(0.0, livy=nowhere, yarn=nowhere), NO_PATIENCE).batch


def _seen(state: State, cluster: str) -> frozenset[str]:
    return frozenset(r.tag for r in state.runs if (r.cluster, r.phase) == (cluster, "runs"))


def _listed(state: State, who: str, site: Site) -> Hand:
    return Hand(who, "read", site.id, tags=_seen(state, site.id))


def _unwanted(state: State, site: Site) -> bool:
    tags = {r.tag for r in state.runs if (r.cluster, r.phase) == (site.id, "runs")}
    return any(tag != state.batch.last.yarn_tag and tag.startswith(f"{state.batch.yarn_tag}-") for tag in tags) or (
        state.batch.last.yarn_tag in tags and not (state.batch.last.live and state.batch.listed)
    )


def _strays(tags: frozenset[str], batch: Batch, cluster: str, setup: Setup) -> frozenset[str]:
    held = {1: batch, 10: OTHERS[0]}
    return frozenset(n.text for n in run_names(tags) if setup.parts.stray(n, held.get(n.batch_id), cluster))


def _go_on(state: State, hand: Hand, setup: Setup) -> Iterator[Step]:
    label = f"{hand.who} does: {hand.what}"
    if hand.what == "list":  # only where the ledger was asked first
        assert hand.after is not None
        strays = _strays(_seen(state, hand.cluster), hand.after, hand.cluster, setup)
        yield _judged(label, state, hand, strays)
    elif hand.what == "read":
        yield _judged(label, state, hand, _strays(hand.tags, state.batch, hand.cluster, setup))
    elif hand.what == "kill":
        yield _kills(label, state, hand)
    elif hand.what == "post":
        yield from _posts(label, state, hand)
    elif hand.after is not None:
        yield _saves(label, state, hand, setup)


def _judged(label: str, state: State, hand: Hand, strays: frozenset[str]) -> Step:
    if strays:
        return Step(label, state.doing(hand.who, Hand(hand.who, "kill", hand.cluster, tags=strays)))
    clean = state.clean | {hand.cluster} if state.site(hand.cluster).reachable else state.clean
    return Step(f"{label}: {hand.cluster} is clean", state.doing(hand.who, None)._replace(clean=clean))


def _kills(label: str, state: State, hand: Hand) -> Step:
    after = state.doing(hand.who, None)
    if not state.site(hand.cluster).reachable:
        return Step(f"{label} in vain", after)
    live = [b.live.yarn_tag for b in (state.batch, *OTHERS) if b.live is not None and b.listed]
    bad = tuple(f"R6 {tag} is killed, and is wanted" for tag in sorted(hand.tags) if tag in live)
    runs = frozenset(
        r._replace(phase="killed") if r.cluster == hand.cluster and r.tag in hand.tags and r.phase == "runs" else r
        for r in state.runs
    )
    return Step(label, after._replace(runs=runs), bad)


def _posts(label: str, state: State, hand: Hand) -> Iterator[Step]:
    last = state.batch.last
    (tag,) = hand.tags
    if not state.site(hand.cluster).reachable:
        back = replace(last, cluster_id="", submit=SubmitState.INTENT, sent_at=None)
        refused = Hand(hand.who, "save refused", after=state.batch.with_last(back), fresh=hand.fresh)
        yield Step(f"{label}, refused", state.doing(hand.who, refused if last.yarn_tag == tag else None))
        return
    bad = () if state.batch.listed or not hand.fresh else ("R4 what was deleted is sent",)
    flown = state._replace(flights=state.flights | {Run(hand.cluster, tag)})
    if last.yarn_tag != tag:
        yield Step(label, flown.doing(hand.who, None), bad)
        return
    confirmed = replace(last, submit=SubmitState.CONFIRMED, livy_id=0)
    yield Step(
        label,
        flown.doing(
            hand.who, Hand(hand.who, "save confirmed", after=state.batch.with_last(confirmed), fresh=hand.fresh)
        ),
        bad,
    )
    unknown = replace(last, submit=SubmitState.UNKNOWN)
    lost = Hand(hand.who, "save unknown", after=state.batch.with_last(unknown), fresh=hand.fresh)
    yield Step(f"{label}; the reply is lost", flown.doing(hand.who, lost), bad)


def _saves(label: str, state: State, hand: Hand, setup: Setup) -> Step:
    assert hand.after is not None
    after = state.doing(hand.who, None)
    if not hand.fresh and setup.parts.compare_and_set:
        return Step(f"{label}: somebody else was first", after)
    refused = tuple(f"R8 the ledger refuses: {why}" for why in objections(state.batch, hand.after))
    if refused and setup.parts.guarded:
        return Step(label, after, refused)
    then = Hand(hand.who, "post", hand.cluster, tags=frozenset((hand.after.last.yarn_tag,)))
    return _kept(label, after, hand.after, then if hand.what == "save sent" else None)


def _kept(label: str, state: State, batch: Batch, then: Hand | None) -> Step:
    """The batch is saved, and whoever read it before comes too late."""
    bad = list[str]()
    old = state.batch
    if old.shown.terminal and batch.shown is not old.shown:
        bad.append(f"R2 {batch.shown} is shown after {old.shown}")
    if not old.listed and len(batch.attempts) > len(old.attempts):
        bad.append("R4 what was deleted is attempted again")
    true = any(r.phase == "succeeded" and r.tag.startswith(f"{batch.yarn_tag}-") for r in state.runs)
    if batch.shown is ShownState.SUCCESS is not old.shown and not true:
        bad.append("R5 a success is shown that there was not")
    hands = frozenset(h._replace(fresh=False) for h in state.hands)
    return Step(label, state._replace(batch=batch, hands=hands | {then} if then else hands), tuple(bad))
