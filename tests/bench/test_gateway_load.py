"""What the clients of the gateway's benchmark count."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.gateway.load import Load, Order
from benchmarks.gateway.submits import Task, counted

Reply = Callable[[int], bytes | None]


def answer(number: int, status: str = "200 OK") -> bytes:
    body = b'{"id":%d,"state":"running"}' % number
    return f"HTTP/1.1 {status}\r\nServer: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def server(reply: Reply) -> AsyncIterator[tuple[str, int]]:
    """Answers each request by the batch's number; cuts the connection for None."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                said = reply(int(head.split(b"/")[2]))
                if said is None:
                    break
                for part in (said[:30], said[30:]):  # an answer need not come in one piece
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()


def order(place: tuple[str, int], **more: float) -> Order:
    given = {"connections": 3, "requests": 30, "seconds": 20.0} | more
    return Order(*place, 1, 5, **given)  # type: ignore[arg-type]


async def test_each_client_asks_for_one_batch_after_another_until_enough_was_asked() -> None:
    seen: list[int] = []

    def reply(number: int) -> bytes:
        seen.append(number)
        return answer(number)

    async with server(reply) as place:
        told = await Load(order(place)).run()
    assert (told["good"], told["wrong"], told["broken"], told["refused"]) == (30, 0, 0, {})
    assert sorted(seen) == sorted([1, 2, 3, 4, 5] * 6)
    assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["worst_ms"]


async def test_an_answer_about_another_batch_is_wrong_and_another_status_is_a_refusal() -> None:
    async with server(lambda n: answer(n + 1) if n == 1 else answer(n, "503 Busy") if n == 2 else answer(n)) as place:
        told = await Load(order(place)).run()
    assert (told["good"], told["wrong"], told["refused"], told["broken"]) == (18, 6, {503: 6}, 0)


async def test_a_connection_that_breaks_is_counted_and_made_again() -> None:
    turns = itertools.count()
    async with server(lambda n: None if next(turns) == 10 else answer(n)) as place:
        told = await Load(order(place)).run()
    assert (told["good"], told["broken"]) == (29, 1)


async def test_clients_that_pause_take_the_time_that_it_takes() -> None:
    async with server(answer) as place:
        told = await Load(order(place, connections=10, requests=20, every=0.1)).run()
    assert told["good"] == 20
    assert told["seconds"] >= 0.1


def accepted(name: str, at: float, **more: object) -> Task:
    return Task(name, **({"fails": False, "number": 1, "accepted_at": at} | more))  # type: ignore[arg-type]


def test_the_longest_time_without_an_accepted_submission_is_the_gap_also_at_the_end() -> None:
    tasks = [accepted("a", 1.0), accepted("b", 4.0), Task("c", fails=False, refusal="503 busy")]
    assert counted(tasks, 0.0, 5.0)["gap_seconds"] == 3.0
    told = counted(tasks, 0.0, 10.0)
    assert (told["gap_seconds"], told["refused"], told["refusals"]) == (6.0, 1, {"503 busy": 1})


@pytest.mark.parametrize(
    ("told", "of", "fails", "wrong"),
    [
        ("success", "a", False, 0),
        ("dead", "a", True, 0),
        ("dead", "a", False, 1),
        ("success", "a", True, 1),
        ("success", "b", False, 1),
    ],
)
def test_a_client_that_is_told_another_end_than_its_job_s_is_told_wrong(
    told: str, of: str, wrong: int, *, fails: bool
) -> None:
    assert counted([accepted("a", 1.0, told=told, told_of=of, fails=fails)], 0.0, 2.0)["ends"]["wrong"] == wrong


def test_polls_that_miss_or_are_about_another_batch_are_wrong_answers_and_silence_is_not() -> None:
    told = counted([accepted("a", 1.0, missing=2, others=3, silent=4, right=5)], 0.0, 2.0)
    assert told["wrong_answers"] == 5
    assert told["polls"] == {"right": 5, "missing": 2, "others": 3, "silent": 4}
    assert told["ends"]["never_learned"] == 1
