"""Run stand-in members in a process of their own: `python -m emr_dr.lab.standin 127.9.1.10 127.9.2.10 --seconds 60`."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence

import uvloop

from emr_dr.lab.standin.member import StandInMember
from emr_dr.lab.standin.plans import Plan
from emr_dr.lab.standin.runs import Runs
from emr_dr.lab.standin.settings import LivySettings
from emr_dr.lab.standin.yarn import YarnSettings


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emr_dr.lab.standin", description=__doc__)
    parser.add_argument("addresses", nargs="+", help="loopback addresses, one for each member j-1, j-2 …")
    parser.add_argument("--seconds", type=float, default=Plan().seconds, help="how long a batch takes")
    parser.add_argument("--starting", type=float, default=Plan().starting, help="how much of that it waits")
    parser.add_argument("--kill-seconds", type=float, default=0.02, help="how long YARN takes over a kill")
    parser.add_argument("--room", type=int, help="how many applications run at once; default: any number")
    return parser.parse_args(given)


async def serve(options: argparse.Namespace) -> None:
    """Say `ready` once all ports are open, and serve until SIGTERM or SIGINT; then say what ran twice."""
    runs = Runs()
    plan = Plan(seconds=options.seconds, starting=options.starting)
    members = [
        StandInMember(
            address,
            cluster_id=f"j-{n}",
            settings=LivySettings(plan=plan),
            yarn_settings=YarnSettings(room=options.room, kill_seconds=options.kill_seconds),
            runs=runs,
        )
        for n, address in enumerate(options.addresses, 1)
    ]
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with contextlib.AsyncExitStack() as stack:
        for member in members:
            stack.push_async_callback(member.close)
            await member.open()
        print("ready", flush=True)  # noqa: T201  whoever started it waits for this line
        await ended.wait()
        for member in members:
            member.agenda.catch_up()
        print(f"runs {len(runs.all)}, completed twice {len(runs.completed_twice())}", flush=True)  # noqa: T201


def main(given: Sequence[str]) -> None:
    """Serve, on uvloop."""
    uvloop.run(serve(_arguments(given)))


if __name__ == "__main__":
    main(sys.argv[1:])
