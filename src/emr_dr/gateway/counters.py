"""What the HTTP side counts, in plain numbers: the hot path adds one and goes on."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Counts since the start, and what is under way.

    Attributes:
        polls: Reads of one batch, its state or its log that were answered; those of the hot path are counted there.
        refused: Submissions by reason: request, busy, unavailable.
        signed_out: Requests of nobody known.
        failed: Requests that ended in an error of ours.
        cut_off: Connections ended by reason: slow, full, malformed.
    """

    polls: int = 0
    submitted: int = 0
    submitting: int = 0
    deleted: int = 0
    signed_out: int = 0
    failed: int = 0
    connections: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
