"""What becomes of each member by what is seen of it alone, before members are weighed against each other."""

from dataclasses import replace

from emr_dr.core.death import with_proof
from emr_dr.core.group import Avoidance, Group, Member, Policy, Stage
from emr_dr.core.orders import NOTHING_WANTED, called_off
from emr_dr.core.placement import avoid, cause_of
from emr_dr.core.standing import NOT_PROVEN_AGAIN, missing, overdue
from emr_dr.core.world import Cluster, EmrState, ProvingResult, Sight, TargetState, World

LOST_WHILE_PROVING = "lost while proving"


def condemn_orphans(group: Group, world: World) -> Group:
    """Condemn, in the document, whatever carries our tags and is remembered by nobody; it is not touched before."""
    known = {m.cluster for m in group.members}
    awaited = {m.number for m in group.at(Stage.LAUNCHING)}
    found = list[Member]()
    for cluster in world.clusters:
        if cluster.id in known or _left(cluster, group) or cluster.number > group.launched:
            continue
        if cluster.number in awaited:  # the oldest of a launch number is its member's: see _look_up
            awaited.discard(cluster.number)
            continue
        found.append(
            Member(cluster.number, Stage.CONDEMNED, world.at, cluster.id, address=cluster.address, reason="orphan")
        )
    return replace(group, members=(*group.members, *found))


def advance(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    """Move each member by what is seen of it alone, drop the retired, remember which placements failed."""
    moved = [_with_facts(_advance_one(m, group, world, policy, paused=paused), world, policy) for m in group.members]
    again = sum(m is not None and m.tries > was.tries for was, m in zip(group.members, moved, strict=True))
    launches = (*group.launches, *((world.at,) * again))
    after = replace(group, members=tuple(m for m in moved if m is not None), launches=launches)
    for before, m in zip(group.members, moved, strict=True):
        failure = _failure(before, m, world)
        if failure is not None:
            after = _call_off(avoid(after, failure))
    return after


def _call_off(group: Group) -> Group:
    """Nobody was in need: a switchover whose candidate failed costs no second launch, and a person may ask again."""
    asked = group.order is not None and group.ordered_out is None
    return called_off(group) if asked else group


def _failure(before: Member, after: Member | None, world: World) -> Avoidance | None:
    """What a candidate's end says of its placement, if it ended in this round."""
    if before.placement is None:
        return None
    subnet = before.placement.subnet
    if after is None and before.stage is Stage.LAUNCHING:
        refused = next((r.reason for r in world.refused if r.number == before.number), None)
        return Avoidance(subnet, world.at, refused, cause_of(refused)) if refused is not None else None
    if after is None or after.stage is not Stage.CONDEMNED or before.stage is Stage.CONDEMNED:
        return None
    seen = world.of(before)
    if seen is not None and seen.no_room:
        return Avoidance(subnet, world.at, after.reason, instance_type=seen.lacking)
    # Silence is the place's: EMR may wait for capacity in STARTING without a word, and an AZ may be lost.
    silent = after.reason == LOST_WHILE_PROVING or (seen is not None and seen.emr is EmrState.STARTING)
    return Avoidance(subnet, world.at, after.reason, "" if silent else cause_of(after.reason))


def _advance_one(m: Member, group: Group, world: World, policy: Policy, *, paused: bool) -> Member | None:
    seen = world.of(m)
    after: Member | None = m
    if m.stage is Stage.LAUNCHING:
        after = _look_up(m, group, world, policy, paused=paused)
    elif seen is not None:
        match m.stage:
            case Stage.BOOTING:
                after = _boot(m, seen, world, policy)
            case Stage.PROVING:
                after = _prove(m, seen, world, policy)
            case Stage.STANDBY if seen.gone:
                after = m.to(Stage.CONDEMNED, world.at, _because("ended while standing by", seen))
            case Stage.ADMITTING if seen.healthy and seen.target is TargetState.IN_SERVICE:
                after = m.to(Stage.SERVING, world.at)
            case Stage.FENCING | Stage.RETIRING | Stage.CONDEMNED if _left(seen, group):
                after = None
            case _:
                pass
    return after


def _boot(m: Member, seen: Cluster, world: World, policy: Policy) -> Member:
    if seen.gone:
        return m.to(Stage.CONDEMNED, world.at, _because("ended while booting", seen))
    if seen.emr is EmrState.UP:  # also late: nobody may have looked when its time was over
        return m.to(Stage.PROVING, world.at)
    return m.to(Stage.CONDEMNED, world.at, f"not up within {policy.boot:g} s") if overdue(m, world, policy) else m


def _prove(m: Member, seen: Cluster, world: World, policy: Policy) -> Member:
    if reason := _unfit(m, seen, world, policy):
        if m.epoch and not seen.gone:  # its jobs of then may still run: what served is ended on evidence only
            return m.to(Stage.FENCING, world.at, f"{NOT_PROVEN_AGAIN}{reason}")
        return m.to(Stage.CONDEMNED, world.at, reason)
    if seen.lost:  # one that served before may come back once more: it is fenced, not ended
        return m.to(Stage.FENCING if m.epoch else Stage.CONDEMNED, world.at, LOST_WHILE_PROVING)
    return m.to(Stage.STANDBY, world.at) if _proven(seen) else m


def _unfit(m: Member, seen: Cluster, world: World, policy: Policy) -> str:
    """Why a candidate is never admitted; empty while it still may be."""
    if seen.gone:
        return _because("ended while proving", seen)
    if seen.differs:
        return f"it is not what the spec declares: {'; '.join(seen.differs)}"
    if seen.proving is ProvingResult.FAILED:
        return _because("the proof failed", seen)
    # One that is proven is not late, and what we do not see because we are cut off is not its fault.
    late = overdue(m, world, policy) and not _proven(seen) and Sight.PROBES not in world.blind
    return f"not proven within {policy.prove:g} s" if late else ""


def _proven(seen: Cluster) -> bool:
    return seen.healthy and seen.proving is ProvingResult.PASSED


def _look_up(m: Member, group: Group, world: World, policy: Policy, *, paused: bool) -> Member | None:
    """Find the cluster of a launch by its tag; once that must have shown it, license one more call or give up.

    A launch that is no longer needed stays until its outcome is known: given up earlier it could leave a cluster that
    nobody expects, and needed again it is at hand.
    """
    known = {other.cluster for other in group.members}
    found = next((c for c in world.clusters if c.number == m.number and c.id not in known), None)
    if found is not None:
        return replace(m.to(Stage.BOOTING, world.at), cluster=found.id)
    if any(r.number == m.number for r in world.refused):
        return None
    if paused or Sight.CLUSTERS in world.blind or world.at - m.since < policy.settle:
        return m
    if m.tries >= policy.tries or missing(group, world, policy) < 0:
        return None
    return replace(m, tries=m.tries + 1, since=world.at)


def _with_facts(m: Member | None, world: World, policy: Policy) -> Member | None:
    """Remember what is seen once and needed later: the primary's address, and the proof of a member's death."""
    seen = world.of(m) if m is not None else None
    if m is None or seen is None:
        return m
    m = replace(m, address=seen.address or m.address)
    return with_proof(m, seen, world.at, policy) if policy.by_gateway else m


def _left(cluster: Cluster, group: Group) -> bool:
    """Ended, and no target any more: nothing of it is left to look after.

    Where gateways keep a ledger, a batch on it may still wait for word of its end; in a destroyed group nobody does. A
    denial of its role would be forgotten with it.
    """
    awaited = cluster.unfinished != 0 and group.wanted != NOTHING_WANTED
    rid = cluster.target is TargetState.ABSENT and cluster.denied is False
    return cluster.emr is EmrState.ENDED and rid and not awaited


def _because(what: str, seen: Cluster) -> str:
    return f"{what}: {seen.reason}" if seen.reason else what
