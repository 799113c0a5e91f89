"""The proof that nothing of a member can run or write any more: with it, and never without, its work is run again."""

from emr_dr.core.group import Member, Stage
from emr_dr.core.view import Proof, ProofKind
from emr_dr.core.world import Cluster, EmrState


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
        return Proof(ProofKind.PERSON, at, "a person released it")
    return None
