"""What is seen of one member by independent witnesses: direct checks, the balancer, EMR, EC2, and other vantages."""

from dataclasses import dataclass
from enum import StrEnum

from emr_dr.core.world import EmrState, HostHealth

GATEWAY = "gateway/"
"""How the vantage of a gateway begins; the rest is the place, as a controller's vantage is."""


class Witness(StrEnum):
    """What somebody else than our own direct check says of one service of one member."""

    AGREES = "agrees"
    """It does not work."""
    CONTRADICTS = "contradicts"
    """It works."""
    SILENT = "silent"
    """Nobody could say: it is no target of that group, the check has not yet spoken, or nobody could be asked."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One check of one service, made directly at the member.

    Attributes:
        detail: What was wrong, or what was read.
        own_word: The service itself answered that it is not well (safe mode, standby, stopped): the path to it works,
            and no shallower check can know better.
    """

    service: str
    ok: bool
    detail: str = ""
    seconds: float = 0.0
    own_word: bool = False


@dataclass(frozen=True, slots=True)
class MemberSighting:
    """What one vantage saw of one cluster."""

    cluster: str
    probes: tuple[ProbeResult, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What another controller, or a gateway, saw of all members from where it is, in one round.

    Attributes:
        vantage: Where it looks from; two at one place are one witness.
        at: When, in seconds of the epoch.
        sees: Whether it reached a control target of its own, or has none; what a blind one sees means nothing.
    """

    vantage: str
    at: float
    sees: bool
    members: tuple[MemberSighting, ...] = ()

    @property
    def by_gateway(self) -> bool:
        """Whether a gateway told it, which sees as well as a controller and cannot lead."""
        return self.vantage.startswith(GATEWAY)

    @property
    def place(self) -> str:
        """Where whoever told it is."""
        return self.vantage.removeprefix(GATEWAY)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen of one cluster in one round.

    Attributes:
        emr: EMR's word; None when EMR could not be asked.
        host: EC2's word on the primary's machine.
        probes: Direct checks, one a service; empty when there was nothing to ask yet.
        witnesses: The balancer's word, by service.
        others: What other vantages saw of it lately, by vantage.
        sees: Whether we reached a control target of our own, or have none.
        stands_by: It is a standby and no target, so the balancer can have no word on it. Nothing is served by it, so
            direct checks alone may give it up: waiting for a second witness would be waiting for ever. Not so while our
            path to another member is known to be broken.
    """

    cluster: str
    emr: EmrState | None
    probes: tuple[ProbeResult, ...] = ()
    witnesses: tuple[tuple[str, Witness], ...] = ()
    aws_reachable: bool = True
    stands_by: bool = False
    host: HostHealth = HostHealth.UNKNOWN
    others: tuple[tuple[str, tuple[ProbeResult, ...]], ...] = ()
    sees: bool = True

    @property
    def path_broken(self) -> bool:
        """Whether nothing of it answers us, while somebody else reaches it."""
        failing = [p for p in self.probes if not p.ok]
        silent = bool(failing) and len(failing) == len(self.probes)
        return silent and any(Witness.CONTRADICTS in self.words(p) for p in failing)

    def balancer(self, service: str) -> Witness:
        """The balancer's word on one service."""
        return dict(self.witnesses).get(service, Witness.SILENT)

    def elsewhere(self, service: str) -> frozenset[Witness]:
        """What other vantages say of one service."""
        seen = [p for _, probes in self.others for p in probes if p.service == service]
        return frozenset(Witness.CONTRADICTS if p.ok else Witness.AGREES for p in seen)

    def words(self, probe: ProbeResult) -> frozenset[Witness]:
        """What everybody else says of a service that failed our own check.

        The balancer asks less than we do: it cannot contradict a service that says of itself that it is not well.
        """
        balancer = self.balancer(probe.service)
        words = {balancer} | self.elsewhere(probe.service)
        if probe.own_word:
            words = {Witness.AGREES} | self.elsewhere(probe.service)
        return frozenset(words - {Witness.SILENT})


@dataclass(frozen=True, slots=True)
class FailureRun:
    """An unbroken run of failed checks of one service of one cluster: count and time both have to speak."""

    cluster: str
    service: str
    since: float
    last: float
    failures: int
