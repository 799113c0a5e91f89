"""Telling whoever leads what is seen from elsewhere: a controller that follows, or a gateway, is a second witness."""

import asyncio
from dataclasses import dataclass

import structlog

from emr_dr.core.document import Document
from emr_dr.core.evidence import GATEWAY, MemberSighting, Sighting
from emr_dr.core.group import Stage
from emr_dr.errors import EmrDrError
from emr_dr.ports import Clock, Probes, Store

log = structlog.get_logger("emr_dr.controller")


async def sighting(probes: Probes, document: Document, vantage: str, at: float) -> Sighting:
    """Look at the members only, directly."""
    known = [m for m in document.group.members if m.cluster and m.address and m.stage is not Stage.CONDEMNED]
    controls, *probed = await asyncio.gather(probes.controls(), *(probes.check(m.address) for m in known))
    members = tuple(MemberSighting(m.cluster or "", tuple(p)) for m, p in zip(known, probed, strict=True))
    return Sighting(vantage, at, not controls or any(c.ok for c in controls), members)


@dataclass(frozen=True, slots=True)
class Vantage:
    """What a gateway sees of the members, told once an interval; the balancer, which asks gateways only, cannot say.

    Attributes:
        place: Where the gateway is, in the same words as a controller's vantage: two at one place are one witness.
        interval: Seconds between two looks, the controllers' own.
    """

    group: str
    store: Store
    probes: Probes
    clock: Clock
    place: str
    interval: float

    async def look(self) -> None:
        """Look once and tell it; what cannot be told is for the next time, for nobody waits for it."""
        try:
            document = await self.store.load(self.group)
            if document is not None:
                seen = await sighting(self.probes, document, f"{GATEWAY}{self.place}", self.clock.now())
                await self.store.tell(self.group, seen)
        except EmrDrError as error:
            log.warning("sighting_not_told", group=self.group, reason=str(error))

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            await self.look()
            await self.clock.sleep(self.interval)
