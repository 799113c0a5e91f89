"""The demo's scene: a lab of its own, the spec that fits it, and what can be asked of both from outside."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from emr_dr.errors import PermanentError
from emr_dr.lab.demo import job
from emr_dr.lab.demo.processes import run_verb
from emr_dr.lab.demo.report import Launched
from emr_dr.lab.spec import DETECTION, RECOVERY

TIMES = {"emr_notices_after": "30", "ec2_confirms_after": "45"}
"""Seconds; what the demo shortens of the lab's times, so that the whole story fits into minutes."""
SHORTENED = (
    ("emr_notices_after", f"{TIMES['emr_notices_after']} s", "minutes; the lab's default is 120 s"),
    (
        "ec2_confirms_after",
        f"{TIMES['ec2_confirms_after']} s",
        "minutes, or as long as the AZ is away; here by default 300 s",
    ),
    ("cluster_start", "as long as real services take to boot", "6 to 15 minutes"),
    ("balancer_propagation", "at once", "registering and deregistering can take minutes"),
    ("member_lost", DETECTION["member_lost"], "60s by default"),
    ("service_down", DETECTION["service_down"], "120s by default"),
    ("probation", RECOVERY["probation"], "10m by default"),
)
"""What is shorter here, how long it takes here, and how long on AWS."""
LIVING = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING")
JOB_SECONDS = 8.0


@dataclass(frozen=True)
class Scene:
    """A lab that is up, with its spec written and the job's file in its bucket.

    Attributes:
        env: What `emr-dr lab env` exports.
        stand_in: Whether batches only seem to run, and leave no marks.
    """

    folder: Path
    spec: Path
    env: Mapping[str, str]
    job_url: str
    stand_in: bool = False

    @property
    def shortened(self) -> Sequence[Mapping[str, str]]:
        """Which of AWS's times the demo shortened."""
        return [{"time": time, "here": str(here), "on_aws": on_aws} for time, here, on_aws in SHORTENED]

    async def verb(self, *args: str, seconds: float) -> str:
        """Run one emr-dr verb against this lab."""
        return await run_verb(*args, env=self.env, seconds=seconds)

    async def status(self) -> dict[str, Any]:
        """What `emr-dr status` says."""
        answer: dict[str, Any] = json.loads(await self.verb("status", "--spec", str(self.spec), "--json", seconds=60))
        return answer

    async def serving(self) -> Mapping[str, Any]:
        """The member that serves, as `status` shows it; the first of them where several do."""
        return (await self.all_serving())[0]

    async def all_serving(self) -> Sequence[Mapping[str, Any]]:
        """Every member that serves, as `status` shows it."""
        members = [m for m in (await self.status())["members"] if m["stage"] == "serving"]
        if not members:
            raise PermanentError("no member serves", where="demo", remedy=f"see {self.folder}")
        return members

    async def address(self) -> str:
        """The DNSName of the group's balancer."""
        answer = await asyncio.to_thread(self._client("elbv2").describe_load_balancers)
        return str(answer["LoadBalancers"][0]["DNSName"])

    async def clusters(self) -> list[Launched]:
        """Every cluster of the story, as EMR tells it."""
        emr = self._client("emr")
        listed = await asyncio.to_thread(emr.list_clusters)
        return [
            Launched(
                c["Id"],
                c["Status"]["State"],
                c["Status"]["Timeline"]["CreationDateTime"].timestamp(),
                ready.timestamp() if (ready := c["Status"]["Timeline"].get("ReadyDateTime")) else None,
            )
            for c in listed["Clusters"]
        ]

    async def running(self) -> int:
        """How many clusters have not ended."""
        return sum(c.state in LIVING for c in await self.clusters())

    async def targets(self) -> list[str]:
        """The balancer's targets, as `group address:port state`."""
        return await asyncio.to_thread(self._targets)

    def marks(self) -> list[str]:
        """The names of the marks that the jobs left."""
        return sorted(p.name for p in (self.folder / "marks").iterdir())

    def payload(self, key: str) -> dict[str, object]:
        """The body of POST /batches for one batch."""
        args = [key, str(self.folder / "marks"), str(JOB_SECONDS)]
        args += [f"seconds={JOB_SECONDS:g}"] if self.stand_in else []
        return {"file": self.job_url, "name": key, "args": args}

    def stage(self) -> None:
        """Put the job's file into the bucket, and make the folder for its marks."""
        (self.folder / "marks").mkdir()
        body = Path(job.__file__).read_bytes()
        self._client("s3").put_object(Bucket="acme-artifacts", Key="jobs/demo-job.py", Body=body)

    def _targets(self) -> list[str]:
        elbv2 = self._client("elbv2")
        found = []
        for group in elbv2.describe_target_groups()["TargetGroups"]:
            health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
            for each in health["TargetHealthDescriptions"]:
                at = f"{each['Target']['Id']}:{each['Target']['Port']}"
                found.append(f"{group['TargetGroupName']} {at} {each['TargetHealth']['State']}")
        return sorted(found)

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
        session: Any = boto3.session.Session(
            self.env["AWS_ACCESS_KEY_ID"],
            self.env["AWS_SECRET_ACCESS_KEY"],
            region_name=self.env["AWS_DEFAULT_REGION"],
        )
        return session.client(service, endpoint_url=self.env["AWS_ENDPOINT_URL"])


@asynccontextmanager
async def open_scene(
    folder: Path, *, stand_in: bool, strategy: str = "active-passive", mode: str = "direct"
) -> AsyncIterator[Scene]:
    """Bring the demo's own lab up, and down again however the story ends."""
    env = {"EMR_DR_LAB_DIR": str(folder / "lab")}
    up = ["lab", "up", "--detach", "--owner", str(os.getpid()), *(["--stand-in"] if stand_in else [])]
    for name, seconds in TIMES.items():
        up += ["--set", f"{name}={seconds}"]
    try:
        await run_verb(*up, env=env, seconds=120)
        env |= json.loads(await run_verb("lab", "env", "--json", env=env, seconds=30))
        spec = folder / "emr-dr.yaml"
        spec.write_text(await run_verb("lab", "spec", strategy, "--mode", mode, env=env, seconds=30))
        scene = Scene(folder, spec, env, "s3://acme-artifacts/jobs/demo-job.py", stand_in)
        await asyncio.to_thread(scene.stage)
        yield scene
    finally:
        await run_verb("lab", "down", env=env, seconds=120)
