"""One thing to carry out, and the change that it is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from emr_dr.provision.change import Change


@dataclass(frozen=True, slots=True)
class Step:
    """A change, and what makes it; an ensure, so that it may be repeated."""

    change: Change
    carry_out: Callable[[], Awaitable[None]]
