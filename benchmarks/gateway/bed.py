"""Real gateway processes over stand-in members: a spec, a store whose views the caller publishes, and a balancer.

The members live on the caller's event loop; nobody else decides anything, so a member's death is what the caller says.
"""

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from emr_dr.core.document import Document
from emr_dr.core.group import Group, Wanted
from emr_dr.core.view import MemberView
from emr_dr.errors import TransientError
from emr_dr.lab.balancer.plane import Balancer
from emr_dr.lab.balancer.snapshot import Group as TargetGroup
from emr_dr.lab.balancer.snapshot import HealthCheck, Listener, Snapshot, State, Target
from emr_dr.lab.standin import LivySettings, Plan, Runs, StandInMember, YarnSettings
from emr_dr.lab.world import ZONES, Addresses, claim_addresses
from emr_dr.stores.sqlite import SqliteStore

PORT = 8998
GROUP = "etl"
UP_SECONDS = 30.0
SPEC = """\
group: etl
region: us-east-1
strategy: active-active
address:
  mode: gateway
  balancer: {name: etl-livy, subnets: [subnet-0a, subnet-0b]}
placements: [{subnet: subnet-0a}, {subnet: subnet-0b}]
cluster:
  release: emr-7.9.0
  applications: [Spark, Livy]
  roles: {service: EMR_DefaultRole_V2, instance: EMR_EC2_DefaultRole}
  security_groups: {primary: sg-0a, core: sg-0b, service_access: sg-0c}
  instances: {groups: {primary: {type: m5.xlarge}, core: {type: m5.xlarge, count: 1}}}
  log_uri: s3://acme-logs/etl/
  artifacts: s3://acme-artifacts/emr-dr/
objectives: {rto: 20m}
store: {sqlite: ./emr-dr.db}
"""
QUICK_CHECKS = HealthCheck(protocol="HTTP", path="/gateway/health", interval=1, timeout=1, unhealthy_threshold=2)
POST_CHECKS = HealthCheck(interval=10, timeout=5, healthy_threshold=3, unhealthy_threshold=3)
"""Those of the post's target groups."""


@dataclass
class Gateway:
    """One running `emr-dr gateway`."""

    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def base(self) -> str:
        """Where clients ask."""
        return f"http://{self.address}:{PORT}"

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self.process.wait(10)

    def freeze(self) -> None:
        """SIGSTOP: its port accepts, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended; SIGKILL if it does not."""
        if self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def memory(self) -> int:
        """Its resident memory in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def said(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text().splitlines()[-20:])


@dataclass
class Bed:
    """One group: its members, its store, and the gateways that were started."""

    folder: Path
    addresses: Addresses
    members: tuple[StandInMember, ...]
    runs: Runs
    store: SqliteStore
    gateways: list[Gateway] = field(default_factory=list)
    lost_at: float = 0.0
    """When a member was lost, in seconds of the epoch."""
    _document: Document = field(default_factory=lambda: Document(Group(GROUP, "bed", Wanted(serving=2))))

    async def publish(self, *views: MemberView) -> None:
        """Tell the gateways of the members as a controller does."""
        self._document = await self.store.save(self._document, views=views)

    def journal(self) -> Runs:
        """What ran on the members, up to this moment."""
        for each in self.members:
            each.agenda.catch_up()
        return self.runs

    async def gateway(self, *, core: int | None = None, wait: bool = True, spec: str = "") -> Gateway:
        """Start another one; it answers when this returns, unless nobody waits. `spec` is added to its spec alone."""
        address = f"127.{self.addresses.octet}.100.{len(self.gateways) + 1}"
        log = self.folder / f"gateway-{address}.log"
        own = self.folder / f"gateway-{address}.yaml"
        own.write_text((self.folder / "emr-dr.yaml").read_text() + spec)
        command = [*COMMAND, "gateway", "--spec", str(own), "--listen", f"{address}:{PORT}"]
        with on_core(core):
            made = Gateway(address, _begun(command, log), log)
        self.gateways.append(made)
        if wait:
            await self.up(made)
        return made

    async def up(self, gateway: Gateway) -> None:
        """Wait until it calls itself well."""
        async with aiohttp.ClientSession() as session:
            for _ in range(int(UP_SECONDS / 0.1)):
                if gateway.process.poll() is not None:
                    break
                try:
                    async with session.get(f"{gateway.base}/gateway/health") as answer:
                        if answer.status == http.client.OK:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)  # between two looks
        raise TransientError(gateway.said(), where=f"gateway {gateway.address}", remedy=f"read {gateway.log}")


def _begun(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)


COMMAND = (sys.executable, "-m", "emr_dr")


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Have what is started meanwhile run on one core."""
    before = os.sched_getaffinity(0)
    try:
        if core is not None:
            os.sched_setaffinity(0, {core})
        yield
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def bed(
    folder: Path, *, members: int = 2, plan: Plan | None = None, spec: str = "", room: int | None = None
) -> AsyncIterator[Bed]:
    """Open members and publish them; with the block ended, gateways and members have. `spec` is added to the spec."""
    (folder / "emr-dr.yaml").write_text(SPEC + spec)
    with claim_addresses() as addresses:
        hosts = {zone: addresses.hosts(zone) for zone in ZONES}
        runs = Runs()
        zones = [ZONES[n % len(ZONES)] for n in range(members)]
        there = tuple(
            StandInMember(
                next(hosts[zone]),
                cluster_id=f"j-{n}",
                zone=zone,
                settings=LivySettings(plan=plan or Plan()),
                yarn_settings=YarnSettings(room=room),
                runs=runs,
            )
            for n, zone in enumerate(zones, 1)
        )
        made = Bed(folder, addresses, there, runs, SqliteStore(folder / "emr-dr.db"))
        try:
            for each in there:
                await each.open()
            await made.publish(*(each.view() for each in there))
            yield made
        finally:
            for gateway in made.gateways:
                gateway.stop()
            for each in there:
                await each.close()
            await made.store.close()


@asynccontextmanager
async def balanced(address: str, targets: Sequence[str], check: HealthCheck = QUICK_CHECKS) -> AsyncIterator[Balancer]:
    """Put the lab's balancer in front of some addresses, all of them healthy as after a long time of service."""
    plane = Balancer()
    listed = tuple(Target(serial, host, PORT) for serial, host in enumerate(targets, 1))

    def follow(check: HealthCheck) -> None:
        group = TargetGroup("group", check, listed, source=address, cut_deregistered=True)
        plane.apply(Snapshot((Listener(address, PORT, "group"),), (group,)))

    try:
        follow(replace(check, interval=0.2, healthy_threshold=1))
        await until(lambda: all(plane.health(each.serial).state is State.HEALTHY for each in listed))
        follow(check)
        yield plane
    finally:
        plane.close()


async def until(met: Callable[[], bool], seconds: float = UP_SECONDS) -> None:
    """Look until it is so."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - what is looked at tells nobody when it changes
            await asyncio.sleep(0.05)


async def working(base: str, seconds: float = UP_SECONDS) -> None:
    """Wait until a gateway, which may be up before, gives work to every member that may have some."""
    async with asyncio.timeout(seconds):
        while True:
            _, told = await ask(base, "/gateway/members")
            if told["members"] and all(each["takes_work"] for each in told["members"] if each["accepts_new"]):
                return
            await asyncio.sleep(0.1)  # between two looks


async def ask(base: str, path: str, method: str = "GET", **more: Any) -> tuple[int, Any]:  # noqa: ANN401 - aiohttp's own
    """One request on a connection of its own: status and JSON."""
    async with aiohttp.ClientSession() as session, session.request(method, f"{base}{path}", **more) as answer:
        return answer.status, await answer.json()
