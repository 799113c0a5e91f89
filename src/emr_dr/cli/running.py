"""To run a verb's work on an assembled group, and end it well when the process is asked to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from emr_dr.bootstrap import Assembly, assemble
from emr_dr.cli.logs import configure_logs
from emr_dr.spec import load_spec

T = TypeVar("T")


def run(
    spec: Path,
    work: Callable[[Assembly], Awaitable[T]],
    *,
    json_logs: bool = False,
    begins: bool = False,
    looks: bool = False,
    ending: bool = False,
    vantage: str = "",
) -> T:
    """Assemble the group's site, run `work` on it, and close what was opened; SIGTERM and Ctrl-C end its waits."""
    configure_logs(json_lines=json_logs)
    declared = load_spec(spec)

    async def main() -> T:
        async with assemble(declared, begins=begins, looks=looks, ending=ending, vantage=vantage) as assembly:
            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, _stop, assembly, asyncio.current_task())
            return await work(assembly)

    coroutine: Coroutine[Any, Any, T] = main()
    return asyncio.run(coroutine)


def _stop(assembly: Assembly, task: "asyncio.Task[Any] | None") -> None:
    """End after the round under way; asked a second time, at once."""
    if assembly.clock.stopped and task is not None:
        task.cancel()
    assembly.clock.stop()
