"""The least recovery time that a spec can hope for, part by part: no objective may promise less."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emr_dr.spec.models import Spec

PLANNED_LAUNCH = 360.0
"""Seconds from RunJobFlow to a usable cluster. Planning value, the low end of the 6 to 15 minutes of experience;
AWS gives no figure. `objectives.launch` replaces it with what you measured: ReadyDateTime - CreationDateTime."""
PLANNED_PROVE = 30.0
"""Seconds for the proving Spark job: 20 to 27 s were measured for a batch in YARN cluster mode through a real Livy."""
PLANNED_PROPAGATION = 30.0
"""Seconds until a balancer acts on a change: users of NLB saw 30 to 40 s beyond its health checks
(aws/containers-roadmap#470); AWS itself says that registering "can take a few minutes"."""

GATEWAY_SWITCH = 1.0
"""Seconds until gateways follow a change of who serves: they read it from the store at least once a second."""


def rto_floor(spec: "Spec") -> list[tuple[str, float]]:
    """Return the parts of the least recovery time and their seconds, in order: detection, launch, prove, switch.

    It counts from the loss until a member accepts new work. Gateways go on accepting it meanwhile, so with them it is
    how long new work may wait.

    *detection*: by the controller, `member_lost` after the first failed check, which is up to one interval after the
    loss; in active-active the balancer's own checks do it alone or, with gateways, theirs, every `gateway.staleness`.
    *launch* and *prove*: only active-passive does them during a recovery; `objectives.launch` or `PLANNED_LAUNCH`, and
    `PLANNED_PROVE`. *switch*: the change seen by the balancer (`PLANNED_PROPAGATION`) and, where a target is new to it,
    the good checks it asks for; with gateways only `GATEWAY_SWITCH`, and nothing where another member serves already.

    Figures that are no setting are planning values from research, on the hopeful side: this is a floor, no forecast.
    """
    check = spec.address.balancer.health_check
    by_controller = spec.detection.interval + spec.detection.member_lost
    admitted = PLANNED_PROPAGATION + check.healthy * check.interval
    if spec.by_gateway:
        admitted = GATEWAY_SWITCH
    if spec.strategy == "active-active" and spec.by_gateway:
        return [("detection", spec.gateway.staleness), ("launch", 0.0), ("prove", 0.0), ("switch", 0.0)]
    if spec.strategy == "active-active":
        by_balancer = check.unhealthy * check.interval
        return [("detection", by_balancer), ("launch", 0.0), ("prove", 0.0), ("switch", PLANNED_PROPAGATION)]
    if spec.strategy == "warm-standby":
        return [("detection", by_controller), ("launch", 0.0), ("prove", 0.0), ("switch", admitted)]
    launch = PLANNED_LAUNCH if spec.objectives.launch is None else spec.objectives.launch
    return [("detection", by_controller), ("launch", launch), ("prove", PLANNED_PROVE), ("switch", admitted)]
