"""The lab in one process: AWS API and control API on one port, balancer, machines, and the passing of time."""

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

import psutil
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from emr_dr.errors import EmrDrError, UsageError
from emr_dr.lab import world
from emr_dr.lab.aws.account import Account
from emr_dr.lab.aws.emr_lifecycle import Lifecycle
from emr_dr.lab.aws.overlay import StartResponse
from emr_dr.lab.aws.protocol import Environ, JsonObject
from emr_dr.lab.aws.resources import create_resources
from emr_dr.lab.balancer import Balancer
from emr_dr.lab.cluster.sweep import sweep
from emr_dr.lab.control import Control
from emr_dr.lab.gateways import Gateways
from emr_dr.lab.machines import Machines
from emr_dr.lab.parts import find_parts
from emr_dr.lab.real import RealMachines
from emr_dr.lab.standin import StandInMachines
from emr_dr.lab.times import LabTimes

log = logging.getLogger(__name__)

_ROUND_SECONDS = 0.05
_OWNER_LOOK_SECONDS = 0.5


class _Handler(MotoRequestHandler):
    """Requests are logged by the overlay, with their operation."""

    def log_request(self, *_: object) -> None:
        """Say nothing."""


class Lab:
    """A running lab; a context manager. One a process, because moto's state is the process's.

    `directory` holds S3's files and, while the lab runs, `lab.json`, which tells clients how to reach it.
    """

    def __init__(
        self,
        directory: Path,
        machines: Machines,
        times: LabTimes | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Start everything and return when the API answers and the first resources exist.

        Raises:
            ConflictError: every address range of this machine is taken.
            OSError: the port cannot be bound.
        """
        self.directory = directory
        self._ended = threading.Event()
        self.down_asked = threading.Event()
        self.failure: BaseException | None = None
        with contextlib.ExitStack() as stack:
            stack.callback(machines.close)
            self.addresses = stack.enter_context(world.claim_addresses())
            balancer = Balancer()
            stack.callback(balancer.close)
            times = times or LabTimes()
            self.account = Account(self.addresses, balancer, directory / "s3", times, clock)
            lifecycle = Lifecycle(self.account.region, machines)
            stack.callback(lifecycle.close)
            self.gateways = Gateways(
                self.addresses,
                world.lab_id(directory),
                directory / "gateways",
                self.account.targets,
                self.environment,
                self.account.region.dead_zones.__contains__,
            )
            stack.callback(self.gateways.close)
            control = Control(self.account, lifecycle, self.gateways, self.down_asked.set)
            self.url = self._serve(stack, control, port)
            stack.callback(control.close)
            self.resources = create_resources(self.url, self.addresses)
            self.account.settle(self.resources)
            self._tick(stack, [lifecycle.round, self.account.publish])
            self._stack = stack.pop_all()

    def _serve(self, stack: contextlib.ExitStack, control: Control, port: int) -> str:
        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            chosen = control if str(environ["PATH_INFO"]).startswith(world.CONTROL_PREFIX) else self.account.app
            return chosen(environ, start_response)

        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="http", daemon=True)
        thread.start()
        stack.callback(server.server_close)
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def _tick(self, stack: contextlib.ExitStack, rounds: Sequence[Callable[[], None]]) -> None:
        """Let time pass. A round that fails is a bug: the lab asks to be taken down instead of going on half alive."""

        def run() -> None:
            while not self._ended.wait(_ROUND_SECONDS):
                try:
                    for each in rounds:
                        each()
                except Exception as error:
                    log.exception("round_failed")
                    self.failure = error
                    self.down_asked.set()
                    return

        thread = threading.Thread(target=run, name="rounds", daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(self._ended.set)

    def environment(self) -> dict[str, str]:
        """Return the environment in which boto3 and the `aws` command line talk to this lab, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            # Were these set otherwise, they would win over the line above, and calls would go to AWS itself.
            **{f"AWS_ENDPOINT_URL_{service}": self.url for service in world.SERVICE_IDS},
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_ACCESS_KEY_ID": world.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": world.SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": world.REGION,
            "AWS_REGION": world.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def description(self) -> JsonObject:
        """Return what `lab.json` holds."""
        times = self.account.region.times
        return {
            "pid": os.getpid(),
            "pid_started": psutil.Process().create_time(),
            "url": self.url,
            "env": self.environment(),
            "vpc_cidr": self.addresses.vpc_cidr,
            "resources": asdict(self.resources),
            "objects": str(self.directory / "s3"),
            "times": asdict(times),
            "shortened": times.shortened(),
        }

    def announce(self) -> None:
        """Write `lab.json` in one step: it is complete or it is not there. `close` removes it."""
        self._stack.callback((self.directory / world.STATE_FILE).unlink, missing_ok=True)
        half = self.directory / f"{world.STATE_FILE}.{os.getpid()}"
        half.write_text(json.dumps(self.description(), indent=2) + "\n")
        half.replace(self.directory / world.STATE_FILE)

    def close(self) -> None:
        """End everything; safe to repeat."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the server's command line, which is `emr_dr.lab.client`'s to write."""
    parser = argparse.ArgumentParser(prog="python -m emr_dr.lab.server", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="state directory")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--owner", type=int, help="process id: the lab ends when that process does")
    parser.add_argument("--stand-in", action="store_true", help="small HTTP servers instead of Hadoop and Livy")
    parser.add_argument("--boot", type=float, default=0.0, help="seconds that stand-in machines boot")
    parser.add_argument("--time", action="append", default=[], metavar="NAME=SECONDS", help="see LabTimes")
    return parser.parse_args(arguments)


def serve(options: argparse.Namespace) -> int:
    """Run a lab until SIGTERM, SIGINT, the order to go down or its owner's end; return the exit code."""
    directory: Path = options.dir.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    times = LabTimes.parse(dict(each.partition("=")[::2] for each in options.time))
    owner_lives = _watch(options.owner)
    with world.alone_in(directory), Lab(directory, _machines(options, directory), times, options.port) as lab:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: lab.down_asked.set())
        lab.announce()
        log.info("lab_ready url=%s", lab.url)
        while not lab.down_asked.wait(_OWNER_LOOK_SECONDS) and owner_lives():
            pass
        log.info("lab_going_down")
    return 1 if lab.failure else 0


def _watch(owner: int | None) -> Callable[[], bool]:
    """Return a question whether the owner lives; without an owner one always does."""
    if owner is None:
        return lambda: True
    try:
        return psutil.Process(owner).is_running
    except psutil.NoSuchProcess as error:
        raise UsageError(f"the owner, process {owner}, is not there") from error


def _machines(options: argparse.Namespace, directory: Path) -> Machines:
    if options.stand_in:
        sweep(world.lab_id(directory))  # gateways that a crashed lab in the same folder may have left
        return StandInMachines(boot_seconds=options.boot)
    parts = find_parts()
    if parts is None:
        raise UsageError("the lab's Hadoop, Spark and Livy are not here", remedy="run `emr-dr lab fetch` first")
    return RealMachines(parts, lab_id=world.lab_id(directory), root=directory / "clusters", objects=directory / "s3")


def main(arguments: Sequence[str]) -> int:
    """Run the server and return its exit code; errors of ours are logged without a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    try:
        return serve(parse_arguments(arguments))
    except EmrDrError as error:
        log.error("lab_failed error=%s", error)  # noqa: TRY400  the message says what to do; a traceback does not
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
