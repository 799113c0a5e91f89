"""How what a spec declares is asked: TLS with whom to trust, sign-in, prefixes, and the user's own checks."""

import asyncio
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from emr_dr.core.evidence import ProbeResult
from emr_dr.core.world import ProvingResult
from emr_dr.probes.endpoints import control_targets, endpoints
from emr_dr.probes.http import Http
from emr_dr.probes.member import LIVY, MemberProbes, MemberWorker
from emr_dr.spec import Spec
from emr_dr.spec.address import Credentials
from emr_dr.spec.login import Login
from probes.certificates import Authority, authority
from probes.member_on_loopback import Asked, always, body_of, http, json_of, serving, silent
from spec.spec_examples import SMALL, loaded

HERE = "127.0.0.1"
LOGIN = Login("user", "secret")
LIVY_WELL = always(http("200 OK", b'{"version": "0.7.1", "total": 3, "sessions": []}'))


@pytest.fixture(scope="module")
def acme() -> Authority:
    return authority()


def declared(livy: Mapping[str, object], **more: object) -> Spec:
    data = loaded(SMALL).model_dump(mode="json", by_alias=True, exclude_none=True)
    return Spec.model_validate({**data, "services": {"livy": livy}, **more})


async def ask(client: Http, spec: Spec, login: Login = LOGIN) -> ProbeResult:
    """Check Livy as the spec declares it."""
    services, _ = endpoints(spec, {Credentials(env="LOGIN"): login})
    (result,) = await MemberProbes(client, services={LIVY: services["livy"]}).check(HERE)
    return result


async def over_tls(client: Http, folder: Path, server: ssl.SSLContext, *trusted: bytes) -> tuple[bool, str]:
    """Check a Livy that shows what `server` has, trusting these certificates alone; without any, the system's."""
    ca = folder / "trusted.pem"
    ca.write_bytes(b"".join(trusted))
    async with serving(LIVY_WELL, server) as running:
        livy = {"port": running.endpoint.port, "scheme": "https"} | ({"ca": str(ca)} if trusted else {})
        result = await ask(client, declared(livy))
    assert not result.own_word
    return result.ok, result.detail


async def test_a_member_is_trusted_by_its_authority_whatever_name_its_certificate_has(
    client: Http, acme: Authority, tmp_path: Path
) -> None:
    server = acme.server(tmp_path, "ip-10-0-0-1.ec2.internal")
    assert await over_tls(client, tmp_path, server, acme.pem) == (True, "version 0.7.1, 3 batches")


async def test_one_of_several_authorities_will_do(client: Http, acme: Authority, tmp_path: Path) -> None:
    ok, _ = await over_tls(client, tmp_path, acme.server(tmp_path), authority("other").pem, acme.pem)
    assert ok


async def test_a_member_may_be_trusted_by_its_own_certificate(client: Http, acme: Authority, tmp_path: Path) -> None:
    server = acme.server(tmp_path, "leaf")
    shown = (tmp_path / "leaf-1.pem").read_bytes()
    ok, _ = await over_tls(client, tmp_path, server, shown[shown.index(b"-----BEGIN CERT") :])
    assert ok


async def test_another_authority_s_certificate_is_refused(client: Http, acme: Authority, tmp_path: Path) -> None:
    ok, detail = await over_tls(client, tmp_path, acme.server(tmp_path), authority("other").pem)
    assert not ok
    assert detail == "the certificate is not trusted: unable to get local issuer certificate"


async def test_an_impostor_of_the_authority_s_name_is_refused(client: Http, acme: Authority, tmp_path: Path) -> None:
    ok, detail = await over_tls(client, tmp_path, authority().server(tmp_path), acme.pem)
    assert not ok
    assert detail.startswith("the certificate is not trusted: ")


async def test_an_expired_certificate_is_refused(client: Http, acme: Authority, tmp_path: Path) -> None:
    ok, detail = await over_tls(client, tmp_path, acme.server(tmp_path, days=-1), acme.pem)
    assert (ok, detail) == (False, "the certificate is not trusted: certificate has expired")


async def test_without_a_ca_only_the_system_s_authorities_are_trusted(
    client: Http, acme: Authority, tmp_path: Path
) -> None:
    ok, detail = await over_tls(client, tmp_path, acme.server(tmp_path, HERE))
    assert not ok
    assert detail.startswith("the certificate is not trusted: ")


BY_THE_SYSTEM = """
import asyncio, sys
from emr_dr.probes.http import Endpoint, Http
from emr_dr.probes.member import MemberProbes

async def main():
    http = Http()
    for port in sys.argv[1:]:
        (result,) = await MemberProbes(http, services={"livy": Endpoint(int(port), "https")}).check("127.0.0.1")
        print(result.ok, result.detail)
    await http.close()

asyncio.run(main())
"""


async def test_without_a_ca_the_certificate_must_name_the_address_too(acme: Authority, tmp_path: Path) -> None:
    system = tmp_path / "system.pem"
    system.write_bytes(acme.pem)
    named, unnamed = acme.server(tmp_path, HERE), acme.server(tmp_path, "ip-10-0-0-1.ec2.internal")
    async with serving(LIVY_WELL, named) as one, serving(LIVY_WELL, unnamed) as other:
        # A process of its own: what the system trusts is read once, when aiohttp is imported.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BY_THE_SYSTEM, str(one.endpoint.port), str(other.endpoint.port),
            env={**os.environ, "SSL_CERT_FILE": str(system)}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await process.communicate()
    well, refused = printed.decode().splitlines()
    assert well == "True version 0.7.1, 3 batches"
    assert refused.startswith("False the certificate is not trusted: IP address mismatch")


async def test_a_service_without_tls_and_one_that_never_shakes_hands_are_told_apart(
    client: Http, acme: Authority, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(acme.pem)

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http("400 Bad Request", b""))
        writer.close()

    async def checked(port: int) -> str:
        return (await ask(client, declared({"port": port, "scheme": "https", "ca": str(ca)}))).detail

    async with await asyncio.start_server(refuse, HERE, 0) as plain, serving(silent) as frozen:
        assert await checked(plain.sockets[0].getsockname()[1]) == "no TLS"
        assert await checked(frozen.endpoint.port) == "no connection within 0.3 s"


async def test_tls_where_none_is_declared_is_a_failure(client: Http, acme: Authority, tmp_path: Path) -> None:
    async with serving(LIVY_WELL, acme.server(tmp_path)) as running:
        assert not (await ask(client, declared({"port": running.endpoint.port}))).ok


async def test_proving_goes_the_declared_way_too(client: Http, acme: Authority, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(acme.pem)

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        name = "livy071-local-15-get-batch-success" if "/batches/" in asked.path else "yarn-apps-none"
        writer.write(http("200 OK", body_of(name)))

    async with serving(answer, acme.server(tmp_path)) as running:
        way = {"port": running.endpoint.port, "scheme": "https", "ca": str(ca), "credentials": {"env": "LOGIN"}}
        services, _ = endpoints(declared({**way, "path": "/gate/"}), {Credentials(env="LOGIN"): LOGIN})
        work = MemberWorker(client, livy_at=services["livy"], yarn_at=services["livy"], proving_file="s3://acme/p.py")
        assert (await work.proving(HERE, "etl-1-prove")).result is ProvingResult.PASSED
        assert await work.idle(HERE)
        assert [asked.path.split("?")[0] for asked in running.asked] == [
            "/gate/batches/etl-1-prove",
            "/gate/ws/v1/cluster/apps",
        ]
        assert {asked.headers["authorization"] for asked in running.asked} == {"Basic dXNlcjpzZWNyZXQ="}


def test_gateways_are_told_the_whole_way_to_a_service() -> None:
    services, _ = endpoints(declared({"port": 443, "scheme": "https", "path": "/gate/"}), {})
    assert services["livy"].url("10.0.0.7", "") == "https://10.0.0.7:443/gate"
    assert services["resource-manager"].url("10.0.0.7", "") == "http://10.0.0.7:8088"


async def test_declared_checks_are_asked_each_in_its_own_way(client: Http, acme: Authority, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(acme.pem)
    async with serving(json_of({"spark": "3.5.6"}), acme.server(tmp_path)) as safe, serving(json_of({})) as plain:
        history = {"name": "history-server", "port": safe.endpoint.port, "scheme": "https", "ca": str(ca)}
        history |= {"credentials": {"env": "LOGIN"}, "path": "/api/v1/version", "pointer": "/spark", "matches": "^3"}
        spec = declared({"port": 1}, checks=[history, {"name": "zeppelin", "port": plain.endpoint.port}])
        _, checks = endpoints(spec, {Credentials(env="LOGIN"): LOGIN})
        results = await MemberProbes(client, services={}, checks=checks).check(HERE)
        assert [(each.service, each.ok, each.detail) for each in results] == [
            ("history-server", True, "3"),
            ("zeppelin", True, "HTTP 200"),
        ]
        assert safe.asked[0].headers["authorization"] == "Basic dXNlcjpzZWNyZXQ="
        assert "authorization" not in plain.asked[0].headers


async def test_a_wrong_password_is_a_failure_and_no_word_of_the_service_against_itself(client: Http) -> None:
    async with serving(always(http("401 Unauthorized", b"who are you"))) as running:
        result = await ask(client, declared({"port": running.endpoint.port, "credentials": {"env": "LOGIN"}}))
        assert (result.ok, result.own_word, result.detail) == (False, False, "HTTP 401")


def test_control_targets_are_those_declared() -> None:
    spec = declared({"port": 1}, detection={"control_targets": [{"address": "10.0.0.2", "port": 53}]})
    assert [str(target) for target in control_targets(spec)] == ["10.0.0.2:53"]
