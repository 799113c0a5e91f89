"""Two members that serve behind one target group, which sends everything from one source to the same one."""

import math
from dataclasses import replace

import pytest

from emr_dr.controller.loop import Controller, Round
from emr_dr.core.group import ENTITLED, Stage, Wanted
from emr_dr.core.verdict import VerdictName
from emr_dr.lab.memory import Machine
from simulation.acts import MINUTE, first, go_on, live, newest, reach, serves, stands, together, verdicts
from simulation.harness import DELAYS, Scene


def at(scene: Scene, vantage: str, *, elsewhere: bool = False) -> Controller:
    """A controller that knows of Livy alone at the balancer."""
    controller = scene.controller(vantage=vantage, elsewhere=elsewhere)
    controller.observer = replace(controller.observer, services=("livy",))
    return controller


async def begun() -> tuple[Scene, Controller]:
    """Two members are proven now; what comes from here will be sent to the first as long as that is healthy."""
    scene = Scene(Wanted(2), delays=replace(DELAYS, emr_notices=math.inf))
    await scene.declare()
    controller = at(scene, "here")
    await reach(controller, stands(2, Stage.PROVING))
    scene.cloud.front_leads_to = first(scene).address
    return scene, controller


async def two_serve() -> tuple[Scene, Machine, Controller]:
    """Both serve, each in a zone of its own."""
    scene, controller = await begun()
    await reach(controller, serves(1, 2), seconds=10 * MINUTE)
    return scene, first(scene), controller


async def test_a_second_member_is_admitted_though_the_address_leads_to_the_first() -> None:
    scene, _, _ = await two_serve()
    assert {m.placement.az for m in scene.cloud.live} == {"az-a", "az-b"}
    assert len(scene.cloud.targets) == 2


async def test_a_lost_one_is_fenced_at_once_and_replaced_beside_the_other() -> None:
    scene, lost, controller = await two_serve()
    other = newest(scene)
    scene.cloud.front_leads_to = other.address
    scene.cloud.kill(lost.id)
    await reach(controller, stands(1, Stage.FENCING, Stage.RETIRING))
    assert scene.cloud.targets == {other.address}
    await reach(controller, lambda done: done.converged)
    assert live(scene) == [2, 3]
    assert scene.cloud.targets == {other.address, newest(scene).address}


async def test_with_both_lost_the_last_one_stays_a_target_until_somebody_is_proven() -> None:
    scene, lost, controller = await two_serve()
    for each in (lost, newest(scene)):
        scene.cloud.kill(each.id)
    seen = list[tuple[int, bool]]()

    def replaced(done: Round) -> bool:
        proven = any(m.number > 2 and m.stage in ENTITLED for m in done.group.members)
        seen.append((len(scene.cloud.targets), proven))
        return proven and len(done.group.at(Stage.SERVING)) == 2

    await reach(controller, replaced)
    assert min(targets for targets, proven in seen if not proven) >= 1
    assert live(scene)[-2:] == [3, 4]


async def test_one_that_the_balancer_does_not_call_healthy_is_not_said_to_serve() -> None:
    scene, controller = await begun()
    scene.cloud.unrouted[newest(scene).address] = scene.clock.now()
    await reach(controller, stands(2, Stage.ADMITTING))
    done = await go_on(controller, MINUTE)
    assert stands(2, Stage.ADMITTING)(done)
    scene.cloud.unrouted.clear()
    await reach(controller, serves(1, 2), seconds=10 * MINUTE)


@pytest.mark.parametrize("watched_by_two", [False, True])
async def test_a_dead_yarn_that_the_balancer_cannot_see_is_believed_when_two_see_it(*, watched_by_two: bool) -> None:
    scene, member, controller = await two_serve()
    scene.cloud.stop_service(member.id, "resource-manager")
    others = [at(scene, "there", elsewhere=True)] if watched_by_two else []
    await together(scene, 5 * MINUTE, controller, *others)
    found = await verdicts(scene, member)
    assert (VerdictName.SERVICE_DOWN in found) is watched_by_two
    assert set(found) <= {VerdictName.SUSPECT, VerdictName.SERVICE_DOWN, VerdictName.MEMBER_LOST}
