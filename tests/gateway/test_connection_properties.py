"""However the bytes of several requests are cut up: every request has its own answer, in its place, and no more."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState

from emr_dr.core.batch import ShownState
from emr_dr.gateway.calls import Caller, Submission
from emr_dr.gateway.connection import Connection, Floor
from emr_dr.gateway.counters import Counters
from emr_dr.spec.gateway import Limits
from gateway.memory import MemoryBatches
from gateway.served import make_app, request

BODY = b'{"file":"s3://a/b.py"}'
CHUNKED = b"POST /batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "h2c"}
WELL_FORMED: dict[bytes, str] = {
    request("GET", "/batches/1/state"): '200 {"id":1,"state":"running"}',
    request("GET", "/batches/2"): '404 {"msg":"Session \'2\' not found."}',
    request("HEAD", "/batches/1"): "200 ",
    request("GET", "/batches/1/state", headers=UPGRADE): '200 {"id":1,"state":"running"}',
    request("POST", "/nosuch", BODY, headers=UPGRADE): "404 ",
    request("POST", "/batches", b"{"): "400 *",
    request("PUT", "/batches", BODY): "405 ",
    CHUNKED + b"2\r\n{}\r\n0\r\n\r\n": '400 {"msg":"requirement failed: File is required."}',
    CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX: y\r\n\r\n": '400 {"msg":"requirement failed: File is required."}',
    b"\r\n" + request("GET", "/batches/1/state"): '200 {"id":1,"state":"running"}',
}
MALFORMED = [
    b"nonsense\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"POST /batches HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    CHUNKED + b"zz\r\n",
    b"GET http:///x HTTP/1.1\r\nHost: x\r\n\r\n",
]


@dataclass
class Recorder(asyncio.Transport):
    """A transport that keeps what is written, and lets nothing in while reading is paused."""

    written: list[bytes] = field(default_factory=list)
    closing: bool = False
    paused: bool = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closing:
            self.written.append(bytes(data))

    def close(self) -> None:
        self.closing = True

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default if name else None

    def get_write_buffer_size(self) -> int:
        return 0


async def opened(transport: Recorder, *, stopping: bool = False) -> Connection:
    """A connection of a gateway with one running batch."""
    batches = MemoryBatches()
    await batches.submit(Submission({"file": "x"}), Caller())
    batches.show(1, ShownState.RUNNING)
    counters = Counters()
    app, _ = make_app(batches, counters, limits=Limits())
    config = Config(app, loop="none", ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    floor = Floor(app, counters, 30.0, 100, stopping=stopping)
    connection = Connection(floor, config, ServerState(), asyncio.get_running_loop())
    connection.connection_made(transport)
    return connection


async def test_a_connection_that_was_accepted_as_the_gateway_stopped_is_turned_away() -> None:
    transport = Recorder()
    connection = await opened(transport, stopping=True)
    assert transport.closing
    connection.data_received(request("GET", "/batches/1/state"))
    assert transport.written == []


async def test_a_request_that_arrives_as_the_gateway_stops_is_the_last_of_its_connection() -> None:
    transport = Recorder()
    connection = await opened(transport)
    whole = request("GET", "/batches/1/state")
    connection.data_received(whole[:10])
    connection._floor.stopping = True  # noqa: SLF001 - as the listener does
    connection.data_received(whole[10:])
    await asyncio.gather(*connection.tasks)
    assert b"connection: close" in b"".join(transport.written)
    assert transport.closing


async def converse(pieces: Sequence[bytes], pauses: Sequence[bool]) -> tuple[bytes, bool]:
    """Everything that is answered to these pieces, and whether the connection was ended."""
    transport = Recorder()
    connection = await opened(transport)
    for n, piece in enumerate(pieces):
        if pauses[n % len(pauses)]:
            await asyncio.sleep(0)
        while transport.paused and not transport.closing:  # noqa: ASYNC110 - it is a transport, which tells nobody
            await asyncio.sleep(0)
        if transport.closing:
            break
        connection.data_received(piece)
    async with asyncio.timeout(5):
        while connection.tasks or connection.pipeline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    ended = transport.closing
    connection.connection_lost(None)
    return b"".join(transport.written), ended


REPLY = re.compile(rb"HTTP/1\.1 (\d+) [^\r]*\r\n(.*?)\r\n\r\n", re.DOTALL)


def replies(said: bytes, requests: Sequence[bytes]) -> list[str]:
    """Status and body of each response."""
    found: list[str] = []
    at = 0
    while at < len(said):
        head = REPLY.match(said, at)
        assert head is not None, said[at:]
        length = re.search(rb"content-length: (\d+)", head[2])
        assert length is not None
        head_only = len(found) < len(requests) and b"HEAD /" in requests[len(found)]
        end = head.end() + (0 if head_only else int(length[1]))
        found.append(f"{head[1].decode()} {said[head.end() : end].decode()}")
        at = end
    return found


@given(
    st.lists(st.sampled_from(list(WELL_FORMED)), max_size=6),
    st.none() | st.sampled_from(MALFORMED),
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
    st.lists(st.booleans(), min_size=1, max_size=7),
)
@settings(max_examples=300, deadline=None)
def test_every_request_has_its_own_answer_in_its_place(
    requests: list[bytes], malformed: bytes | None, sizes: list[int], pauses: list[bool]
) -> None:
    sent = b"".join(requests) + (malformed or b"")
    pieces: list[bytes] = []
    at = 0
    while at < len(sent):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(sent[at : at + size])
        at += size
    said, ended = asyncio.run(converse(pieces, pauses))
    found = replies(said, requests)
    expected = [WELL_FORMED[each] for each in requests]
    for reply, wanted in zip(found, expected, strict=False):
        assert reply.startswith(wanted.removesuffix("*")) if wanted.endswith("*") else reply == wanted
    assert ended == (malformed is not None)
    if malformed is None:
        assert len(found) == len(expected)
    else:  # an error is said only where it cannot be taken for the answer to an earlier request
        assert len(expected) <= len(found) <= len(expected) + 1
        assert all(reply == "400 " for reply in found[len(expected) :])
