"""What AWS's and botocore's errors become, and what they tell people to do."""

import pytest
from botocore import exceptions as boto

from emr_dr.aws.errors import NotFoundError, RefusedError, translate
from emr_dr.aws.session import Session
from emr_dr.errors import (
    ConflictError,
    EmrDrError,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
    UsageError,
)


def client_error(code: str, message: str = "m", status: int = 400, operation: str = "RunJobFlow") -> boto.ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(response, operation)  # type: ignore[arg-type]


def become(error: Exception, *, creates: bool = False) -> EmrDrError:
    ours = translate(error, "EMR", "RunJobFlow", creates=creates)
    assert ours is not None
    return ours


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("ThrottlingException"), ThrottledError),
        (client_error("whatever", status=429), ThrottledError),
        (client_error("InternalServerException", status=400), TransientError),
        (client_error("502", status=502), TransientError),
        (client_error("ValidationException"), RefusedError),
        (client_error("TargetGroupNotFound"), NotFoundError),
        (client_error("InvalidRequestException", "Cluster id 'j-1' is not valid."), NotFoundError),
        (client_error("DuplicateLoadBalancerName"), ConflictError),
        (client_error("ExpiredTokenException"), PermanentError),
        (client_error("SignatureDoesNotMatch", "token=SECRET"), PermanentError),
        (boto.NoCredentialsError(), UsageError),
        (boto.NoRegionError(), UsageError),
        (boto.ParamValidationError(report="bad"), UsageError),
        (boto.EndpointConnectionError(endpoint_url="http://x"), TransientError),
        (boto.ReadTimeoutError(endpoint_url="http://x"), TransientError),
        (boto.ConnectionClosedError(endpoint_url="http://x"), TransientError),
    ],
)
def test_an_error_becomes_the_kind_that_says_what_to_do(error: Exception, kind: type[EmrDrError]) -> None:
    assert type(become(error)) is kind
    assert str(become(error)).startswith("EMR RunJobFlow: ")


def test_a_secret_in_what_was_signed_is_not_repeated() -> None:
    assert "SECRET" not in str(become(client_error("SignatureDoesNotMatch", "token=SECRET")))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (boto.ReadTimeoutError(endpoint_url="http://x"), OutcomeUnknownError),
        (boto.ConnectionClosedError(endpoint_url="http://x"), OutcomeUnknownError),
        (boto.SSLError(endpoint_url="http://x", error=OSError("eof")), OutcomeUnknownError),
        (client_error("InternalFailure", status=500), OutcomeUnknownError),
        (client_error("InternalFailure", status=500, operation="AssumeRole"), TransientError),
        (boto.EndpointConnectionError(endpoint_url="http://x"), TransientError),
        (boto.ConnectTimeoutError(endpoint_url="http://x"), TransientError),
        (client_error("ThrottlingException"), ThrottledError),
    ],
)
def test_of_a_creating_call_only_what_was_surely_not_carried_out_is_known(
    error: Exception, kind: type[EmrDrError]
) -> None:
    assert type(become(error, creates=True)) is kind


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (client_error("AccessDeniedException", "User: arn:aws:sts::1:x is not authorized to perform: "
                      "elasticmapreduce:RunJobFlow on resource: *"), "elasticmapreduce:RunJobFlow"),
        (client_error("AccessDeniedException", "User: x is not authorized to perform: iam:PassRole on resource: y"),
         "iam:PassRole"),
        (client_error("AccessDenied", "no", operation="AssumeRole"), "sts:AssumeRole"),
        (client_error("AccessDeniedException", "no"), "elasticmapreduce:RunJobFlow"),
    ],
)  # fmt: skip
def test_a_denial_names_the_missing_action(error: Exception, action: str) -> None:
    denial = become(error)
    assert type(denial) is PermanentError
    assert action in denial.what
    assert action in denial.remedy


def test_a_bug_of_our_own_is_left_alone() -> None:
    assert translate(KeyError("x"), "EMR", "RunJobFlow") is None


async def test_a_session_with_an_unknown_profile_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(UsageError, match="no-such-profile"):
        Session("us-east-1")
