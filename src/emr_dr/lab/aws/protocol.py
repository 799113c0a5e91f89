"""Read an AWS API call off the wire and write its answer, in whatever protocol the service speaks."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

JsonObject = dict[str, Any]
Environ = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]
Operations = Mapping[str, Callable[[JsonObject], JsonObject]]

# The name in the signature's credential scope -> the name of botocore's service model, where the two differ.
MODEL_OF_SCOPE = {"elasticmapreduce": "emr", "elasticloadbalancing": "elbv2"}
_CREDENTIAL = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


class AwsError(Exception):
    """An error as the AWS API sends it; `members` are extra fields of the error's shape."""

    def __init__(self, code: str, message: str, *, status: int = 400, members: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


@dataclass(frozen=True)
class Call:
    """One API call: where it goes and what is in it, before its parameters are parsed."""

    service: str
    """As in the signature's scope, e.g. `elasticmapreduce`; empty if the request is not signed."""
    region: str
    operation: str
    """E.g. `RunJobFlow`; for REST services (S3), which name none on the wire, the HTTP method."""
    environ: Environ
    body: bytes

    def rewound(self) -> Environ:
        """Return the WSGI environment with the body unread; safe to repeat."""
        return {**self.environ, "wsgi.input": BytesIO(self.body)}


def read_call(environ: Environ) -> Call:
    """Read the whole request; its size is what the client says in Content-Length."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    region, service = (found.group(1), found.group(2)) if found else ("", "")
    return Call(service, region, _operation(environ, body), environ, body)


def _operation(environ: Environ, body: bytes) -> str:
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return target.rpartition(".")[2]
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode())
        if "Action" in form:
            return form["Action"][0]
    return str(environ.get("REQUEST_METHOD", ""))


@lru_cache(maxsize=32)
def service_model(scope: str) -> Any:  # noqa: ANN401  moto has no types
    """Return botocore's model of a service, by the name in the signature's scope."""
    return get_service_model(MODEL_OF_SCOPE.get(scope, scope))


def parse_parameters(call: Call) -> JsonObject:
    """Return the call's parameters, checked against the service model's ranges, enumerations and lengths.

    Raises:
        AwsError: the operation does not exist, or a value breaks a constraint.
    """
    model = service_model(call.service)
    if call.operation not in model.operation_names:
        raise AwsError("UnknownOperationException", f"{call.service} has no operation {call.operation}")
    operation = model.operation_model(call.operation)
    request = Request(call.rewound())
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](operation)
    parameters = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": {},
        }
    )
    if operation.input_shape is not None:
        code = "ValidationException" if model.protocol == "json" else "ValidationError"
        _check(operation.input_shape, parameters, "", code)
    return parameters


def _check(shape: Any, value: Any, path: str, code: str) -> None:  # noqa: ANN401  shapes and values are untyped
    """Check one value as AWS does before the service itself sees it. botocore's client checks less than that."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _check(member, value[name], f"{path}.{name}" if path else name, code)
        return
    if shape.type_name == "list":
        for index, each in enumerate(value):
            _check(shape.member, each, f"{path}.{index + 1}.member", code)
        return
    limits = shape.metadata
    size = len(value) if shape.type_name == "string" else value
    allowed = limits.get("enum")
    if allowed and value not in allowed:
        wrong = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    elif "min" in limits and size < limits["min"]:
        wrong = f"Member must have value greater than or equal to {limits['min']}"
    elif "max" in limits and size > limits["max"]:
        wrong = f"Member must have value less than or equal to {limits['max']}"
    else:
        return
    raise AwsError(
        code, f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {wrong}"
    )


def write_result(call: Call, result: JsonObject) -> Reply:
    """Serialise what an operation returned, by the service's own model."""
    model = service_model(call.service)
    operation = model.operation_model(call.operation)
    protocol = determine_request_protocol(model, call.environ.get("CONTENT_TYPE"))
    written = get_serializer_class(model.service_name, protocol)(operation_model=operation).serialize(result)
    body = written["body"]
    headers = {name: str(value) for name, value in written["headers"].items()}
    return int(written["status_code"]), headers, body.encode() if isinstance(body, str) else body


def _protocol(scope: str) -> str:
    """Return the protocol of a service; of one whose scope is not its model's name, the most usual."""
    try:
        return str(service_model(scope).protocol)
    except UnknownServiceError:
        return "json"


def write_error(call: Call, error: AwsError) -> Reply:
    """Serialise an error, also one that the service's model does not list (AWS throttles so)."""
    protocol = _protocol(call.service)
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id, "Content-Type": "text/xml"}
    code, message = escape(error.code), escape(error.message)
    fault = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004  HTTP's own border
    if protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    elif protocol == "rest-xml" and call.service == "s3":
        text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    elif protocol in ("query", "rest-xml"):
        text = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    else:
        headers["Content-Type"] = "application/x-amz-json-1.1"
        text = json.dumps({"__type": error.code, "Message": error.message, "message": error.message, **error.members})
    return error.status, headers, text.encode()
