"""What the service functions answer to the verbs when something is odd."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from emr_dr import service
from emr_dr.errors import TransientError
from emr_dr.lab.memory import OwnClock
from emr_dr.ports import JournalEntry
from journal import scenes
from simulation.harness import GROUP, Scene, site


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_an_apply_during_which_the_clock_was_set_is_to_be_repeated() -> None:
    scene = Scene()
    clock = OwnClock(scene.clock)
    found = replace(site(scene), controller=scene.controller(clock=clock))
    scene.clock.at(scene.clock.now() + 10, lambda: setattr(clock, "ahead", 3600.0))
    with pytest.raises(TransientError, match=r"the clock was set by \+3600 s.*apply or watch again"):
        await service.apply(found, lambda _: None, changed=lambda _: None)


async def test_a_status_remembers_differences_that_another_process_found() -> None:
    scene = await scenes.first_start()
    (machine,) = scene.cloud.live
    assert (await service.status(site(scene))).remarks == ()
    remark = f"{machine.id}: tags: team=a is declared, the cluster has team=b"
    await scene.store.append(GROUP, [JournalEntry(1.0, "difference_found", {"remark": remark})])
    assert (await service.status(site(scene))).remarks == (remark,)
