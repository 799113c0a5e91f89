"""Short ways to say what is remembered and what is seen."""

from emr_dr.core.group import Group, Member, Placement, Policy, Stage, Wanted
from emr_dr.core.world import Cluster, EmrState, Health, ProvingResult, TargetState

A, B, C = Placement("subnet-a", "az-a"), Placement("subnet-b", "az-b"), Placement("subnet-c", "az-c")
POLICY = Policy(placements=(A, B, C))


def member(number: int, stage: Stage, *, since: float = 0, epoch: int = 0, placement: Placement = A) -> Member:
    """A member whose cluster is j-NUMBER at 10.0.0.NUMBER; one in Launching has none yet."""
    known = stage is not Stage.LAUNCHING
    return Member(
        number,
        stage,
        since,
        f"j-{number}" if known else None,
        epoch=epoch,
        tries=1,
        placement=placement,
        address=f"10.0.0.{number}" if known else "",
    )


def group(*members: Member, wanted: Wanted | None = None) -> Group:
    """A group of these members, all of whose launches are accounted for."""
    top = max((m.number for m in members), default=0)
    epoch = max((m.epoch for m in members), default=0)
    return Group("etl", "0a1b2c3d", wanted or Wanted(1), members, epoch=epoch, launched=top)


def cluster(
    number: int,
    *,
    emr: EmrState = EmrState.UP,
    health: Health = Health.HEALTHY,
    proving: ProvingResult = ProvingResult.PASSED,
    target: TargetState = TargetState.ABSENT,
    protected: bool = False,
    idle: bool = False,
) -> Cluster:
    """The cluster of the member of that number, as seen."""
    address = f"10.0.0.{number}"
    return Cluster(f"j-{number}", number, emr, address, health, proving, target, protected, idle)
