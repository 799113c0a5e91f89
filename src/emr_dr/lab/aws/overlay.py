"""The one HTTP endpoint of the lab's AWS: finds the service of a signed request, lets a fault strike, answers.

An operation that one of our services has is ours; other operations of EMR and ELBv2 are refused loudly, for moto's
would answer from a state of its own; everything else is moto's.
"""

import logging
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from emr_dr.lab import world
from emr_dr.lab.aws.faults import ApiFault, Faults
from emr_dr.lab.aws.operations import names_of
from emr_dr.lab.aws.protocol import (
    AwsError,
    Call,
    Environ,
    Operations,
    Reply,
    parse_parameters,
    read_call,
    write_error,
    write_result,
)
from emr_dr.lab.aws.reach import Reach

log = logging.getLogger(__name__)

# How each service says that it is asked too often; the others say `Throttling`.
_THROTTLING = {
    "elasticmapreduce": ("ThrottlingException", HTTPStatus.BAD_REQUEST),
    "ec2": ("RequestLimitExceeded", HTTPStatus.SERVICE_UNAVAILABLE),
    "s3": ("SlowDown", HTTPStatus.SERVICE_UNAVAILABLE),
}
_READING = ("Describe", "List", "Get", "GET", "HEAD")
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Service:
    """Operations of ours for one service, all run under one lock."""

    operations: Operations
    lock: AbstractContextManager[object]
    alone: bool = True
    """Operations that are not ours are refused; else moto answers them."""


class Moto:
    """moto's server as a WSGI application, one request a service at a time: its backends are not thread safe."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def lock(self, service: str) -> threading.RLock:
        """Return the lock of one service, by the name in the signature's scope."""
        return self._locks[service]

    def answer(self, call: Call) -> Reply:
        """Let moto answer; the whole body is read under the lock."""
        with self.lock(call.service):
            body, status, headers = run_wsgi_app(self._app, call.rewound(), buffered=True)
            return int(status.split()[0]), dict(headers), b"".join(body)


class Overlay:
    """The WSGI application of the lab's AWS. `after` is told each call that succeeded, while its reply waits."""

    def __init__(
        self,
        moto: Moto,
        services: Mapping[str, Service],
        faults: Faults,
        reach: Reach,
        after: Callable[[Call], None],
    ) -> None:
        self._moto = moto
        self._services = services
        self._faults = faults
        self._reach = reach
        self._after = after
        self._counting = threading.Lock()
        self._counts: Counter[str] = Counter()

    def counts(self) -> dict[str, int]:
        """How often each operation was called, as `service:Operation`; what a quiet controller costs is read here."""
        with self._counting:
            return dict(self._counts)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if self._reach.is_cut:
            self._reach.swallow(environ)
        call = read_call(environ)
        with self._counting:
            self._counts[f"{call.service}:{call.operation}"] += 1
        fault = self._faults.for_call(call.service, names_of(call))
        if fault is not None and fault.delay:
            time.sleep(fault.delay)
        spoilt = fault and _error_of(fault, call)
        reply = write_error(call, spoilt) if spoilt else self._answer(call)
        level = logging.DEBUG if call.operation.startswith(_READING) else logging.INFO
        log.log(level, "aws_call service=%s operation=%s status=%s", call.service, call.operation, reply[0])
        if fault is not None and fault.lose_reply:
            lose_reply(call, fault)
        return respond(start_response, reply)

    def _answer(self, call: Call) -> Reply:
        try:
            reply = self._carry_out(call)
        except AwsError as error:
            return write_error(call, error)
        except Exception as error:
            log.exception("aws_call_failed service=%s operation=%s", call.service, call.operation)
            text = f"The lab failed, see its log: {error!r}"
            return write_error(call, AwsError("InternalFailure", text, status=500))
        if reply[0] < HTTPStatus.BAD_REQUEST:
            self._after(call)
        return reply

    def _carry_out(self, call: Call) -> Reply:
        service = self._services.get(call.service)
        if service is None or (call.operation not in service.operations and not service.alone):
            return self._moto.answer(call)
        if call.region != world.REGION:
            raise AwsError("UnrecognizedClientException", f"The lab is in {world.REGION}, not in {call.region}")
        parameters = parse_parameters(call)
        if call.operation not in service.operations:
            raise AwsError("LabDoesNotImplement", f"The lab has no {call.service} {call.operation}", status=501)
        with service.lock:
            return write_result(call, service.operations[call.operation](parameters))


def _error_of(fault: ApiFault, call: Call) -> AwsError | None:
    if fault.throttle:
        code, status = _THROTTLING.get(call.service, ("Throttling", HTTPStatus.BAD_REQUEST))
        return AwsError(code, fault.message, status=status)
    return AwsError(fault.code, fault.message, status=fault.status) if fault.code else None


def lose_reply(call: Call, fault: ApiFault) -> None:
    """Cut the connection instead of answering: the call has been carried out, its client cannot know."""
    connection: socket.socket = call.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError(f"reply to {call.operation} lost on purpose: {fault}")


def respond(start_response: StartResponse, reply: Reply) -> list[bytes]:
    """Send a reply."""
    status, headers, body = reply
    dropped = ("content-length", "connection", "transfer-encoding", "status")
    sent = [(name, value) for name, value in headers.items() if name.lower() not in dropped]
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    start_response(f"{status} {reason}", [*sent, ("Content-Length", str(len(body)))])
    return [body]
