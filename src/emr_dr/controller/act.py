"""Carrying effects out: each is an ensure, bounded by the lease, and its outcome is told, never assumed."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from emr_dr.controller.tenure import Tenure
from emr_dr.core.document import Document
from emr_dr.core.effects import (
    AllowRole,
    DenyRole,
    DeregisterTarget,
    Effect,
    LaunchCluster,
    ProtectCluster,
    ProveMember,
    RegisterTarget,
    StopWork,
    TerminateCluster,
    UnprotectCluster,
)
from emr_dr.errors import (
    ConflictError,
    EmrDrError,
    OutcomeUnknownError,
    PermanentError,
)
from emr_dr.ports import Balancer, Clock, ClusterFacts, Clusters, MemberWork, Roles

EFFECT_DEADLINE = 28.0
"""Seconds one effect may take, the longest being a launch with its look before and after. An effect starts only if the
lease lasts longer; the adapters' own deadlines are shorter."""
CREATE_DEADLINE = 15.0
"""Seconds RunJobFlow itself may take: asked of the lease once more when the look before it is done."""


class Ending(StrEnum):
    """How an effect ended."""

    DONE = "done"
    SKIPPED = "skipped"
    """Not begun: the world or the lease made it needless or unsafe."""
    REFUSED = "refused"
    """For good."""
    FAILED = "failed"
    """Not carried out, or not known to be; a later round asks again if it is still wanted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one effect ended, in words for the journal."""

    effect: Effect
    ending: Ending
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Carries effects out against the ports."""

    clusters: Clusters
    balancer: Balancer
    work: MemberWork
    clock: Clock
    roles: Roles | None = None

    async def carry_out(self, effect: Effect, document: Document, tenure: Tenure) -> Outcome:
        """Carry one effect out, once, within the lease; never raises for what the world does."""
        try:
            self._within(tenure, EFFECT_DEADLINE)
            async with asyncio.timeout(EFFECT_DEADLINE):
                detail = await self._do(effect, document, tenure)
        except (PermanentError, ConflictError) as error:
            return Outcome(effect, Ending.REFUSED, str(error))
        except _SkipError as reason:
            return Outcome(effect, Ending.SKIPPED, str(reason))
        except TimeoutError:
            return Outcome(effect, Ending.FAILED, f"no answer within {EFFECT_DEADLINE:g} s")
        except EmrDrError as error:
            return Outcome(effect, Ending.FAILED, str(error))
        return Outcome(effect, Ending.DONE, detail)

    async def _do(self, effect: Effect, document: Document, tenure: Tenure) -> str:
        detail = ""
        match effect:
            case LaunchCluster():
                detail = await self._launch(effect, document, tenure)
            case ProveMember():
                await self.work.prove(effect.address, effect.name)
            case RegisterTarget():
                await self.balancer.register(effect.address)
            case DeregisterTarget():
                await self.balancer.deregister(effect.address)
            case StopWork():
                await self.work.stop(effect.address, effect.epoch)
            case DenyRole() | AllowRole():
                await self._change_role(effect, document)
            case ProtectCluster():
                await self._ours(effect.cluster, document)
                await self.clusters.protect(effect.cluster, on=True)
            case UnprotectCluster():
                await self._ours(effect.cluster, document)
                await self.clusters.protect(effect.cluster, on=False)
            case TerminateCluster():
                await self._ours(effect.cluster, document)
                await self.clusters.terminate(effect.cluster)
        return detail

    async def _launch(self, effect: LaunchCluster, document: Document, tenure: Tenure) -> str:
        """Look, call once, and look again when the reply was lost: RunJobFlow has no idempotency token."""
        origin = document.group.origin
        try:
            before = await self.clusters.find()
        except PermanentError as error:  # the look was refused, and not the launch
            raise _SkipError(f"one may exist already, and nobody could look: {error}") from error
        if any(f.number == effect.number and f.origin == origin for f in before):
            raise _SkipError("a cluster with this launch number exists already")
        self._within(tenure, CREATE_DEADLINE)  # the look took time
        try:
            return await self.clusters.launch(effect.number, origin, effect.placement)
        except OutcomeUnknownError as error:
            after = [f.id for f in await self._found_quietly() if f.number == effect.number and f.origin == origin]
            shown = f"the list shows {after[0]}" if after else "the list does not show it yet"
            raise OutcomeUnknownError(f"{error.what}; {shown}", where=error.where, remedy=error.remedy) from error

    async def _change_role(self, effect: DenyRole | AllowRole, document: Document) -> None:
        if self.roles is None:
            raise _SkipError("recovery.deny_role is off")
        await self._ours(effect.cluster, document)
        change = self.roles.deny if isinstance(effect, DenyRole) else self.roles.allow
        await change(effect.role, effect.cluster)

    async def _found_quietly(self) -> tuple[ClusterFacts, ...]:
        try:
            return tuple(await self.clusters.find())
        except EmrDrError:  # also one for good: the look was refused, and not the launch
            return ()  # the rounds to come look again; the lost reply is what has to be told now

    async def _ours(self, cluster: str, document: Document) -> None:
        """Refuse to touch what does not carry this very group's tags, whatever the document says."""
        facts = await self.clusters.describe(cluster)
        if facts.origin != document.group.origin:
            raise ConflictError("its tags are of another store", where=cluster, remedy="it is left alone")

    def _within(self, tenure: Tenure, seconds: float) -> None:
        if tenure.left(self.clock) < seconds:
            raise _SkipError("the lease is too short for another call")


class _SkipError(Exception):
    """An effect that is not begun."""
