"""The runs of the protocol's record, by name: those for every test run, and the long ones for `python -m walk`."""

from dataclasses import replace

from emr_dr.core.group import Wanted
from walk.setup import ACTIVE_ACTIVE, ACTIVE_PASSIVE, POLICY, WARM_STANDBY, Budget, Setup, Start

ONCE, TWICE_AT_MOST = replace(POLICY, attempts=1), replace(POLICY, attempts=2)
BOTH = (ACTIVE_PASSIVE, ACTIVE_ACTIVE)

RUNS = {
    "1+0 fail, back, unfit, stale, switch": Setup(budget=Budget(fail=1, back=1, unfit=1, stale=1, switch=1)),
    "1+0 2 fail, 2 back, unfit": Setup(budget=Budget(fail=2, back=2, unfit=1)),
    "1+0 fail, back, gone, blind, pause": Setup(budget=Budget(fail=1, back=1, gone=1, blind=1, pause=1)),
    "1+0 fail, back, overdue, switch": Setup(budget=Budget(fail=1, back=1, slow=1, switch=1)),
    "1+0 fail, back, unfit, doubt": Setup(budget=Budget(fail=1, back=1, unfit=1, doubt=1)),
    "1+0 fail, back, unfit, protected": Setup(
        budget=Budget(fail=1, back=1, unfit=1), policy=replace(POLICY, protect=True)
    ),
    "1+0 first start: 2 unfit, fail, stale": Setup(start=Start.EMPTY, budget=Budget(unfit=2, fail=1, stale=1)),
    "1+0 first start, a foreign cluster serves: fail, unfit": Setup(
        start=Start.FOREIGN, budget=Budget(fail=1, unfit=1)
    ),
    "1+0 two attempts, then held: fail, back, 2 unfit": Setup(
        policy=TWICE_AT_MOST, count_attempts=True, budget=Budget(fail=1, back=1, unfit=2)
    ),
    "1+0 one attempt: 2 fail, back": Setup(policy=ONCE, count_attempts=True, budget=Budget(fail=2, back=1)),
    "1+0 two attempts: 2 fail, back, unfit": Setup(
        policy=TWICE_AT_MOST, count_attempts=True, budget=Budget(fail=2, back=1, unfit=1)
    ),
    "1+1 one attempt: 2 fail, back": Setup(
        WARM_STANDBY, policy=ONCE, count_attempts=True, budget=Budget(fail=2, back=1)
    ),
    "2+0 one attempt: 2 fail, back": Setup(
        ACTIVE_ACTIVE, policy=ONCE, count_attempts=True, budget=Budget(fail=2, back=1)
    ),
    "1+0 cooldown: 2 fail, back": Setup(policy=replace(POLICY, cooldown=5), budget=Budget(fail=2, back=1)),
    "1+0 wanted 1 <-> 2: fail, back": Setup(scale=BOTH, budget=Budget(fail=1, back=1, switch=1)),
    "1+0 fail, back, refuse, unfit": Setup(budget=Budget(fail=1, back=1, refuse=1, unfit=1)),
    "1+0 two launches a day: fail, 2 unfit, refuse": Setup(
        policy=replace(POLICY, launches_a_day=2), count_launches=True, budget=Budget(fail=1, unfit=2, refuse=1)
    ),
    "1+0 fail, back, work, switch": Setup(budget=Budget(fail=1, back=1, work=1, switch=1)),
    "1+0 fail, back, work, gone, ending": Setup(ending=True, budget=Budget(fail=1, back=1, work=1, gone=1)),
    "1+0 fail, back, stranger, unfit": Setup(budget=Budget(fail=1, back=1, stranger=1, unfit=1)),
    "1+0 fail, gone, blind": Setup(budget=Budget(fail=1, gone=1, blind=1)),
    "1+0 fail, back, gone, restore": Setup(budget=Budget(fail=1, back=1, gone=1, restore=1)),
    "1+0 fail, back, switch, restore": Setup(budget=Budget(fail=1, back=1, switch=1, restore=1)),
    "1+1 fail, back, unfit, stale, switch": Setup(
        WARM_STANDBY, budget=Budget(fail=1, back=1, unfit=1, stale=1, switch=1)
    ),
    "1+1 fail, back": Setup(WARM_STANDBY, budget=Budget(fail=1, back=1)),
    "1+1 2 fail, back": Setup(WARM_STANDBY, budget=Budget(fail=2, back=1)),
    "1+1 fail, gone, pause": Setup(WARM_STANDBY, budget=Budget(fail=1, gone=1, pause=1)),
    "1+1 first start: unfit": Setup(WARM_STANDBY, start=Start.EMPTY, budget=Budget(unfit=1)),
    "2+0 fail, back, switch": Setup(ACTIVE_ACTIVE, budget=Budget(fail=1, back=1, switch=1)),
    "2+0 2 fail, back": Setup(ACTIVE_ACTIVE, budget=Budget(fail=2, back=1)),
    "2+0 fail, back, unfit, stale": Setup(ACTIVE_ACTIVE, budget=Budget(fail=1, back=1, unfit=1, stale=1)),
    "2+0 fail, gone, pause": Setup(ACTIVE_ACTIVE, budget=Budget(fail=1, gone=1, pause=1)),
    "2+0 first start: unfit": Setup(ACTIVE_ACTIVE, start=Start.EMPTY, budget=Budget(unfit=1)),
    "2+0 wanted 2 <-> 1: fail, back": Setup(ACTIVE_ACTIVE, scale=BOTH, budget=Budget(fail=1, back=1, switch=1)),
    "2+1 fail, back": Setup(Wanted(2, 1), budget=Budget(fail=1, back=1)),
}

UNBOUNDED = {
    "1+0 fail, back, unfit, lease": Setup(bounded=False, budget=Budget(fail=1, back=1, unfit=1, lease=1)),
    "1+0 fail, back, 2 lease": Setup(bounded=False, controllers=3, budget=Budget(fail=1, back=1, lease=2)),
    "1+0 2 fail, back, lease": Setup(bounded=False, budget=Budget(fail=2, back=1, lease=1)),
    "1+0 fail, back, switch, lease": Setup(bounded=False, budget=Budget(fail=1, back=1, switch=1, lease=1)),
    "1+1 fail, back, lease": Setup(WARM_STANDBY, bounded=False, budget=Budget(fail=1, back=1, lease=1)),
    "2+0 fail, back, lease": Setup(ACTIVE_ACTIVE, bounded=False, budget=Budget(fail=1, back=1, lease=1)),
}
