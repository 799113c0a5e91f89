"""A member is clean before it works: what runs there of ours, and is nobody's live attempt, is ended and read back."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from emr_dr.core.batch import Attempt, Batch, ShownState, SubmitState
from emr_dr.core.strays import RunName, common_tag, ours, run_names, wanted
from emr_dr.core.view import MemberView, Proof, ProofKind
from emr_dr.errors import ConflictError, EmrDrError
from emr_dr.ports import Clock, Ledger, LivyBatch, Upstream, YarnApplication

PATIENCE = 30.0
"""Seconds that one cleaning takes at most: YARN kills within a second or two, or not soon."""
PAUSE = 0.5
READS_AT_ONCE = 8
LIVY_ENDS = ("success", "dead", "killed", "error")
NOTHING_FOLLOWS = (*LIVY_ENDS, "recovering")
"""A Livy that has restarted submits nothing again: it looks for what it once submitted in YARN, for two minutes, and
takes as long over a DELETE (seen). What YARN has is in YARN's list, and what comes late is cleaned when it comes."""

log = structlog.get_logger("emr_dr.gateway")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a member said runs or ran there of the group's, and what the ledger said of it afterwards.

    In this order: whatever YARN shows was in the ledger before it was sent, so what the ledger, asked later, does not
    hold for live will never be live again.
    """

    member: MemberView
    applications: Sequence[YarnApplication]
    livy: Sequence[LivyBatch] | None
    batches: dict[int, Batch]

    def of(self, application: YarnApplication) -> list[tuple[RunName, Batch]]:
        """Whose run an application is, by its tags."""
        return self._ours(application.tags)

    def stray_applications(self) -> list[tuple[YarnApplication, RunName]]:
        """Those that may still run, are ours, and are not wanted."""
        living = ((a, self.of(a)) for a in self.applications if not a.ended)
        return [(a, whose[0][0]) for a, whose in living if whose and not self._wanted(whose)]

    def stray_submissions(self) -> list[tuple[LivyBatch, RunName]]:
        """What Livy has not ended and is not wanted: it may be on its way to YARN."""
        living = ((b, self._ours((b.name,))) for b in self.livy or () if b.state not in NOTHING_FOLLOWS)
        return [(b, whose[0][0]) for b, whose in living if whose and not self._wanted(whose)]

    def _ours(self, texts: Iterable[str]) -> list[tuple[RunName, Batch]]:
        held = ((name, self.batches.get(name.batch_id)) for name in run_names(texts))
        return [(name, batch) for name, batch in held if batch is not None and ours(name, batch)]

    def _wanted(self, whose: Iterable[tuple[RunName, Batch]]) -> bool:
        return any(wanted(name, batch, self.member.cluster_id) for name, batch in whose)


async def clean(member: MemberView, group: str, ledger: Ledger, upstream: Upstream, clock: Clock) -> bool:
    """Say whether the member is clean, after ending what is not wanted there; False is a reason to ask again later.

    For a member that is reached for the first time, or again after it was away, and whenever YARN shows a run that the
    asker does not know for a live attempt. A member whose Livy does not answer is not clean: something may still be on
    its way from there to YARN.
    """
    until = clock.steady() + PATIENCE
    try:
        while True:
            listing = await _list(member, group, ledger, upstream)
            left = len(listing.stray_applications()) + len(listing.stray_submissions())
            if not left or clock.steady() > until:
                break
            await _end(listing, upstream)
            await clock.sleep(PAUSE)
        await _record(listing, ledger, clock)
    except EmrDrError as error:
        log.warning("member_not_clean", cluster=member.cluster_id, reason=str(error))
        return False
    if left:
        log.warning("member_not_clean", cluster=member.cluster_id, reason=f"{left} runs do not end")
    return not left and listing.livy is not None


async def _list(member: MemberView, group: str, ledger: Ledger, upstream: Upstream) -> Listing:
    applications = await upstream.applications(member, common_tag(group))
    livy: Sequence[LivyBatch] | None = None
    try:
        livy = await upstream.batches(member)
    except EmrDrError as error:
        log.info("livy_not_listed", cluster=member.cluster_id, reason=str(error))
    texts = [tag for a in applications for tag in a.tags] + [b.name for b in livy or ()]
    numbers = sorted({name.batch_id for name in run_names(texts)})
    batches = dict[int, Batch]()
    for i in range(0, len(numbers), READS_AT_ONCE):
        read = await asyncio.gather(*(ledger.read(n) for n in numbers[i : i + READS_AT_ONCE]))
        batches |= {batch.id: batch for batch in read if batch is not None}
    return Listing(member, applications, livy, batches)


async def _end(listing: Listing, upstream: Upstream) -> None:
    """Ask Livy first, so that nothing follows what YARN is asked to kill."""
    member = listing.member
    for batch, name in listing.stray_submissions():
        held = await upstream.batch(member, batch.name)  # a Livy that lost its store gave the number to another job
        if held is not None and held.name == batch.name:
            log.info("stray_deleted", cluster=member.cluster_id, batch=name.batch_id, attempt=name.number)
            await upstream.delete(member, held.id)
    for application, name in listing.stray_applications():
        told = {"cluster": member.cluster_id, "batch": name.batch_id, "attempt": name.number}
        log.info("stray_killed", application=application.id, **told)
        await upstream.kill(member, application.id)


async def _record(listing: Listing, ledger: Ledger, clock: Clock) -> None:
    """Put on the attempts what was read back: the deaths of tombstones' runs, and successes that came too late."""
    submitted = {b.name for b in listing.livy or () if b.state not in LIVY_ENDS}
    runs = dict[RunName, list[YarnApplication]]()
    for application in listing.applications:
        for name, _ in listing.of(application):
            runs.setdefault(name, []).append(application)
    for name, applications in runs.items():
        if name.text not in submitted and all(a.ended for a in applications):
            await _record_run(name, applications, listing, ledger, clock.now())


async def _record_run(
    name: RunName, applications: Sequence[YarnApplication], listing: Listing, ledger: Ledger, at: float
) -> None:
    cluster, batch = listing.member.cluster_id, listing.batches[name.batch_id]
    while True:
        attempt = next((a for a in batch.attempts if a.number == name.number and a.cluster_id == cluster), None)
        if attempt is None:
            return
        if attempt == batch.live and not batch.listed:
            after, event = _buried(batch, applications, cluster, at), "tombstone_run_ended"
        elif _given_up(attempt) and any(_succeeded(a) for a in applications):
            event = "late_success" if attempt == batch.last else "double_success"
            after = _late(batch, attempt, applications, event)
        else:
            return
        if after == batch:
            return
        try:
            await ledger.save(after)
        except ConflictError:
            read = await ledger.read(batch.id)
            if read is None:  # pragma: no cover - a ledger forgets no batch
                raise
            batch = read
            continue
        log.warning(event, batch=batch.id, attempt=attempt.number, cluster=cluster, newest=batch.last.number)
        return


def _buried(batch: Batch, applications: Sequence[YarnApplication], cluster: str, at: float) -> Batch:
    """The tombstone, its run's end read back for every application that carries the attempt's tag."""
    told = ", ".join(f"{a.id} is {a.state}" for a in applications)
    killed = any(a.state == "KILLED" for a in applications)
    proof = Proof(ProofKind.YARN_KILLED, at, f"read back from YARN of {cluster}: {told}") if killed else None
    ended = replace(batch.last, proof=proof, ended_at=at, yarn_state=applications[-1].state, why=f"deleted; {told}")
    return batch.with_last(ended).showing(ShownState.KILLED, at, "deleted")


def _given_up(attempt: Attempt) -> bool:
    """Whether its end was proven, not seen."""
    return attempt.proof is not None or attempt.submit is SubmitState.FAILED


def _late(batch: Batch, attempt: Attempt, applications: Sequence[YarnApplication], event: str) -> Batch:
    """The batch with what a run that was given up came to; what is shown of the batch stays as it is."""
    said = f"{event}: {next(a.id for a in applications if _succeeded(a))} succeeded though it had been given up"
    if said in attempt.why:
        return batch
    noted = replace(attempt, why=f"{attempt.why}; {said}" if attempt.why else said)
    return replace(batch, attempts=tuple(noted if a.number == attempt.number else a for a in batch.attempts))


def _succeeded(application: YarnApplication) -> bool:
    return application.ended and application.final_status == "SUCCEEDED"
