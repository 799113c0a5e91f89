"""What is worth knowing of a spec that is well: what it does not protect from, and what to do about that."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from emr_dr.spec.gateway import Gateway
from emr_dr.spec.models import Spec
from emr_dr.spec.problems import KeyPath, dotted


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know; nothing is refused for it."""

    line: int
    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return `field: what; what to do`, without the place."""
        return f"{self.field}: {self.what}; {self.remedy}"


_Told: TypeAlias = Iterator[tuple[KeyPath, str, str]]


def remarks(spec: Spec) -> tuple[Remark, ...]:
    """Return what whoever wrote the spec should know, by what it declares."""
    return tuple(Remark(spec.source.line(path), dotted(path), what, remedy) for path, what, remedy in _told(spec))


def _told(spec: Spec) -> _Told:
    if spec.by_gateway:
        yield from _of_gateways(spec)
        return
    if spec.gateway != Gateway():
        yield ("gateway",), "has no effect in mode direct", "say address.mode: gateway, or keep it until you do"
    if spec.shared:
        yield from _of_members_behind_one_address(spec)


def _of_gateways(spec: Spec) -> _Told:
    gateway = spec.gateway
    if spec.address.balancer.stickiness is not None:
        yield (
            ("address", "balancer", "stickiness"),
            "any gateway knows every batch, so nothing is gained, and clients behind one address load one gateway",
            "remove it",
        )
    if spec.store.sqlite is not None:
        yield (
            ("store", "sqlite"),
            "all gateways and controllers have to run on the machine that holds this file, and its loss stops them all",
            "keep that machine in another AZ than the first placement, and its disk backed up",
        )
    if gateway.users.scheme == "none":
        yield (
            ("gateway", "users", "scheme"),
            "everybody who reaches the address runs any code as any user, as with Livy itself",
            "say basic or bearer, or let nobody in at the balancer whom you do not trust with that",
        )
    if gateway.tls is None:
        carried = "batches" if gateway.users.scheme == "none" else "passwords and batches"
        yield (
            ("gateway", "tls"),
            f"{carried} travel in the clear between clients and gateways",
            "name a certificate and its key",
        )
    yield from _of_rescue(gateway)


def _of_rescue(gateway: Gateway) -> _Told:
    if gateway.rescue.mode == "off":
        what = "a batch whose member dies is not run again, whatever it declares"
        yield ("gateway", "rescue", "mode"), what, "say automatic once that is to change"
    elif not any(rule.rescue != "never" for rule in gateway.rescue.rules):
        yield (
            ("gateway", "rescue", "rules"),
            "a batch that declares nothing ends as dead when its member dies",
            "have clients send X-Emr-Dr-Rescue or spark.emrdr.rescue, or give rules, for what may run twice",
        )


def _of_members_behind_one_address(spec: Spec) -> _Told:
    at: KeyPath = ("address", "balancer", "stickiness")
    yield (
        at,
        "a loss or a switch moves a member's clients to another Livy, whose batch numbers are its own",
        "let clients submit again when a poll fails, as Airflow does with retries: 1",
    )
    yield at, "all clients behind one NAT, or on one host, land on one member", "give workers addresses of their own"
    yield (
        at,
        "a client whose address changes between submitting and polling asks the other Livy",
        "submit and poll from one place: no deferrable operators, whose triggers poll from another",
    )
    if spec.cluster.batch_id_ranges:
        yield (
            ("cluster", "batch_id_ranges"),
            "a poll for a batch of a lost member gets 404 from the other; it never gets another job's state",
            "take 404 for lost, not for ended",
        )
    else:
        yield (
            ("cluster", "batch_id_ranges"),
            "both Livys number from 0: a poll for a batch of a lost member may get another job's state",
            "say true, and it gets 404",
        )
    yield (
        ("strategy",),
        "the balancer sees Livy alone here: one controller by itself never believes that only YARN or HDFS has died",
        "run a second controller at another place (`emr-dr watch --vantage NAME`)",
    )
    yield (
        ("address", "mode"),
        "all of this is so for members behind one address in mode direct",
        "say gateway, and run `emr-dr gateway`",
    )
