"""Checks of services: what real ones said is well, and whatever else comes is a failure with a telling detail."""

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest

from emr_dr.core.evidence import ProbeResult
from emr_dr.errors import PermanentError, TransientError
from emr_dr.probes.answer import Answer, member_of
from emr_dr.probes.declared import DeclaredCheck
from emr_dr.probes.http import Endpoint, Http
from emr_dr.probes.member import LIVY, NAME_NODE, RESOURCE_MANAGER, MemberProbes
from emr_dr.spec.login import Login
from probes.member_on_loopback import (
    Answering,
    a_byte_a_second,
    always,
    body_of,
    breaking_off,
    captured,
    dripping,
    dripping_head,
    flooding,
    flooding_head,
    hanging_up,
    http,
    json_of,
    serving,
    silent,
)

HERE = "127.0.0.1"
LIVY_WELL = always(http("200 OK", b'{"version": "0.7.1", "total": 3, "sessions": []}'))
RM_WELL = captured("yarn-info")
NN_WELL = captured("hdfs-stat")
RM_ANSWER = body_of("yarn-info")


async def probe(client: Http, service: str, answer: Answering) -> ProbeResult:
    async with serving(answer) as running:
        (result,) = await MemberProbes(client, services={service: running.endpoint}).check(HERE)
    assert result.service == service
    return result


async def check(client: Http, service: str, answer: Answering) -> tuple[bool, str]:
    result = await probe(client, service, answer)
    return result.ok, result.detail


async def own_word(client: Http, service: str, answer: Answering) -> str:
    """Return what a service said against itself."""
    result = await probe(client, service, answer)
    assert (result.ok, result.own_word) == (False, True), result
    return result.detail


def of_name_node(**changes: object) -> Answering:
    """A real NameNode's answer with some of its state changed; None leaves a field out."""
    beans = json.loads(body_of("hdfs-stat"))["beans"]
    state = next(bean for bean in beans if bean["name"].endswith("FSNamesystemState"))
    state.update(changes)
    for name in [name for name, value in changes.items() if value is None]:
        del state[name]
    return json_of({"beans": beans})


async def test_a_real_resource_manager_is_well(client: Http) -> None:
    assert await check(client, RESOURCE_MANAGER, RM_WELL) == (True, "STARTED, ACTIVE")


async def test_a_real_name_node_is_well_and_asked_once(client: Http) -> None:
    async with serving(NN_WELL) as running:
        (result,) = await MemberProbes(client, services={NAME_NODE: running.endpoint}).check(HERE)
        assert (result.ok, result.detail) == (True, "active, Operational")
        assert len(running.asked) == 1


async def test_a_real_livy_is_well(client: Http) -> None:
    recorded = captured("livy071-local-03-version", "livy071-local-21-batches-page-0-2")

    async def answer(asked: object, writer: asyncio.StreamWriter) -> None:
        asked.path = asked.path.replace("?size=1", "?from=0&size=2")  # type: ignore[attr-defined]
        await recorded(asked, writer)  # type: ignore[arg-type]

    assert await check(client, LIVY, answer) == (True, "version 0.7.1-incubating, 5 batches")


async def test_a_resource_manager_that_has_started_but_is_not_active_yet_says_so_itself(client: Http) -> None:
    said = await own_word(client, RESOURCE_MANAGER, captured("yarn-info-initializing"))
    assert said == "state is STARTED, haState is INITIALIZING"


@pytest.mark.parametrize(("state", "ha_state"), [("STARTED", "STANDBY"), ("STOPPED", "ACTIVE"), ("INITED", None)])
async def test_a_resource_manager_that_answers_200_and_does_not_work_fools_nobody(
    client: Http, state: str, ha_state: str | None
) -> None:
    answer = json_of({"clusterInfo": {"state": state, "haState": ha_state, "id": 1, "startedOn": 1}})
    assert await own_word(client, RESOURCE_MANAGER, answer) == f"state is {state}, haState is {ha_state or 'ACTIVE'}"


async def test_a_resource_manager_that_says_nothing_of_high_availability_may_be_well(client: Http) -> None:
    answer = json_of({"clusterInfo": {"state": "STARTED", "id": 1, "startedOn": 1}})
    assert await check(client, RESOURCE_MANAGER, answer) == (True, "STARTED, ACTIVE")


async def test_a_name_node_in_safe_mode_says_so_itself(client: Http) -> None:
    assert await own_word(client, NAME_NODE, captured("hdfs-safemode")) == "State is active, FSState is safeMode"


async def test_a_name_node_that_stands_by_says_so_itself(client: Http) -> None:
    answer = always(http("200 OK", body_of("hdfs-stat").replace(b'"State" : "active"', b'"State" : "standby"')))
    assert await own_word(client, NAME_NODE, answer) == "State is standby, FSState is Operational"


async def test_a_name_node_whose_data_nodes_have_all_died_says_so_itself(client: Http) -> None:
    said = await own_word(client, NAME_NODE, of_name_node(NumLiveDataNodes=0, NumDeadDataNodes=3))
    assert said == "no DataNode is alive, 3 are dead"


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"NumLiveDataNodes": 0}, "no DataNode has come yet"),
        ({"NumLiveDataNodes": None}, "JSON without NumLiveDataNodes"),
        ({"NumLiveDataNodes": "many"}, 'NumLiveDataNodes is "many"'),
        ({"FSState": None}, "JSON without FSState"),
    ],
)
async def test_a_name_node_that_has_just_begun_or_says_too_little_is_not_well_without_its_word(
    client: Http, changes: dict[str, object], detail: str
) -> None:
    result = await probe(client, NAME_NODE, of_name_node(**changes))
    assert (result.ok, result.own_word, result.detail) == (False, False, detail)


async def test_a_name_node_that_still_loads_its_image_is_not_well(client: Http) -> None:
    ok, detail = await check(client, NAME_NODE, json_of({"beans": []}))
    assert (ok, detail) == (False, "JSON without the bean NameNodeStatus")


async def test_a_livy_that_knows_its_version_but_cannot_list_batches_is_not_well(client: Http) -> None:
    ok, detail = await check(client, LIVY, captured("livy071-local-03-version"))
    assert (ok, detail) == (False, "HTTP 404")


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (silent, "connected, but no answer within 0.3 s"),
        (dripping_head, "connected, but no answer within 0.3 s"),
        (dripping, "the answer did not end within 0.3 s"),
        (a_byte_a_second(http("200 OK", RM_ANSWER)), "connected, but no answer within 0.3 s"),
        (flooding, "an answer of more than 1048576 bytes"),
        (flooding_head, "not HTTP"),
        (always(http("200 OK", b"{}", f"X: {'y' * 70_000}")), "not HTTP"),
        (hanging_up, "connected, but closed without an answer"),
        (breaking_off, "the answer broke off"),
        (always(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not HTTP"),
        (always(http("503 Service Unavailable", b"busy")), "HTTP 503"),
        (always(http("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/")), "HTTP 307"),
        (always(http("302 Found", b"", "Location: /")), "HTTP 302"),
        (always(http("401 Unauthorized", b"{}", 'WWW-Authenticate: Basic realm="x"')), "HTTP 401"),
        (always(http("200 OK", RM_ANSWER[:-1])), "JSON"),
        (always(http("200 OK", b"<html>welcome</html>", kind="text/html")), "not JSON but '<html>welcome</html>'"),
        (always(http("200 OK", b"")), "not JSON but an empty answer"),
        (always(http("200 OK", b"\xff\xfe\x00")), "not JSON but "),
        (always(http("200 OK", DEEP)), "not JSON but '[[["),
        (always(http("200 OK", b"{", "Content-Encoding: gzip")), "not JSON but '{'"),
        (json_of([]), "JSON without "),
        (json_of(None), "JSON without "),
        (json_of({"clusterInfo": None, "version": 7, "beans": {}}), " is "),
        (json_of({"clusterInfo": {"state": True}, "version": True, "beans": [1]}), " "),
    ],
)
@pytest.mark.parametrize("service", [LIVY, RESOURCE_MANAGER, NAME_NODE])
async def test_whatever_else_comes_is_a_failure_in_words(
    client: Http, service: str, answer: Answering, detail: str
) -> None:
    result = await probe(client, service, answer)
    assert (result.ok, result.own_word) == (False, False)
    assert detail in result.detail


async def test_redirects_are_not_followed_round_and_round(client: Http) -> None:
    async with serving(always(http("307 Temporary Redirect", b"", "Location: /ws/v1/cluster/info"))) as running:
        (result,) = await MemberProbes(client, services={RESOURCE_MANAGER: running.endpoint}).check(HERE)
        assert (result.detail, len(running.asked)) == ("HTTP 307", 1)


def test_json_that_can_just_be_read_but_not_be_written_again_is_no_more_than_a_failure() -> None:
    for depth in (*range(900, 1000), *range(1450, 1510), *range(9_990, 10_010)):  # about where Pythons give up
        answer = Answer("here", 200, b'{"state": ' + b"[" * depth + b"]" * depth + b"}")
        with pytest.raises(TransientError, match=r"state is |not JSON"):
            member_of(answer.json(), "state", str, answer.where)


async def test_whatever_a_service_says_is_told_on_one_line_that_any_store_can_hold(client: Http) -> None:
    version = "1\n\u2028\x1b[31m\ud800é" + "x" * 10_000
    ok, detail = await check(client, LIVY, json_of({"version": version, "total": 1, "sessions": []}))
    assert ok
    assert detail.encode() == ("version 1   [31m é" + "x" * 282 + "…").encode()


async def test_nobody_listening_is_a_refused_connection(client: Http, unused_tcp_port: int) -> None:
    (result,) = await MemberProbes(client, services={LIVY: Endpoint(unused_tcp_port)}).check(HERE)
    assert (result.ok, result.detail) == (False, "connection refused")


async def test_one_that_hangs_delays_no_other(client: Http) -> None:
    async with AsyncExitStack() as stack:
        answers = {LIVY: silent, RESOURCE_MANAGER: RM_WELL, NAME_NODE: NN_WELL}
        running = {name: await stack.enter_async_context(serving(answer)) for name, answer in answers.items()}
        probes = MemberProbes(client, services={name: each.endpoint for name, each in running.items()})
        start = time.monotonic()
        results = {result.service: result for result in await probes.check(HERE)}
        elapsed = time.monotonic() - start
    assert [(name, each.ok) for name, each in results.items()] == [
        (LIVY, False), (RESOURCE_MANAGER, True), (NAME_NODE, True),
    ]  # fmt: skip
    assert results[LIVY].seconds >= 0.3
    assert results[RESOURCE_MANAGER].seconds < results[LIVY].seconds
    assert elapsed < 2 * 0.3 + 1


async def test_every_probe_makes_a_connection_of_its_own(client: Http) -> None:
    async with serving(RM_WELL) as running:
        probes = MemberProbes(client, services={RESOURCE_MANAGER: running.endpoint})
        await probes.check(HERE)
        await probes.check(HERE)
        assert running.connections == 2


async def test_identity_tells_one_start_of_yarn_from_another(client: Http) -> None:
    async with serving(RM_WELL) as running:
        probes = MemberProbes(client, services={RESOURCE_MANAGER: running.endpoint})
        assert await probes.identity(HERE) == "1795357070184-1795357070184"
    with pytest.raises(TransientError, match="connection refused"):
        await probes.identity(HERE)


@pytest.mark.parametrize(
    ("pointer", "matches", "ok", "detail"),
    [
        (None, None, True, "HTTP 200"),
        ("/spark", "^3", True, "3"),
        ("/spark", "^4", False, "/spark does not match ^4: '3.5.6'"),
        ("/missing", "x", False, "JSON without /missing"),
        ("/list/1/a~1b", "^7$", True, "7"),
        ("/list/9", "7", False, "JSON without /list/9"),
        (None, "spark.*3", True, 'spark": "3'),
    ],
)
async def test_a_declared_check_looks_where_it_points(
    client: Http, pointer: str | None, matches: str | None, *, ok: bool, detail: str
) -> None:
    async with serving(json_of({"spark": "3.5.6", "list": [0, {"a/b": 7}]})) as running:
        declared = DeclaredCheck(running.endpoint, "/api/v1/version", pointer, matches)
        (result,) = await MemberProbes(client, services={}, checks={"history-server": declared}).check(HERE)
        assert (result.service, result.ok, result.detail) == ("history-server", ok, detail)
        assert not result.own_word, "somebody else's page may answer there"
        assert running.asked[0].path == "/api/v1/version"


async def test_credentials_and_a_prefix_go_with_every_request(client: Http) -> None:
    async with serving(RM_WELL) as running:
        endpoint = Endpoint(running.endpoint.port, prefix="/gate/", login=Login("user", "secret"))
        await MemberProbes(client, services={RESOURCE_MANAGER: endpoint}).check(HERE)
        assert running.asked[0].path == "/gate/ws/v1/cluster/info"
        assert running.asked[0].headers["authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert "secret" not in repr(endpoint)


def test_a_service_for_which_there_is_no_check_is_refused(client: Http) -> None:
    with pytest.raises(PermanentError, match="no check is known for hbase"):
        MemberProbes(client, services={"hbase": Endpoint(1)})
