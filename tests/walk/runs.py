"""The runs, each named by strategy, adversary and what else is special: a choice for CI, and the large ones.

With `ONE_AZ` there is no second place to launch in, which keeps the large ones small; all others have two.
"""

from dataclasses import replace
from typing import NamedTuple

from emr_dr.core.group import Wanted
from walk.setup import (
    ACTIVE_ACTIVE,
    ACTIVE_PASSIVE,
    BY_GATEWAY,
    DENYING,
    LADDER,
    POLICY,
    REMEMBERING,
    WARM_STANDBY,
    Budget,
    Setup,
    Start,
)

ONE, WARM, TWO, TWO_WARM = Setup(), Setup(WARM_STANDBY), Setup(ACTIVE_ACTIVE), Setup(Wanted(2, 1))
BOTH = (ACTIVE_PASSIVE, ACTIVE_ACTIVE)


class Run(NamedTuple):
    """One walk, and the codes of what it may break: late calls are carried out, for AWS checks no token."""

    setup: Setup
    residual: frozenset[str] = frozenset()


def run(words: str, base: Setup = ONE, note: str = "") -> tuple[str, Run]:
    """A run by its adversary, such as "2 fail, back"."""
    title = f"{base.wanted.serving}+{base.wanted.standby} {words}{f'; {note}' if note else ''}"
    return title, Run(replace(base, budget=adversary(words)))


def late(words: str, breaks: str, base: Setup = ONE, note: str = "") -> tuple[str, Run]:
    """A run in which holders of the lease sleep for any time and act when they wake up, and what that may break."""
    budget = adversary(words)
    title, setup = run(words, replace(base, bounded=False, controllers=budget.lease + 1), note)
    return f"{title}; unbounded, {budget.lease + 1} controllers", Run(setup.setup, frozenset(breaks.split()))


def last(words: str, base: Setup = ONE, note: str = "") -> tuple[str, Run]:
    """A run in which a person ends the group, at any time: between a save and its effects, too.

    Then a register may land on one that is condemned since; the next round takes it out again, before it is ended. And
    as nobody is wanted, whoever is there still is one too many.
    """
    title, ending = run(words, base, note)
    return title, Run(ending.setup, frozenset({"I3", "I4"}))


def adversary(words: str) -> Budget:
    """The budget that such words as "2 fail, back" speak of."""
    parts = [word.split() for word in words.split(", ")]
    return Budget(**{part[-1]: int(part[0]) if len(part) > 1 else 1 for part in parts})


def attempts(number: int, base: Setup = ONE) -> Setup:
    """Candidates are counted, and with so many spent the group is held."""
    return replace(base, policy=replace(base.policy, attempts=number), count_attempts=True)


def one_az(base: Setup = ONE) -> Setup:
    """There is one place to launch in."""
    return replace(base, policy=replace(base.policy, placements=POLICY.placements[:1]))


PROTECTED = replace(ONE, policy=replace(POLICY, protect=True))
TWO_A_DAY = replace(ONE, policy=replace(POLICY, launches_a_day=2), count_launches=True)
COOLING = replace(ONE, policy=replace(POLICY, cooldown=5))
AVOIDING = replace(ONE, policy=REMEMBERING)
RUNGS = replace(ONE, policy=replace(REMEMBERING, placements=LADDER))
LINGERING = replace(ONE, ending=True)


def by_gateway(base: Setup = ONE) -> Setup:
    """Gateways send the work, and there is one place to launch in."""
    return replace(base, policy=replace(BY_GATEWAY, placements=BY_GATEWAY.placements[:1]))


def denying(base: Setup = ONE) -> Setup:
    """Gateways send the work, there are two places, and the roles of lost members are denied."""
    return replace(base, policy=DENYING)


BEHIND = "behind gateways"
DENIED = f"{BEHIND}, roles are denied"

QUICK = dict(
    [
        run("2 fail, 2 back", one_az(), "one AZ"),
        run("2 fail, back", COOLING, "cooldown"),
        run("fail, back, unfit, stale"),
        run("fail, back, unfit, doubt"),
        run("fail, back, unfit", PROTECTED, "termination protection"),
        run("fail, back, unfit, slow", one_az(), "one AZ"),
        run("fail, back, switch, work"),
        run("fail, unfit, switch", one_az(), "one AZ"),
        run("fail, slow, switch", one_az(), "one AZ"),
        run("fail, back, gone, pause", one_az(), "one AZ"),
        run("fail, back, stranger, unfit"),
        run("fail, gone, work", LINGERING, "terminating takes a while"),
        run("fail, back, unfit, blind"),
        run("fail, gone, blind"),
        run("fail, gone, restore"),
        run("fail, back, switch, restore"),
        # What allows to end a member, and the region's trouble.
        run("fail, back, work, host, unfit"),
        run("2 part, back, work"),
        run("2 part", WARM),
        run("2 part", TWO),
        # Holds, and where to launch next.
        run("fail, back, 2 unfit", attempts(2), "two attempts"),
        run("2 fail, back", attempts(1), "one attempt"),
        run("2 fail, back", attempts(1, WARM), "one attempt"),
        run("2 fail, back", attempts(1, TWO), "one attempt"),
        run("fail, back, 2 unfit", AVOIDING, "failed places are avoided"),
        run("fail, unfit, differ", AVOIDING, "failed places are avoided"),
        run("fail, 2 unfit, release", AVOIDING, "failed places are avoided"),
        run("fail, back, 2 refuse, room", AVOIDING, "failed places are avoided"),
        run("fail, back, 3 room", RUNGS, "two instance types"),
        run("fail, 2 unfit, refuse", TWO_A_DAY, "two launches a day"),
        run("fail, back, unfit, release", replace(ONE, held=True), "held"),
        run("2 fail, back", replace(WARM, held=True), "held"),
        run("fail, switch", replace(WARM, held=True), "held"),
        run("2 fail, back", replace(TWO, held=True), "held"),
        # First starts, and counts that change.
        run("2 unfit, stale", replace(ONE, start=Start.EMPTY), "first start"),
        run("fail, unfit", replace(ONE, start=Start.FOREIGN), "first start while a foreign cluster serves"),
        run("unfit", one_az(replace(WARM, start=Start.EMPTY)), "first start, one AZ"),
        run("unfit", one_az(replace(TWO, start=Start.EMPTY)), "first start, one AZ"),
        run("fail, back, switch", replace(ONE, scale=BOTH), "wanted 1 <-> 2"),
        run("fail, switch", replace(TWO, scale=BOTH), "wanted 2 <-> 1"),
        # The end of a group.
        last("fail, back, unfit, destroy"),
        last("fail, stale, pause, destroy", one_az(), "one AZ"),
        last("fail, switch, destroy", one_az(WARM), "one AZ"),
        last("destroy", one_az(replace(TWO, start=Start.EMPTY)), "first start, one AZ"),
        # The other strategies.
        run("fail, back, unfit", WARM),
        run("fail, back, unfit, switch", one_az(WARM), "one AZ"),
        run("fail, pause", WARM),
        run("fail, gone", one_az(WARM), "one AZ"),
        run("fail, back, blind", WARM),
        run("fail, back, unfit, stale", TWO),
        run("fail, back, switch", one_az(TWO), "one AZ"),
        run("fail, pause", TWO),
        run("fail, gone", one_az(TWO), "one AZ"),
        run("fail, back, blind", TWO),
        run("fail, back", TWO_WARM),
        # Mode gateway.
        run("2 fail, back, work", by_gateway(), BEHIND),
        run("fail, switch, work", by_gateway(), BEHIND),
        run("void, work", by_gateway(), BEHIND),
        run("gone, 2 work", by_gateway(LINGERING), f"terminating takes a while, {BEHIND}"),
        run("fail, back, work, release", by_gateway(), BEHIND),
        run("fail, 2 work, host", by_gateway(), BEHIND),
        run("fail, back, 2 work, blind", by_gateway(), BEHIND),
        run("part, back, work, unfit", by_gateway(), BEHIND),
        run("fail, back, work", by_gateway(WARM), BEHIND),
        run("fail, switch", by_gateway(WARM), BEHIND),
        run("fail, back, work", by_gateway(TWO), BEHIND),
        run("gone, work", by_gateway(TWO), BEHIND),
        run("void, work", by_gateway(TWO), BEHIND),
        run("switch, work", by_gateway(replace(TWO, scale=BOTH)), f"wanted 2 <-> 1, {BEHIND}"),
        last("fail, work, destroy", by_gateway(), BEHIND),
        run("fail, back, work", denying(), DENIED),
        run("fail, gone", denying(), DENIED),
        run("fail, work", denying(WARM), DENIED),
        run("fail, work", denying(TWO), DENIED),
        # Calls that land at any time.
        late("fail, back, unfit, lease", "I3", one_az(), "one AZ"),
        late("fail, 2 lease", "I3", one_az(), "one AZ"),
        late("fail, back, lease", "I3", one_az(WARM), "one AZ"),
        late("fail, back, lease", "I3 I6", TWO),
        late("fail, work, lease", "I3", by_gateway(), BEHIND),
    ]
)

LARGE = dict(
    [
        run("2 fail, 2 back, unfit"),
        run("fail, back, unfit, stale, switch"),
        run("fail, back, gone, blind, pause"),
        run("fail, back, slow, switch"),
        run("fail, slow, switch, work", one_az(), "one AZ"),
        run("fail, back, work, gone", LINGERING, "terminating takes a while"),
        run("fail, back, gone, restore"),
        run("2 part, back, host, work"),
        run("2 part, back, unfit, host"),
        run("2 fail, back, unfit", attempts(2), "two attempts"),
        run("fail, back, 2 unfit, differ", AVOIDING, "failed places are avoided"),
        run("fail, back, 3 room, unfit", RUNGS, "two instance types"),
        run("2 unfit, fail, stale", replace(ONE, start=Start.EMPTY), "first start"),
        run("fail, back, unfit, stale, switch", WARM),
        run("2 fail, back", WARM),
        run("2 part, back, host", WARM),
        run("fail, gone, pause", WARM),
        run("fail, 2 unfit, back", WARM),
        run("unfit", replace(WARM, start=Start.EMPTY), "first start"),
        run("fail, back, switch", TWO),
        run("2 fail, back", TWO),
        run("2 part, work", TWO),
        run("2 part, back, host", TWO),
        run("fail, gone, pause", TWO),
        run("2 unfit, fail", TWO),
        run("unfit", replace(TWO, start=Start.EMPTY), "first start"),
        run("fail, back, switch", replace(TWO, scale=BOTH), "wanted 2 <-> 1"),
        run("2 fail, back, switch", replace(WARM, held=True), "held"),
        run("2 fail, back, release", replace(TWO, held=True), "held"),
        run("2 fail, back", TWO_WARM),
        run("fail, back, gone, 2 work", by_gateway(LINGERING), f"terminating takes a while, {BEHIND}"),
        run("void, gone, work", by_gateway(LINGERING), f"terminating takes a while, {BEHIND}"),
        run("2 fail, back, work, release", by_gateway(), BEHIND),
        run("fail, back, switch, work", by_gateway(WARM), BEHIND),
        run("2 fail, back, work", denying(), DENIED),
        run("2 fail, gone", denying(), DENIED),
        run("fail, back, work", denying(TWO), DENIED),
        late("fail, back, lease", "I3 G7", denying(), DENIED),
        run("fail, gone, work", by_gateway(TWO), BEHIND),
        run("fail, switch, work", by_gateway(replace(TWO, scale=BOTH)), f"wanted 2 <-> 1, {BEHIND}"),
        late("fail, back, 2 lease", "I3"),
        late("2 fail, back, lease", "I2 I3 I4 I6"),
        late("fail, switch, lease", "I2 I3 I4 I6", one_az(), "one AZ"),
        late("fail, back, switch, lease", "I2 I3 I4 I6"),
        late("fail, back, 2 lease", "I3", one_az(WARM), "one AZ"),
        late("fail, back, 2 lease", "I3 I6", one_az(TWO), "one AZ"),
    ]
)
