"""What differs between the demos of the strategies, as data: who is wanted, where clients stand, what is measured."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    """

    strategy: str
    serving: int
    standby: int
    sources: tuple[str, ...]
    begin_seconds: float
    figures: Mapping[str, str]

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
"""The demos, by strategy."""
