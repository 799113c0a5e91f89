"""The rules of rescue, submission and cleaning, walked through whole; planted faults must be found."""

import pytest

from emr_dr.core.batch import RescueClass
from gateway.walk.planted import PLANTED
from gateway.walk.search import walk
from gateway.walk.state import Budget, Setup

SMALL = {
    "a member ends": Setup(RescueClass.IDEMPOTENT, Budget(end=1)),
    "a member ends, of a batch that is queued": Setup(RescueClass.ATOMIC, Budget(end=1), begins_on=""),
    "a member ends, two senders": Setup(RescueClass.IDEMPOTENT, Budget(end=1), senders=2, rescuers=1),
    "a member ends, and the client deletes": Setup(RescueClass.IDEMPOTENT, Budget(end=1, delete=1), rescuers=1),
    "a member ends, of class never": Setup(RescueClass.NEVER, Budget(end=1, lose=1)),
    "a member is cut off and its role denied": Setup(
        RescueClass.CHECKPOINTED, Budget(deny=1, cut=1, fence=1), rescuers=1
    ),
    "the same of class never": Setup(RescueClass.NEVER, Budget(deny=1, cut=1, fence=1), rescuers=1),
}
LARGE = {
    f"{rescue}: {budget}": Setup(rescue, budget, rescuers=1)
    for rescue in (RescueClass.IDEMPOTENT, RescueClass.NEVER)
    for budget in (
        Budget(end=1, lose=1, crash=1),
        Budget(deny=1, fence=1, cut=1, lose=1),
        Budget(end=1, fence=1, cut=1, delete=1),
        Budget(end=1, fence=1, cut=1, crash=1),
    )
} | {"two rescuers": Setup(RescueClass.IDEMPOTENT, Budget(end=1, fence=1, cut=1))}


@pytest.mark.parametrize("name", SMALL)
def test_it_holds_and_never_forgets_a_batch(name: str) -> None:
    result = walk(SMALL[name])
    assert result.exhausted
    assert not result.faults, result.story()


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.timeout(600)
def test_it_holds_in_larger_worlds(name: str) -> None:
    result = walk(LARGE[name])
    assert result.exhausted
    assert not result.faults, result.story()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    planted = PLANTED[name]
    result = walk(planted.setup, until=planted.code)
    assert planted.code in result.codes, f"{result.states} states, {sorted(result.faults)}"
