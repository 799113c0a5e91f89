"""The stable address of a group, and the services and checks that make a member healthy."""

import re
import warnings
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field

from emr_dr.spec.fields import (
    BalancerName,
    Duration,
    Finding,
    Like,
    PathPrefix,
    Port,
    Section,
    SecurityGroup,
    Subnet,
    Text,
    UrlPath,
    Whole,
    between,
    format_duration,
)
from emr_dr.spec.instances import repeated

AddressMode: TypeAlias = Literal["direct", "gateway"]
MODE_NAMES: tuple[str, ...] = get_args(AddressMode)


class HealthCheck(Section):
    """How the balancer checks its targets. The defaults are the fastest that AWS allows."""

    interval: Annotated[Duration, between("5s", "300s")] = 5.0
    """Time between two checks of a target, whole seconds. Default 5s, the least; AWS's own default is 30s."""
    timeout: Annotated[Duration, between("2s", "120s")] = 4.0
    """How long a check may take, whole seconds, less than interval. Default 4s."""
    healthy: Annotated[Whole, Field(ge=2, le=10)] = 2
    """Good checks in a row before a target gets traffic. Default 2, the least."""
    unhealthy: Annotated[Whole, Field(ge=2, le=10)] = 2
    """Failed checks in a row before a target gets none. Default 2, the least."""

    def findings(self) -> Iterator[Finding]:
        """Yield a check that would outlast the time until the next one, and times that AWS cannot take."""
        if self.timeout >= self.interval:
            what = f"{format_duration(self.timeout)} is not less than interval ({format_duration(self.interval)})"
            yield Finding(("timeout",), what, "lower timeout or raise interval")
        for key, value in (("interval", self.interval), ("timeout", self.timeout)):
            if value % 1:
                yield Finding((key,), "AWS counts it in whole seconds", "round it")


class Dns(Section):
    """A name of your own for the balancer."""

    zone: Annotated[str, Like(r"Z[A-Z0-9]+", "Z0123456789ABCDEFGHIJ")]
    """Route 53 hosted zone id."""
    name: Annotated[str, Like(r"[a-z0-9_-]+(?:\.[a-z0-9-]+)+\.?", "livy.etl.example.internal")]
    """Name of the alias record in that zone."""


class Balancer(Section):
    """The Network Load Balancer in front of the group."""

    name: BalancerName
    """Its name in the account and region."""
    subnets: Annotated[tuple[Subnet, ...], Field(json_schema_extra={"minItems": 2})]
    """One subnet for each AZ it stands in; at least two, or the address is lost together with one AZ."""
    scheme: Literal["internal", "internet-facing"] = "internal"
    """Who can reach it. Default internal: Livy runs any code it is sent; think before showing it."""
    security_groups: Annotated[tuple[SecurityGroup, ...], Field(max_length=5)] = ()
    """Groups of the balancer itself; can only be given when it is created. Default: none."""
    admit: Annotated[bool, Field(strict=True)] = True
    """Whether `apply` adds what is missing of the rules that let the balancer in at the services of a member, to
    cluster.security_groups.primary: from the balancer's own groups, else from its private addresses. Rules that are
    there already are left alone, and a group that is not ours is changed only after asking. Default true; false: you
    see to it."""
    dns: Dns | None = None
    """A name of your own. Default: none, clients use the balancer's own name."""
    health_check: HealthCheck = HealthCheck()
    """How targets are checked. Default: as fast as AWS allows."""
    stickiness: Literal["source_ip"] | None = None
    """Whether all connections from one address go to one member, as long as that is healthy. Two members that serve
    in mode direct need it; where one serves it changes nothing. Default: none, each connection may go to any."""

    def findings(self) -> Iterator[Finding]:
        """Yield a subnet given twice, and an address in one AZ only."""
        if len(self.subnets) < 2:  # noqa: PLR2004 - one and another
            what = f"{len(self.subnets)} subnet(s) cannot keep the address through the loss of an Availability Zone"
            yield Finding(("subnets",), what, "give two or more, each in another AZ")
        yield from repeated(self.subnets, ("subnets",))


class Address(Section):
    """The one address that clients use, whatever member serves."""

    mode: AddressMode = "direct"
    """What the balancer's targets are: the members (direct), or Livy gateways (gateway), which you run and register.
    Default direct; `emr-dr init` recommends gateway."""
    balancer: Balancer
    """The balancer."""


class Credentials(Section):
    """Where to find a user and password for HTTP basic authentication; never the password itself.

    They are read when emr-dr starts; start it again once they have changed.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["secret"]}]})

    env: Annotated[str, Like(r"[A-Za-z_][A-Za-z0-9_]*", "LIVY_CREDENTIALS", "a variable's name", quiet=True)] | None = (
        None
    )
    """Name of an environment variable that holds `user:password`."""
    secret: (
        Annotated[
            str,
            Like(
                r"arn:[a-z0-9-]+:secretsmanager:[^\s]+",
                "arn:aws:secretsmanager:us-east-1:111122223333:secret:livy",
                quiet=True,
            ),
        ]
        | None
    ) = None
    """ARN of an AWS Secrets Manager secret that holds JSON with `username` and `password`."""

    def findings(self) -> Iterator[Finding]:
        """Yield none or both where exactly one belongs."""
        if (self.env is None) == (self.secret is None):
            yield Finding((), "must be exactly one of env and secret", "keep one of the two")


class Access(Section):
    """How something on the primary node is spoken to over HTTP."""

    port: Port
    """TCP port on the primary node."""
    scheme: Literal["http", "https"] = "http"
    """How it is spoken to. Default http, as EMR sets it up."""
    ca: Text | None = None
    """File with the certificates (PEM) to trust with https, from the folder of the spec file. A member's certificate
    must then be signed by one of them, whatever name is in it: members are asked by private IP, which certificates
    seldom name. So name an authority that signs nothing else. Default: the system's authorities, and the certificate
    must name the address that is asked: the member's IP, and for a service the balancer too."""
    credentials: Credentials | None = None
    """Where to find user and password. Default: none are needed."""

    def findings(self) -> Iterator[Finding]:
        """Yield a certificate authority where nothing is certified."""
        if self.ca is not None and self.scheme != "https":
            yield Finding(("ca",), "has no effect with http", "say scheme: https, or remove it")


class Service(Access):
    """One service of the primary node that clients reach through the balancer."""

    port: Port
    """TCP port on the primary node; the balancer listens on the same one."""
    path: PathPrefix | None = None
    """What stands before the service's own paths, where a proxy adds something. Default: nothing."""
    credentials: Credentials | None = None
    """Where to find user and password. The balancer cannot sign in, so its own check takes being asked to (status 401)
    for health. Default: none are needed."""


class Services(Section):
    """What must work for a member to be healthy. Each has a check of its own kind, and a listener where one serves."""

    livy: Service = Service(port=8998)
    """Apache Livy. Default port 8998, as EMR sets it up."""
    resource_manager: Service = Field(alias="resource-manager", default=Service(port=8088))
    """YARN's ResourceManager. Default port 8088, as EMR sets it up."""
    name_node: Service = Field(alias="name-node", default=Service(port=9870))
    """HDFS's NameNode. Default port 9870, as EMR 6 and 7 set it up."""

    def declared(self) -> dict[str, Service]:
        """Return the services by the names they have in the file, livy first."""
        return {"livy": self.livy, "resource-manager": self.resource_manager, "name-node": self.name_node}

    def findings(self) -> Iterator[Finding]:
        """Yield a port given twice: one listener cannot serve two services."""
        seen: dict[int, str] = {}
        for name, service in self.declared().items():
            if service.port in seen:
                what = f"{service.port} is the port of {seen[service.port]} too"
                yield Finding((name, "port"), what, "give each service its own port")
            seen.setdefault(service.port, name)


class Check(Access):
    """A check of your own that a member must pass too: an HTTP GET of the primary node.

    The balancer knows nothing of it: that it fails is only believed when another controller sees the same.
    """

    name: Annotated[str, Like(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?", "history-server")]
    """Its name in verdicts and the journal."""
    path: UrlPath = "/"
    """What to get. Default /."""
    pointer: Annotated[str, Like(r"(?:/(?:[^~/]|~[01])*)*", "/spark")] | None = None
    """JSON Pointer (RFC 6901) to the part of the answer that `matches` looks at. Default: the whole text."""
    matches: Text | None = None
    """Regular expression that must be found there. Default: any answer with status 200 will do."""

    def findings(self) -> Iterator[Finding]:
        """Yield an expression that does not compile, and a pointer to nothing looked at."""
        yield from super().findings()
        if self.pointer is not None and self.matches is None:
            yield Finding(("pointer",), "has no effect without matches", "add matches, or remove it")
        try:
            with warnings.catch_warnings(action="ignore"):  # Python muses about future syntax, such as [[a]
                re.compile(self.matches or "")
        except (re.error, OverflowError, RecursionError):
            yield Finding(("matches",), "is not a regular expression", "see Python's re module for its syntax")
