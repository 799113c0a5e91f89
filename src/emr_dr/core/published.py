"""What takes the balancer's place where gateways send the work: a member's standing is what gateways are told of it."""

from dataclasses import replace

from emr_dr.core.group import Group
from emr_dr.core.world import TargetState, World


def routed_by_gateways(group: Group, world: World) -> World:
    """Return the world as decisions take it in mode gateway: whoever is saved as entitled is in service.

    Views are saved with the document, so what is saved is what gateways read. The balancer's targets are the gateways:
    no member is one, and none of them is a stranger.
    """
    entitled = {m.cluster for m in group.entitled}
    clusters = (
        replace(c, target=TargetState.IN_SERVICE if c.id in entitled else TargetState.ABSENT) for c in world.clusters
    )
    return replace(world, clusters=tuple(clusters), strangers=(), foreign=())
