"""`emr-dr gateway` as a process: what it needs, what it says, and how it ends."""

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emr_dr.cli.main import cli
from emr_dr.core.document import Document
from emr_dr.core.group import Group, Wanted
from emr_dr.errors import EmrDrError
from emr_dr.lab.standin import StandInMember
from emr_dr.stores.sqlite import SqliteStore
from gateway.certificates import Authority
from gateway.members import Members
from gateway.served import Reply, Wire, request

SPEC = """\
group: {group}
region: us-east-1
strategy: active-passive
address:
  mode: {mode}
  balancer: {{name: etl-livy, subnets: [subnet-0a, subnet-0b]}}
placements: [{{subnet: subnet-0a}}, {{subnet: subnet-0b}}]
cluster:
  release: emr-7.9.0
  applications: [Spark, Livy]
  roles: {{service: EMR_DefaultRole_V2, instance: EMR_EC2_DefaultRole}}
  security_groups: {{primary: sg-0a, core: sg-0b, service_access: sg-0c}}
  instances: {{groups: {{primary: {{type: m5.xlarge}}, core: {{type: m5.xlarge, count: 1}}}}}}
  log_uri: s3://acme-logs/etl/
  artifacts: s3://acme-artifacts/emr-dr/
objectives: {{rto: 20m}}
store: {{sqlite: ./emr-dr.db}}
"""
HOST = "127.0.0.1"


def write(folder: Path, *, group: str = "etl", mode: str = "gateway", **section: object) -> Path:
    """A spec."""
    file = folder / f"{group}.yaml"
    more = f"gateway: {json.dumps(section)}\n" if section else ""
    file.write_text(SPEC.format(group=group, mode=mode) + more)
    return file


async def publish(folder: Path, group: str, members: Sequence[StandInMember] = ()) -> None:
    """Begin a store as `apply` does, and tell it of members as a controller does."""
    store = SqliteStore(folder / "emr-dr.db")
    document = Document(Group(group, "a test", Wanted(serving=2)))
    await store.save(document, views=[each.view() for each in members])
    await store.close()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def run(*arguments: str) -> Result:
    """The verb in this process, as far as it gets."""
    return CliRunner().invoke(cli, ["gateway", *arguments])


def said(result: Result) -> str:
    """The error that it ended with."""
    assert isinstance(result.exception, EmrDrError)
    assert result.exception.exit_code == 2
    return str(result.exception)


def test_a_group_in_mode_direct_is_told_what_its_spec_must_say(tmp_path: Path) -> None:
    spec = write(tmp_path, mode="direct")
    assert said(run("--spec", str(spec))) == (
        f"{spec}: address.mode is direct; say address.mode: gateway in it; `emr-dr plan` shows what that changes"
    )


def test_without_a_store_it_says_what_to_run_first(tmp_path: Path) -> None:
    spec = write(tmp_path)
    error = said(run("--spec", str(spec), "--listen", f"{HOST}:{free_port()}"))
    assert error.startswith(f"{tmp_path / 'emr-dr.db'}: there is no store; run `emr-dr apply` first")


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    spec = write(tmp_path)
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        address = f"{HOST}:{other.getsockname()[1]}"
        error = said(run("--spec", str(spec), "--listen", address))
    assert error == f"{address}: cannot listen there: Address already in use; see --listen"


def test_two_groups_on_one_port_are_refused(tmp_path: Path) -> None:
    specs = [write(tmp_path, group=group) for group in ("etl", "ml")]
    error = said(run("--spec", str(specs[0]), "--spec", str(specs[1])))
    assert error.startswith("etl and ml would both listen on port 8998; give one of them another gateway.port")


@pytest.mark.parametrize("address", ["host:port", "a:0", "a:99999", "[::1", "a b"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    result = run("--spec", str(write(tmp_path)), "--listen", address)
    assert result.exit_code != 0


@dataclass
class Running:
    """A gateway in a process of its own."""

    process: asyncio.subprocess.Process
    ports: tuple[int, ...]
    log: Path
    wires: list[Wire] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: bytes | None = None, *, port: int = 0) -> Reply:
        """Ask on a connection of its own."""
        wire = await self.connect(port)
        await wire.send(request(method, path, body))
        reply = await wire.reply(method)
        await wire.close()
        return reply

    async def connect(self, port: int = 0) -> Wire:
        """Open a connection; it is closed when the gateway has ended."""
        self.wires.append(Wire(*await asyncio.open_connection(HOST, self.ports[port])))
        return self.wires[-1]

    def events(self) -> list[dict[str, object]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@asynccontextmanager
async def running(folder: Path, *specs: Path, ports: Sequence[int], listen: str = HOST) -> AsyncIterator[Running]:
    """Start it, and wait until it answers on all ports."""
    options = [option for spec in specs for option in ("--spec", str(spec))]
    command = (sys.executable, "-m", "emr_dr", "gateway", *options, "--listen", listen, "--name", "one", "--json")
    log = folder / "gateway.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, stderr=out, start_new_session=True)
    gateway = Running(process, tuple(ports), log)
    try:
        async with asyncio.timeout(30):
            for port in ports:
                await _answering(gateway, port)
        yield gateway
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        for wire in gateway.wires:
            await wire.close()


async def _answering(gateway: Running, port: int) -> None:
    while gateway.process.returncode is None:
        with contextlib.suppress(OSError):
            await Wire(*await asyncio.open_connection(HOST, port)).close()
            return
        await asyncio.sleep(0.05)
    raise AssertionError(gateway.log.read_text())


async def until_it_takes_work(gateway: Running) -> None:
    """Wait until a member is known and clean."""
    async with asyncio.timeout(20):
        while True:
            told = (await gateway.ask("GET", "/gateway/members")).json
            assert isinstance(told, dict)
            if any(each["takes_work"] for each in told["members"]):
                return
            await asyncio.sleep(0.05)


async def test_it_serves_batches_of_a_member_and_ends_in_order_when_asked_to(tmp_path: Path, members: Members) -> None:
    member = await members.start()
    await publish(tmp_path, "etl", [member])
    port = free_port()
    async with running(tmp_path, write(tmp_path, port=port), ports=[port]) as gateway:
        await until_it_takes_work(gateway)
        reply = await gateway.ask("POST", "/batches", b'{"file":"s3://a/b.py","name":"mine"}')
        assert (reply.status, reply.headers["location"]) == (201, "/batches/1")
        assert (await gateway.ask("GET", "/batches/mine/state")).status == 200
        kept = await gateway.connect()
        await kept.send(request("GET", "/batches/1/state"))
        assert (await kept.reply()).status == 200
        gateway.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await kept.ended() == b""
            assert await gateway.process.wait() == 0
    events = [each["event"] for each in gateway.events()]
    assert events.index("gateway_listens") < events.index("audit") < events.index("gateway_stops")
    audit = next(each for each in gateway.events() if each["event"] == "audit")
    assert (audit["batch"], audit["outcome"], audit["cluster"]) == (1, "done", member.view().cluster_id)


async def test_a_submission_under_way_is_answered_before_it_ends(tmp_path: Path, members: Members) -> None:
    member = await members.start()
    await publish(tmp_path, "etl", [member])
    port = free_port()
    async with running(tmp_path, write(tmp_path, port=port), ports=[port]) as gateway:
        await until_it_takes_work(gateway)
        body = b'{"file":"s3://a/b.py"}'
        wires = [await gateway.connect() for _ in range(10)]
        for wire in wires:
            await wire.send(request("POST", "/batches", body))
        gateway.process.send_signal(signal.SIGTERM)
        statuses = []
        for wire in wires:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                statuses.append((await wire.reply()).status)
        async with asyncio.timeout(10):
            assert await gateway.process.wait() == 0
    assert set(statuses) <= {201}


async def test_two_groups_in_one_process_have_addresses_and_batches_of_their_own(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    specs = []
    for group, port in zip(("etl", "ml"), ports, strict=True):
        await publish(tmp_path, group)
        specs.append(write(tmp_path, group=group, port=port))
    async with running(tmp_path, *specs, ports=ports) as gateway:
        groups = [(await gateway.ask("GET", "/gateway/health", port=n)).json for n in range(2)]
        assert [each["group"] for each in groups if isinstance(each, dict)] == ["etl", "ml"]
        for name in ("a", "b"):
            reply = await gateway.ask("POST", "/batches", json.dumps({"file": "x", "name": name}).encode())
            assert reply.status == 201
        other = await gateway.ask("POST", "/batches", b'{"file":"x","name":"a"}', port=1)
        assert other.headers["location"] == "/batches/1"
        gateway.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await gateway.process.wait() == 0


async def test_it_serves_over_tls_as_the_spec_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("gateway")
    await publish(tmp_path, "etl")
    port = free_port()
    spec = write(tmp_path, port=port, tls={"certificate": "gateway.pem", "key": "gateway.key"})
    async with running(tmp_path, spec, ports=[port]) as gateway:
        trusted = ssl.create_default_context(cafile=authority.file)
        wire = Wire(*await asyncio.open_connection(HOST, port, ssl=trusted))
        await wire.send(request("GET", "/version"))
        assert (await wire.reply()).status == 200
        await wire.close()
        assert gateway.process.returncode is None
