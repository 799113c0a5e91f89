"""What tests of the AWS adapters declare, and a server that answers on the wire as it is told."""

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from emr_dr.aws.session import Times
from emr_dr.core.group import Placement

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "us-east-1"
QUICK = Times(connect=0.5, read=0.5, create_read=0.3, call=3, create=3, whole=5)
HERE = Placement("subnet-a", "us-east-1a")

Tags = list[dict[str, str]]
TAGS: Tags = [
    {"Key": "emr-dr:group", "Value": "etl"},
    {"Key": "emr-dr:launch", "Value": "1"},
    {"Key": "emr-dr:origin", "Value": "0ff1ce"},
]
"""On the first cluster of the group."""

TEMPLATE: dict[str, object] = {
    "release": "emr-7.9.0",
    "applications": ["Spark", "Livy"],
    "roles": {"service": "EMR_DefaultRole_V2", "instance": "EMR_EC2_DefaultRole"},
    "security_groups": {"primary": "sg-p", "core": "sg-c", "service_access": "sg-s"},
    "instances": {"groups": {"primary": {"type": "m5.xlarge"}, "core": {"type": "m5.xlarge", "count": 2}}},
    "artifacts": "s3://acme-artifacts/emr-dr/",
}


class Wire:
    """A server on the loopback that counts requests by operation and answers each as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[str] = []
        self.answer: Callable[[str, dict[str, Any]], bytes | None] = lambda _, __: None
        """Maps an operation and its parameters to the bytes to send; None hangs up without an answer."""
        self.hang = False
        self._ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head.splitlines()[1:])}
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                operation, parameters = _read(head.split(" ", 1)[0], fields, body)
                self.requests.append(operation)
                if self.hang:
                    await self._ended.wait()
                reply = self.answer(operation, parameters)
                if reply is None:
                    return
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def end(self) -> None:
        self._ended.set()


def _read(method: str, fields: dict[str, str], body: bytes) -> tuple[str, dict[str, Any]]:
    """JSON services name the operation in a header, query services in the form; S3 has the method only."""
    if operation := fields.get("x-amz-target", "").rpartition(".")[2]:
        return operation, json.loads(body or b"{}")
    form = dict(parse_qsl(body.decode(errors="replace")))
    return form.get("Action", method), dict(form)


def reply(answer: object) -> bytes:
    return json_reply("200 OK", json.dumps(answer))


def json_reply(status: str, body: str) -> bytes:
    return any_reply(status, body, "application/x-amz-json-1.1")


def any_reply(status: str, body: str, kind: str = "text/xml") -> bytes:
    content = body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def refusal(operation: str, code: str, message: str = "no") -> bytes:
    """A refusal as AWS sends it in the protocol of each service."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if operation in {"HEAD", "PUT", "GET"}:
        return any_reply("403 Forbidden", "" if operation == "HEAD" else error)
    if operation in EC2_OPERATIONS:
        return any_reply("403 Forbidden", f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>")
    if operation in QUERY_OPERATIONS:
        return any_reply("403 Forbidden", f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")
    return json_reply("400 Bad Request", json.dumps({"__type": code, "Message": message}))


EC2_OPERATIONS = frozenset({
    "AuthorizeSecurityGroupIngress", "DescribeInstances", "DescribeInstanceStatus", "DescribeSecurityGroupRules",
    "DescribeSubnets",
})  # fmt: skip
QUERY_OPERATIONS = frozenset({
    "AddTags", "AssumeRole", "CreateListener", "CreateLoadBalancer", "CreateTargetGroup", "DeregisterTargets",
    "DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeTags",
    "DescribeTargetGroupAttributes", "DescribeTargetGroups", "DescribeTargetHealth", "ModifyListener",
    "ModifyLoadBalancerAttributes", "ModifyTargetGroup", "ModifyTargetGroupAttributes", "RegisterTargets",
    "SetSecurityGroups", "SetSubnets",
})  # fmt: skip
