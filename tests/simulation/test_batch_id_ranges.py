"""A member whose Livy numbers its batches outside its range serves all the same, and everybody is told."""

from dataclasses import replace

import pytest

from emr_dr import service
from emr_dr.controller.loop import Round
from simulation.harness import PATIENCE, Scene, site


def launched(done: Round) -> bool:
    return any(m.cluster for m in done.group.members)


async def converged(first_batch: int, *, ranges: bool) -> Scene:
    """The first member serves; its Livy numbered the proving job so."""
    scene = Scene()
    await scene.declare()
    await scene.until(launched)
    (machine,) = scene.cloud.machines.values()
    machine.first_batch = first_batch
    controller = scene.controller()
    controller = replace(controller, observer=replace(controller.observer, batch_id_ranges=ranges))
    end = scene.clock.now() + PATIENCE
    done = await controller.run(lambda done: done.converged or scene.clock.now() > end)
    assert done.converged
    return scene


async def test_a_number_outside_its_range_is_in_the_journal_and_in_status_and_the_member_serves() -> None:
    scene = await converged(0, ranges=True)
    (found,) = await scene.events("difference_found")
    told = "batch id range: 1000000 to 1999999 is declared, the cluster has batch 0"
    assert str(found.detail["remark"]).endswith(told)
    status = await service.status(site(scene))
    assert [each.partition(": ")[2] for each in status.remarks] == [told]
    assert status.answer is service.Answer.HEALTHY


@pytest.mark.parametrize(("first_batch", "ranges"), [(1_000_000, True), (1_999_999, True), (0, False)])
async def test_a_number_within_it_or_without_ranges_is_nothing_to_tell(first_batch: int, *, ranges: bool) -> None:
    scene = await converged(first_batch, ranges=ranges)
    assert await scene.events("difference_found") == []
