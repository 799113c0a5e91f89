"""Faults planted into one part of a decision each; every one of them was, or could have been, somebody's good idea."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from emr_dr.core import advance, death, ensure, entitlement, staffing
from emr_dr.core.effects import Effect, RegisterTarget, TerminateCluster
from emr_dr.core.group import COMING, ENTITLED, Denial, Group, Policy, Stage
from emr_dr.core.standing import missing, move, served
from emr_dr.core.world import Cluster, EmrState, HostHealth, TargetState, World
from walk.parts import Parts


def _keeps_the_epoch(group: Group, world: World, policy: Policy) -> Group:
    return replace(entitlement.move_entitlement(group, world, policy), epoch=group.epoch)


def _fences_with_nobody_to_take_over(group: Group, world: World, policy: Policy) -> Group:
    lost = [m for m in group.at(Stage.SERVING) if world.lost(m)]
    fenced = move(group.members, lost, Stage.FENCING, world.at, epoch=group.epoch + 1)
    group = replace(group, members=fenced, epoch=group.epoch + 1) if lost else group
    return entitlement.move_entitlement(group, world, policy)


def _obeys_before_anybody_can_take_over(group: Group, world: World, policy: Policy) -> Group:
    out = [m for m in group.at(Stage.SERVING) if m.number == group.ordered_out]
    fenced = move(group.members, out, Stage.FENCING, world.at, epoch=group.epoch + 1)
    group = replace(group, members=fenced, epoch=group.epoch + 1) if out else group
    return entitlement.move_entitlement(group, world, policy)


def _condemns_the_admitting_when_lost(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    lost = [m for m in group.at(Stage.ADMITTING) if world.lost(m)]
    group = replace(group, members=move(group.members, lost, Stage.CONDEMNED, world.at))
    return advance.advance(group, world, policy, paused=paused)


def _never_looks_up_a_repeated_launch(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    repeated = {m.number for m in group.at(Stage.LAUNCHING) if world.at - m.since >= policy.settle}
    seen = tuple(c for c in world.clusters if c.number not in repeated)
    return advance.advance(group, replace(world, clusters=seen), policy, paused=paused)


def _never_settles(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    return advance.advance(group, world, replace(policy, settle=0), paused=paused)


def _takes_absence_for_the_end(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    seen = tuple(m for m in group.members if m.stage is Stage.LAUNCHING or world.of(m) is not None)
    return advance.advance(replace(group, members=seen), world, policy, paused=paused)


def _forgets_an_ended_one_that_is_a_target(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    group = advance.advance(group, world, policy, paused=paused)
    ended = {c.id for c in world.clusters if c.emr is EmrState.ENDED}
    left = (Stage.FENCING, Stage.RETIRING, Stage.CONDEMNED)
    return replace(group, members=tuple(m for m in group.members if m.stage not in left or m.cluster not in ended))


def _takes_the_remembered_for_orphans(group: Group, world: World) -> Group:
    found = advance.condemn_orphans(replace(group, members=group.at(Stage.LAUNCHING)), world)
    orphans = tuple(m for m in found.members if m.stage is Stage.CONDEMNED)
    return replace(group, members=(*group.members, *orphans))


def _reaps_launches_under_way(group: Group, world: World) -> Group:
    settled = tuple(m for m in group.members if m.stage is not Stage.LAUNCHING)
    reaped = advance.condemn_orphans(replace(group, members=settled), world)
    return replace(reaped, members=(*reaped.members, *group.at(Stage.LAUNCHING)))


def _comes_back_from(stage: Stage, group: Group, world: World, policy: Policy) -> Group:
    """Take one back after the point of no return, as if it were only fenced."""
    if missing(group, world, policy) > 0:
        back = [m for m in group.at(stage) if world.healthy(m)]
        group = replace(group, members=move(group.members, back, Stage.PROVING, world.at))
    return staffing.staff(group, world, policy)


def _comes_back_from_retiring(group: Group, world: World, policy: Policy) -> Group:
    return _comes_back_from(Stage.RETIRING, group, world, policy)


def _comes_back_from_condemned(group: Group, world: World, policy: Policy) -> Group:
    return _comes_back_from(Stage.CONDEMNED, group, world, policy)


def _gives_up_on_a_suspicion(group: Group, world: World, policy: Policy) -> Group:
    if missing(group, world, policy) < 0 and not served(group, world):
        candidates = group.at(Stage.BOOTING, Stage.PROVING)
        return replace(group, members=move(group.members, candidates, Stage.CONDEMNED, world.at))
    return staffing.staff(group, world, policy)


def _leaves_the_candidate_of_an_abort(group: Group, world: World, policy: Policy) -> Group:
    if missing(group, world, policy) < 0 and served(group, world):
        return group
    return staffing.staff(group, world, policy)


def _forgets_the_candidate_of_an_abort(group: Group, world: World, policy: Policy) -> Group:
    """Drop a candidate that is not needed, as if nothing had to be done about its cluster."""
    after = staffing.staff(group, world, policy)
    coming = {(m.number, m.cluster) for m in group.at(*COMING)}
    given_up = {(m.number, m.cluster) for m in after.at(Stage.CONDEMNED)} & coming
    return replace(after, members=tuple(m for m in after.members if (m.number, m.cluster) not in given_up))


def _counts_the_launches_of_nobody(group: Group, world: World, policy: Policy) -> Group:
    after = staffing.staff(replace(group, launches=()), world, policy)
    return replace(after, launches=(*group.launches, *after.launches))


def _retires_before_the_successor_serves(group: Group, world: World, policy: Policy) -> Group:
    if any(world.at - m.since < policy.probation for m in group.at(Stage.SERVING)):
        return group
    fenced = [m for m in group.at(Stage.FENCING) if world.of(m) is not None]
    return replace(group, members=move(group.members, fenced, Stage.RETIRING, world.at))


def _retires_the_released_at_once(group: Group, world: World, policy: Policy) -> Group:
    del policy
    released = [m for m in group.at(Stage.FENCING) if m.released]
    return replace(group, members=move(group.members, released, Stage.RETIRING, world.at))


def _retires_without_evidence(group: Group, world: World, policy: Policy) -> Group:
    return staffing.retire(group, world, replace(policy, retire_unconfirmed_after=0))


def _retires_whom_ec2_calls(words: frozenset[HostHealth], group: Group, world: World, policy: Policy) -> Group:
    """Take such a word of EC2 for the machine's end, whatever else is known of the member."""
    seen = tuple(replace(c, host=HostHealth.GONE) if c.host in words else c for c in world.clusters)
    return staffing.retire(group, replace(world, clusters=seen), policy)


def _retires_the_impaired_that_answers(group: Group, world: World, policy: Policy) -> Group:
    return _retires_whom_ec2_calls(frozenset({HostHealth.IMPAIRED}), group, world, policy)


def _retires_on_any_word_of_ec2(group: Group, world: World, policy: Policy) -> Group:
    return _retires_whom_ec2_calls(frozenset(HostHealth), group, world, policy)


def _sees_no_region_trouble(group: Group, world: World, policy: Policy) -> Group:
    """Retire as if no AZ were known."""
    places = {m.number: m.placement for m in group.members}
    nowhere = tuple(replace(m, placement=None) for m in group.members)
    after = staffing.retire(replace(group, members=nowhere), world, policy)
    return replace(after, members=tuple(replace(m, placement=places[m.number]) for m in after.members))


def _stays_idle_while_held(group: Group, world: World, policy: Policy) -> Group:
    return group if group.held else entitlement.move_entitlement(group, world, policy)


def _takes_nobody_back_while_held(group: Group, world: World, policy: Policy) -> Group:
    return group if group.held else staffing.staff(group, world, policy)


def _launches_while_held(group: Group, world: World, policy: Policy) -> Group:
    after = staffing.staff(replace(group, held="", attempts=0), world, policy)
    return replace(after, held=group.held)


def _never_holds_for_a_cause(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    return replace(advance.advance(group, world, policy, paused=paused), held=group.held)


def _forgets_the_cause(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    after = advance.advance(group, world, policy, paused=paused)
    return replace(after, avoid=tuple(replace(a, cause="") for a in after.avoid), held=group.held)


def _holds_for_want_of_room(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    """Take no capacity for a cause like any other."""
    seen = tuple(replace(c, no_room=False) for c in world.clusters)
    return advance.advance(group, replace(world, clusters=seen), policy, paused=paused)


def _holds_at_the_first_cause(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    after = advance.advance(group, world, policy, paused=paused)
    return replace(after, held=after.held or ("failed" if any(a.cause for a in after.avoid) else ""))


def _drains_the_last_healthy_one(group: Group, world: World, policy: Policy) -> Group:
    del policy
    leaving = [m for m in group.at(Stage.SERVING) if m.number == group.leaving]
    return replace(group, members=move(group.members, leaving, Stage.DRAINING, world.at))


def _shrinks_without_a_look_at_the_others(group: Group, world: World, policy: Policy) -> Group:
    if len(group.entitled) <= group.wanted.serving:
        return entitlement.hand_over(group, world, policy)
    return replace(group, members=move(group.members, group.at(Stage.SERVING)[-1:], Stage.DRAINING, world.at))


def _registers_before_it_deregisters(
    before: Group, group: Group, world: World, policy: Policy, *, paused: bool
) -> Iterable[Effect]:
    yield from ensure.outstanding(before, group, world, policy, paused=paused)
    for m in group.entitled:
        seen = world.of(m)
        if seen is not None and not seen.gone and seen.target is TargetState.ABSENT:
            yield RegisterTarget(seen.id, m.address, group.epoch)


def _ends_what_does_not_serve(
    before: Group, group: Group, world: World, policy: Policy, *, paused: bool
) -> Iterable[Effect]:
    yield from ensure.outstanding(before, group, world, policy, paused=paused)
    serving = {m.cluster for m in group.members if m.stage in ENTITLED}
    yield from (TerminateCluster(c.id) for c in world.clusters if c.id not in serving and c.emr is EmrState.UP)


def _leaves_strangers_alone(
    before: Group, group: Group, world: World, policy: Policy, *, paused: bool
) -> Iterable[Effect]:
    return ensure.outstanding(before, group, replace(world, strangers=()), policy, paused=paused)


def _ends_strange_clusters_at_once(
    before: Group, group: Group, world: World, policy: Policy, *, paused: bool
) -> Iterable[Effect]:
    yield from ensure.outstanding(before, group, world, policy, paused=paused)
    known = {m.cluster for m in before.members}
    yield from (TerminateCluster(c.id) for c in world.clusters if c.id not in known)


def _forgets_whom_a_batch_waits_for(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    settled = tuple(replace(c, unfinished=0) for c in world.clusters)
    seen = advance.advance(group, world, policy, paused=paused)  # with its proofs
    kept = {m.cluster for m in advance.advance(group, replace(world, clusters=settled), policy, paused=paused).members}
    return replace(seen, members=tuple(m for m in seen.members if m.cluster in kept))


def _takes_an_unread_ledger_for_an_empty_one(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    read = tuple(replace(c, unfinished=c.unfinished or 0) for c in world.clusters)
    return advance.advance(group, replace(world, clusters=read), policy, paused=paused)


def _forgets_the_ledger_with_the_member(group: Group, world: World) -> Group:
    live = tuple(c for c in world.clusters if c.emr is not EmrState.ENDED)
    return advance.condemn_orphans(group, replace(world, clusters=live))


def _retires_by_yarn_alone(group: Group, world: World, policy: Policy) -> Group:
    seen = tuple(replace(c, unfinished=0) for c in world.clusters)
    return staffing.retire(group, replace(world, clusters=seen), policy)


def _retires_the_idle_at_once(group: Group, world: World, policy: Policy) -> Group:
    return staffing.retire(group, world, replace(policy, views_last=0))


def _takes_back_the_dead(group: Group, world: World, policy: Policy) -> Group:
    deaths = {m.number: m.death for m in group.members}
    after = staffing.staff(replace(group, members=tuple(replace(m, death=None) for m in group.members)), world, policy)
    return replace(after, members=tuple(replace(m, death=deaths.get(m.number)) for m in after.members))


def _drops_the_proof_with_the_stage(group: Group, world: World, policy: Policy) -> Group:
    after = staffing.retire(group, world, policy)
    fenced = {m.number for m in group.at(Stage.FENCING)}
    gone = (replace(m, death=None) if m.number in fenced and m.stage is Stage.RETIRING else m for m in after.members)
    return replace(after, members=tuple(gone))


def _calls_dead(sign: Callable[[Cluster], bool], group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    """Take such a sign for the end of all machines."""
    seen = tuple(replace(c, machines_ended=1) if sign(c) else c for c in world.clusters)
    return advance.advance(group, replace(world, clusters=seen), policy, paused=paused)


def _believes_a_denial_at_once(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    return advance.advance(group, world, replace(policy, deny_propagation=0), paused=paused)


def _believes_a_denial_that_nobody_read_back(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    asked = {m.cluster for m in group.members if m.denial is not None}
    seen = tuple(replace(c, denied=True) if c.id in asked else c for c in world.clusters)
    return advance.advance(group, replace(world, clusters=seen), policy, paused=paused)


def _forgets_the_denial_with_the_member(group: Group, world: World, policy: Policy, *, paused: bool) -> Group:
    seen = tuple(replace(c, denied=False) if c.emr is EmrState.ENDED else c for c in world.clusters)
    return advance.advance(group, replace(world, clusters=seen), policy, paused=paused)


def _denies_whoever_is_lost(group: Group, world: World, policy: Policy, *, trouble: bool) -> Group:
    lost = [m for m in group.members if world.lost(m) and m.death is None]
    members = tuple(replace(m, denial=m.denial or Denial()) if m in lost else m for m in group.members)
    return death.deny_roles(replace(group, members=members), world, policy, trouble=trouble)


def _allows_the_proven_dead(group: Group, world: World, policy: Policy, *, trouble: bool) -> Group:
    after = death.deny_roles(group, world, policy, trouble=trouble)
    return replace(after, members=tuple(replace(m, denial=None) if m.death else m for m in after.members))


def _launches_where_a_role_is_denied(group: Group, world: World, policy: Policy) -> Group:
    denials = {m.number: m.denial for m in group.members}
    blind = replace(world, clusters=tuple(replace(c, denied=False) for c in world.clusters))
    free = replace(group, members=tuple(replace(m, denial=None) for m in group.members))
    after = staffing.staff(free, blind, policy)
    return replace(after, members=tuple(replace(m, denial=denials.get(m.number)) for m in after.members))


def _hands_over_to_nobody(group: Group, world: World, policy: Policy) -> Group:
    leaver = [m for m in group.at(Stage.SERVING) if m.number == group.leaving and policy.by_gateway]
    fenced = move(group.members, leaver, Stage.FENCING, world.at, epoch=group.epoch + 1)
    group = replace(group, members=fenced, epoch=group.epoch + 1) if leaver else group
    return entitlement.move_entitlement(group, world, policy)


def _registers_members_behind_gateways(
    before: Group, group: Group, world: World, policy: Policy, *, paused: bool
) -> Iterable[Effect]:
    return ensure.outstanding(before, group, world, replace(policy, by_gateway=False), paused=paused)


KEEPS_THE_EPOCH = Parts(move_entitlement=_keeps_the_epoch)
FENCES_WITH_NOBODY_TO_TAKE_OVER = Parts(move_entitlement=_fences_with_nobody_to_take_over)
OBEYS_AT_ONCE = Parts(move_entitlement=_obeys_before_anybody_can_take_over)
CONDEMNS_THE_ADMITTING = Parts(advance=_condemns_the_admitting_when_lost)
NEVER_LOOKS_UP = Parts(advance=_never_looks_up_a_repeated_launch)
NEVER_SETTLES = Parts(advance=_never_settles)
TAKES_ABSENCE_FOR_THE_END = Parts(advance=_takes_absence_for_the_end)
FORGETS_AN_ENDED_TARGET = Parts(advance=_forgets_an_ended_one_that_is_a_target)
REMEMBERED_ARE_ORPHANS = Parts(condemn_orphans=_takes_the_remembered_for_orphans)
REAPS_LAUNCHES = Parts(condemn_orphans=_reaps_launches_under_way)
BACK_FROM_RETIRING = Parts(staff=_comes_back_from_retiring)
BACK_FROM_CONDEMNED = Parts(staff=_comes_back_from_condemned)
GIVES_UP_ON_SUSPICION = Parts(staff=_gives_up_on_a_suspicion)
LEAVES_THE_CANDIDATE = Parts(staff=_leaves_the_candidate_of_an_abort)
FORGETS_THE_DAYS_LAUNCHES = Parts(staff=_counts_the_launches_of_nobody)
RETIRES_TOO_EARLY = Parts(retire=_retires_before_the_successor_serves)
RETIRES_THE_RELEASED_AT_ONCE = Parts(retire=_retires_the_released_at_once)
RETIRES_WITHOUT_EVIDENCE = Parts(retire=_retires_without_evidence)
RETIRES_THE_IMPAIRED = Parts(retire=_retires_the_impaired_that_answers)
RETIRES_ON_ANY_WORD = Parts(retire=_retires_on_any_word_of_ec2)
SEES_NO_REGION_TROUBLE = Parts(retire=_sees_no_region_trouble)
HOLD_STOPS_THE_SWITCH = Parts(move_entitlement=_stays_idle_while_held)
HOLD_STOPS_THE_COME_BACK = Parts(staff=_takes_nobody_back_while_held)
IGNORES_THE_HOLD = Parts(staff=_launches_while_held)
NEVER_HOLDS = Parts(advance=_never_holds_for_a_cause)
FORGETS_THE_CAUSE = Parts(advance=_forgets_the_cause)
HOLDS_FOR_WANT_OF_ROOM = Parts(advance=_holds_for_want_of_room)
HOLDS_AT_ONCE = Parts(advance=_holds_at_the_first_cause)
FORGETS_THE_ABORTED = Parts(staff=_forgets_the_candidate_of_an_abort)
SHRINKS_BLINDLY = Parts(hand_over=_shrinks_without_a_look_at_the_others)
DRAINS_THE_LAST = Parts(hand_over=_drains_the_last_healthy_one)
REGISTERS_FIRST = Parts(outstanding=_registers_before_it_deregisters)
ENDS_WHAT_DOES_NOT_SERVE = Parts(outstanding=_ends_what_does_not_serve)
ENDS_STRANGE_CLUSTERS = Parts(outstanding=_ends_strange_clusters_at_once)
LEAVES_STRANGERS = Parts(outstanding=_leaves_strangers_alone)
FORGETS_THE_AWAITED = Parts(advance=_forgets_whom_a_batch_waits_for)
TAKES_UNREAD_FOR_EMPTY = Parts(advance=_takes_an_unread_ledger_for_an_empty_one)
FORGETS_THE_LEDGER = Parts(condemn_orphans=_forgets_the_ledger_with_the_member)
RETIRES_BY_YARN = Parts(retire=_retires_by_yarn_alone)
RETIRES_THE_IDLE_AT_ONCE = Parts(retire=_retires_the_idle_at_once)
TAKES_BACK_THE_DEAD = Parts(staff=_takes_back_the_dead)
DROPS_THE_PROOF = Parts(retire=_drops_the_proof_with_the_stage)
LOST_IS_DEAD = Parts(advance=partial(_calls_dead, lambda c: c.lost))
ENDING_IS_DEAD = Parts(advance=partial(_calls_dead, lambda c: c.gone))
IMPAIRED_IS_DEAD = Parts(advance=partial(_calls_dead, lambda c: c.host is HostHealth.IMPAIRED))
BELIEVES_A_DENIAL_AT_ONCE = Parts(advance=_believes_a_denial_at_once)
BELIEVES_A_DENIAL_UNREAD = Parts(advance=_believes_a_denial_that_nobody_read_back)
FORGETS_THE_DENIAL = Parts(advance=_forgets_the_denial_with_the_member)
DENIES_THE_LOST = Parts(deny_roles=_denies_whoever_is_lost)
ALLOWS_THE_DEAD = Parts(deny_roles=_allows_the_proven_dead)
LAUNCHES_WHERE_DENIED = Parts(staff=_launches_where_a_role_is_denied)
HANDS_OVER_TO_NOBODY = Parts(move_entitlement=_hands_over_to_nobody)
REGISTERS_BEHIND_GATEWAYS = Parts(outstanding=_registers_members_behind_gateways)
ACTS_WHILE_BLIND = Parts(heeds_blindness=False)
