"""A walk that finds nothing proves nothing unless it finds what was planted: one fault each, one story each."""

from dataclasses import replace

import pytest

from emr_dr.core.recovery import decide
from walk import faults
from walk.parts import Parts
from walk.search import Walk
from walk.setup import ACTIVE_ACTIVE, POLICY, WARM_STANDBY, Budget, Decide, Setup

FAIL, FAIL_BACK = Budget(fail=1), Budget(fail=1, back=1)


def planted(parts: Parts, setup: Setup) -> Setup:
    return replace(setup, decide=parts.decide)


PLANTED = {
    "entitlement moves without a new epoch": ("I5", planted(faults.KEEPS_THE_EPOCH, Setup(budget=FAIL))),
    "a lost one is fenced with nobody to take over": (
        "I6a",
        planted(faults.FENCES_WITH_NOBODY_TO_TAKE_OVER, Setup(ACTIVE_ACTIVE, budget=Budget(fail=2))),
    ),
    "an Admitting member is condemned when lost": (
        "F1",
        planted(faults.CONDEMNS_THE_ADMITTING, Setup(budget=Budget(fail=2))),
    ),
    "a repeated launch is not looked up first": ("I3", planted(faults.NEVER_LOOKS_UP, Setup(budget=FAIL))),
    "a launch is repeated before the list has settled": (
        "I3",
        planted(faults.NEVER_SETTLES, Setup(budget=Budget(fail=1, stale=1))),
    ),
    "absence from the list means ended": (
        "F1",
        planted(faults.TAKES_ABSENCE_FOR_THE_END, Setup(budget=Budget(blind=1))),
    ),
    "remembered clusters are taken for orphans": ("F1", planted(faults.REMEMBERED_ARE_ORPHANS, Setup(budget=FAIL))),
    "launches under way are taken for orphans": ("I3", planted(faults.REAPS_LAUNCHES, Setup(budget=FAIL))),
    "a condemned one may come back": ("F1", planted(faults.BACK_FROM_CONDEMNED, Setup(budget=Budget(fail=2, back=1)))),
    "a candidate is given up on a suspicion": (
        "I1",
        planted(faults.GIVES_UP_ON_SUSPICION, Setup(budget=Budget(fail=1, doubt=1))),
    ),
    "an abort leaves the candidate alone": ("L1", planted(faults.LEAVES_THE_CANDIDATE, Setup(budget=FAIL_BACK))),
    "the launches of the day are forgotten": (
        "I3",
        planted(
            faults.FORGETS_THE_DAYS_LAUNCHES,
            Setup(policy=replace(POLICY, launches_a_day=1), count_launches=True, budget=Budget(fail=1, unfit=1)),
        ),
    ),
    "the old one is retired before its successor serves": (
        "I1",
        planted(faults.RETIRES_TOO_EARLY, Setup(budget=FAIL)),
    ),
    "a lost one is retired without evidence": ("E1", planted(faults.RETIRES_WITHOUT_EVIDENCE, Setup(budget=FAIL))),
    "a busy one is retired without evidence": (
        "E1",
        planted(faults.RETIRES_WITHOUT_EVIDENCE, Setup(budget=Budget(switch=1, work=1))),
    ),
    "the last healthy one is drained": ("I6a", planted(faults.DRAINS_THE_LAST, Setup(budget=Budget(fail=1, switch=1)))),
    "the new one is registered before the old one is out": (
        "I2",
        planted(faults.REGISTERS_FIRST, Setup(budget=FAIL_BACK)),
    ),
    "whatever does not serve is ended": ("I1", planted(faults.ENDS_WHAT_DOES_NOT_SERVE, Setup(WARM_STANDBY))),
    "strange clusters are ended without the document": (
        "I1",
        planted(faults.ENDS_STRANGE_CLUSTERS, Setup(budget=FAIL)),
    ),
    "strangers' addresses stay targets": ("L1", planted(faults.LEAVES_STRANGERS, Setup(budget=Budget(stranger=1)))),
    "effects before the save": ("I6", Setup(act_first=True, budget=FAIL)),
    "the last writer wins": ("I1", Setup(compare_and_set=False, budget=Budget(fail=1, back=1, lease=1))),
}


@pytest.mark.parametrize("name", PLANTED)
def test_finds_the_fault(name: str) -> None:
    code, setup = PLANTED[name]
    result = Walk(setup).run(first=True)
    assert code in result.codes, result.story()


# What a second rule makes harmless; kept as guards, and here to show that the walk knows it.
HARMLESS = {
    "acts while blind": planted(faults.ACTS_WHILE_BLIND, Setup(budget=Budget(fail=1, blind=1))),
    "forgets an ended member that is a target: it is a stranger then": planted(
        faults.FORGETS_AN_ENDED_TARGET, Setup(budget=Budget(fail=1, gone=1))
    ),
    "taking the lease leaves the document alone": Setup(lease_in_document=False, budget=Budget(fail=1, lease=1)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_knows_what_is_harmless(name: str) -> None:
    result = Walk(HARMLESS[name]).run()
    assert not result.faults, result.story()


def test_parts_put_together_decide_as_the_product_does() -> None:
    product: Decide = decide
    for setup in (Setup(budget=Budget(fail=1, back=1, switch=1)), Setup(ACTIVE_ACTIVE, budget=FAIL_BACK)):
        whole = Walk(replace(setup, decide=product)).run()
        parts = Walk(replace(setup, decide=Parts().decide)).run()
        assert (whole.states, whole.faults) == (parts.states, parts.faults)
