"""What gateways are told of each member, derived from the document that is saved with it."""

from collections.abc import Callable

from emr_dr.core.group import Group, Member, Stage
from emr_dr.core.view import MemberView, Proof, ProofKind, Role
from emr_dr.core.world import EmrState, World

ROLES = {
    Stage.STANDBY: Role.STANDBY,
    Stage.ADMITTING: Role.SERVING,
    Stage.SERVING: Role.SERVING,
    Stage.DRAINING: Role.DRAINING,
    Stage.FENCING: Role.FENCED,
    Stage.RETIRING: Role.RETIRED,
    Stage.CONDEMNED: Role.RETIRED,
}
"""Members in earlier stages are not shown: there is nothing a gateway may do with them."""


def views_of(group: Group, world: World, url: Callable[[str, str], str]) -> tuple[MemberView, ...]:
    """The views of all members a gateway may know of; `url(service, address)` gives the base URL of a service."""
    return tuple(_view(m, world, url) for m in group.members if m.stage in ROLES and m.cluster and m.address)


def _view(m: Member, world: World, url: Callable[[str, str], str]) -> MemberView:
    seen = world.of(m)
    ended = seen is not None and seen.emr is EmrState.ENDED
    return MemberView(
        cluster_id=m.cluster or "",
        generation=m.number,
        epoch=m.epoch,
        az=m.placement.az if m.placement else "",
        livy_url=url("livy", m.address),
        rm_url=url("resource-manager", m.address),
        role=ROLES[m.stage],
        accepts_new=m.stage is Stage.SERVING,
        death=Proof(ProofKind.TERMINATED, world.at, "EMR says that the cluster has ended") if ended else None,
    )
