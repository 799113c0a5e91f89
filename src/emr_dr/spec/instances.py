"""The machines of a member as the spec declares them: instance groups or instance fleets, and their volumes."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from emr_dr.spec.fields import Dollars, Duration, Finding, InstanceType, Section, Whole, between

VolumeType: TypeAlias = Literal["gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"]
Count: TypeAlias = Annotated[Whole, Field(ge=1, le=4000)]
Units: TypeAlias = Annotated[Whole, Field(ge=0, le=100_000)]


class Volume(Section):
    """EBS volumes that each instance gets besides its root volume."""

    type: VolumeType = "gp3"
    """Kind of volume. Default gp3: cheaper and faster than gp2 at the same size."""
    size: Annotated[Whole, Field(ge=1, le=16384)]
    """Size in GiB."""
    iops: Annotated[Whole, Field(ge=100, le=256_000)] | None = None
    """Operations a second; needed by io1 and io2, possible with gp3. Default: what the kind of volume comes with."""
    throughput: Annotated[Whole, Field(ge=125, le=2000)] | None = None
    """MiB a second, gp3 only. Default: what gp3 comes with (125)."""
    count: Annotated[Whole, Field(ge=1, le=25)] = 1
    """How many such volumes each instance gets. Default 1."""

    def findings(self) -> Iterator[Finding]:
        """Yield speeds that this kind of volume cannot have, or lacks."""
        if self.iops is None and self.type in {"io1", "io2"}:
            yield Finding((), f"a volume of type {self.type} needs iops", "add iops, or choose gp3")
        if self.iops is not None and self.type not in {"io1", "io2", "gp3"}:
            yield Finding(("iops",), f"{self.type} volumes have no such setting", "remove iops, or choose gp3")
        if self.throughput is not None and self.type != "gp3":
            yield Finding(("throughput",), f"{self.type} volumes have no such setting", "remove it, or choose gp3")


class InstanceGroup(Section):
    """Equal instances in one role."""

    type: InstanceType
    """EC2 instance type; the placement's AZ must offer it."""
    alternatives: tuple[InstanceType, ...] = ()
    """Types to ask for, in this order, when EC2 has no room for `type`; keep to its processor architecture and about
    its size. Default: none."""
    count: Count = 1
    """Instances at launch; managed scaling may change it later. Default 1."""
    market: Literal["on-demand", "spot"] = "on-demand"
    """How to buy them. Default on-demand: a recovery must not wait for spot capacity."""
    bid_price: Dollars | None = None
    """Highest US dollars an hour for a spot instance. Default: the on-demand price."""
    ebs: tuple[Volume, ...] = ()
    """Volumes of each instance. Default: what EMR gives this instance type."""

    def findings(self) -> Iterator[Finding]:
        """Yield a bid without an auction, and a type that would be asked for twice."""
        if self.bid_price is not None and self.market != "spot":
            yield Finding(("bid_price",), "on-demand instances have no bid", "remove it, or say market: spot")
        for index, kind in enumerate(self.alternatives):
            if kind == self.type:
                yield Finding(("alternatives", index), f"{kind} is the type itself", "remove it from alternatives")
        yield from repeated(self.alternatives, ("alternatives",))

    def type_on(self, rung: int) -> str:
        """Return the type to ask for on a rung: 0 is `type`, then the alternatives; beyond them the last one stays."""
        return (self.type, *self.alternatives)[min(rung, len(self.alternatives))]


class InstanceGroups(Section):
    """One instance type for each role, launched in one subnet."""

    primary: InstanceGroup
    """The primary node: ResourceManager, NameNode and Livy run here."""
    core: InstanceGroup | None = None
    """Core nodes hold HDFS and run Spark. Default: none, a cluster of one node."""
    task: InstanceGroup | None = None
    """Task nodes run Spark only. Default: none."""

    def findings(self) -> Iterator[Finding]:
        """Yield shapes that EMR does not build."""
        if self.primary.count not in {1, 3}:
            yield Finding(("primary", "count"), f"a cluster cannot have {self.primary.count} primary nodes", "say 1")
        if self.task is not None and self.core is None:
            yield Finding(("task",), "task nodes need core nodes", "add core, or remove task")


class FleetType(Section):
    """One instance type that a fleet may use."""

    type: InstanceType
    """EC2 instance type."""
    weight: Annotated[Whole, Field(ge=1, le=999)] = 1
    """How many units of the fleet's targets one such instance counts for. Default 1."""
    bid_percent: Annotated[float, Field(strict=True, gt=0, le=1000, allow_inf_nan=False)] | None = None
    """Highest spot price in percent of the on-demand price. Default 100."""
    bid_price: Dollars | None = None
    """Highest US dollars an hour for a spot instance, instead of bid_percent."""
    ebs: tuple[Volume, ...] = ()
    """Volumes of each instance. Default: what EMR gives this instance type."""

    def findings(self) -> Iterator[Finding]:
        """Yield two limits for one price."""
        if self.bid_percent is not None and self.bid_price is not None:
            yield Finding(("bid_price",), "bid_percent is given too", "keep one of the two")


class Fleet(Section):
    """Instances of several types in one role: more chances to get capacity in a crisis."""

    target_on_demand: Units = 0
    """On-demand units wanted (instances, where every weight is 1). Default 0."""
    target_spot: Units = 0
    """Spot units wanted. Default 0."""
    types: Annotated[tuple[FleetType, ...], Field(min_length=1, max_length=30)]
    """Instance types to choose from, best first where the allocation is prioritized."""
    timeout: Annotated[Duration, between("5m", "24h")] = 600.0
    """How long to try for spot capacity before timeout_action, whole minutes. Default 10m: well under boot_deadline."""
    timeout_action: Literal["switch-to-on-demand", "terminate"] = "switch-to-on-demand"
    """What EMR does then. Default switch-to-on-demand: a recovery must not fail for want of spot capacity."""
    spot_allocation: Literal[
        "price-capacity-optimized",
        "capacity-optimized",
        "capacity-optimized-prioritized",
        "lowest-price",
        "diversified",
    ] = "price-capacity-optimized"
    """How EMR chooses among spot pools. Default price-capacity-optimized: few interruptions first, then price."""
    on_demand_allocation: Literal["lowest-price", "prioritized"] = "lowest-price"
    """How EMR chooses among on-demand types. Default lowest-price."""

    def findings(self) -> Iterator[Finding]:
        """Yield an empty fleet, a type given twice, a timeout that EMR cannot take."""
        if self.target_on_demand + self.target_spot == 0:
            yield Finding((), "asks for no instance at all", "give target_on_demand or target_spot")
        if self.timeout % 60:
            yield Finding(("timeout",), "EMR counts it in whole minutes", "round it to minutes")
        yield from repeated([kind.type for kind in self.types], ("types",), ("type",))


class InstanceFleets(Section):
    """Several instance types for each role."""

    primary: Fleet
    """The primary node: exactly one instance."""
    core: Fleet | None = None
    """Core nodes hold HDFS and run Spark. Default: none, a cluster of one node."""
    task: Fleet | None = None
    """Task nodes run Spark only. Default: none."""

    def findings(self) -> Iterator[Finding]:
        """Yield shapes that EMR does not build."""
        if self.primary.target_on_demand + self.primary.target_spot != 1:
            yield Finding(("primary",), "a primary fleet is one instance", "make its two targets 1 in sum")
        if self.task is not None and self.core is None:
            yield Finding(("task",), "task nodes need core nodes", "add core, or remove task")


class Instances(Section):
    """The machines of a member: `groups` or `fleets`, not both."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["groups"]}, {"required": ["fleets"]}]})

    groups: InstanceGroups | None = None
    """One instance type for each role."""
    fleets: InstanceFleets | None = None
    """Several instance types for each role."""

    def findings(self) -> Iterator[Finding]:
        """Yield none or both where exactly one belongs."""
        if self.groups is None and self.fleets is None:
            yield Finding((), "says nothing about the machines", "give groups or fleets")
        if self.groups is not None and self.fleets is not None:
            yield Finding(("fleets",), "groups are given too", "keep one of the two: EMR builds a cluster from either")


def rungs(instances: Instances) -> tuple[tuple[str, ...], ...]:
    """Return the instance types that a launch asks for on each rung, without repetition within one.

    Rung 0 are the declared types, rung 1 their first alternatives, and so on, until the role with the most of them has
    no more. Fleets have one rung without types: of theirs EMR chooses itself.
    """
    if instances.groups is None:
        return ((),)
    roles = [role for role in (instances.groups.primary, instances.groups.core, instances.groups.task) if role]
    steps = max(len(role.alternatives) for role in roles) + 1
    return tuple(tuple(dict.fromkeys(role.type_on(rung) for role in roles)) for rung in range(steps))


def repeated(
    values: Sequence[str | None], before: tuple[str, ...] = (), after: tuple[str, ...] = ()
) -> Iterator[Finding]:
    """Yield one finding for each value that an earlier item of the list has too; None is not a value."""
    for index, value in enumerate(values):
        if value is not None and value in values[:index]:
            first = values.index(value)
            yield Finding((*before, index, *after), f"{value} is in item [{first}] too", "remove one of the two")
