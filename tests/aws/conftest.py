"""A moto server, a server that misbehaves on the wire, and sessions with them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import boto3
import pytest
from moto.elbv2.models import elbv2_backends
from moto.emr.models import emr_backends
from moto.server import ThreadedMotoServer

from aws.aws_examples import QUICK, REGION, TEMPLATE, Wire
from emr_dr.aws.session import Session
from emr_dr.spec.cluster import ClusterTemplate


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, shared_boto: boto3.session.Session, monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
    """A plain boto3 session on an account without clusters and balancers, to prepare and inspect it with."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    for service in (emr_backends, elbv2_backends):  # EC2's takes seconds to fill, and stays
        service.clear()
    return shared_boto


@pytest.fixture(scope="session")
def shared_boto() -> boto3.session.Session:
    return boto3.session.Session(region_name=REGION)


@pytest.fixture(scope="session")
def shared_session() -> Iterator[Session]:
    """One for all tests, for reading botocore's models is slow; it knows no endpoint until a client is made."""
    ours = Session(REGION)
    yield ours
    ours.close()


@pytest.fixture
def session(moto: boto3.session.Session, shared_session: Session) -> Session:
    assert moto.region_name == REGION
    return shared_session


@pytest.fixture
def template() -> ClusterTemplate:
    return ClusterTemplate.model_validate(TEMPLATE)


@pytest.fixture
async def wire(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
    yield wire
    wire.end()
    server.close()


@pytest.fixture(scope="session")
def shared_quick_session() -> Iterator[Session]:
    session = Session(REGION, times=QUICK)
    yield session
    session.close()


@pytest.fixture
def quick(wire: Wire, shared_quick_session: Session) -> Session:
    assert wire.url
    return shared_quick_session
