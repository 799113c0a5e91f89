"""The monitor's own control targets: can anything be reached from here at all."""

import asyncio
import time
from dataclasses import dataclass

from emr_dr.core.evidence import ProbeResult
from emr_dr.probes.http import in_words

_STAGGER = 0.25
"""Seconds after which the next address of a name is tried beside the ones before."""


@dataclass(frozen=True, slots=True)
class ControlTarget:
    """A place that takes connections whenever our own network works; `address` is an IP address or a DNS name."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


async def reach(target: ControlTarget, seconds: float) -> ProbeResult:
    """Make one TCP connection within `seconds` and say what became of it; never raises."""
    start = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            # A name may have an address in each AZ, one of them lost: they are tried side by side (RFC 8305).
            _, writer = await asyncio.open_connection(target.address, target.port, happy_eyeballs_delay=_STAGGER)
        writer.transport.abort()
        detail, ok = "connected", True
    except TimeoutError:
        detail, ok = f"no connection within {seconds:g} s", False
    except (OSError, ValueError) as error:  # ValueError: what no DNS name can be
        detail, ok = in_words(error), False
    return ProbeResult(str(target), ok, detail, time.monotonic() - start)
