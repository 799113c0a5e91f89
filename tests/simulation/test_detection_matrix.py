"""The fault matrix where it ends in a verdict: what is believed of one member, after how long, and what is not."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from emr_dr.core.evidence import ProbeResult
from emr_dr.core.verdict import Detection, VerdictName
from emr_dr.lab.memory import MemoryBalancer, MemoryCloud
from emr_dr.ports import TargetHealth
from simulation.acts import (
    HOUR,
    MINUTE,
    carried_out,
    go_on,
    led,
    live,
    reach,
    refusals,
    serves,
    switches,
    verdicts,
    why,
)
from simulation.harness import POLICY, Scene
from simulation.odd_ports import LossyProbes, OddProbes

SERVICES = ("livy", "resource-manager", "name-node")
Harm = Callable[..., None]
REPORT = Detection(interval=5, member_lost=20, service_down=40, replace_on_service_down=False)


# Rows 1, 2 and 4 (NameNode killed)
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("harm", [MemoryCloud.stop_service, MemoryCloud.freeze], ids=["killed", "frozen"])
async def test_a_dead_service_is_believed_after_its_window_and_the_member_is_replaced(harm: Harm, service: str) -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    harm(scene.cloud, member.id, service)
    await go_on(controller, scene.detection.service_down - scene.detection.interval)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT]
    assert await carried_out(scene, since) == []
    await reach(controller, serves(2))
    assert (await verdicts(scene, member))[:2] == [VerdictName.SUSPECT, VerdictName.SERVICE_DOWN]
    assert (await why(scene, member, VerdictName.SERVICE_DOWN)).startswith(f"{service}:")
    assert scene.cloud.targets == {scene.cloud.live[-1].address}


UNWELL = [
    ("resource-manager", "haState is STANDBY"),
    ("resource-manager", "state is STOPPED"),
    ("name-node", "safe mode is on"),
]


# Rows 3 and 4 (safe mode)
@pytest.mark.parametrize(("service", "words"), UNWELL, ids=[words for _, words in UNWELL])
async def test_a_service_that_says_itself_that_it_is_not_well_is_believed_though_the_balancer_calls_it_healthy(
    service: str, words: str
) -> None:
    scene, member, controller = await led()
    scene.cloud.say_unwell(member.id, service, words)
    done = await reach(controller, lambda done: bool(done.observation and done.observation.world.clusters[0].lost))
    assert done.observation is not None
    verdict = done.observation.verdicts[member.id]
    assert (verdict.name, verdict.service) == (VerdictName.SERVICE_DOWN, service)
    assert words in verdict.why
    assert "it says so itself" in verdict.why
    assert {t.health for t in await MemoryBalancer(scene.cloud).targets()} == {TargetHealth.HEALTHY}
    await reach(controller, serves(2))
    assert scene.cloud.targets == {scene.cloud.machines["j-0000000000002"].address}


# Row 4, by policy
@pytest.mark.parametrize("harm", ["killed", "safe mode is on"])
async def test_a_service_that_is_down_is_only_told_where_the_policy_says_so(harm: str) -> None:
    scene, member, controller = await led(scene=Scene(detection=REPORT))
    since = scene.clock.now()
    if harm == "killed":
        scene.cloud.stop_service(member.id, "name-node")
    else:
        scene.cloud.say_unwell(member.id, "name-node", harm)
    await go_on(controller, HOUR)
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.SERVICE_DOWN]
    assert await carried_out(scene, since) == []
    assert live(scene) == [1]


ODD: dict[str, Sequence[ProbeResult]] = {
    "an HTML page, markup and all": [
        ProbeResult(s, ok=False, detail="<html>\x00[red]{}%s\n\u2028 502") for s in SERVICES
    ],
    "empty words": [ProbeResult(s, ok=False) for s in SERVICES],
    "a megabyte": [ProbeResult(s, ok=False, detail="x" * 1_000_000) for s in SERVICES],
    "one service twice": [ProbeResult("livy", ok=False)] * 2,
    "a service that nobody declared": [*(ProbeResult(s, ok=True) for s in SERVICES), ProbeResult("xyzzy", ok=False)],
    "nothing": [],
}


# Row 5; that garbage becomes a failed result is the real probes' part, in tests/probes
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_odd_answers_of_a_member_that_the_balancer_calls_healthy_are_told_and_end_no_controller(
    odd: Sequence[ProbeResult],
) -> None:
    scene, member, controller = await led()
    probes = OddProbes(scene.cloud, member.address, odd)
    controller.observer = replace(controller.observer, probes=probes)
    probes.begun, since = True, scene.clock.now()
    done = await go_on(controller, 10 * MINUTE)
    assert done.observation is not None
    assert done.observation.verdicts[member.id].name is not VerdictName.HEALTHY
    assert await carried_out(scene, since) == []
    probes.begun = False
    assert (await reach(controller, lambda done: done.converged)).converged


# Row 6
@pytest.mark.parametrize("failing", [SERVICES[:1], SERVICES[:2], SERVICES], ids=["one", "two of three", "all"])
@pytest.mark.parametrize("seconds", [1, 15])
async def test_services_lost_for_a_moment_are_nothing(failing: tuple[str, ...], seconds: float) -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    scene.clock.at(since + 9.5, lambda: scene.cloud.freeze(member.id, *failing))
    scene.clock.at(since + 9.5 + seconds, lambda: scene.cloud.heal(member.id, *failing))
    done = await go_on(controller, 5 * MINUTE)
    assert done.converged
    assert await carried_out(scene, since) == []
    assert await verdicts(scene, member) == [VerdictName.SUSPECT, VerdictName.HEALTHY]


def flap(scene: Scene, down: float, up: float, seconds: float) -> None:
    """Have whoever is a target then fail and heal, again and again, for so long."""
    start, harmed = scene.clock.now(), list[str]()

    def fail() -> None:
        harmed[:] = [m.id for m in scene.cloud.machines.values() if m.address in scene.cloud.targets]
        for cluster in harmed:
            scene.cloud.freeze(cluster)

    def heal() -> None:
        for cluster in harmed:
            scene.cloud.heal(cluster)

    for n in range(int(seconds // (down + up))):
        scene.clock.at(start + n * (down + up), fail)
        scene.clock.at(start + n * (down + up) + down, heal)


# Row 7
async def test_flapping_too_short_to_be_believed_causes_nothing() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    flap(scene, 10, 10, HOUR)
    await go_on(controller, HOUR)
    assert await carried_out(scene, since) == []
    assert VerdictName.MEMBER_LOST not in await verdicts(scene, member)


# Row 7, with times down that fill every window
async def test_flapping_with_a_cooldown_switches_once_and_then_says_why_it_does_not() -> None:
    scene, _, controller = await led(scene=Scene(policy=replace(POLICY, cooldown=HOUR)))
    since = scene.clock.now()
    flap(scene, 90, 90, HOUR)
    await go_on(controller, HOUR)
    assert len([e for e in await switches(scene) if e.at >= since]) == 1
    assert any(reason.startswith("cooldown: ") for reason in await refusals(scene))


@pytest.mark.parametrize("seed", range(3))
async def test_an_hour_with_one_probe_in_ten_lost_and_a_stall_every_ten_minutes_causes_nothing(seed: int) -> None:
    scene, member, controller = await led(scene=Scene(detection=Detection()))
    since = scene.clock.now()
    controller.observer = replace(controller.observer, probes=LossyProbes(scene.cloud, seed))
    for minute in range(5, 60, 10):
        scene.clock.at(since + minute * MINUTE, lambda: scene.cloud.freeze(member.id))
        scene.clock.at(since + minute * MINUTE + 45, lambda: scene.cloud.heal(member.id))
    await go_on(controller, HOUR)
    assert await carried_out(scene, since) == []
    assert VerdictName.SUSPECT in await verdicts(scene, member)
    assert live(scene) == [1]


# Row 10
async def test_a_member_that_only_the_balancer_does_not_reach_is_told_and_not_replaced() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    scene.cloud.cut_from_balancer(member.address)
    await go_on(controller, HOUR)
    assert await verdicts(scene, member) == [VerdictName.BALANCER_PATH_BROKEN]
    assert await carried_out(scene, since) == []


# Row 10
async def test_a_member_that_was_taken_out_of_the_balancer_is_put_back_and_not_replaced() -> None:
    scene, member, controller = await led()
    since = scene.clock.now()
    await MemoryBalancer(scene.cloud).deregister(member.address)
    assert (await reach(controller, lambda done: done.converged, seconds=MINUTE)).converged
    assert scene.cloud.targets == {member.address}
    assert await carried_out(scene, since) == ["RegisterTarget"]
