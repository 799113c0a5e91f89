"""What no client may bring about: a crash, a wrong answer, or other clients that wait."""

import asyncio
import contextlib
import resource
import sys
import time
from collections.abc import AsyncIterator

import pytest

from emr_dr.core.batch import ShownState
from emr_dr.gateway.calls import Caller, Shown, Submission
from emr_dr.gateway.connection import LONGEST_HEAD, MOST_HEADERS
from emr_dr.spec.gateway import Limits
from gateway.memory import MemoryBatches
from gateway.served import Served, Wire, request, served

GET = b"GET /batches/1/state HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /batches HTTP/1.1\r\nHost: x\r\n"
BODY = b'{"file":"s3://a/b.py"}'
STATE = b'{"id":1,"state":"running"}'


@pytest.fixture
async def batches() -> MemoryBatches:
    """One running batch, number 1."""
    there = MemoryBatches()
    await there.submit(Submission({"file": "s3://a/b.py"}), there.anybody)
    there.show(1, ShownState.RUNNING)
    there.seen.clear()
    return there


@pytest.fixture
async def gateway(batches: MemoryBatches) -> AsyncIterator[Served]:
    """A gateway with the limits that are usual."""
    async with served(batches) as serving:
        yield serving


async def exchange(gateway: Served, sent: bytes) -> bytes:
    """Everything that comes back until the gateway ends the connection, which it has to."""
    wire = await gateway.connect()
    await wire.send(sent)
    return await wire.ended()


async def is_well(gateway: Served) -> None:
    """Another client is answered, and rightly."""
    assert (await gateway.ask("GET", "/batches/1/state")).body == STATE


MALFORMED = {
    "no HTTP at all": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another protocol's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /batches/1/state\r\n\r\n",
    "an old version": b"GET /batches/1/state HTTP/0.9\r\n\r\n",
    "a version to come": b"GET /batches/1/state HTTP/3.0\r\nHost: x\r\n\r\n",
    "an unknown method": b"FOO /batches HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT db.internal:5432 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /batches/1/state HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "a header without a colon": GET + b"nonsense\r\n\r\n",
    "a blank before the colon": GET + b"X : y\r\n\r\n",
    "a null in a header": GET + b"X: a\x00b\r\n\r\n",
    "a header over two lines": GET + b"X: a\r\n b\r\n\r\n",
    "both length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths in one": POST + b"Content-Length: 2, 3\r\n\r\n{} ",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length below nothing": POST + b"Content-Length: -2\r\n\r\n{}",
    "a length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "an empty length": POST + b"Content-Length:\r\n\r\n{}",
    "chunks that are something else": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks and something else": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "something else and chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in an old version": b"POST /batches HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk's length in words": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk's length with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a chunk's length beyond all numbers": POST
    + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer than it says": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "two who ask": GET + b"Authorization: Basic YTpi\r\nAuthorization: Basic Yzpk\r\n\r\n",
    "lines without a return": b"GET /batches/1/state HTTP/1.1\nHost: x\nX: y\n\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_request_is_refused_and_ends_its_connection(
    gateway: Served, batches: MemoryBatches, sent: bytes
) -> None:
    smuggled = b"POST /batches HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    said = await exchange(gateway, sent + smuggled)
    status = said.split(b" ")[1]
    assert status in (b"400", b"405", b"431", b"505")
    assert said.count(b"HTTP/1.1 ") == 1
    assert batches.seen == []
    await is_well(gateway)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/batches/\xc3\xa9", 400),
        (b"/batches/\xff", 400),
        (b"*", 404),
        (b"http:///batches/1", 400),
        (b"//x/batches/1", 404),
        (b"/batches/1/../../etc/passwd", 404),
        (b"/batches/%2e%2e%2fgateway%2fhealth", 404),
        (b"/batches/1?" + b"&".join([b"a=b"] * 100), 200),
        (b"/batches?" + b"&".join([b"a=b"] * 100), 400),
        (b"/batches/1#/../../2", 200),
        (b"/" + b"../" * 1000, 404),
        (b"/batches/" + b"9" * 5000, 400),
        (b"/batches/" + b"x" * 5000, 404),
    ],
)
async def test_an_odd_path_leads_nowhere_else(gateway: Served, target: bytes, status: int) -> None:
    wire = await gateway.connect()
    await wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    reply = await wire.reply()
    assert reply.status == status
    if status == 200:
        assert isinstance(reply.json, dict)
        assert reply.json["id"] == 1
    await wire.close()
    await is_well(gateway)


async def test_what_follows_a_malformed_request_in_the_same_breath_is_not_read(gateway: Served) -> None:
    said = await exchange(gateway, GET + b"X : y\r\n\r\n" + GET + b"\r\n")
    assert STATE not in said


async def test_requests_in_one_breath_are_answered_in_their_order(gateway: Served) -> None:
    wire = await gateway.connect()
    sent = [("GET", "/batches/1/state"), ("GET", "/batches/99"), ("HEAD", "/batches/1"), ("GET", "/version")]
    await wire.send(b"".join(request(method, path) for method, path in sent))
    replies = [await wire.reply(method) for method, _ in sent]
    assert [reply.status for reply in replies] == [200, 404, 200, 200]
    assert replies[0].body == STATE


async def test_an_error_after_a_request_is_not_taken_for_its_answer(batches: MemoryBatches) -> None:
    slow = Held(batches)
    async with served(slow) as gateway:
        wire = await gateway.connect()
        await wire.send(request("POST", "/batches", BODY) + GET + b"X : y\r\n\r\n")
        await slow.asked.wait()
        slow.go_on.set()
        assert (await wire.reply()).status == 201
        assert await wire.ended() == b""


async def test_a_broken_body_behind_a_request_under_way_lets_that_one_be_answered(batches: MemoryBatches) -> None:
    slow = Held(batches)
    async with served(slow) as gateway:
        wire = await gateway.connect()
        await wire.send(request("POST", "/batches", BODY))
        await slow.asked.wait()
        await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        await asyncio.sleep(0)
        slow.go_on.set()
        assert (await wire.reply()).status == 201
        assert await wire.ended() == b""
        assert len(batches.seen) == 1


class Held(MemoryBatches):
    """Batches whose submissions wait until they are let go on."""

    def __init__(self, behind: MemoryBatches) -> None:
        super().__init__(shown=behind.shown, seen=behind.seen, next_id=behind.next_id)
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def submit(self, submission: Submission, caller: Caller) -> Shown:
        self.asked.set()
        await self.go_on.wait()
        return await super().submit(submission, caller)


async def test_an_upgrade_that_is_not_made_leaves_the_request_and_the_next_one_alone(gateway: Served) -> None:
    wire = await gateway.connect()
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(BODY)
    await wire.send(GET + upgrade + b"\r\n" + POST + upgrade + length + BODY + GET + b"\r\n")
    assert (await wire.reply()).body == STATE
    assert (await wire.reply()).status == 201
    assert (await wire.reply()).body == STATE


HEADS = {
    "a line without an end": b"GET /" + b"a" * (LONGEST_HEAD * 4),
    "a header without an end": GET + b"X: " + b"a" * (LONGEST_HEAD * 4),
    "a header's name without an end": GET + b"X" * (LONGEST_HEAD * 4),
    "headers without an end": GET + b"X: y\r\n" * (MOST_HEADERS + 1),
    "large headers": GET + (b"X: " + b"a" * 8000 + b"\r\n") * 20,
}


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS.keys())
async def test_a_head_without_an_end_is_cut_off(gateway: Served, sent: bytes) -> None:
    wire = await gateway.connect()
    with contextlib.suppress(ConnectionError):
        await wire.send(sent)
    said = await wire.ended()
    assert said.split(b" ")[1:2] in ([b"431"], [b"414"], [])  # nothing, where the rest was on its way still
    assert gateway.counters.cut_off["malformed"] == 1
    await is_well(gateway)


async def test_what_follows_a_body_in_chunks_is_bounded(gateway: Served) -> None:
    wire = await gateway.connect()
    with contextlib.suppress(ConnectionError):
        await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * (LONGEST_HEAD * 4))
    await wire.ended()
    assert gateway.counters.cut_off["malformed"] == 1


async def test_chunks_with_endless_remarks_are_cut_off(gateway: Served) -> None:
    wire = await gateway.connect()
    with contextlib.suppress(ConnectionError):
        await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * (LONGEST_HEAD * 4))
    await wire.ended()
    assert gateway.counters.cut_off["malformed"] == 1


async def test_a_body_in_chunks_is_read(gateway: Served, batches: MemoryBatches) -> None:
    wire = await gateway.connect()
    parts = b"".join(b"%x\r\n%s\r\n" % (1, BODY[n : n + 1]) for n in range(len(BODY)))
    await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\nX-Trailer: y\r\n\r\n" + GET + b"\r\n")
    assert (await wire.reply()).status == 201
    assert batches.seen[0][0].request == {"file": "s3://a/b.py"}
    assert (await wire.reply()).body == STATE


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
async def test_a_body_that_is_too_large_is_refused_before_it_is_read(batches: MemoryBatches, *, chunked: bool) -> None:
    async with served(batches, limits=Limits(body=2048)) as gateway:
        wire = await gateway.connect()
        if chunked:
            await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n%s\r\n" % (b"a" * 1024) * 3)
        else:
            await wire.send(POST + b"Content-Length: 2049\r\n\r\n")
        reply = await wire.reply()
        assert (reply.status, reply.json) == (413, {"msg": "the body is larger than 2048 bytes"})
        await wire.ended()
        assert batches.seen == []


async def test_a_client_that_asks_first_whether_it_may_send_is_told(gateway: Served) -> None:
    wire = await gateway.connect()
    await wire.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    assert (await wire.reply()).status == 100
    await wire.send(BODY)
    assert (await wire.reply()).status == 201


SLOW = {
    "nothing": b"",
    "a line that never ends": b"GET /batches/1",
    "headers that never end": GET + b"X: y\r\n",
    "a body that never ends": POST + b"Content-Length: 100\r\n\r\n{",
    "chunks that never end": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
}


async def test_who_takes_too_long_over_a_request_is_cut_off(batches: MemoryBatches) -> None:
    async with served(batches, limits=Limits.model_validate({"slow": "1s"})) as gateway:
        took = await asyncio.gather(*(_dawdle(gateway, sent) for sent in SLOW.values()))
        assert max(took) < 4
        assert batches.seen == []
        assert gateway.counters.cut_off["slow"] >= len(SLOW) - 1  # who never said anything is let go without a word
        await is_well(gateway)


async def _dawdle(gateway: Served, sent: bytes) -> float:
    """Send a little now and then; return how long that was borne."""
    more = b"a" if b"Length" in sent else b"X: y\r\n" if b"X" in sent else b""
    wire = await gateway.connect()
    began = time.monotonic()
    await wire.send(sent)

    async def trickle() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(0.2)
                await wire.send(more)

    trickling = asyncio.create_task(trickle())
    await wire.ended()
    trickling.cancel()
    return time.monotonic() - began


async def test_who_never_takes_the_answers_is_cut_off(batches: MemoryBatches) -> None:
    batches.show(1, ShownState.RUNNING, *("a" * 5000 for _ in range(10)))
    async with served(batches, limits=Limits.model_validate({"slow": "1s"})) as gateway:
        wire = await gateway.connect()
        with contextlib.suppress(ConnectionError):
            for _ in range(50):
                await wire.send(request("GET", "/batches/1") * 20)
                if gateway.counters.cut_off["slow"]:
                    break
        async with asyncio.timeout(6):
            while not gateway.counters.cut_off["slow"]:  # noqa: ASYNC110 - it is counted, and told to nobody
                await asyncio.sleep(0.05)
        await is_well(gateway)


async def test_further_connections_than_allowed_are_closed_and_room_comes_back(batches: MemoryBatches) -> None:
    async with served(batches, limits=Limits(connections=16)) as gateway:
        held = [await gateway.connect() for _ in range(16)]
        for each in held:
            await each.send(request("GET", "/batches/1/state"))
            await each.reply()
        refused = await gateway.connect()
        assert await refused.ended() == b""
        await held[0].send(request("GET", "/batches/1/state"))
        assert (await held[0].reply()).body == STATE
        await held[0].close()
        async with asyncio.timeout(5):
            while gateway.counters.connections >= 16:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        await is_well(gateway)


MANY = 10_000
CROWD = """
import resource, socket, sys
port, many = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (many + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(many)]
print("all there", flush=True)
sys.stdin.read()
"""


async def test_ten_thousand_idle_connections_delay_nobody(batches: MemoryBatches) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files, and {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        async with served(batches) as gateway, crowd(gateway, MANY):
            wire = await gateway.connect()
            async with asyncio.timeout(10):
                while gateway.counters.connections < MANY:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
            took = await p99(wire, 500)
            assert took < 0.1, f"the p99 of the others is {took:.3f} s"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_slow_clients_delay_nobody(batches: MemoryBatches) -> None:
    async with served(batches) as gateway:
        wire = await gateway.connect()
        slow = [await gateway.connect() for _ in range(200)]
        for n, each in enumerate(slow):
            await each.send(list(SLOW.values())[n % len(SLOW)])

        async def trickle() -> None:
            while True:
                for each in slow:
                    with contextlib.suppress(ConnectionError):
                        await each.send(b"a")
                    await asyncio.sleep(0)

        trickling = asyncio.create_task(trickle())
        took = await p99(wire, 500)
        trickling.cancel()
        assert took < 0.2, f"the p99 of the others is {took:.3f} s"


@contextlib.asynccontextmanager
async def crowd(gateway: Served, many: int) -> AsyncIterator[None]:
    """Connections that say nothing, held by another process."""
    pipe = asyncio.subprocess.PIPE
    arguments = (sys.executable, "-c", CROWD, str(gateway.port), str(many))
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"all there\n"
        yield
    finally:
        process.stdin.close()
        await process.wait()


async def p99(wire: Wire, polls: int) -> float:
    """How long all but one in a hundred polls take at the most."""
    took = []
    for _ in range(polls):
        began = time.perf_counter()
        await wire.send(request("GET", "/batches/1/state"))
        assert (await wire.reply()).body == STATE
        took.append(time.perf_counter() - began)
    return sorted(took)[int(polls * 0.99)]
