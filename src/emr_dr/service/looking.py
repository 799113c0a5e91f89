"""To look at a group: what is remembered, what is seen just now, and whether that is well. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import structlog

from emr_dr.controller.observe import Observation
from emr_dr.core.batch_ids import batch_id_range
from emr_dr.core.document import Document
from emr_dr.core.evidence import Sighting
from emr_dr.core.group import Member, Stage
from emr_dr.core.orders import NOTHING_WANTED
from emr_dr.core.standing import reached
from emr_dr.core.verdict import Verdict
from emr_dr.core.world import Health
from emr_dr.errors import EmrDrError, UsageError
from emr_dr.history.decisions import remarks_on
from emr_dr.ports import JournalEntry
from emr_dr.service.site import Site

LEFT_OUT = ("decided", "lease_taken")
"""Journal entries that a status leaves out: the whole evidence of a decision, and who came to look."""

LATELY_SECONDS = 30.0
"""How long ago a gateway may have told of its members' loads and still count as one that works."""

log = structlog.get_logger("emr_dr.service")


class Answer(IntEnum):
    """What `check` found; the values are its exit codes."""

    HEALTHY = 0
    NOT_HEALTHY = 1
    COULD_NOT_TELL = 2


@dataclass(frozen=True, slots=True)
class Status:
    """The group as remembered, and as seen just now.

    Attributes:
        recent: The newest journal entries, oldest first, without the bulky decisions.
        address: Where clients reach the group; empty if nobody could say.
        balancer: The balancer's own name, where the address is another.
        remarks: In what members differ from the spec that did not keep them from being admitted.
        gateways: Those that told of members' loads lately; None where there are none by the spec.
    """

    document: Document
    observation: Observation
    recent: tuple[JournalEntry, ...]
    address: str = ""
    remarks: tuple[str, ...] = ()
    balancer: str = ""
    gateways: tuple[str, ...] | None = None

    @property
    def answer(self) -> Answer:
        """Healthy when as many healthy members serve as are wanted and the balancer does not call them out of service.

        Could not tell when some of them was not seen. Where gateways stand between, one of them has to work, too.
        """
        world, group = self.observation.world, self.document.group
        if group.wanted == NOTHING_WANTED or self.gateways == ():
            return Answer.NOT_HEALTHY
        if reached(group, world):
            return Answer.HEALTHY
        serving = [world.of(m) for m in group.at(Stage.SERVING)]
        unseen = not serving or any(c is None or c.health is Health.UNKNOWN for c in serving)
        return Answer.COULD_NOT_TELL if world.blind and unseen else Answer.NOT_HEALTHY

    def batch_ids(self, member: Member) -> range | None:
        """The numbers that a member's Livy gives out; None if it was launched without a range, or was not seen."""
        return batch_id_range(member.number) if member.cluster in self.observation.ranged else None

    def verdict(self, cluster: str | None) -> Verdict | None:
        """The verdict on a cluster, if it was seen."""
        return self.observation.verdicts.get(cluster or "")


async def status(site: Site, *, recent: int = 10) -> Status:
    """Read what is remembered and look once; changes nothing.

    Raises:
        UsageError: The group was never applied with this store.
    """
    document = await site.store.load(site.group)
    if document is None:
        raise UsageError("the group is not in this store", where=site.group, remedy="run `emr-dr apply` first")
    observation = await site.observer.observe(document, site.clock.now(), sightings=await _sightings(site))
    entries = await site.store.newest(site.group, recent, without=LEFT_OUT)
    # Candidates are compared by whoever proves them; this process was not there, but the journal was told.
    remarks = dict.fromkeys((*await remarks_on(site.store, document), *observation.remarks))
    own = await balancer_address(site)
    there = await _gateways(site)
    return Status(document, observation, tuple(entries), address(site, own), tuple(remarks), own, there)


async def _gateways(site: Site) -> tuple[str, ...] | None:
    """The gateways that work, by what they told lately of what they have to do."""
    if site.ledger is None:
        return None
    try:
        told = await site.ledger.loads()
    except EmrDrError as error:
        log.warning("loads_not_read", group=site.group, reason=str(error))
        return ()
    now = site.clock.now()
    return tuple(sorted(g for g, loads in told.items() if any(now - each.at < LATELY_SECONDS for each in loads)))


async def _sightings(site: Site) -> Sequence[Sighting]:
    """What others saw; without it this look has to do."""
    try:
        return await site.store.sightings(site.group)
    except EmrDrError as error:
        log.warning("sightings_not_read", group=site.group, reason=str(error))
        return ()


def address(site: Site, balancer: str) -> str:
    """Where clients reach the group: the declared name, else the balancer's own; empty without a balancer."""
    dns = site.balancer.balancer.dns
    return dns.name.rstrip(".") if dns is not None and balancer else balancer


async def balancer_address(site: Site) -> str:
    """The balancer's own name; empty if nobody could say."""
    try:
        return await site.observer.balancer.address()
    except EmrDrError as error:
        log.warning("balancer_not_seen", group=site.group, reason=str(error))
        return ""
