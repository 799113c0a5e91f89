"""The balancer's word on one address: its standing over all target groups, and its witness on each service."""

from collections.abc import Sequence

from emr_dr.core.evidence import Witness
from emr_dr.core.world import TargetState
from emr_dr.ports import TargetFact, TargetHealth


def standing_at_balancer(targets: Sequence[TargetFact] | None, address: str, services: Sequence[str]) -> TargetState:
    """Join the states in all groups into one; `targets` is None when they could not be read."""
    if targets is None:
        return TargetState.UNSEEN
    own = {t.service: t.health for t in targets if t.address == address and address}
    staying = {service: health for service, health in own.items() if health is not TargetHealth.DRAINING}
    if not own:
        return TargetState.ABSENT
    if not staying:
        return TargetState.DRAINING
    if set(staying) < set(services):
        return TargetState.PARTIAL
    healthy = all(health is TargetHealth.HEALTHY for health in staying.values())
    return TargetState.IN_SERVICE if healthy else TargetState.WAITING


def witness(targets: Sequence[TargetFact] | None, address: str, service: str) -> Witness:
    """What the balancer's health check says of one service at one address.

    A reason that begins with `Elb.` is the balancer's own trouble and says nothing of the target (ELBv2 API,
    TargetHealth.Reason).
    """
    own = next((t for t in targets or () if t.address == address and t.service == service), None)
    if own is None or own.reason.startswith("Elb."):
        return Witness.SILENT
    if own.health is TargetHealth.HEALTHY:
        return Witness.CONTRADICTS
    return Witness.AGREES if own.health is TargetHealth.UNHEALTHY else Witness.SILENT
