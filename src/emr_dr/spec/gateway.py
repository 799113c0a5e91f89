"""How the Livy gateways of a group behave: where they listen, who may ask, where batches go, and what is run again."""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from emr_dr.spec.fields import (
    Duration,
    Finding,
    Like,
    Port,
    Section,
    SecurityGroup,
    Text,
    Whole,
    Zone,
    between,
)
from emr_dr.spec.instances import repeated

Glob: TypeAlias = Annotated[
    str, Like(r"[^\x00-\x1f\x7f]{1,256}", "etl-*", "* stands for anything, ? for one character")
]
RescueWord: TypeAlias = Literal["never", "idempotent", "atomic", "checkpointed"]
"""The words of `core.batch.RescueClass`."""
UserName: TypeAlias = Annotated[str, Like(r"[^\s:,\x00-\x1f\x7f]{1,256}", "airflow")]


class Match(Section):
    """Which batches a rule is about: those that match everything that is given; at least one thing must be."""

    queue: Glob | None = None
    """The YARN queue that the client asks for."""
    user: Glob | None = None
    """Who submits it, as the gateway authenticated them."""
    name: Glob | None = None
    """The batch's name, as the client gave it."""

    def findings(self) -> Iterator[Finding]:
        """Yield a rule for everything: it would say nothing about what it is meant for."""
        if self.queue is None and self.user is None and self.name is None:
            yield Finding((), "says nothing of which batches", "give queue, user or name; name: '*' for all with one")


class RoutingRule(Section):
    """Where certain batches go. The first rule that matches counts."""

    when: Match
    """Which batches."""
    zones: Annotated[tuple[Zone, ...], Field(min_length=1, max_length=16)]
    """The AZs whose members take them, the best first."""
    strict: Annotated[bool, Field(strict=True)] = False
    """Whether they wait rather than go elsewhere when no member there takes work. Default false."""

    def findings(self) -> Iterator[Finding]:
        """Yield an AZ named twice."""
        yield from repeated(self.zones, ("zones",))


class RescueRule(Section):
    """What certain batches declare of themselves where their clients cannot. The first rule that matches counts."""

    when: Match
    """Which batches."""
    rescue: RescueWord = Field(alias="class")
    """never, idempotent, atomic or checkpointed: see docs/how-to/gateway.md, "What may run twice"."""


class Rescue(Section):
    """What is run again on another member once its former run is proven dead."""

    mode: Literal["automatic", "off"] = "automatic"
    """off is the kill switch: nothing is run again, whatever it declares. Default automatic."""
    rules: tuple[RescueRule, ...] = ()
    """Classes by queue, user or name, for batches that say nothing themselves. Default: none, hence `never`."""
    attempts: Annotated[Whole, Field(ge=1, le=10)] = 2
    """Most runs of one batch, the first included. Default 2."""
    a_minute: Annotated[Whole, Field(ge=1, le=100_000)] = 3000
    """Most rescues within a minute, of all batches together: the limit of what a mistake can cost. Default 3000."""
    oldest: Annotated[Duration, between("1m", "90d")] = 86400.0
    """A batch submitted longer ago is not run again: whoever waited for it has given up. Default 24h."""


class Users(Section):
    """Who may ask: everybody, or those in a file. SPNEGO is for a proxy in front, which signs in here."""

    scheme: Literal["none", "basic", "bearer"] = "none"
    """none: everybody who reaches the address. basic: HTTP Basic with a file of hashed passwords. bearer: tokens.
    Default none, as Livy itself is set up on EMR."""
    file: Text | None = None
    """basic: lines of user:hash as `htpasswd -B` writes them. bearer: lines of user:sha256 of the token, in
    hexadecimal. From the folder of the spec file; read again when it changes."""
    superusers: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Who may submit in another user's name (proxyUser, doAs), and see and end everybody's batches. Default: nobody."""
    share: Literal["all", "own"] = "all"
    """Whose batches a user sees and may end: all, or their own only. Default all, as Livy without access control."""

    def findings(self) -> Iterator[Finding]:
        """Yield a file without a use, and a use without a file."""
        if self.scheme == "none":
            for key, given in (("file", self.file is not None), ("superusers", bool(self.superusers))):
                if given:
                    yield Finding((key,), "has no effect with scheme none", "say basic or bearer, or remove it")
            if self.share == "own":
                yield Finding(("share",), "nobody is told apart with scheme none", "say basic or bearer")
        elif self.file is None:
            yield Finding(("file",), f"is missing with scheme {self.scheme}", "name the file of users")


class Tls(Section):
    """The certificate that clients are shown."""

    certificate: Text
    """PEM file with the certificate and what leads to its authority, from the folder of the spec file."""
    key: Text
    """PEM file with its key, not encrypted."""


class Limits(Section):
    """What a client may ask for at most, so that no client can hold up the others."""

    body: Annotated[Whole, Field(ge=1024, le=64 << 20)] = 1 << 20
    """Bytes of a batch submission, or of any other request but uploads. Default 1 MiB."""
    upload: Annotated[Whole, Field(ge=1024, le=4 << 30)] = 100 << 20
    """Bytes of a file uploaded to a session. Default 100 MiB, as Livy."""
    connections: Annotated[Whole, Field(ge=16, le=100_000)] = 20_000
    """Connections at once of one gateway; further ones are closed. Default 20000."""
    submissions: Annotated[Whole, Field(ge=1, le=10_000)] = 200
    """Submissions under way at once of one gateway; further ones get 503 and Retry-After. Default 200."""
    slow: Annotated[Duration, between("1s", "10m")] = 30.0
    """How long a client may take over sending one request. Default 30s."""
    queued: Annotated[Whole, Field(ge=0, le=1_000_000)] = 1000
    """Most batches that wait for a member; further submissions get 503. 0: none is accepted without one that takes it.
    Default 1000."""
    queued_for: Annotated[Duration, between("1s", "7d")] = 86400.0
    """How long a batch may wait for a member before it ends as dead. Default 24h."""


class Gateway(Section):
    """The group's Livy gateways; `emr-dr gateway` runs one."""

    port: Port | None = None
    """TCP port they listen on, to which the balancer sends. Default: Livy's own, `services.livy.port`."""
    security_groups: Annotated[tuple[SecurityGroup, ...], Field(max_length=5)] = ()
    """The gateways' own groups: `apply` lets them in at the members' services. Default: you see to it."""
    tls: Tls | None = None
    """How clients are served over TLS. Default: plain HTTP, as Livy on EMR."""
    users: Users = Users()
    """Who may ask, and for whom."""
    staleness: Annotated[Duration, between("0.2s", "60s")] = 1.0
    """How old the state that a poll gets may be, while the member answers. Default 1s."""
    routing: tuple[RoutingRule, ...] = ()
    """Where certain batches go. Default: wherever there is least to do."""
    rescue: Rescue = Rescue()
    """What is run again when its member dies."""
    limits: Limits = Limits()
    """What a client may ask for at most."""
