"""The one place where what botocore raises becomes the tree of `emr_dr.errors`."""

import re
from http import HTTPStatus

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from emr_dr.errors import (
    ConflictError,
    EmrDrError,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
    UsageError,
)


class NotFoundError(PermanentError):
    """AWS does not know what was asked for."""


class RefusedError(PermanentError):
    """AWS refused the request itself; `code` is its word for why."""

    def __init__(self, code: str, message: str, *, where: str = "") -> None:
        super().__init__(f"{code}: {message}", where=where)
        self.code = code


# AWS writes one code in several ways, by service and age (compare botocore's retries/standard.py).
_THROTTLED = frozenset({
    "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException", "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
})  # fmt: skip
_DENIED = frozenset({
    "403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "Client.UnauthorizedOperation",
    "NotAuthorized", "UnauthorizedOperation",
})  # fmt: skip
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_SKEWED = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_UNRECOGNISED = frozenset({
    "AuthFailure", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId",
    "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip
_BROKEN = frozenset({
    "InternalError", "InternalFailure", "InternalServerError", "InternalServerException", "RequestTimeout",
    "RequestTimeoutException", "ServiceUnavailable", "ServiceUnavailableException", "Unavailable",
})  # fmt: skip
_MISSING = frozenset({
    "404", "ListenerNotFound", "LoadBalancerNotFound", "NoSuchBucket", "NoSuchCluster", "NoSuchKey", "NotFound",
    "TargetGroupNotFound",
})  # fmt: skip
_TAKEN = frozenset({"DuplicateListener", "DuplicateLoadBalancerName", "DuplicateTargetGroupName", "ResourceInUse"})

_SETUP: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError),
        "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run where a role is attached",
    ),
    ((boto.NoRegionError, boto.InvalidRegionError), "set region in the spec"),
    ((boto.ProfileNotFound, boto.ConfigParseError, boto.ConfigNotFound), "correct AWS_PROFILE or ~/.aws/config"),
    ((boto.TokenRetrievalError, boto.SSOError), "sign in again: aws sso login"),
    ((boto.ParamValidationError,), "correct the spec; emr-dr validate shows where"),
)

# IAM's prefix of a service's actions, where it is not the name that botocore gives the service.
_IAM_PREFIX = {"EMR": "elasticmapreduce", "ELBv2": "elasticloadbalancing", "EC2": "ec2", "S3": "s3"}
_ACTION = re.compile(r"perform:?\s+([a-z0-9-]+:[A-Za-z*]+)")
_UNKNOWN_CLUSTER = re.compile(r"[Cc]luster id '.*' is not valid")
_LONGEST = 600


def translate(error: Exception, service: str, operation: str, *, creates: bool = False) -> EmrDrError | None:
    """Return what this error of botocore means, or None if it is none of botocore's (hence a bug, to be left alone).

    Args:
        error: What the call raised.
        service: The service in its short name, such as `EMR`.
        operation: The operation that was asked for, by its name in AWS's API.
        creates: Whether carrying the call out twice would do harm. Then whatever cannot be shown not to have been
            carried out is an `OutcomeUnknownError`.
    """
    where = f"{service} {operation}"
    if isinstance(error, boto.ClientError):
        # Signing may call STS first: what that refuses was never sent to the service itself.
        creates = creates and error.operation_name == operation
        return _refusal(error, service, where, creates=creates)
    if (ours := _setup(error, where)) is not None:
        return ours
    if isinstance(error, (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)):
        return TransientError(f"no connection ({_short(error)})", where=where, remedy="check network and endpoint")
    if isinstance(error, (boto.BotoCoreError, ResponseParserError)):
        return _lost(_short(error), where, creates=creates)
    return None


def _setup(error: Exception, where: str) -> EmrDrError | None:
    """What is wrong on our side, before anything was sent."""
    if isinstance(error, boto.CredentialRetrievalError):
        return TransientError(f"credentials could not be read ({_short(error)})", where=where)
    remedy = next((remedy for kinds, remedy in _SETUP if isinstance(error, kinds)), None)
    return None if remedy is None else UsageError(_short(error), where=where, remedy=remedy)


def _refusal(error: boto.ClientError, service: str, where: str, *, creates: bool) -> EmrDrError:
    code, message = _code(error), _message(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(f"AWS asks us to slow down ({code})", where=where)
    if code in _BROKEN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _lost(f"AWS failed ({code}: {message})", where, creates=creates)
    if code in _MISSING:
        return NotFoundError(f"{code}: {message}", where=where)
    if code in _TAKEN:
        return ConflictError(f"{code}: {message}", where=where, remedy="look who else uses or changes it")
    return _denial(error, service, where) or RefusedError(code, message, where=where)


def _denial(error: boto.ClientError, service: str, where: str) -> PermanentError | None:
    """What is wrong with who we are, or with what we may do."""
    code, message = _code(error), _message(error)
    if code in _DENIED:
        action = _action(error, service)
        return PermanentError(f"not allowed: {action} ({message})", where=where, remedy=f"allow {action} to our role")
    if code in _EXPIRED:
        return PermanentError("our AWS credentials have expired", where=where, remedy="renew them and start again")
    if code in _SKEWED:
        return PermanentError(f"{code}: {message}", where=where, remedy="compare this machine's clock with true time")
    if code in _UNRECOGNISED:
        # The message is left out: it may quote what was signed, the session token included.
        return PermanentError(f"AWS does not accept our credentials ({code})", where=where, remedy="renew them")
    return None


def _lost(what: str, where: str, *, creates: bool) -> TransientError:
    if creates:
        return OutcomeUnknownError(f"{what}; it may have been carried out", where=where, remedy="look before repeating")
    return TransientError(what, where=where)


def _code(error: boto.ClientError) -> str:
    # EMR puts the telling code beside the general one (EMR API, InvalidRequestException.ErrorCode).
    inner = error.response.get("ErrorCode")
    if isinstance(inner, str) and inner in _MISSING | _BROKEN:
        return inner
    code = str(error.response.get("Error", {}).get("Code") or "unknown")
    unknown_id = code == "InvalidRequestException" and _UNKNOWN_CLUSTER.search(_message(error))
    return "NoSuchCluster" if unknown_id else code


def _message(error: boto.ClientError) -> str:
    return " ".join(str(error.response.get("Error", {}).get("Message") or "no message").split())[:_LONGEST]


def _action(error: boto.ClientError, service: str) -> str:
    # What is missing is often another action than the one called: iam:PassRole for RunJobFlow, sts:AssumeRole to sign.
    if found := _ACTION.search(_message(error)):
        return found.group(1)
    if error.operation_name.startswith("AssumeRole"):
        return f"sts:{error.operation_name}"
    return f"{_IAM_PREFIX.get(service, service.lower())}:{error.operation_name}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST]
