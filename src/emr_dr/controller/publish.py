"""What gateways are told of each member, derived from the document that is saved with it."""

from collections.abc import Callable

from emr_dr.core.group import Group, Member, Stage
from emr_dr.core.view import MemberView, Role

ROLES = {
    Stage.STANDBY: Role.STANDBY,
    Stage.ADMITTING: Role.SERVING,
    Stage.SERVING: Role.SERVING,
    Stage.DRAINING: Role.DRAINING,
    Stage.FENCING: Role.FENCED,
    Stage.RETIRING: Role.RETIRED,
    Stage.CONDEMNED: Role.RETIRED,
}
"""Members in earlier stages are shown only if they served before, as fenced: what was sent to them then is followed."""

_TAKES_WORK = frozenset({Stage.ADMITTING, Stage.SERVING})


def views_of(group: Group, url: Callable[[str, str], str]) -> tuple[MemberView, ...]:
    """The views of all members a gateway may know of; `url(service, address)` gives the base URL of a service."""
    return tuple(_view(m, url) for m in group.members if (m.stage in ROLES or m.epoch) and m.cluster and m.address)


def _view(m: Member, url: Callable[[str, str], str]) -> MemberView:
    return MemberView(
        cluster_id=m.cluster or "",
        generation=m.number,
        epoch=m.epoch,
        az=m.placement.az if m.placement else "",
        livy_url=url("livy", m.address),
        rm_url=url("resource-manager", m.address),
        role=ROLES.get(m.stage, Role.FENCED),
        accepts_new=m.stage in _TAKES_WORK and m.death is None,
        death=m.death,
    )
