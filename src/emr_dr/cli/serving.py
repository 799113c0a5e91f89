"""To run a server on a quick event loop, and end it in order when the process is asked to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop

from emr_dr.errors import EmrDrError


def serve(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `work`, whose event is set by SIGTERM or Ctrl-C; asked a second time, it is broken off.

    Raises:
        EmrDrError: What `work` raised on purpose.
    """

    async def main() -> None:
        asked_to_stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, _stop, asked_to_stop, asyncio.current_task())
        await work(asked_to_stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(main())
        except* EmrDrError as errors:
            raise _first(errors) from errors


def _first(errors: BaseExceptionGroup[EmrDrError]) -> EmrDrError:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if not isinstance(found, EmrDrError):
        raise TypeError(found)
    return found


def _stop(asked_to_stop: asyncio.Event, task: "asyncio.Task[object] | None") -> None:
    if asked_to_stop.is_set() and task is not None:
        task.cancel()
    asked_to_stop.set()
