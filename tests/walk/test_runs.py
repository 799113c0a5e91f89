"""Every behaviour of the product's `decide` within a budget: no invariant breaks, and nothing is ever stuck.

These are the runs that take seconds; `python -m walk` (with PYTHONPATH=tests) does all of them, in minutes.
"""

from dataclasses import replace

import pytest

from emr_dr.core.group import Wanted
from walk.runs import BOTH, RUNS
from walk.search import Walk
from walk.setup import ACTIVE_ACTIVE, WARM_STANDBY, Budget, Setup, Start

QUICK = {
    "1+0 a standby is never fenced by a doubt": RUNS["1+0 fail, back, unfit, doubt"],
    "1+0 with termination protection": RUNS["1+0 fail, back, unfit, protected"],
    "1+0 two attempts, then held": RUNS["1+0 two attempts, then held: fail, back, 2 unfit"],
    "1+0 the only attempt is spent": RUNS["1+0 one attempt: 2 fail, back"],
    "1+0 with a cooldown": RUNS["1+0 cooldown: 2 fail, back"],
    "1+0 a launch is refused": RUNS["1+0 fail, back, refuse, unfit"],
    "1+0 one round is blind": Setup(budget=Budget(fail=1, back=1, unfit=1, blind=1)),
    "1+0 a stranger's address is registered": RUNS["1+0 fail, back, stranger, unfit"],
    "1+0 switchover while a batch runs": Setup(budget=Budget(fail=1, switch=1, work=1)),
    "1+0 the list lags": Setup(budget=Budget(fail=1, back=1, stale=1)),
    "1+0 ended clusters still answer for a while": Setup(ending=True, budget=Budget(gone=1)),
    "1+0 deadlines pass": Setup(budget=Budget(fail=1, back=1, slow=1)),
    "1+0 two launches a day": replace(
        RUNS["1+0 two launches a day: fail, 2 unfit, refuse"], budget=Budget(fail=1, unfit=1, refuse=1)
    ),
    "1+0 the store is restored from its first copy": Setup(budget=Budget(fail=1, gone=1, restore=1)),
    "1+0 first start": Setup(start=Start.EMPTY, budget=Budget(unfit=1, stale=1)),
    "1+0 first start while a foreign cluster serves": Setup(start=Start.FOREIGN, budget=Budget(unfit=1)),
    "1+1 fail, back": RUNS["1+1 fail, back"],
    "1+1 an operator pauses": Setup(WARM_STANDBY, budget=Budget(fail=1, pause=1)),
    "1+1 switchover": Setup(WARM_STANDBY, budget=Budget(fail=1, switch=1)),
    "2+0 fail, back, unfit": Setup(ACTIVE_ACTIVE, budget=Budget(fail=1, back=1, unfit=1)),
    "2+0 fewer are wanted": Setup(ACTIVE_ACTIVE, scale=BOTH, budget=Budget(switch=1, work=1)),
    "2+1 one fails": Setup(Wanted(2, 1), budget=Budget(fail=1)),
}


@pytest.mark.parametrize("name", QUICK)
def test_holds_and_is_never_stuck(name: str) -> None:
    result = Walk(QUICK[name]).run()
    assert result.exhausted
    assert not result.faults, result.story()


@pytest.mark.parametrize(
    "setup",
    [
        Setup(bounded=False, budget=Budget(fail=1, lease=1)),
        Setup(ACTIVE_ACTIVE, bounded=False, budget=Budget(fail=1, lease=1)),
    ],
    ids=["1+0", "2+0"],
)
def test_calls_that_wake_up_late_break_only_what_the_next_round_mends(setup: Setup) -> None:
    """AWS checks no token: a launch, a register or a deregister may land late, but nothing wrong is ever decided."""
    result = Walk(setup).run()
    assert result.exhausted
    assert result.codes <= {"I2", "I3", "I4", "I6"}, result.story()
