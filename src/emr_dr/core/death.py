"""The proof that nothing of a member can run or write any more: with it, and never without, its work is run again."""

from dataclasses import replace

from emr_dr.core.group import Denial, Group, Member, Policy, Stage
from emr_dr.core.view import Proof, ProofKind
from emr_dr.core.world import Cluster, EmrState, World

_LEFT = frozenset({Stage.FENCING, Stage.RETIRING})


def with_proof(member: Member, seen: Cluster, at: float, policy: Policy) -> Member:
    """Return the member with what this look shows of its death, and of the denial of its role."""
    denial = member.denial
    if denial is not None:
        denial = Denial((denial.seen_at if denial.seen_at is not None else at) if seen.denied else None)
    member = replace(member, denial=denial)
    death = member.death or proof_of_death(member, seen, at) or _denied(member, at, policy)
    return replace(member, death=death)


def deny_roles(group: Group, world: World, policy: Policy, *, trouble: bool) -> Group:
    """Begin to deny the roles of those who left and are lost, and take it back of those who ended or are well again.

    A role that somebody else has, too, is left alone; so are all in a region's trouble, for each of them may be needed.
    """
    members = tuple(_with_denial(m, group, world, begins=policy.deny_role and not trouble) for m in group.members)
    return replace(group, members=members)


def _with_denial(m: Member, group: Group, world: World, *, begins: bool) -> Member:
    seen = world.of(m)
    if seen is None:
        return m
    if m.denial is not None:
        over = seen.emr is EmrState.ENDED or (m.death is None and seen.healthy)
        return replace(m, denial=None) if over else m
    left = m.stage in _LEFT and m.death is None and seen.lost and seen.emr is not EmrState.ENDED
    return replace(m, denial=Denial()) if begins and left and _has_its_role_alone(m, group) else m


def _has_its_role_alone(m: Member, group: Group) -> bool:
    role = m.placement.role if m.placement is not None else ""
    return bool(role) and not any(o is not m and o.placement and o.placement.role == role for o in group.members)


def _denied(m: Member, at: float, policy: Policy) -> Proof | None:
    since = m.denial.seen_at if m.denial is not None else None
    if since is None or at - since < policy.deny_propagation or m.placement is None:
        return None
    return Proof(ProofKind.ROLE_DENIED, at, f"its role {m.placement.role} has been denied everything since {since:.0f}")


def proof_of_death(member: Member, seen: Cluster, at: float) -> Proof | None:
    """Return the proof that this round's look gives; None as long as something of the member may still run.

    That it does not answer is none, nor that EMR is ending it, nor that EC2 calls its primary impaired or stopped: the
    other nodes may run on. A person's word is one, for a person can know what no interface tells.
    """
    if seen.emr is EmrState.ENDED:
        return Proof(ProofKind.TERMINATED, at, "EMR says that the cluster has ended")
    if seen.machines_ended and (seen.gone or member.stage is Stage.FENCING):  # of others nobody asks, nor need know yet
        return Proof(ProofKind.TERMINATED, at, f"EC2 says that all its machines, {seen.machines_ended}, are terminated")
    if member.stage in (Stage.FENCING, Stage.RETIRING) and member.released:
        return Proof(ProofKind.PERSON, at, "a person released it; the journal says who")
    return None
