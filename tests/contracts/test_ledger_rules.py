"""What every `Ledger` refuses by itself, whoever asks: the states that must never be kept."""

from dataclasses import replace

import pytest

from contracts.values import change_last, confirmed, created, ended, proven_dead, saved, sent, submission
from emr_dr.core.batch import Batch, RescueClass, ShownState, SubmitState
from emr_dr.errors import PermanentError
from emr_dr.ports.ledger import Ledger

RUNNING = confirmed(sent(submission(name="daily", key="k").numbered(1)))
RESCUED = proven_dead(RUNNING).again(95.0, cluster_id="j-2")
ENDED = ended(RUNNING)
NEVER = replace(RUNNING, rescue=RescueClass.NEVER)
QUEUED = submission(cluster_id="").numbered(1)
FORBIDDEN = {
    "a second live attempt": (RUNNING, RUNNING.again(60.0), "may still run"),
    "two attempts at once": (proven_dead(RUNNING), RESCUED.again(96.0), "one at a time"),
    "an attempt dropped": (RESCUED, replace(RESCUED, attempts=RESCUED.attempts[:1]), "never dropped"),
    "an attempt that was never an intent": (RUNNING, sent(RESCUED), "begins as an intent"),
    "an attempt after the end": (ENDED, ENDED.again(90.0), "has ended"),
    "an attempt of a tombstone": (proven_dead(RUNNING).deleted(), RESCUED.deleted(), "was deleted"),
    "a tombstone sent": (QUEUED.deleted(), change_last(sent(QUEUED.deleted()), cluster_id="j-1"), "nothing is sent"),
    "a dead attempt sent": (proven_dead(QUEUED), change_last(sent(proven_dead(QUEUED)), cluster_id="j-1"), "is dead"),
    "a second run of a batch of class never": (NEVER, proven_dead(NEVER).again(95.0), "never, and it may have run"),
    "a second run of a batch of class never that was seen to run": (
        change_last(NEVER, app_id="application_1_0001"),
        change_last(NEVER, app_id="application_1_0001", ended_at=80.0).again(95.0),
        "never, and it may have run",
    ),
    "an end taken back": (ENDED, replace(ENDED, shown=ShownState.RUNNING), "stays"),
    "another end": (ENDED, replace(ENDED, shown=ShownState.DEAD), "stays"),
    "a tombstone taken back": (RUNNING.deleted(), RUNNING, "was deleted"),
    "a proof dropped": (proven_dead(RUNNING), RUNNING, "proof is set once"),
    "an attempt's end taken back": (ENDED, change_last(ENDED, ended_at=None), "ended_at is set once"),
    "another application": (
        change_last(RUNNING, app_id="application_1_0001"),
        change_last(RUNNING, app_id="application_1_0002"),
        "app_id is set once",
    ),
    "another Livy id": (RUNNING, change_last(RUNNING, livy_id=4), "Livy id is set once"),
    "another member after sending": (RUNNING, change_last(RUNNING, cluster_id="j-2"), "member never changes"),
    "sent to nobody": (QUEUED, sent(QUEUED), "needs a member"),
    "confirmed without a trace": (sent(RUNNING), change_last(RUNNING, livy_id=None), "confirmed needs"),
    "sent again after a lost reply": (
        change_last(RUNNING, submit=SubmitState.UNKNOWN),
        sent(RUNNING),
        "sent does not follow unknown",
    ),
    "a failed attempt come to life": (
        change_last(RUNNING, submit=SubmitState.FAILED),
        RUNNING,
        "confirmed does not follow failed",
    ),
    "another request": (RUNNING, replace(RUNNING, request="{}"), "never change"),
    "another rescue class": (RUNNING, replace(RUNNING, rescue=RescueClass.ATOMIC), "never change"),
    "another tag": (RUNNING, change_last(RUNNING, yarn_tag="mine"), "never change"),
}


@pytest.mark.parametrize(("before", "after", "why"), FORBIDDEN.values(), ids=FORBIDDEN)
async def test_the_ledger_itself_refuses(ledger: Ledger, before: Batch, after: Batch, why: str) -> None:
    made = {"token": before.token, "name": before.name, "rescue": before.rescue}
    batch = await created(ledger, cluster_id=before.attempts[0].cluster_id, **made)
    batch = await _led_to(ledger, batch, before)
    with pytest.raises(PermanentError, match=f"refuses this change.*{why}"):
        await ledger.save(replace(after, key=None, version=batch.version))
    assert await ledger.read(batch.id) == batch


async def _led_to(ledger: Ledger, batch: Batch, state: Batch) -> Batch:
    """Lead a new batch to the state by steps that are allowed."""
    first = state.attempts[0]
    steps = [batch]
    if first.submit is not SubmitState.INTENT:
        steps.append(sent(batch))
    if first.submit is not SubmitState.SENT:
        steps.append(replace(steps[-1], attempts=(first,)))
    kept = await saved(ledger, *steps)
    return await ledger.save(replace(state, key=None, version=kept.version))
