"""What `check` answers, and when a round says that nothing is outstanding."""

from emr_dr.errors import TransientError
from emr_dr.lab.memory import MemoryBalancer
from emr_dr.service import Answer, Status
from simulation.harness import GROUP, Scene


async def answered(scene: Scene) -> Answer:
    document = await scene.store.load(GROUP)
    assert document is not None
    observation = await scene.controller().observer.observe(document, scene.clock.now())
    return Status(document, observation, ()).answer


async def serving() -> Scene:
    scene = Scene()
    await scene.declare()
    await scene.converge()
    return scene


async def test_a_group_whose_member_serves_is_healthy() -> None:
    assert await answered(await serving()) is Answer.HEALTHY


async def test_a_group_that_no_client_reaches_is_not_healthy() -> None:
    """Its member answers us directly, and yet the balancer sends nobody to it."""
    scene = await serving()
    await MemoryBalancer(scene.cloud).deregister(next(iter(scene.cloud.targets)))
    assert await answered(scene) is Answer.NOT_HEALTHY


async def test_a_balancer_that_cannot_be_asked_says_nothing_against_a_member_that_answers() -> None:
    scene = await serving()
    scene.cloud.faults.fail("targets", TransientError("no answer"))
    assert await answered(scene) is Answer.HEALTHY


async def test_a_member_that_is_no_target_is_outstanding() -> None:
    scene = Scene()
    await scene.declare()
    controller = scene.controller()
    assert (await controller.run(lambda done: done.converged)).converged
    address = next(iter(scene.cloud.targets))
    await MemoryBalancer(scene.cloud).deregister(address)
    assert not (await controller.round()).converged
    await controller.run(lambda done: done.converged)
    assert scene.cloud.targets == {address}
