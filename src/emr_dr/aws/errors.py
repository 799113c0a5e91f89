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


class ForeignAnswerError(Exception):
    """What answered is not AWS: a web page came, as from a proxy or a portal. It is translated as any other error."""


class RefusedError(PermanentError):
    """AWS refused the request itself; `code` is its word for why."""

    def __init__(self, code: str, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(f"{code}: {message}", where=where, remedy=remedy)
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
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_SKEWED = frozenset({"RequestInTheFuture", "RequestTimeTooSkewed"})
_SIGNATURE = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
_UNRECOGNISED = frozenset({
    "AuthFailure", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "OptInRequired", "UnrecognizedClientException",
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

_SIGN_IN = "sign in again (aws sso login, aws login, or new keys), then start again"
_IS_IT_THERE = "see that it is there in this account and region"
_CLOCK = "set this machine's clock right (NTP), then start again"

_SETUP: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError),
        "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run where a role is attached",
    ),
    (
        (
            boto.NoRegionError,
            boto.InvalidRegionError,
            boto.UnknownRegionError,
            boto.ServiceNotInRegionError,
            boto.BaseEndpointResolverError,
        ),
        "correct region in the spec",
    ),
    (
        (boto.ProfileNotFound, boto.ConfigParseError, boto.ConfigNotFound, boto.InvalidConfigError),
        "correct AWS_PROFILE or ~/.aws/config",
    ),
    (
        (
            boto.TokenRetrievalError,
            boto.NoAuthTokenError,
            boto.SSOError,
            boto.LoginError,
            boto.RefreshWithMFAUnsupportedError,
        ),
        _SIGN_IN,
    ),
    ((boto.ParamValidationError, boto.EndpointProviderError), "correct the spec; emr-dr validate shows where"),
)

# IAM's prefix of a service's actions, where it is not the name that botocore gives the service; and the action, where
# it is not called as the operation (service authorization reference, Amazon S3).
_IAM_PREFIX = {"EMR": "elasticmapreduce", "ELBv2": "elasticloadbalancing", "EC2": "ec2", "S3": "s3"}
_IAM_ACTION = {"HeadObject": "GetObject", "HeadBucket": "ListBucket", "CopyObject": "PutObject"}
_ACTION = re.compile(r"perform:?\s+([a-z0-9-]+:[A-Za-z*]+)")
_UNKNOWN_CLUSTER = re.compile(r"[Cc]luster id '.*' is not valid")
_NOT_THERE = re.compile(r"does not exist|not found|could not be found", re.IGNORECASE)
_ELSEWHERE = re.compile(r"scoped to (?:a|the) (?:valid|correct) region", re.IGNORECASE)
_LATE = re.compile(r"expired|not yet current|too skewed|in the future", re.IGNORECASE)
# What fails before anything of the request is sent: the handshake itself.
_HANDSHAKE = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER|HANDSHAKE_FAILURE|UNSUPPORTED_PROTOCOL", re.IGNORECASE
)
_NO_CODE = "unknown"
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
        remedy = "check the network, region in the spec, and AWS_ENDPOINT_URL if it is set"
        return TransientError(f"no connection ({_short(error)})", where=where, remedy=remedy)
    if isinstance(error, boto.SSLError):
        return _no_tls(error, where, creates=creates)
    if isinstance(error, (ForeignAnswerError, ResponseParserError)) or _arose_in_parser(error):
        return _foreign(f"it cannot be read ({_short(error)})", where, creates=creates)
    return _lost(_short(error), where, creates=creates) if isinstance(error, boto.BotoCoreError) else None


def _arose_in_parser(error: Exception) -> bool:
    """Whether an error that is none of botocore's arose in its parsers: they trip over what AWS never sends."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and frame.tb_frame.f_globals.get("__name__") == ResponseParserError.__module__


def _no_tls(error: boto.SSLError, where: str, *, creates: bool) -> TransientError:
    text = _short(error)
    remedy = "check the endpoint, proxies, AWS_CA_BUNDLE, and this machine's clock"
    if creates and not _HANDSHAKE.search(text):
        return _lost(f"TLS failed ({text})", where, creates=True)
    return TransientError(f"no TLS connection ({text})", where=where, remedy=remedy)


def _foreign(how: str, where: str, *, creates: bool) -> TransientError:
    what = f"the answer is not AWS's: {how}"
    if creates:
        return _lost(what, where, creates=True)
    return TransientError(what, where=where, remedy="look for a proxy or portal in between, and at AWS_ENDPOINT_URL")


def _setup(error: Exception, where: str) -> EmrDrError | None:
    """What is wrong on our side, before anything was sent."""
    if isinstance(error, (boto.CredentialRetrievalError, boto.MetadataRetrievalError)):
        remedy = "if it stays so, sign in again or look at what provides them"
        return TransientError(f"credentials could not be read ({_short(error)})", where=where, remedy=remedy)
    for kinds, remedy in _SETUP:
        if isinstance(error, kinds):
            return UsageError(_short(error), where=where, remedy=remedy)
    return None


def _refusal(error: boto.ClientError, service: str, where: str, *, creates: bool) -> EmrDrError:
    code, message = _code(error), _message(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(f"AWS asks us to slow down ({code})", where=where)
    if code in _BROKEN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _lost(f"AWS failed ({code}: {message})", where, creates=creates)
    if code in _MISSING:
        return NotFoundError(f"{code}: {message}", where=where, remedy=_IS_IT_THERE)
    if code in _TAKEN:
        return ConflictError(f"{code}: {message}", where=where, remedy="look who else uses or changes it")
    if code == _NO_CODE or (code.isdigit() and not error.operation_name.startswith("Head")):
        # AWS names a code in every refusal but those of HEAD, which have no body; the number is HTTP's.
        return _foreign(f"HTTP {status}, {message}", where, creates=creates)
    remedy = f"{_IS_IT_THERE}, else correct the spec" if _NOT_THERE.search(message) else ""
    return (
        _denial(error, service, where)
        or _unsigned(code, message, where)
        or RefusedError(code, message, where=where, remedy=remedy)
    )


def _denial(error: boto.ClientError, service: str, where: str) -> PermanentError | None:
    """What is wrong with what we may do, or no longer may."""
    code, message = _code(error), _message(error)
    if code in _DENIED:
        action = _action(error, service)
        remedy = f"allow {action} to our role"
        if action.startswith("sts:AssumeRole"):
            remedy = f"allow {action} to whoever starts emr-dr, and name them in the role's trust policy"
        return PermanentError(f"not allowed: {action} ({message})", where=where, remedy=remedy)
    if code in _EXPIRED:
        # EC2 says RequestExpired of tokens and of clocks alike.
        remedy = f"{_SIGN_IN}; if they are fresh, {_CLOCK}" if code == "RequestExpired" else _SIGN_IN
        return PermanentError(f"our AWS credentials have expired ({code})", where=where, remedy=remedy)
    return None


def _unsigned(code: str, message: str, where: str) -> PermanentError | None:
    """What is wrong with who we say we are. AWS's message is left out: it may quote what was signed, token included."""
    if code in _SKEWED or (code in _SIGNATURE and _LATE.search(message)):
        what = f"this machine's clock is off: AWS refuses what it signs ({code})"
        return PermanentError(what, where=where, remedy=_CLOCK)
    if code in _SIGNATURE and _ELSEWHERE.search(message):
        what = f"this endpoint is not of the region that we sign for ({code})"
        return PermanentError(what, where=where, remedy="correct region in the spec, or AWS_ENDPOINT_URL")
    if code in _SIGNATURE:
        what = f"AWS does not accept our signature ({code}): this machine's clock is off, or the secret key is wrong"
        return PermanentError(what, where=where, remedy="compare the clock with true time, then renew the keys")
    if code in _UNRECOGNISED:
        remedy = "renew them; if they are good, enable the region for the account, or set this machine's clock right"
        return PermanentError(f"AWS does not accept our credentials ({code})", where=where, remedy=remedy)
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
    code = str((error.response.get("Error") or {}).get("Code") or _NO_CODE)
    unknown_id = code == "InvalidRequestException" and _UNKNOWN_CLUSTER.search(_message(error))
    return "NoSuchCluster" if unknown_id else code


def _message(error: boto.ClientError) -> str:
    return " ".join(str((error.response.get("Error") or {}).get("Message") or "no message").split())[:_LONGEST]


def _action(error: boto.ClientError, service: str) -> str:
    # What is missing is often another action than the one called: iam:PassRole for RunJobFlow, sts:AssumeRole to sign.
    if found := _ACTION.search(_message(error)):
        return found.group(1)
    if error.operation_name.startswith("AssumeRole"):
        return f"sts:{error.operation_name}"
    name = _IAM_ACTION.get(error.operation_name, error.operation_name)
    return f"{_IAM_PREFIX.get(service, service.lower())}:{name}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST]
