"""The limits that stood around a decision: which of them were counting, and how far."""

from collections.abc import Iterable, Mapping
from typing import Any

from emr_dr.controller.replay import Recorded
from emr_dr.core.group import Group, Member, Policy, Stage
from emr_dr.core.staffing import DAY


def limits(recorded: Recorded, after: Mapping[str, Any]) -> tuple[str, ...]:
    """Every limit that something had used up a part of; `after` has the fields that the decision changed.

    Nothing is known of the limits of a decision that an older version wrote down.
    """
    if recorded.policy is None:
        return ()
    group, at, policy = recorded.before, recorded.world.at, recorded.policy
    return (*_spent(group, after, at, policy), *_waits(group, at, policy))


def _spent(group: Group, after: Mapping[str, Any], at: float, policy: Policy) -> Iterable[str]:
    attempts = after.get("attempts", group.attempts)
    if attempts:
        yield f"attempts: {attempts} of {policy.attempts} candidates spent"
    today = [t for t in after.get("launches", group.launches) if at - t < DAY]
    if today:
        yield f"budget: {len(today)} of {policy.launches_a_day} launches in 24 h"
    if group.recovered_at is not None and at - group.recovered_at < policy.cooldown:
        yield f"cooldown: {at - group.recovered_at:.0f} of {policy.cooldown:g} s since the last switch"
    for a in group.avoid:
        if at - a.at < policy.avoid_for:
            what = f"{a.subnet} {a.instance_type}".strip()
            yield f"avoided: {what} is tried last, {at - a.at:.0f} of {policy.avoid_for:g} s: {a.reason}"


def _waits(group: Group, at: float, policy: Policy) -> Iterable[str]:
    young = [m for m in group.at(Stage.SERVING) if at - m.since < policy.probation]
    for m in group.members:
        took = f"member {m.number}: {m.stage} for {at - m.since:.0f}"
        limit = _deadline(m, policy)
        if limit is not None:
            yield f"{took} of {limit:g} s"
        elif m.stage is Stage.LAUNCHING:
            yield f"{took} of {policy.settle:g} s in which it must be seen, call {m.tries} of {policy.tries}"
        elif m.stage is Stage.FENCING:
            yield f"{took} of {policy.retire_unconfirmed_after:g} s, unless something shows that it ended or is idle"
        elif m in young and group.at(Stage.FENCING):
            yield f"{took} of {policy.probation:g} s probation, before anything is ended"


def _deadline(member: Member, policy: Policy) -> float | None:
    limits_of = {
        Stage.BOOTING: policy.boot,
        Stage.PROVING: policy.prove,
        Stage.ADMITTING: policy.admit,
        Stage.DRAINING: policy.drain,
    }
    return limits_of.get(member.stage)
