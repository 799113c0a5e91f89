"""A lab with a group in it, and the installed emr-dr run against it as a user would; for the stories."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emr_dr.controller.replay import replay
from emr_dr.lab.demo import job
from emr_dr.ports import JournalEntry
from emr_dr.stores.sqlite import SqliteStore

COMMAND = (sys.executable, "-m", "emr_dr")
BUCKET = "acme-artifacts"


@dataclass
class Watch:
    """A running `emr-dr watch --json` and the events it has told."""

    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> None:
        """Gather events until it ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.events.append(json.loads(line))
            except json.JSONDecodeError:
                self.events.append({"event": "said", "text": line.rstrip()})

    def told(self, event: str, **detail: object) -> bool:
        """Whether it has told such an event."""
        return any(e["event"] == event and all(e.get(k) == v for k, v in detail.items()) for e in self.events)

    def at(self, event: str, **detail: object) -> dict[str, Any]:
        """The last such event."""
        return next(e for e in reversed(self.events) if e["event"] == event and detail.items() <= e.items())

    def stop(self) -> None:
        """SIGSTOP: it does not know that time passes."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: no goodbye, no lease given back."""
        self.process.kill()
        self.process.wait(10)


@dataclass
class Rehearsal:
    """One lab and one group."""

    folder: Path
    env: Mapping[str, str]
    spec: Path

    def verb(self, *args: str, seconds: float = 120) -> str:
        """Run one verb and return what it printed; a failure shows what it said."""
        done = subprocess.run(
            [*COMMAND, *args], env=self.env, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, f"emr-dr {' '.join(args)}: {done.returncode}: {done.stderr or done.stdout}"
        return done.stdout

    def fault(self, *args: str) -> None:
        """Have the lab do something to its world: a verb of `emr-dr lab`."""
        self.verb("lab", *args)

    def calls(self, operation: str) -> int:
        """How often the lab's AWS was asked for an operation, as counted on the wire."""
        counted = json.loads(self.verb("lab", "status", "--json"))["calls"]
        return sum(int(n) for name, n in counted.items() if name.partition(":")[2] == operation)

    def decides_the_same_again(self) -> int:
        """Replay every decision of the group's journal; return how many there were."""
        store = SqliteStore(next(self.folder.glob("emr-dr-*.db")))

        async def decisions() -> list[JournalEntry]:
            try:
                return [e for e in await store.journal("etl", limit=100_000) if e.event == "decided"]
            finally:
                await store.close()

        entries = asyncio.run(decisions())
        different = {e.seq: replay(e).words for e in entries if not replay(e).same}
        assert not different
        return len(entries)

    def status(self) -> dict[str, Any]:
        """What `emr-dr status --json` says."""
        answer: dict[str, Any] = json.loads(self.verb("status", "--spec", str(self.spec), "--json"))
        return answer

    def serving(self) -> dict[str, Any]:
        """The one member that serves."""
        (member,) = [m for m in self.status()["members"] if m["stage"] == "serving"]
        return dict(member)

    def clusters(self) -> dict[str, str]:
        """The state of every cluster there ever was, by id, as the lab knows it."""
        seen = json.loads(self.verb("lab", "status", "--json"))
        return {c["id"]: c["state"] for c in seen["clusters"]}

    def address_of(self, cluster: str) -> str:
        """The address of a cluster's primary, as the lab knows it."""
        seen = json.loads(self.verb("lab", "status", "--json"))
        (address,) = [c["address"] for c in seen["clusters"] if c["id"] == cluster]
        return str(address)

    def balancer(self) -> str:
        """The DNSName of the one balancer."""
        (found,) = json.loads(self.verb("lab", "status", "--json"))["balancers"]
        return str(found["dns_name"])

    def registered(self) -> set[str]:
        """The addresses that are targets in every target group."""
        groups = json.loads(self.aws("elbv2", "describe-target-groups"))["TargetGroups"]
        seen = [
            json.loads(self.aws("elbv2", "describe-target-health", "--target-group-arn", g["TargetGroupArn"]))
            for g in groups
        ]
        return set.intersection(*({t["Target"]["Id"] for t in s["TargetHealthDescriptions"]} for s in seen))

    def aws(self, *args: str) -> str:
        """Run the real aws command line and return what it printed."""
        command = [str(Path(sys.executable).with_name("aws")), *args]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True, timeout=120).stdout

    @property
    def aws_path(self) -> dict[str, str]:
        """A PATH on which scripts find the aws command line of this environment."""
        return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def converged_without(self, cluster: str) -> bool:
        """Whether one healthy member serves, another one than `cluster`, and nobody else is remembered or runs."""
        status = self.status()
        living = [c for c, state in self.clusters().items() if not state.startswith("TERMINATED")]
        return (
            [m["stage"] for m in status["members"]] == ["serving"]
            and status["answer"] == "healthy"
            and status["members"][0]["cluster"] != cluster
            and living == [status["members"][0]["cluster"]]
        )

    @contextmanager
    def watching(self, *options: str) -> Iterator[Watch]:
        """Run `watch` until the block ends."""
        process = subprocess.Popen(
            [*COMMAND, "watch", "--spec", str(self.spec), "--json", *options],
            env=self.env,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        watch = Watch(process)
        reading = threading.Thread(target=watch.read, daemon=True)
        reading.start()
        try:
            yield watch
        finally:
            if process.poll() is None:
                watch.go_on()
                process.send_signal(signal.SIGTERM)
                process.wait(30)
            reading.join(10)
            assert process.stderr is not None
            process.stderr.close()

    def submit(self, address: str, key: str, seconds: float) -> int:
        """Submit the demo's job to the Livy at an address; returns its number."""
        body = {"file": f"s3://{BUCKET}/jobs/job.py", "name": key, "args": [key, str(self.marks), str(seconds)]}
        request = urllib.request.Request(
            f"http://{address}:8998/batches",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(json.load(answer)["id"])

    def batches(self, address: str) -> list[int]:
        """The numbers of the batches that the Livy at an address knows."""
        with urllib.request.urlopen(f"http://{address}:8998/batches?size=100", timeout=20) as answer:
            return [int(each["id"]) for each in json.load(answer)["sessions"]]

    def answer(self, address: str, batch: int) -> int:
        """The status with which the Livy at an address answers for a batch."""
        try:
            with urllib.request.urlopen(f"http://{address}:8998/batches/{batch}", timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    @property
    def marks(self) -> Path:
        """Where the job's runs leave their marks."""
        return self.folder / "marks"

    def marked(self, key: str, what: str) -> bool:
        """Whether a run of that batch has `started` or `completed`."""
        return any(self.marks.glob(f"{key}.*.{what}"))


def eventually(met: Callable[[], bool], seconds: float, what: str) -> None:
    """Look until it is so, or fail saying what was waited for."""
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.5)  # between two looks, nothing more


@contextmanager
def rehearsal(
    folder: Path, *options: str, strategy: str = "active-passive", gateways: int | str = 0, **times: str
) -> Iterator[Rehearsal]:
    """Bring a lab and its first members up; everything is down when the block has ended.

    `options` are those of `lab up`, `times` its settings. With gateways the address leads to these.
    """
    env = {**os.environ, "EMR_DR_LAB_DIR": str(folder / "lab")}
    town = Rehearsal(folder, env, folder / "emr-dr.yaml")
    town.marks.mkdir()
    known = {"emr_notices_after": "30", "ec2_confirms_after": "45"} | times
    settings = [word for name, value in known.items() for word in ("--set", f"{name}={value}")]
    try:
        town.verb("lab", "up", "--detach", "--owner", str(os.getpid()), *options, *settings)
        env |= json.loads(town.verb("lab", "env", "--json"))
        mode = "gateway" if gateways else "direct"
        town.spec.write_text(town.verb("lab", "spec", strategy, "--mode", mode))
        town.verb("apply", "--spec", str(town.spec), seconds=240)
        town.aws("s3", "cp", job.__file__, f"s3://{BUCKET}/jobs/job.py")
        if gateways:
            town.verb("lab", "gateways", str(gateways), "--spec", str(town.spec))
        yield town
    finally:
        town.verb("lab", "down")
