"""What is worth knowing of a spec that is well: what it does not protect from, and what to do about that."""

from collections.abc import Iterator
from dataclasses import dataclass

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


def remarks(spec: Spec) -> tuple[Remark, ...]:
    """Return what whoever wrote the spec should know, by what it declares."""
    return tuple(Remark(spec.source.line(path), dotted(path), what, remedy) for path, what, remedy in _told(spec))


def _told(spec: Spec) -> Iterator[tuple[KeyPath, str, str]]:
    if not spec.shared:
        return
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
        "use mode gateway once there is one",
    )
