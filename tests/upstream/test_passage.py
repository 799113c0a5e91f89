"""Requests passed on to a service on the loopback, well and in trouble, piece by piece."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from emr_dr.core.view import MemberView, Role
from emr_dr.errors import OutcomeUnknownError, TransientError, UnreachedError
from emr_dr.gateway.sessions.asking import Told, ask
from emr_dr.ports import Question
from emr_dr.spec.login import Login
from emr_dr.upstream import Access, MemberPassage
from probes.member_on_loopback import Asked, Service, always, dripping, http, json_of, serving, silent


@pytest.fixture
async def passing() -> AsyncIterator[MemberPassage]:
    made = MemberPassage(connect=0.5)
    yield made
    await made.close()


def member_at(service: Service) -> MemberView:
    url = f"http://127.0.0.1:{service.endpoint.port}"
    return MemberView("j-1", 1, 1, "az-a", url, url, Role.SERVING, accepts_new=True)


async def get(passing: MemberPassage, service: Service, seconds: float = 0.3) -> Told:
    return await ask(passing, member_at(service), Question("GET", "/sessions/a?x=%20", seconds, {"accept": "text/a"}))


async def post(passing: MemberPassage, service: Service, body: AsyncIterator[bytes] | bytes = b"{}") -> Told:
    question = Question("POST", "/sessions", 0.3, {"content-type": "application/json"}, body)
    return await ask(passing, member_at(service), question)


async def test_a_request_comes_as_it_was_with_our_own_credentials_in_place_of_the_clients() -> None:
    passing = MemberPassage(Access(login=Login("livy", "secret")))
    async with serving(json_of({"id": 1})) as livy:
        headers = {"Authorization": "Basic mine", "Cookie": "a=b", "X-Requested-By": "me", "Accept": "text/a"}
        told = await ask(passing, member_at(livy), Question("POST", "/sessions/a%20b?x=%2F", 1, headers, b'{"a":1}'))
    await passing.close()
    assert (told.status, json.loads(told.body)) == (200, {"id": 1})
    asked = livy.asked[0]
    assert (asked.method, asked.path, asked.body) == ("POST", "/sessions/a%20b?x=%2F", b'{"a":1}')
    assert asked.headers["authorization"].startswith("Basic bGl2eT")
    assert (asked.headers["x-requested-by"], asked.headers["accept"]) == ("emr-dr", "text/a")
    assert "cookie" not in asked.headers


async def test_questions_share_a_connection_and_what_is_done_once_has_its_own(passing: MemberPassage) -> None:
    async with serving(json_of({})) as livy:
        for _ in range(3):
            await get(passing, livy)
        assert livy.connections == 1
        for _ in range(3):
            await post(passing, livy)
        assert livy.connections == 4


async def test_a_refused_connection_sent_nothing(passing: MemberPassage) -> None:
    async with serving(silent) as livy:
        pass
    for asking in (get, post):
        with pytest.raises(UnreachedError, match="connection refused"):
            await asking(passing, livy)


async def test_silence_to_a_question_is_trouble_and_to_anything_else_it_is_not_known(passing: MemberPassage) -> None:
    async with serving(silent) as livy:
        with pytest.raises(TransientError, match=r"no answer within 0\.3 s") as question:
            await get(passing, livy)
        assert type(question.value) is TransientError
        with pytest.raises(OutcomeUnknownError):
            await post(passing, livy)


async def test_an_answer_that_drips_or_breaks_off_is_no_answer(passing: MemberPassage) -> None:
    async with serving(dripping) as livy:
        with pytest.raises(TransientError, match="no end of the answer"):
            await get(passing, livy)

    async def half(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(http("200 OK", bytes(1000))[:500])
        await writer.drain()
        writer.close()

    async with serving(half) as livy:
        with pytest.raises(TransientError, match="broke off"):
            await get(passing, livy)


async def test_a_streamed_answer_has_a_last_moment_too(passing: MemberPassage) -> None:
    passing.longest = 0.2
    async with serving(dripping) as livy:
        question = Question("GET", "/", 5.0, {})
        async with passing.passed(member_at(livy), question) as reply:
            with pytest.raises(TransientError, match="the answer stopped"):
                async for _ in reply.body:
                    pass


async def test_a_client_may_take_its_time_between_pieces(passing: MemberPassage) -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"a":'
        await more.wait()
        yield b"1}"

    headers = {"content-length": "7"}
    async with serving(json_of({})) as livy:
        asking = asyncio.create_task(
            ask(passing, member_at(livy), Question("POST", "/sessions", 0.2, headers, pieces()))
        )
        await asyncio.wait([asking], timeout=0.5)
        assert not asking.done()
        more.set()
        assert (await asking).status == 200
        assert livy.asked[0].body == b'{"a":1}'


async def test_what_goes_wrong_with_the_body_is_told_as_it_is(passing: MemberPassage) -> None:
    class LeftError(Exception):
        pass

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        raise LeftError

    async with serving(silent) as livy:
        with pytest.raises(LeftError):
            await post(passing, livy, pieces())


async def test_redirects_are_not_followed(passing: MemberPassage) -> None:
    async with serving(always(http("302 Found", b"", "Location: http://127.0.0.1:1/"))) as livy:
        assert (await get(passing, livy)).status == 302
        assert len(livy.asked) == 1
