"""What differs between the demos of the strategies, as data: who is wanted, where clients stand, what is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

HERE = ("",)
"""One client, wherever the system puts it."""
WORKERS = tuple(f"127.0.0.{last}" for last in range(2, 10))
"""The addresses of several, as of a scheduler's workers on hosts of their own; each batch is one worker's."""

_DETECTED = "detected: the kill until the verdict"
_LAUNCHED = "launched: RunJobFlow until WAITING"
_PROVEN = "proven: up until its Spark job had passed"


@dataclass(frozen=True, slots=True)
class Plot:
    """One demo.

    Attributes:
        serving: How many members serve, before and after.
        standby: How many stand by.
        sources: The addresses that clients come from, one batch after another.
        begin_seconds: How long it may take until the disaster finds everything at work.
        figures: What has to be measured, and each figure in words.
        gateways: How many gateways stand before the members, each in another AZ; none in mode direct.
    """

    strategy: str
    serving: int
    standby: int
    sources: tuple[str, ...]
    begin_seconds: float
    figures: Mapping[str, str]
    gateways: int = 0

    @property
    def mode(self) -> str:
        """The address mode."""
        return "gateway" if self.gateways else "direct"

    @property
    def wanted(self) -> int:
        """How many members there are when all is well."""
        return self.serving + self.standby

    @property
    def stages(self) -> list[str]:
        """The stages of the members when all is well, sorted."""
        return ["serving"] * self.serving + ["standby"] * self.standby


PLOTS = {
    plot.strategy: plot
    for plot in (
        Plot(
            strategy="active-passive",
            serving=1,
            standby=0,
            sources=HERE,
            begin_seconds=150,
            figures={
                "detect_seconds": _DETECTED,
                "launch_seconds": _LAUNCHED,
                "prove_seconds": _PROVEN,
                "switch_seconds": "switched: proven until the first good answer at the address",
                "rto_seconds": "recovery time: last good until first good answer",
                "overhead_seconds": "of which ours: recovery time less launch",
            },
        ),
        Plot(
            strategy="warm-standby",
            serving=1,
            standby=1,
            sources=HERE,
            begin_seconds=150,
            figures={
                "detect_seconds": _DETECTED,
                "switch_seconds": "switched: the standby's promotion until the first good answer at the address",
                "rto_seconds": "recovery time: last good until first good answer",
                "launch_seconds": f"in the background, {_LAUNCHED}",
                "prove_seconds": f"in the background, {_PROVEN}",
                "replaced_seconds": "replaced: the kill until a new standby was proven",
            },
        ),
        Plot(
            strategy="active-active",
            serving=2,
            standby=0,
            sources=WORKERS,
            begin_seconds=300,
            figures={
                "rto_seconds": "recovery time: last good until first good answer, of the worst placed client",
                "longest_gap_seconds": "longest gap of any client, whenever it was",
                "detect_seconds": _DETECTED,
                "launch_seconds": f"in the background, {_LAUNCHED}",
                "prove_seconds": f"in the background, {_PROVEN}",
                "replaced_seconds": "replaced: the kill until a second member served again",
            },
        ),
    )
}
"""The demos in mode direct, by strategy."""

_BY_GATEWAY = {
    "rto_seconds": "recovery time: the kill until a member took new work, which was accepted all the while",
    "longest_gap_seconds": "longest time without a good answer at the address",
    "detect_seconds": _DETECTED,
    "proof_seconds": "proven dead: the kill until the proof by which its batches may run again",
    "rescue_seconds": "run again: the proof until the last of them was sent to another member",
    "launch_seconds": f"in the background, {_LAUNCHED}",
    "prove_seconds": f"in the background, {_PROVEN}",
    "replaced_seconds": "replaced: the kill until all wanted members were there again",
}

GATEWAY_PLOTS = {
    strategy: replace(plot, sources=HERE, figures=_BY_GATEWAY, gateways=3) for strategy, plot in PLOTS.items()
}
"""The demos in mode gateway, by strategy."""


def plot_of(strategy: str, mode: str) -> Plot:
    """Return a demo's plot."""
    return (GATEWAY_PLOTS if mode == "gateway" else PLOTS)[strategy]
