"""A walk that finds nothing proves nothing unless it finds what was planted: each fault, and the code it breaks."""

from dataclasses import replace
from typing import NamedTuple

from walk import faults
from walk.parts import Parts
from walk.runs import (
    AVOIDING,
    BOTH,
    LINGERING,
    ONE,
    TWO,
    TWO_A_DAY,
    WARM,
    adversary,
    by_gateway,
    denying,
)
from walk.setup import Setup

UNPROBED = by_gateway()
UNPROBED = replace(UNPROBED, policy=replace(UNPROBED.policy, probation=0))
"""Without probation, which else is longer than any gateway goes without news."""


class Planted(NamedTuple):
    """One fault in one run; the walk stops where it is found."""

    code: str
    setup: Setup


def plant(parts: Parts, code: str, words: str, base: Setup = ONE) -> Planted:
    """A fault in one part of the decision."""
    return Planted(code, replace(base, decide=parts.decide, budget=adversary(words)))


def break_rule(base: Setup, code: str, words: str) -> Planted:
    """A fault in the shell that the walk plays."""
    return Planted(code, replace(base, budget=adversary(words)))


PLANTED = {
    # The shell: what is saved, and when.
    "no compare-and-set: the last writer wins": break_rule(
        replace(ONE, compare_and_set=False), "I1", "fail, back, lease"
    ),
    "effects before the save": break_rule(replace(ONE, act_first=True), "I6", "fail"),
    # Entitlement, and the balancer.
    "entitlement moves without a new epoch": plant(faults.KEEPS_THE_EPOCH, "I5", "fail"),
    "the new one is registered before the old one is out": plant(faults.REGISTERS_FIRST, "I2", "fail, back"),
    "the same with two serving": plant(faults.REGISTERS_FIRST, "I2", "fail, back", TWO),
    "a lost one is fenced with nobody to take over": plant(
        faults.FENCES_WITH_NOBODY_TO_TAKE_OVER, "I6a", "2 fail", TWO
    ),
    "a failover by hand fences before anybody can take over": plant(faults.OBEYS_AT_ONCE, "I6a", "switch"),
    "an Admitting member is condemned when lost": plant(faults.CONDEMNS_THE_ADMITTING, "F1", "2 fail"),
    "the last healthy one is drained": plant(faults.DRAINS_THE_LAST, "I6a", "fail, switch"),
    "fewer are wanted, and one is drained without a look at the others": plant(
        faults.SHRINKS_BLINDLY, "I6a", "fail, switch", replace(TWO, scale=BOTH)
    ),
    "strangers' addresses stay targets": plant(faults.LEAVES_STRANGERS, "L1", "stranger"),
    # Launches, and what becomes of candidates.
    "no look-up before a repeated launch": plant(faults.NEVER_LOOKS_UP, "I3", "fail"),
    "no settling time before a repeated launch": plant(faults.NEVER_SETTLES, "I3", "fail, stale"),
    "the launches of the day are forgotten": plant(
        faults.FORGETS_THE_DAYS_LAUNCHES,
        "I3",
        "fail, unfit",
        replace(TWO_A_DAY, policy=replace(TWO_A_DAY.policy, launches_a_day=1)),
    ),
    "an abort leaves its candidate alone": plant(faults.LEAVES_THE_CANDIDATE, "L1", "fail, back"),
    "an abort forgets its candidate": plant(faults.FORGETS_THE_ABORTED, "F1", "fail, back"),
    "a candidate is given up on a suspicion": plant(faults.GIVES_UP_ON_SUSPICION, "I1", "fail, doubt"),
    "a condemned one comes back": plant(faults.BACK_FROM_CONDEMNED, "F1", "2 fail, back"),
    # Orphans, and what else is ended.
    "remembered clusters are taken for orphans": plant(faults.REMEMBERED_ARE_ORPHANS, "F1", "fail"),
    "launches under way are taken for orphans": plant(faults.REAPS_LAUNCHES, "I3", "fail"),
    "absence from the list means ended": plant(faults.TAKES_ABSENCE_FOR_THE_END, "F1", "blind"),
    "whatever does not serve is ended": plant(faults.ENDS_WHAT_DOES_NOT_SERVE, "I1", "fail", WARM),
    "the reaper ends strange clusters without the document": plant(faults.ENDS_STRANGE_CLUSTERS, "I1", "fail"),
    # The point of no return.
    "the old one is retired before its successor serves": plant(faults.RETIRES_TOO_EARLY, "I1", "fail"),
    "one comes back from retiring": plant(faults.BACK_FROM_RETIRING, "F1", "2 fail, 2 back"),
    "a lost one is retired without evidence": plant(faults.RETIRES_WITHOUT_EVIDENCE, "E1", "fail"),
    "a released one is retired before its successor serves": plant(
        faults.RETIRES_THE_RELEASED_AT_ONCE, "I1", "fail, release"
    ),
    "a busy one is retired without evidence": plant(faults.RETIRES_WITHOUT_EVIDENCE, "E1", "switch, work"),
    "one that answers is retired on EC2's word `impaired`": plant(
        faults.RETIRES_THE_IMPAIRED, "E1", "switch, work, host"
    ),
    "one is retired on EC2's word `ok`": plant(faults.RETIRES_ON_ANY_WORD, "E1", "fail, work"),
    "idle ones are retired in the region's trouble": plant(faults.SEES_NO_REGION_TROUBLE, "E1", "2 part"),
    # Mode gateway.
    "a member behind gateways is registered": plant(faults.REGISTERS_BEHIND_GATEWAYS, "G1", "fail", by_gateway()),
    "one is forgotten though a batch is on it": plant(
        faults.FORGETS_THE_AWAITED, "G2", "fail, gone, work", by_gateway()
    ),
    "a ledger that cannot be read counts as empty": plant(
        faults.TAKES_UNREAD_FOR_EMPTY, "G2", "gone, work, blind", by_gateway()
    ),
    "the ledger speaks of one that was forgotten, and nobody listens": plant(
        faults.FORGETS_THE_LEDGER, "L1", "fail, gone, work", by_gateway()
    ),
    "one is retired as YARN has it alone": plant(faults.RETIRES_BY_YARN, "E1", "switch, work", by_gateway()),
    "one is retired though a gateway may send to it": plant(faults.RETIRES_THE_IDLE_AT_ONCE, "G3", "switch", UNPROBED),
    "a proof of death goes with the stage": plant(faults.DROPS_THE_PROOF, "G4", "fail, release", by_gateway()),
    "one that was proven dead is taken back": plant(
        faults.TAKES_BACK_THE_DEAD, "G5", "2 fail, back, release", by_gateway()
    ),
    "a lost one is called dead": plant(faults.LOST_IS_DEAD, "G6", "fail", by_gateway()),
    "one that EMR is ending is called dead": plant(faults.ENDING_IS_DEAD, "G6", "gone", by_gateway(LINGERING)),
    "one whose primary EC2 calls impaired is dead": plant(faults.IMPAIRED_IS_DEAD, "G6", "fail, host", by_gateway()),
    "a switchover behind gateways fences before anybody can take over": plant(
        faults.HANDS_OVER_TO_NOBODY, "I6a", "switch", by_gateway()
    ),
    "a denial counts at once": plant(faults.BELIEVES_A_DENIAL_AT_ONCE, "G6", "fail", denying()),
    "a denial counts that nobody has read back": plant(faults.BELIEVES_A_DENIAL_UNREAD, "G6", "fail", denying()),
    "whoever is lost is denied, also one that serves": plant(faults.DENIES_THE_LOST, "G7", "fail", denying()),
    "one that was proven dead by its denial is allowed again": plant(faults.ALLOWS_THE_DEAD, "G4", "fail", denying()),
    "one is launched where the role is denied": plant(faults.LAUNCHES_WHERE_DENIED, "G7", "2 fail", denying()),
    # Holds.
    "a held group launches": plant(faults.IGNORES_THE_HOLD, "H1", "fail", replace(ONE, held=True)),
    "a hold stops the switch to a proven standby": plant(
        faults.HOLD_STOPS_THE_SWITCH, "H2", "fail", replace(WARM, held=True)
    ),
    "a hold stops the come-back of a fenced one": plant(
        faults.HOLD_STOPS_THE_COME_BACK, "L1", "2 fail, back", replace(WARM, held=True)
    ),
    "failing alike in two places does not hold": plant(faults.NEVER_HOLDS, "H3", "fail, 2 unfit", AVOIDING),
    "the cause of a failure is forgotten": plant(faults.FORGETS_THE_CAUSE, "H3", "fail, unfit, refuse"),
    "want of room in two places holds": plant(faults.HOLDS_FOR_WANT_OF_ROOM, "H4", "fail, 2 room", AVOIDING),
    "one failure holds": plant(faults.HOLDS_AT_ONCE, "H4", "fail, unfit, refuse"),
}

# What a second rule makes harmless; kept as guards, and here to show that the walk knows it.
HARMLESS = {
    "acts while blind": plant(faults.ACTS_WHILE_BLIND, "", "fail, blind"),
    "forgets an ended member that is a target: it is a stranger then": plant(
        faults.FORGETS_AN_ENDED_TARGET, "", "fail, gone"
    ),
    "a denial is forgotten with its member: it is found by its role then": plant(
        faults.FORGETS_THE_DENIAL, "", "fail, gone", denying()
    ),
    "taking the lease leaves the document alone": break_rule(replace(ONE, lease_in_document=False), "", "fail, lease"),
}
