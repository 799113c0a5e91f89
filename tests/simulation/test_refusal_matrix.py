"""The fault matrix of what is refused: each refusal is saved, is in what `status` answers, and in the journal."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.core.group import Group, Pause
from emr_dr.core.staffing import DAY
from simulation.acts import (
    HOUR,
    MINUTE,
    carried_out,
    go_on,
    led,
    live,
    newest,
    reach,
    refusals,
    remembered,
    say,
    serves,
)
from simulation.harness import POLICY, Scene, site

Change = Callable[[Group, float], Group]


def switched_just_now(group: Group, at: float) -> Group:
    return replace(group, recovered_at=at)


def launched_all_day(group: Group, at: float) -> Group:
    return replace(group, launches=(at + HOUR - DAY,) * POLICY.launches_a_day)


def paused(group: Group, at: float) -> Group:
    return replace(group, pause=Pause("maintenance of the mirror", at + HOUR))


REFUSED: dict[str, tuple[Change, str, float]] = {
    "cooldown": (switched_just_now, "cooldown: member 1 is lost, and a switch was made less than 3600 s ago", HOUR),
    "budget": (launched_all_day, "budget: 6 launches in the last 24 h, 6 are allowed", HOUR),
    "pause": (paused, "paused: maintenance of the mirror", HOUR),
}


# Row 47
@pytest.mark.parametrize(("change", "reason", "seconds"), REFUSED.values(), ids=REFUSED)
async def test_what_may_not_begin_is_refused_with_its_reason_everywhere_and_begins_once_it_may(
    change: Change, reason: str, seconds: float
) -> None:
    scene, member, controller = await led(scene=Scene(policy=replace(POLICY, cooldown=HOUR)))
    since = scene.clock.now()
    await say(scene, lambda group: change(group, since))
    scene.cloud.freeze(member.id)
    done = await go_on(controller, 10 * MINUTE)
    assert done.group.refusals == (reason,)
    assert (await service.status(site(scene))).document.group.refusals == (reason,)
    assert (await refusals(scene)).count(reason) == 1, "what goes on is told once"
    assert scene.cloud.targets == {member.address}
    assert "DeregisterTarget" not in await carried_out(scene, since)
    await reach(controller, serves(2), seconds=seconds)
    assert scene.clock.now() - since >= seconds
    assert scene.cloud.targets == {newest(scene).address}
    assert reason in [e.detail["reason"] for e in await scene.events("refusal_ended")]


# Row 47
async def test_a_pause_ends_nothing_and_replaces_nobody_until_it_is_over() -> None:
    scene, member, controller = await led()
    scene.cloud.kill(member.id)
    await reach(controller, serves(2))
    await say(scene, lambda group: paused(group, scene.clock.now()))
    scene.cloud.kill(newest(scene).id)
    await go_on(controller, HOUR - MINUTE)
    assert len(scene.cloud.machines) == 2
    await reach(controller, serves(3))


# Row 47
async def test_a_cooldown_does_not_keep_a_member_entitled_that_emr_ends() -> None:
    scene, member, controller = await led(scene=Scene(policy=replace(POLICY, cooldown=HOUR)))
    await say(scene, lambda group: switched_just_now(group, scene.clock.now()))
    scene.cloud.terminate_by_hand(member.id)
    await reach(controller, serves(2), seconds=10 * MINUTE)
    assert live(scene) == [2]


async def test_a_group_that_holds_itself_says_so_in_status_and_goes_on_after_apply() -> None:
    scene, member, controller = await led()
    scene.cloud.next_differ = 2
    scene.cloud.freeze(member.id)
    await reach(controller, lambda done: bool(done.group.held))
    assert (await service.status(site(scene))).document.group.held
    assert [e.detail["reason"] for e in await scene.events("group_held")] == [(await remembered(scene)).held]
    await controller.release()
    await service.apply(site(scene), lambda _: None, changed=lambda _: None, wait=False)
    await reach(scene.controller(), serves(4))
    assert scene.cloud.targets == {newest(scene).address}
