"""The declared recovery group: one frozen model for a spec file. Its keys are a contract: added to, never renamed."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr

from emr_dr.spec.address import Access, Address, Check, Service, Services
from emr_dr.spec.cluster import ClusterTemplate
from emr_dr.spec.fields import (
    Duration,
    Finding,
    GroupName,
    Host,
    Like,
    Port,
    Region,
    RoleName,
    Section,
    Subnet,
    Text,
    Whole,
    Zone,
    between,
    format_duration,
    refusal,
    refuse_any,
)
from emr_dr.spec.gateway import Gateway
from emr_dr.spec.instances import repeated
from emr_dr.spec.objectives import rto_floor
from emr_dr.spec.problems import KeyPath, Source

Strategy: TypeAlias = Literal["active-passive", "warm-standby", "active-active"]
STRATEGY_NAMES: tuple[str, ...] = get_args(Strategy)


class Placement(Section):
    """A place where a member may live."""

    subnet: Subnet
    """Subnet to launch in."""
    az: Zone | None = None
    """Its Availability Zone, if you want it checked without asking AWS. Default: AWS is asked."""
    instance_role: RoleName | None = None
    """Instance profile of members here, with a role that nothing else has. Default: cluster.roles.instance."""


def _apart(placements: tuple[Placement, ...]) -> tuple[Placement, ...]:
    # A validator of the list rather than a rule of Spec: it speaks up whatever else is wrong in the file.
    if len(placements) < 2:  # noqa: PLR2004 - one and another
        what = f"{len(placements)} placement(s) cannot survive the loss of an Availability Zone"
        raise refusal(Finding((), what, "give two or more, each in another AZ"))
    refuse_any(
        [
            *repeated([placement.subnet for placement in placements], (), ("subnet",)),
            *repeated([placement.az for placement in placements], (), ("az",)),
            *repeated([placement.instance_role for placement in placements], (), ("instance_role",)),
        ]
    )
    return placements


class ControlTarget(Section):
    """A place by which a controller knows whether its own network works: a TCP connection is made there, no more."""

    address: Host
    """IP address or DNS name."""
    port: Port
    """TCP port on which it takes connections."""

    def findings(self) -> Iterator[Finding]:
        """Yield what only looks like an IP address, and one that needs no network to answer."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            if re.fullmatch(r"[\d.]+|.*:.*", self.address):
                yield Finding(("address",), f"{self.address} is no IP address", "write it like 10.0.0.2 or fd00::2")
            return
        if address.is_link_local:
            what = f"{self.address} answers even where the network is cut off"
            yield Finding(("address",), what, "choose a place beyond this machine, such as the VPC's resolver")


class Detection(Section):
    """How a loss is noticed. Times are how long something must fail, without one good answer, before it counts."""

    interval: Annotated[Duration, between("1s", "30s")] = 5.0
    """Time between two rounds of checks; a leader that looked less often would lose its lease. Default 5s."""
    member_lost: Annotated[Duration, between("2s", "1h")] = 60.0
    """All services fail this long, and a second witness agrees: the member is lost. Default 60s: longer than most
    network troubles, short beside a launch."""
    service_down: Annotated[Duration, between("2s", "1h")] = 120.0
    """One service fails this long while others answer: it is down. Default 120s: EMR restarts services by itself."""
    on_service_down: Literal["replace", "report"] = "replace"
    """What to do then: replace the member, or only say so. Default replace."""
    control_targets: Annotated[tuple[ControlTarget, ...], Field(max_length=8)] = ()
    """Places that answer whenever the controller's own network works, and that are neither a member nor behind the
    balancer: EMR's VPC endpoint (443), the VPC's DNS resolver (53), a host in another AZ; at most 8. A controller that
    reaches none of them calls itself blind and does nothing, whatever it sees of members. Each must be open to every
    machine that runs emr-dr. Default: none, then only AWS out of reach makes it blind."""

    def findings(self) -> Iterator[Finding]:
        """Yield windows that one unlucky check could fill, and a control target given twice."""
        named = [f"{target.address}:{target.port}" for target in self.control_targets]
        yield from repeated(named, ("control_targets",))
        for key, window in (("member_lost", self.member_lost), ("service_down", self.service_down)):
            if window < 2 * self.interval:
                what = f"{format_duration(window)} is less than two intervals ({format_duration(self.interval)} each)"
                yield Finding((key,), what, f"raise it to {format_duration(2 * self.interval)} or more")


class Recovery(Section):
    """What automation may do by itself, and how long each stage may take."""

    mode: Literal["automatic", "manual"] = "automatic"
    """Who starts a recovery: the controller, or a person after it asked. Default automatic."""
    cooldown: Annotated[Duration, between("0s", "7d")] = 1800.0
    """Least time between two recoveries; a group that needs them faster has another trouble. Default 30m."""
    launches_a_day: Annotated[Whole, Field(ge=1, le=100)] = 6
    """Most clusters launched within 24 hours: the limit of what a mistake can cost. Default 6."""
    probation: Annotated[Duration, between("0s", "24h")] = 600.0
    """How long a new member must serve well before the old one may be retired. Default 10m."""
    retire_unconfirmed_after: Annotated[Duration, between("10m", "90d")] = 86400.0
    """When to retire a lost member whose death nobody could confirm; its jobs may still run. Default 24h."""
    settle: Annotated[Duration, between("5s", "30m")] = 120.0
    """How long a cluster may be missing from EMR's list after its launch was asked for. Only after it is a launch of
    which nothing was heard asked for again: RunJobFlow has no idempotency token. Default 2m."""
    attempts: Annotated[Whole, Field(ge=1, le=20)] = 3
    """Candidates to try in one recovery before a person is asked. Default 3."""
    boot_deadline: Annotated[Duration, between("10s", "24h")] = 1800.0
    """How long a candidate may take to come up before the next placement is tried. Default 30m: twice a slow launch."""
    prove_deadline: Annotated[Duration, between("10s", "24h")] = 600.0
    """How long proving may take. Default 10m."""
    admit_deadline: Annotated[Duration, between("10s", "24h")] = 600.0
    """How long the balancer may take to call a new target healthy. Default 10m: AWS says "a few minutes"."""
    drain_timeout: Annotated[Duration, between("0s", "7d")] = 3600.0
    """How long a planned switchover waits for what runs on the member that leaves; what has not ended by then runs on
    there, but is not to be asked for at the balancer's address any more. Default 1h."""
    deny_role: Annotated[bool, Field(strict=True)] = False
    """Whether the role of a lost member is denied everything (mode gateway; IAM PutRolePolicy), so that its batches can
    be run again before AWS confirms its end. It is a proof for what writes through AWS, such as to S3, and for nothing
    else. Needs placements[].instance_role in all placements. Default false."""
    deny_propagation: Annotated[Duration, between("10s", "1h")] = 60.0
    """How long a denial must have been in force before it counts as a proof: IAM takes seconds to be heeded
    everywhere. Default 60s."""


class Objectives(Section):
    """What you promised, to be compared with what was measured."""

    rto: Annotated[Duration, between("1s", "7d")] | None = None
    """Recovery time objective: from the loss until a member accepts new work. Gateways accept and queue it all the
    while; it counts until it can run. Default: none."""
    launch: Annotated[Duration, between("1s", "24h")] | None = None
    """How long your clusters take from request to ready, if you measured it. Default: 6m is assumed."""


class Store(Section):
    """Where the controller remembers. Exactly one kind."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["sqlite"]}, {"required": ["dynamodb"]}]})

    sqlite: Text | None = None
    """Path of an SQLite file, from the folder of the spec file; for one machine."""
    dynamodb: Annotated[str, Like(r"[A-Za-z0-9_.-]{3,255}", "emr-dr")] | None = None
    """Name of a DynamoDB table; for several machines."""

    def findings(self) -> Iterator[Finding]:
        """Yield none or both where exactly one belongs."""
        if (self.sqlite is None) == (self.dynamodb is None):
            yield Finding((), "must be exactly one of sqlite and dynamodb", "keep one of the two")


class Spec(Section):
    """A recovery group: members behind one stable address, and the rules of their recovery."""

    model_config = ConfigDict(title="emr-dr recovery group")

    group: GroupName
    """Name of the group; AWS resources are named after it, so it cannot change later."""
    region: Region
    """AWS region; a group lives in one."""
    strategy: Strategy
    """How many members are wanted in which role: 1 serving; 1 serving and 1 standby; 2 or more serving."""
    address: Address
    """The one address that clients use."""
    gateway: Gateway = Gateway()
    """How gateways behave, in mode gateway. Default: as described with each key."""
    services: Services = Services()
    """What must work. Default: Livy, ResourceManager and NameNode on EMR's own ports."""
    checks: tuple[Check, ...] = ()
    """Further checks of your own. Default: none."""
    placements: Annotated[tuple[Placement, ...], AfterValidator(_apart), Field(json_schema_extra={"minItems": 2})]
    """Where members may live, in order of preference: at least two, each in another AZ."""
    cluster: ClusterTemplate
    """What every member is launched from."""
    detection: Detection = Detection()
    """How a loss is noticed."""
    recovery: Recovery = Recovery()
    """What automation may do."""
    objectives: Objectives = Objectives()
    """What you promised. Default: nothing."""
    store: Store
    """Where the controller remembers."""

    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def source(self) -> Source:
        """The file and lines this spec was read from; empty if it was not read from a file."""
        return self._source

    def accesses(self) -> Iterator[tuple[KeyPath, Access]]:
        """Yield whatever is spoken to over HTTP, each with its path in the file: services, then checks."""
        for name, service in self.services.declared().items():
            yield ("services", name), service
        for index, check in enumerate(self.checks):
            yield ("checks", index), check

    @property
    def shared(self) -> bool:
        """Whether the balancer spreads clients over several members, each with batches of its own."""
        return self.strategy == "active-active" and not self.by_gateway

    @property
    def by_gateway(self) -> bool:
        """Whether the balancer's targets are gateways, which never change when members do."""
        return self.address.mode == "gateway"

    def routed(self) -> dict[str, Service]:
        """Return the services that have a listener: all where one member is behind the address, else Livy alone.

        What YARN or HDFS says of itself is one member's; an address that leads to any of them would say nothing. And
        gateways speak for Livy only.
        """
        declared = self.services.declared()
        return {"livy": declared["livy"]} if self.shared or self.by_gateway else declared

    def findings(self) -> Iterator[Finding]:
        """Yield what only shows when sections are seen together."""
        if self.shared and self.address.balancer.stickiness is None:
            what = "two members serve, each numbers its batches itself, and a client would ask one for the other's"
            remedy = "say source_ip; `emr-dr validate` then says what that does not protect from"
            yield Finding(("address", "balancer", "stickiness"), what, remedy)
        for index, placement in enumerate(self.placements):
            if placement.az is not None and not placement.az.startswith(self.region):
                what = f"{placement.az} is not in {self.region}"
                yield Finding(("placements", index, "az"), what, "a group lives in one region")
        yield from self._denial_findings()
        yield from self._routing_findings()
        yield from repeated([check.name for check in self.checks], ("checks",), ("name",))
        for index, check in enumerate(self.checks):
            if check.name in self.services.declared():
                what = f"{check.name} is a service already"
                yield Finding(("checks", index, "name"), what, "choose another name: verdicts go by it")
        yield from self._objective_findings()

    def _denial_findings(self) -> Iterator[Finding]:
        if not self.recovery.deny_role:
            return
        if not self.by_gateway:
            what = "has no effect in mode direct: nobody runs batches again there"
            yield Finding(("recovery", "deny_role"), what, "remove it, or say address.mode: gateway")
        for index, placement in enumerate(self.placements):
            if placement.instance_role is None:
                what = "is missing with recovery.deny_role: to deny a role that others have would stop them, too"
                yield Finding(("placements", index, "instance_role"), what, "give each placement a role of its own")

    def _routing_findings(self) -> Iterator[Finding]:
        for index, rule in enumerate(self.gateway.routing):
            for place, zone in enumerate(rule.zones):
                if not zone.startswith(self.region):
                    at = ("gateway", "routing", index, "zones", place)
                    yield Finding(at, f"{zone} is not in {self.region}", "a group lives in one region")

    def _objective_findings(self) -> Iterator[Finding]:
        launch, deadline = self.objectives.launch, self.recovery.boot_deadline
        if launch is not None and launch >= deadline:
            what = f"{format_duration(launch)} is not less than recovery.boot_deadline ({format_duration(deadline)})"
            yield Finding(("objectives", "launch"), what, "every launch would be given up; raise boot_deadline")
        parts = rto_floor(self)
        floor = sum(seconds for _, seconds in parts)
        if self.objectives.rto is not None and self.objectives.rto < floor:
            total = " + ".join(f"{name} {format_duration(seconds)}" for name, seconds in parts)
            what = f"{format_duration(self.objectives.rto)} is less than {self.strategy} can do: {total} = "
            yield Finding(("objectives", "rto"), what + format_duration(floor), _rto_remedy(self))


def _rto_remedy(spec: Spec) -> str:
    if spec.strategy == "active-passive" and spec.objectives.launch is None:
        return "raise it, or give objectives.launch if you measured that your clusters start faster"
    return "raise it, or shorten detection"
