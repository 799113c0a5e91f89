"""To look after a group: the controller's rounds, for as long as asked."""

from dataclasses import replace

import structlog

from emr_dr.controller.loop import Round
from emr_dr.errors import ConflictError, EmrDrError, TransientError
from emr_dr.service.site import Site, Told, destroyed

log = structlog.get_logger("emr_dr.service")


async def watch(site: Site, told: Told) -> Round:
    """Run the controller until the process is asked to stop, or the group was destroyed; then give the lease back.

    Raises:
        UsageError: The group was never applied with this store.
    """
    await stage_files(site)
    try:
        return await site.controller.run(lambda done: destroyed(done.group), told)
    finally:
        await give_back(site)


async def tick(site: Site, seconds: float, told: Told) -> Round:
    """Run rounds until nothing is outstanding or `seconds` are over, for schedulers; at least one.

    Any number of ticks and watches may run at once: one leads, the others see that and end.

    Raises:
        TransientError: The store was out of reach when the time was over.
    """
    controller, until = site.controller, site.clock.steady() + seconds

    def over() -> bool:  # also between rounds that fail, and whoever sets the clock
        return controller.stopping() or site.clock.steady() >= until

    def stop(done: Round) -> bool:
        return done.converged or done.observation is None

    await stage_files(site)
    try:
        return await replace(controller, stopping=over).run(stop, told)
    finally:
        await give_back(site)


async def stage_files(site: Site) -> None:
    """See that clusters will find what they read; without S3 the controller goes on all the same."""
    try:
        for file in site.files:
            await site.artifacts.put(file.name, file.body)
    except EmrDrError as error:
        log.warning("files_not_stored", group=site.group, reason=str(error))


async def give_back(site: Site) -> None:
    """Give the lease back; when that fails it just expires."""
    try:
        await site.controller.release()
    except (ConflictError, TransientError):
        return
