"""What AWS, or something in its place, answers wrongly or not at all, and what people are told then."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from botocore import exceptions as boto

import emr_dr.aws
from aws.aws_examples import HERE, QUICK, REGION, TAGS, TEMPLATE, Wire, any_reply, json_reply, refusal, reply
from aws.test_errors import become, client_error
from emr_dr.aws.ec2 import Subnets
from emr_dr.aws.elbv2 import NetworkBalancer
from emr_dr.aws.emr import EmrClusters
from emr_dr.aws.errors import NotFoundError, RefusedError, translate
from emr_dr.aws.hosts import Ec2Hosts
from emr_dr.aws.s3 import S3Artifacts
from emr_dr.aws.session import Session
from emr_dr.errors import EmrDrError, OutcomeUnknownError, PermanentError, TransientError, UsageError
from emr_dr.spec.cluster import ClusterTemplate

PREFIXES = {"EMR": "elasticmapreduce", "ELBv2": "elasticloadbalancing", "EC2": "ec2", "S3": "s3",
            "Route53": "route53", "SecretsManager": "secretsmanager", "IAM": "iam"}  # fmt: skip
ACTIONS = {"HeadObject": "GetObject", "HeadBucket": "ListBucket", "CopyObject": "PutObject"}
CALLS = {
    "EMR": "RunJobFlow ListClusters DescribeCluster ListInstances ListInstanceGroups ListInstanceFleets "
    "ListBootstrapActions GetManagedScalingPolicy SetTerminationProtection TerminateJobFlows",
    "ELBv2": "DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeTargetGroups DescribeTargetGroupAttributes "
    "DescribeTargetHealth DescribeListeners DescribeTags RegisterTargets DeregisterTargets CreateLoadBalancer "
    "CreateTargetGroup CreateListener SetSubnets SetSecurityGroups ModifyLoadBalancerAttributes ModifyTargetGroup "
    "ModifyTargetGroupAttributes ModifyListener AddTags DeleteLoadBalancer DeleteTargetGroup DeleteListener",
    "EC2": "DescribeSubnets DescribeInstances DescribeInstanceStatus DescribeSecurityGroups DescribeSecurityGroupRules "
    "DescribeNetworkInterfaces AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress",
    "S3": "HeadObject HeadBucket PutObject CopyObject DeleteObject",
    "Route53": "GetHostedZone ListResourceRecordSets ChangeResourceRecordSets",
    "SecretsManager": "GetSecretValue",
    "IAM": "GetInstanceProfile GetRolePolicy ListRolePolicies PutRolePolicy DeleteRolePolicy",
}
OPERATIONS = [(service, operation) for service, names in CALLS.items() for operation in names.split()]
Act = Callable[[Session], Awaitable[object]]


def emr(session: Session) -> EmrClusters:
    return EmrClusters(session, group="etl", template=ClusterTemplate.model_validate(TEMPLATE))


ACTS: dict[str, Act] = {
    "EMR": lambda session: emr(session).find(),
    "ELBv2": lambda session: NetworkBalancer(session, group="etl", name="n", target_groups={"livy": "t"}).targets(),
    "EC2": lambda session: Ec2Hosts(session).health(["i-1"]),
    "S3": lambda session: S3Artifacts(session, url="s3://acme-artifacts/x/", group="etl").put("a.py", b"x"),
}
EACH_SERVICE = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())


@pytest.fixture(scope="module")
def once() -> Iterator[Session]:
    session = Session(REGION, times=QUICK, attempts=1)
    yield session
    session.close()


async def told(kind: type[EmrDrError], act: Awaitable[object]) -> EmrDrError:
    with pytest.raises(kind) as caught:
        await act
    return caught.value


def test_the_operations_below_are_all_that_this_package_calls() -> None:
    texts = [path.read_text() for path in Path(emr_dr.aws.__path__[0]).glob("*.py")]
    direct = re.compile(r'"(?:EMR|ELBv2|EC2|S3|Route53|SecretsManager|IAM)",\s*"(\w+)"')
    indirect = re.compile(r'_(?:call|one|made|pages|delete)\(\s*"([A-Z]\w+)"')
    called = {name for text in texts for form in (direct, indirect) for name in form.findall(text)}
    assert called == {operation for _, operation in OPERATIONS}


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@pytest.mark.parametrize("code", ["AccessDeniedException", "UnauthorizedOperation", "AccessDenied"])
def test_a_denied_call_names_the_missing_action_whatever_aws_says(service: str, operation: str, code: str) -> None:
    error = translate(client_error(code, "no", 403, operation), service, operation)
    action = f"{PREFIXES[service]}:{ACTIONS.get(operation, operation)}"
    assert type(error) is PermanentError
    assert error.exit_code == 1
    assert action in error.what
    assert action in error.remedy


@pytest.mark.parametrize(
    ("denied", "act"),
    [
        ("RunJobFlow", lambda clusters: clusters.launch(1, "0ff1ce", HERE)),
        ("ListClusters", lambda clusters: clusters.find()),
        ("DescribeCluster", lambda clusters: clusters.describe("j-1")),
        ("ListInstances", lambda clusters: clusters.describe("j-1")),
        ("SetTerminationProtection", lambda clusters: clusters.protect("j-1", on=True)),
        ("TerminateJobFlows", lambda clusters: clusters.terminate("j-1")),
    ],
)
async def test_emr_denies_one_call_and_we_name_it(
    wire: Wire, quick: Session, denied: str, act: Callable[[EmrClusters], Awaitable[object]]
) -> None:
    cluster = {"Id": "j-1", "Tags": TAGS, "Status": {"State": "WAITING"}}
    good = {"DescribeCluster": {"Cluster": cluster}, "ListInstances": {"Instances": []}}
    wire.answer = lambda operation, _: (
        refusal(operation, "AccessDeniedException") if operation == denied else reply(good[operation])
    )
    error = await told(PermanentError, act(emr(quick)))
    assert str(error).startswith(f"EMR {denied}: not allowed: elasticmapreduce:{denied} (no); allow")


@pytest.mark.parametrize(
    ("service", "code", "action"),
    [
        ("ELBv2", "AccessDenied", "elasticloadbalancing:DescribeTargetGroups"),
        ("EC2", "UnauthorizedOperation", "ec2:DescribeInstanceStatus"),
        ("S3", "AccessDenied", "s3:PutObject"),
    ],
)
async def test_a_denial_is_understood_in_every_services_protocol(
    wire: Wire, quick: Session, service: str, code: str, action: str
) -> None:
    wire.answer = lambda operation, _: refusal(operation, code)
    assert f"not allowed: {action} (no)" in str(await told(PermanentError, ACTS[service](quick)))


async def test_a_role_that_we_may_not_take_is_named_as_that(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile ours]\nrole_arn = arn:aws:iam::111122223333:role/dr\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = AKIATESTTESTTESTTEST\naws_secret_access_key = not-a-secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "ours")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    wire.answer = lambda operation, _: refusal(operation, "AccessDenied", "not you")
    session = Session(REGION)
    errors = [await told(PermanentError, act) for act in (emr(session).find(), emr(session).launch(1, "o", HERE))]
    session.close()
    for error in errors:
        assert "not allowed: sts:AssumeRole (not you)" in str(error)
        assert "trust policy" in error.remedy
    assert set(wire.requests) == {"AssumeRole"}


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"])
async def test_expired_credentials_are_told_with_the_way_out(wire: Wire, quick: Session, code: str) -> None:
    wire.answer = lambda operation, _: refusal(operation, code, "The security token included in the request is expired")
    error = await told(PermanentError, emr(quick).find())
    assert f"our AWS credentials have expired ({code})" in error.what
    assert "sign in again" in error.remedy
    assert ("clock" in error.remedy) == (code == "RequestExpired")


@pytest.mark.parametrize(
    "error",
    [
        boto.UnauthorizedSSOTokenError(),
        boto.SSOTokenLoadError(error_msg="x"),
        boto.TokenRetrievalError(provider="sso", error_msg="Token has expired"),
        boto.LoginRefreshRequired(),
    ],
)
def test_a_session_that_ended_before_anything_was_sent_is_wrong_use(error: Exception) -> None:
    ours = become(error)
    assert isinstance(ours, UsageError)
    assert "sign in again" in ours.remedy


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("RequestInTheFuture", "m"),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20260101T001000Z is still later than 20260101T000500Z"),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match"),
        ("InvalidSignatureException", "The request signature we calculated does not match"),
    ],
)
def test_what_a_wrong_clock_causes_says_that_the_clock_is_off(code: str, message: str) -> None:
    error = become(client_error(code, message, 403))
    assert type(error) is PermanentError
    assert "this machine's clock is off" in error.what
    assert ("secret key" in error.what) == ("does not match" in message)


def test_an_endpoint_of_another_region_is_told_as_that() -> None:
    error = become(client_error("InvalidSignatureException", "Credential should be scoped to a valid region."))
    assert "not of the region" in error.what
    assert "correct region in the spec" in error.remedy


async def test_an_unusable_region_is_wrong_use() -> None:
    session = Session("us east 1")
    with pytest.raises(UsageError, match="correct region in the spec"):
        session.emr()
    session.close()


async def test_half_of_the_credentials_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    session = Session(REGION)
    with pytest.raises(UsageError, match="set AWS_PROFILE or AWS_ACCESS_KEY_ID"):
        session.emr()
    session.close()


async def test_a_subnet_of_another_region_is_told_with_the_region_that_was_asked(wire: Wire, quick: Session) -> None:
    wire.answer = lambda operation, _: refusal(operation, "InvalidSubnetID.NotFound", "The subnet ID does not exist")
    error = await told(NotFoundError, Subnets(quick).describe(["subnet-a"]))
    assert f"not all of these exist in {REGION}: subnet-a" in error.what
    assert "region in the spec" in error.remedy
    message = "The subnet ID 'subnet-a' does not exist"
    wire.answer = lambda operation, _: refusal(operation, "ValidationException", message)
    error = await told(RefusedError, emr(quick).launch(1, "o", HERE))
    assert "in this account and region" in error.remedy


async def test_a_balancer_of_another_region_is_told_with_the_region_that_was_asked(wire: Wire, quick: Session) -> None:
    wire.answer = lambda operation, _: refusal(operation, "TargetGroupNotFound", "One or more target groups not found")
    error = await told(PermanentError, ACTS["ELBv2"](quick))
    assert f"not all of them exist in {REGION}" in error.what
    assert "region in the spec" in error.remedy


async def test_where_nobody_listens_there_is_no_connection(
    once: Session, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_tcp_port}")
    error = await told(TransientError, emr(once).find())
    assert error.exit_code == 75
    assert "no connection" in error.what
    assert "region in the spec" in error.remedy


async def test_what_speaks_no_tls_is_told_and_no_launch_was_sent_to_it(
    once: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak_plainly, "127.0.0.1", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    for act in (emr(once).find(), emr(once).launch(1, "o", HERE)):
        error = await told(TransientError, act)
        assert "no TLS connection" in error.what
        assert not isinstance(error, OutcomeUnknownError)
    server.close()


def test_a_certificate_that_is_not_trusted_is_told_with_what_to_look_at() -> None:
    failed = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired")
    error = become(boto.SSLError(endpoint_url="https://x", error=failed), creates=True)
    assert type(error) is TransientError
    assert "AWS_CA_BUNDLE, and this machine's clock" in error.remedy


@EACH_SERVICE
@pytest.mark.parametrize("status", ["200 OK", "302 Found", "403 Forbidden", "503 Service Unavailable"])
@pytest.mark.parametrize("page", ["<html><body>Sign in</body></html>", "\n<!DOCTYPE HTML><html><br>Blocked</html>"])
async def test_a_web_page_is_no_answer_of_aws(wire: Wire, once: Session, act: Act, status: str, page: str) -> None:
    wire.answer = lambda _, __: any_reply(status, page, "text/html")
    await told(TransientError, act(once))


async def test_a_web_page_in_answer_to_a_launch_leaves_its_outcome_unknown(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: any_reply("403 Forbidden", "<html>Blocked</html>", "text/html")
    error = await told(OutcomeUnknownError, emr(quick).launch(1, "o", HERE))
    assert "not AWS's" in error.what
    assert wire.requests == ["RunJobFlow"]


@pytest.mark.parametrize("service", ["EMR", "ELBv2"])
@pytest.mark.parametrize(
    "answer",
    [
        any_reply("200 OK", "<nonsense><a/></nonsense>"),
        any_reply("200 OK", "no words of AWS", "text/plain"),
        any_reply("403 Forbidden", "blocked by the firewall", "text/plain"),
        json_reply("200 OK", "{}"),
    ],
    ids=["other XML", "text", "refusing text", "empty JSON"],
)
async def test_nonsense_is_no_answer_of_aws(wire: Wire, quick: Session, service: str, answer: bytes) -> None:
    wire.answer = lambda _, __: answer
    await told(TransientError, ACTS[service](quick))
