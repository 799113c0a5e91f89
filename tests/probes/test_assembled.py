"""A spec joined into a site: its services and checks asked as declared, and passwords that nobody gets to see."""

import logging
import socket
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from emr_dr.bootstrap import assemble
from emr_dr.core.group import Placement
from emr_dr.errors import EmrDrError, UsageError
from emr_dr.probes.member import MemberProbes
from emr_dr.spec import Spec
from probes.member_on_loopback import Answering, Asked, echoing, http, serving
from spec.spec_examples import SMALL, loaded

HERE = "127.0.0.1"
HIDDEN = "hunter2-of-etl"
IN_BASE64 = "ZXRsOmh1bnRlcjItb2YtZXRs"


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """Credentials that are visibly none, and nobody there to take them."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HERE}:{unused_tcp_port}")
    monkeypatch.setenv("ETL_LOGIN", f"etl:{HIDDEN}")


def declared(folder: Path, **more: object) -> Spec:
    data = loaded(SMALL).model_dump(mode="json", by_alias=True, exclude_none=True)
    return Spec.model_validate({**data, "store": {"sqlite": str(folder / "etl.db")}, **more})


async def echoing_well(asked: Asked, writer: object) -> None:
    """Answer with 200 and, as if it meant something, with what was sent."""
    writer.write(http("200 OK", f'{{"state": "{asked.headers["authorization"]}"}}'.encode()))  # type: ignore[attr-defined]


async def told(call: Callable[[], Awaitable[object]]) -> str:
    """Whatever can be read off the outcome of a call, that of its errors' errors included."""
    try:
        return repr(await call())
    except EmrDrError as error:
        text, at = "", error
        cause: BaseException | None = at
        while cause is not None:
            text += "".join(traceback.format_exception(cause)) + repr(cause) + repr(cause.args)
            cause = cause.__cause__ or cause.__context__
        return text


@pytest.mark.parametrize("answer", [echoing, echoing_well], ids=["a page", "JSON"])
async def test_a_password_is_in_no_result_no_error_and_no_log_even_if_services_echo_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Answering
) -> None:
    caplog.set_level(logging.DEBUG)
    sign_in = {"credentials": {"env": "ETL_LOGIN"}}
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(serving(answer)) for _ in range(4)]
        names = ("livy", "resource-manager", "name-node")
        services = {name: {"port": each.endpoint.port, **sign_in} for name, each in zip(names, running, strict=False)}
        check = {"name": "echo", "port": running[3].endpoint.port, "matches": "Basic .*", **sign_in}
        spec = declared(tmp_path, services=services, checks=[check])
        assembly = await stack.enter_async_context(assemble(spec, begins=True))
        probes, work = assembly.site.observer.probes, assembly.site.observer.work
        outcomes = [repr(assembly), repr(spec), repr(vars(probes)), repr(vars(work))]
        outcomes += [await told(lambda: probes.check(HERE)), await told(lambda: probes.identity(HERE))]
        outcomes += [await told(lambda: work.prove(HERE, "p")), await told(lambda: work.proving(HERE, "p"))]
        outcomes += [await told(lambda: work.idle(HERE)), await told(lambda: work.stop(HERE, 9))]
        sent = [asked.headers["authorization"] for each in running for asked in each.asked]
    assert len(sent) >= 8
    assert set(sent) == {f"Basic {IN_BASE64}"}
    everything = "\n".join((*outcomes, *(record.getMessage() for record in caplog.records), caplog.text))
    assert "[hidden]" in everything
    assert HIDDEN not in everything
    assert IN_BASE64 not in everything
    assert IN_BASE64[:12] not in everything


async def test_garbage_that_quotes_credentials_leaves_no_request_behind_in_its_error(tmp_path: Path) -> None:
    async def garbage(asked: Asked, writer: object) -> None:
        writer.write(f"HTTP/9 {asked.headers['authorization']}\r\n\r\n".encode())  # type: ignore[attr-defined]

    async with serving(garbage) as running:
        service = {"port": running.endpoint.port, "credentials": {"env": "ETL_LOGIN"}}
        async with assemble(declared(tmp_path, services={"livy": service}), begins=True) as assembly:
            text = await told(lambda: assembly.site.observer.work.proving(HERE, "p"))
        assert running.asked
    assert "not HTTP" in text
    assert IN_BASE64 not in text


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "is not set"),
        (HIDDEN, "has no colon between user and password"),
        (f":{HIDDEN}", "the user is empty"),
        (f"etl:{HIDDEN}\n", "a line break or another character that cannot be sent is in it"),
    ],
)
async def test_a_variable_that_holds_no_user_and_password_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, what: str
) -> None:
    monkeypatch.delenv("ETL_LOGIN") if value is None else monkeypatch.setenv("ETL_LOGIN", value)
    spec = declared(tmp_path, services={"livy": {"port": 8998, "credentials": {"env": "ETL_LOGIN"}}})
    with pytest.raises(UsageError) as caught:
        async with assemble(spec, begins=True):
            pass
    form = "set it to user:password for whoever runs emr-dr"
    assert str(caught.value) == f"environment variable ETL_LOGIN: {what}; {form}"


async def test_what_is_declared_is_what_is_asked(tmp_path: Path) -> None:
    async with serving(echoing) as service, serving(echoing) as control:
        services = {"livy": {"port": service.endpoint.port, "path": "/gate"}}
        checks = [{"name": "mine", "port": service.endpoint.port}]
        targets = [{"address": HERE, "port": control.endpoint.port}]
        spec = declared(tmp_path, services=services, checks=checks, detection={"control_targets": targets})
        async with assemble(spec, begins=True, vantage="us-east-1c") as assembly:
            observer, controller = assembly.site.observer, assembly.site.controller
            assert isinstance(observer.probes, MemberProbes)
            (reached,) = await observer.probes.controls()
            results = [each.service for each in await observer.probes.check(HERE)]
        assert (reached.ok, reached.detail) == (True, "connected")
        assert results == ["livy", "resource-manager", "name-node", "mine"]
        assert {asked.path for asked in service.asked} == {"/gate/version", "/"}
        assert observer.services == ("livy", "resource-manager", "name-node"), "a check has no target group"
        assert observer.vantage == "us-east-1c"
        assert controller.urls("livy", "10.0.0.7") == f"http://10.0.0.7:{service.endpoint.port}/gate"


async def test_where_we_look_from_is_this_host_unless_told_otherwise(tmp_path: Path) -> None:
    async with assemble(declared(tmp_path), begins=True) as assembly:
        assert assembly.site.observer.vantage == socket.gethostname()


async def test_every_subnet_is_tried_with_the_declared_machines_before_any_with_others(tmp_path: Path) -> None:
    data = loaded(SMALL).model_dump(mode="json", by_alias=True, exclude_none=True)["cluster"]
    data["instances"]["groups"]["primary"]["alternatives"] = ["m6i.xlarge"]
    data["instances"]["groups"]["core"]["type"] = "r5.xlarge"
    async with assemble(declared(tmp_path, cluster=data), begins=True) as assembly:
        placements = assembly.site.controller.policy.placements
    assert placements == (
        Placement("subnet-a", "", 0, ("m5.xlarge", "r5.xlarge")),
        Placement("subnet-b", "", 0, ("m5.xlarge", "r5.xlarge")),
        Placement("subnet-a", "", 1, ("m6i.xlarge", "r5.xlarge")),
        Placement("subnet-b", "", 1, ("m6i.xlarge", "r5.xlarge")),
    )
