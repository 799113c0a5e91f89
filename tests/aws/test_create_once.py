"""RunJobFlow goes over the wire once, whatever happens to it."""

import asyncio
import threading

import pytest

from aws.aws_examples import HERE, REGION, Wire, json_reply
from emr_dr.aws.emr import EmrClusters
from emr_dr.aws.session import Session, Times
from emr_dr.errors import OutcomeUnknownError, PermanentError, ThrottledError, TransientError
from emr_dr.spec.cluster import ClusterTemplate

SERVER_ERROR = json_reply("500 Internal Server Error", '{"__type": "InternalServerException", "Message": "sorry"}')
BAD_GATEWAY = json_reply("502 Bad Gateway", "<html>oops</html>")
THROTTLED = json_reply("400 Bad Request", '{"__type": "ThrottlingException", "message": "Rate exceeded"}')
REFUSED = json_reply("400 Bad Request", '{"__type": "ValidationException", "message": "The subnet does not exist"}')
HALF = b'HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 100\r\n\r\n{"JobFlo'
GARBAGE = json_reply("200 OK", "<html>who are you?</html>")
NAMELESS = json_reply("200 OK", "{}")


@pytest.fixture
def clusters(quick: Session, template: ClusterTemplate) -> EmrClusters:
    return EmrClusters(quick, group="etl", template=template)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (None, OutcomeUnknownError),
        (SERVER_ERROR, OutcomeUnknownError),
        (BAD_GATEWAY, OutcomeUnknownError),
        (HALF, OutcomeUnknownError),
        (GARBAGE, OutcomeUnknownError),
        (NAMELESS, OutcomeUnknownError),
        (THROTTLED, ThrottledError),
        (REFUSED, PermanentError),
    ],
    ids=["dropped", "500", "502", "half a reply", "garbage", "no id", "throttled", "refused"],
)
async def test_a_launch_that_goes_wrong_is_sent_once_and_told_for_what_it_is(
    wire: Wire, clusters: EmrClusters, reply: bytes | None, error: type[Exception]
) -> None:
    wire.answer = lambda _, __: reply
    with pytest.raises(error) as caught:
        await clusters.launch(1, "origin", HERE)
    assert type(caught.value) is error or error is PermanentError
    assert wire.requests == ["RunJobFlow"]


async def test_a_launch_without_an_answer_is_sent_once_and_its_outcome_is_unknown(
    wire: Wire, clusters: EmrClusters
) -> None:
    wire.hang = True
    with pytest.raises(OutcomeUnknownError):
        await clusters.launch(1, "origin", HERE)
    assert wire.requests == ["RunJobFlow"]


async def test_a_launch_that_reached_nobody_was_certainly_not_carried_out(
    wire: Wire, template: ClusterTemplate, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_tcp_port}")
    session = Session(REGION)
    with pytest.raises(TransientError) as caught:
        await EmrClusters(session, group="etl", template=template).launch(1, "origin", HERE)
    session.close()
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert wire.requests == []


async def test_the_deadline_of_a_launch_holds_even_when_its_thread_is_stuck(
    wire: Wire, template: ClusterTemplate
) -> None:
    wire.hang = True
    session = Session(REGION, times=Times(create_read=5, create=0.2))
    with pytest.raises(OutcomeUnknownError, match="no answer within"):
        await EmrClusters(session, group="etl", template=template).launch(1, "origin", HERE)
    wire.end()
    session.close()


async def test_a_launch_that_was_given_up_before_it_was_sent_is_never_sent(wire: Wire) -> None:
    session = Session(REGION, times=Times(create=0.2))
    client = session.emr_create()
    held, go_on, ended = threading.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def sign_slowly(**_: object) -> None:
        held.set()
        go_on.wait(5)

    def launch() -> None:
        try:
            client.run_job_flow(Name="etl-1", Instances={})
        finally:
            loop.call_soon_threadsafe(ended.set)

    client.meta.events.register("before-sign.emr.RunJobFlow", sign_slowly)
    with pytest.raises(OutcomeUnknownError):
        await session.create("EMR", "RunJobFlow", launch)
    assert held.is_set()
    go_on.set()
    await ended.wait()
    session.close()
    assert wire.requests == []


async def test_a_call_that_was_given_up_is_not_repeated_by_its_thread(wire: Wire) -> None:
    """Else it could land after a later round has decided otherwise, or another controller leads."""
    session = Session(REGION, times=Times(read=0.4, call=0.2))
    client = session.emr()
    wire.hang = True
    ended = threading.Event()

    def protect() -> None:
        try:
            client.set_termination_protection(JobFlowIds=["j-1"], TerminationProtected=True)
        finally:
            ended.set()

    with pytest.raises(TransientError, match="no answer within"):
        await session.call("EMR", "SetTerminationProtection", protect)
    assert await asyncio.to_thread(ended.wait, 20)
    wire.end()
    session.close()
    assert wire.requests == ["SetTerminationProtection"]


async def test_reads_are_repeated_where_launches_are_not(wire: Wire, clusters: EmrClusters) -> None:
    replies = [SERVER_ERROR, json_reply("200 OK", '{"Clusters": []}')]
    wire.answer = lambda _, __: replies.pop(0)
    assert await clusters.find() == []
    assert wire.requests == ["ListClusters", "ListClusters"]
