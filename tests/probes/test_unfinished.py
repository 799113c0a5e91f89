"""What has not ended on a member, as Livy and YARN tell it together."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from emr_dr.errors import TransientError
from emr_dr.ports import Unfinished
from emr_dr.probes.http import Endpoint, Http
from emr_dr.probes.unfinished import unfinished
from probes.member_on_loopback import Answering, Asked, always, body_of, http, json_of, serving

HERE = "127.0.0.1"
APPLICATION = "application_1795357070184_0003"
RUNNING = always(http("200 OK", body_of("yarn-apps-running")))
NONE_RUNNING = always(http("200 OK", body_of("yarn-apps-none")))


def livy_with(*batches: dict[str, object], sessions: tuple[dict[str, object], ...] = ()) -> Answering:
    """A Livy that pages its lists as the real one does."""

    async def send(asked: Asked, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(asked.path)
        query = {key: int(value[0]) for key, value in parse_qs(parts.query).items()}
        whole = {"/batches": batches, "/sessions": sessions}[parts.path]
        page = whole[query["from"] : query["from"] + query["size"]]
        answer = {"from": query["from"], "total": len(whole), "sessions": page}
        writer.write(http("200 OK", json.dumps(answer).encode()))

    return send


def batch(number: int, state: str, name: str | None = None, application: str | None = None) -> dict[str, object]:
    return {"id": number, "name": name, "state": state, "appId": application, "log": []}


async def listed(client: Http, livy: Answering, yarn: Answering) -> list[Unfinished]:
    async with serving(livy) as livy_at, serving(yarn) as yarn_at:
        return list(await unfinished(client, livy_at.endpoint, yarn_at.endpoint, HERE))


async def test_batches_and_sessions_that_have_not_ended_are_listed_in_livys_words(client: Http) -> None:
    livy = livy_with(
        batch(0, "running", "nightly"),
        batch(1, "success"),
        batch(2, "dead"),
        batch(3, "starting"),
        batch(4, "killed"),
        sessions=(batch(7, "idle"), batch(8, "error")),
    )
    found = await listed(client, livy, NONE_RUNNING)
    assert [str(each) for each in found] == ["batch 0 (nightly) running", "batch 3 starting", "session 7 idle"]


async def test_what_yarn_runs_and_livy_did_not_submit_is_listed_once(client: Http) -> None:
    found = await listed(client, livy_with(), RUNNING)
    assert found == [Unfinished("application", APPLICATION, "prove-3", "RUNNING")]
    found = await listed(client, livy_with(batch(5, "running", "prove-3", APPLICATION)), RUNNING)
    assert found == [Unfinished("batch", "5", "prove-3", "running")]


async def test_a_list_of_several_pages_is_read_to_its_end(client: Http) -> None:
    livy = livy_with(*(batch(n, "success") for n in range(249)), batch(249, "running"))
    assert await listed(client, livy, NONE_RUNNING) == [Unfinished("batch", "249", "", "running")]


@pytest.mark.parametrize("livy", [json_of({}), json_of({"total": 1, "sessions": [{"id": 1}]}), json_of([])])
async def test_a_list_that_cannot_be_read_is_not_an_empty_one(client: Http, livy: Answering) -> None:
    with pytest.raises(TransientError):
        await listed(client, livy, NONE_RUNNING)


async def test_without_one_of_the_two_nobody_knows(client: Http) -> None:
    async with serving(livy_with()) as livy_at:
        with pytest.raises(TransientError):
            await unfinished(client, livy_at.endpoint, Endpoint(1), HERE)
