"""The little that the gateway needs of ASGI: a request, its body within limits, and an answer sent."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from emr_dr.gateway.calls import RefusedError
from emr_dr.gateway.livy.answers import Answer, refusal

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class GoneError(Exception):
    """The client left before it had sent its request; nobody is there for an answer."""


class BrokenOffError(Exception):
    """An answer was begun and cannot be ended: all that is left is to end the connection."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that name (in small letters)."""
    return next((value for key, value in scope["headers"] if key == name), None)


def text_header(scope: Scope, name: str) -> str | None:
    """Return a header's text without blanks around; what is not UTF-8 keeps question marks in its place."""
    value = header(scope, name.lower().encode("ascii"))
    return None if value is None else value.decode("utf-8", "replace").strip()


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the whole body.

    Raises:
        RefusedError: It is larger than `most` bytes.
        GoneError: The client left.
    """
    if int(header(scope, b"content-length") or 0) > most:
        raise too_large(most)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise too_large(most)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def too_large(most: int) -> RefusedError:
    """Return the error for a body that is too large."""
    return refusal(f"the body is larger than {most} bytes", 413)


async def send_answer(scope: Scope, send: Send, answer: Answer, *, close: bool = False) -> None:
    """Send a whole response; to HEAD without its body."""
    headers = [(b"content-type", answer.content_type.encode("ascii"))]
    headers += [(name.encode("ascii"), value.encode("utf-8", "replace")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


async def breathe() -> None:
    """Let others go on during something long."""
    await asyncio.sleep(0)
