"""The template that every member is launched from: what RunJobFlow needs, and nothing that changes by placement."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from emr_dr.spec.configuration import Configuration
from emr_dr.spec.fields import Arn, Finding, Like, RoleName, S3Uri, Section, SecurityGroup, Text, Whole, refuse_any
from emr_dr.spec.instances import Count, Instances, repeated
from emr_dr.spec.recovery_store import conflicts

OWN_TAG_PREFIX = "emr-dr:"
"""Tags that begin so are ours: by them a launch whose answer was lost is found again."""


class Roles(Section):
    """IAM roles of the cluster, by name or ARN."""

    service: RoleName
    """Role that EMR itself takes, such as EMR_DefaultRole_V2."""
    instance: RoleName
    """Instance profile of every node, such as EMR_EC2_DefaultRole; the proving job runs with it."""
    autoscaling: RoleName | None = None
    """Role for custom automatic scaling policies. Default: none; managed scaling needs none."""


class SecurityGroups(Section):
    """Security groups of the cluster. EMR fixes them at launch: later only their rules can change."""

    primary: SecurityGroup
    """EMR-managed group of the primary node; it or an additional one must let in the controller, and the balancer:
    `apply` sees to that (address.balancer.admit)."""
    core: SecurityGroup
    """EMR-managed group of core and task nodes."""
    service_access: SecurityGroup | None = None
    """Group through which EMR reaches nodes in a private subnet; needed there. Default: none, for public subnets."""
    additional_primary: Annotated[tuple[SecurityGroup, ...], Field(max_length=4)] = ()
    """Further groups of the primary node. Default: none."""
    additional_core: Annotated[tuple[SecurityGroup, ...], Field(max_length=4)] = ()
    """Further groups of core and task nodes. Default: none."""


class ManagedScaling(Section):
    """Limits within which EMR sizes the cluster by itself."""

    minimum: Count
    """Least capacity, in `unit`. What a freshly launched member starts to work with."""
    maximum: Count
    """Most capacity, in `unit`."""
    unit: Literal["Instances", "VCPU", "InstanceFleetUnits"] = "Instances"
    """What is counted: Instances or VCPU for groups, InstanceFleetUnits for fleets. Default Instances."""
    maximum_on_demand: Annotated[Whole, Field(ge=0, le=4000)] | None = None
    """Most on-demand capacity, in `unit`; the rest is spot. Default: as maximum."""
    maximum_core: Count | None = None
    """Most core capacity, in `unit`; the rest is task nodes. Default: as maximum."""

    def findings(self) -> Iterator[Finding]:
        """Yield limits above `maximum`."""
        if self.minimum > self.maximum:
            what = f"{self.minimum} is more than maximum ({self.maximum})"
            yield Finding(("minimum",), what, "lower minimum or raise maximum")
        if (self.maximum_on_demand or 0) > self.maximum:
            what = f"{self.maximum_on_demand} is more than maximum ({self.maximum})"
            yield Finding(("maximum_on_demand",), what, "lower it, or leave it away to mean maximum")
        if (self.maximum_core or 0) > self.maximum:
            what = f"{self.maximum_core} is more than maximum ({self.maximum})"
            yield Finding(("maximum_core",), what, "lower it, or leave it away to mean maximum")


class BootstrapAction(Section):
    """A script that EMR runs on every node before it installs applications."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    """Name shown by EMR."""
    path: Annotated[str, Like(r"(?:s3://[a-z0-9][a-z0-9.-]+/|file:/+)[^\s]+", "s3://acme-scripts/setup.sh")]
    """Where the script is: on S3, or as file:///… in the image."""
    args: tuple[Annotated[str, Field(max_length=10_280)], ...] = ()
    """Its arguments, each as text. Default: none."""


class RootVolume(Section):
    """The EBS root volume of every node (gp3)."""

    size: Annotated[Whole, Field(ge=15, le=100)]
    """Size in GiB."""
    iops: Annotated[Whole, Field(ge=3000, le=16_000)] | None = None
    """Operations a second; release 6.15.0 or later. Default: EMR's (3000)."""
    throughput: Annotated[Whole, Field(ge=125, le=1000)] | None = None
    """MiB a second; release 6.15.0 or later. Default: EMR's (125)."""


def _installable(names: tuple[str, ...]) -> tuple[str, ...]:
    lowered = [name.lower() for name in names]
    missing = [name for name in ("Spark", "Livy") if name.lower() not in lowered]
    lacks = (Finding((), f"{name} is missing", f"add {name}: it is what is proven and served") for name in missing)
    refuse_any([*repeated(lowered), *lacks])
    return names


def _usable(tags: Mapping[str, str]) -> Mapping[str, str]:
    refuse_any(
        Finding(
            (key,),
            "this tag key cannot be used",
            f"rename it: {OWN_TAG_PREFIX} and aws: are reserved, 1 to 128 letters",
        )
        for key in tags
        if key.startswith((OWN_TAG_PREFIX, "aws:")) or not 1 <= len(key) <= 128  # noqa: PLR2004 - AWS's limit
    )
    return tags


class ClusterTemplate(Section):
    """What every member of the group is launched from; only subnet, name and our own tags differ between members."""

    model_config = ConfigDict(title="Cluster")

    release: Annotated[str, Like(r"emr-\d{1,2}\.\d{1,3}\.\d{1,3}", "emr-7.9.0")]
    """EMR release label."""
    applications: Annotated[
        tuple[Annotated[str, Like(r"[A-Za-z][A-Za-z0-9 _-]*", "Spark")], ...], AfterValidator(_installable)
    ]
    """Applications to install; Spark and Livy must be among them, for they are what is proven and served."""
    roles: Roles
    """IAM roles."""
    security_groups: SecurityGroups
    """Security groups."""
    instances: Instances
    """The machines."""
    managed_scaling: ManagedScaling | None = None
    """Limits of EMR managed scaling. Default: none, the sizes stay as launched."""
    configurations: tuple[Configuration, ...] = ()
    """Application settings, in EMR's JSON form. Default: none."""
    bootstrap: Annotated[tuple[BootstrapAction, ...], Field(max_length=14)] = ()
    """Bootstrap actions, in order. EMR takes 16; two are kept for ours. Default: none."""
    batch_id_ranges: Annotated[bool, Field(strict=True)] = False
    """Whether each member's Livy numbers its batches in a range of its own: launch number x 1,000,000 and on. A number
    that a former member gave out is then unknown (404) to every other one, and never another job's state. It adds to
    each launch three settings of livy-conf, by which Livy also finds its batches again after its own restart, and a
    bootstrap action of ours that does its work on the primary alone and never fails a launch. Default false."""
    log_uri: S3Uri | None = None
    """Where EMR puts logs. Default: nowhere; a failed launch can then hardly be explained."""
    log_encryption_key: Arn | None = None
    """KMS key of the logs. Default: none."""
    artifacts: S3Uri
    """Where the proving job and generated scripts are put; the instance role must be able to read it."""
    security_configuration: Text | None = None
    """Name of an EMR security configuration (encryption, authorisation). Default: none."""
    key_name: Text | None = None
    """EC2 key pair for SSH. Default: none."""
    ebs_root_volume: RootVolume | None = None
    """Root volume of every node. Default: EMR's."""
    custom_ami: Annotated[str, Like(r"ami-[0-9a-z]+", "ami-0123456789abcdef0")] | None = None
    """Custom image, which launches faster than many bootstrap actions. Default: EMR's own."""
    os_release: Annotated[str, Like(r"\d+(?:\.\d+){2,4}", '"2.0.20250428.0"')] | None = None
    """Amazon Linux release; fix it so that a recovery launches the system you tested. Default: the newest."""
    step_concurrency: Annotated[Whole, Field(ge=1, le=256)] = 1
    """EMR steps that may run at once. Default 1, as EMR's."""
    tags: Annotated[
        Mapping[str, Annotated[str, Field(max_length=256)]], Field(max_length=40), AfterValidator(_usable)
    ] = Field(default_factory=dict)
    """Tags of the cluster and its instances. AWS takes 50; ten are kept for ours. Default: none."""

    def findings(self) -> Iterator[Finding]:
        """Yield scaling that does not fit the machines, and settings of Livy that make a batch id range impossible."""
        if self.batch_id_ranges:
            yield from conflicts(self.configurations)
        if self.managed_scaling is not None:
            yield from self._scaling_findings(self.managed_scaling)

    def _scaling_findings(self, scaling: ManagedScaling) -> Iterator[Finding]:
        fleets = self.instances.fleets
        if (self.instances.groups or fleets) and getattr(self.instances.groups or fleets, "core", None) is None:
            yield Finding(("managed_scaling",), "a cluster of one node cannot scale", "add core nodes, or remove it")
        unit = scaling.unit
        if (fleets is not None) != (unit == "InstanceFleetUnits"):
            right = "InstanceFleetUnits" if fleets is not None else "Instances or VCPU"
            kind = "fleets" if fleets is not None else "groups"
            yield Finding(("managed_scaling", "unit"), f"{unit} does not go with instance {kind}", f"say {right}")
