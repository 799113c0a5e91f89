"""What is outstanding, given what is saved and what is seen: effects that any order and any repetition leave right."""

from collections.abc import Iterable

from emr_dr.core.effects import (
    AllowRole,
    DenyRole,
    DeregisterTarget,
    Effect,
    LaunchCluster,
    ProtectCluster,
    ProveMember,
    RegisterTarget,
    StopWork,
    TerminateCluster,
    UnprotectCluster,
)
from emr_dr.core.group import ENDING, ENTITLED, Group, Member, Policy, Stage
from emr_dr.core.published import routed_by_gateways
from emr_dr.core.world import Cluster, ProvingResult, TargetState, World


def outstanding(before: Group, group: Group, world: World, policy: Policy, *, paused: bool) -> Iterable[Effect]:
    """Yield the effects of one round. What must follow another waits, in a later round, until that is *seen* done."""
    licensed = {m.number: m.tries for m in before.members}
    if policy.by_gateway:  # what is saved just now is what gateways are told just now
        world = routed_by_gateways(group, world)
    clear = _clear(group, world)
    for m in group.members:
        if m.stage is Stage.LAUNCHING and m.tries > licensed.get(m.number, 0) and m.placement is not None:
            yield LaunchCluster(m.number, m.placement)
        seen = world.of(m)
        if seen is not None:
            yield from _for_member(m, seen, group, policy, clear=clear, paused=paused)
    yield from (AllowRole(cluster, role) for role, cluster in world.stray_denials)
    if group.entitled and not paused and not world.blind:  # a stranger may serve until somebody is there to take over
        remembered = {m.address for m in group.members}
        for address in world.strangers:
            if address not in remembered and address not in world.foreign:
                yield DeregisterTarget("", address, group.epoch)


def _for_role(m: Member, seen: Cluster) -> Iterable[Effect]:
    role = m.placement.role if m.placement is not None else ""
    if m.denial is not None and seen.denied is False:
        yield DenyRole(seen.id, role)
    elif m.denial is None and seen.denied:
        yield AllowRole(seen.id, role)


def proving_name(group: Group, member: Member) -> str:
    """The proving job's name: the same for every repetition of one proof, another for the next proof."""
    return f"emr-dr-proof-{group.origin[:8]}-{member.number}-{member.epoch}-{int(member.since)}"


def _clear(group: Group, world: World) -> bool:
    """Whether nobody who is not entitled is a target: strangers, orphans and ended clusters count too."""
    entitled = {m.cluster for m in group.entitled}
    addresses = {m.address for m in group.entitled}
    return all(c.target is TargetState.ABSENT for c in world.clusters if c.id not in entitled) and all(
        address in addresses for address in world.strangers
    )


def _for_member(
    m: Member, seen: Cluster, group: Group, policy: Policy, *, clear: bool, paused: bool
) -> Iterable[Effect]:
    yield from _for_role(m, seen)
    if m.stage is Stage.PROVING and seen.proving is ProvingResult.PENDING and seen.address:
        yield ProveMember(seen.id, seen.address, proving_name(group, m))
    elif m.stage in ENTITLED and not seen.gone:
        if policy.protect and not seen.protected:
            yield ProtectCluster(seen.id)
        if clear and seen.target in (TargetState.ABSENT, TargetState.PARTIAL):
            yield RegisterTarget(seen.id, m.address, group.epoch)
    elif m.stage not in ENTITLED and seen.target not in (TargetState.ABSENT, TargetState.UNSEEN):
        yield DeregisterTarget(seen.id, m.address, group.epoch)
    elif m.stage is Stage.FENCING and policy.stop_work and seen.healthy and not seen.idle:
        yield StopWork(seen.id, m.address, m.epoch)
    elif m.stage in ENDING and not seen.gone and not paused and seen.target is TargetState.ABSENT:
        yield UnprotectCluster(seen.id) if seen.protected else TerminateCluster(seen.id)
