"""The names of operations as AWS writes them, also where a request names none: S3 and Route 53 have but paths."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from emr_dr.errors import UsageError
from emr_dr.lab.aws.protocol import Call, Environ, service_model

SPOKEN = ("elasticmapreduce", "elasticloadbalancing", "ec2", "s3", "route53", "iam", "sts")
"""The services that the lab speaks, by the names in the signature's scope."""

_BY_PATH = {"s3": 2, "route53": -1}
"""Services whose requests name no operation, and how often their paths are split."""


def require_operation(name: str) -> None:
    """Do nothing for an operation of a service that the lab speaks.

    Raises:
        UsageError: there is none of that name.
    """
    known = {each for scope in SPOKEN for each in service_model(scope).operation_names}
    if name not in known:
        near = get_close_matches(name, known, 3) or ["RunJobFlow", "RegisterTargets", "PutObject"]
        remedy = f"write it as AWS does: {', '.join(near)}"
        raise UsageError(f"no service of the lab has an operation called {name!r}", remedy=remedy)


def names_of(call: Call) -> tuple[str, ...]:
    """Return what a call may be called: the name on the wire, and for S3 and Route 53 what AWS calls it besides."""
    if call.service not in _BY_PATH:
        return (call.operation,)
    fitting = [each for each in _routes(call.service) if each.fits(call.environ)]
    most = max((each.asks for each in fitting), default=0)
    return (call.operation, *(each.name for each in fitting if each.asks == most))


@dataclass(frozen=True)
class _Route:
    """What a request must have to be this operation; the one that asks for most is meant."""

    scope: str
    name: str
    method: str
    path: tuple[str, ...]
    query: frozenset[tuple[str, str]]
    """Names and values; without a value any will do."""
    headers: frozenset[str]

    @property
    def asks(self) -> int:
        return len(self.query) + len(self.headers)

    def fits(self, environ: Environ) -> bool:
        path = _parts(self.scope, str(environ["PATH_INFO"]))
        if environ["REQUEST_METHOD"] != self.method or len(path) != len(self.path):
            return False
        given = dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
        return (
            all(template.startswith("{") or template == part for template, part in zip(self.path, path, strict=True))
            and all(name in given and value in ("", given[name]) for name, value in self.query)
            and all(f"HTTP_{header.upper().replace('-', '_')}" in environ for header in self.headers)
        )


def _parts(scope: str, path: str) -> tuple[str, ...]:
    """Split a path; what follows an S3 bucket is one key, whatever is in it."""
    return tuple(part for part in path.split("/", _BY_PATH[scope]) if part)


@lru_cache(maxsize=len(_BY_PATH))
def _routes(scope: str) -> list[_Route]:
    model = service_model(scope)
    return [_route(scope, name, model.operation_model(name)) for name in model.operation_names]


def _route(scope: str, name: str, operation: Any) -> _Route:  # noqa: ANN401  botocore's models have no types
    path, _, query = str(operation.http["requestUri"]).partition("?")
    shape = operation.input_shape
    needed = [shape.members[each].serialization for each in shape.required_members] if shape else []
    query_names = [each["name"] for each in needed if each.get("location") == "querystring"]
    return _Route(
        scope,
        name,
        str(operation.http["method"]),
        _parts(scope, path),
        frozenset([*parse_qsl(query, keep_blank_values=True), *((each, "") for each in query_names)]),
        frozenset(each["name"] for each in needed if each.get("location") == "header"),
    )
