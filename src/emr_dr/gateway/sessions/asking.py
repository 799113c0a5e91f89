"""Short answers of a member's Livy, read whole."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from emr_dr.core.view import MemberView
from emr_dr.errors import TransientError
from emr_dr.ports import Passage, Question, Reply

LARGEST = 4 << 20
"""Bytes of an answer about one session."""
LARGEST_LIST = 32 << 20
"""Bytes of a list of sessions."""


@dataclass(frozen=True, slots=True)
class Told:
    """A whole answer; headers by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def read_whole(reply: Reply, seconds: float, most: int = LARGEST) -> Told:
    """Read an answer that has begun, within so many seconds.

    Raises:
        TransientError: It broke off, is too large, or does not end.
    """
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in reply.body:
                size += len(part)
                if size > most:
                    raise TransientError(f"an answer of more than {most} bytes")
                parts.append(part)
    except TimeoutError as error:
        raise TransientError(f"no end of the answer within {seconds:g} s") from error
    return Told(reply.status, reply.headers, b"".join(parts))


async def ask(passage: Passage, member: MemberView, question: Question, most: int = LARGEST) -> Told:
    """Ask a member, and read its whole answer.

    Raises:
        TransientError: As `Passage.passed`, or the answer is too large.
    """
    async with passage.passed(member, question) as reply:
        return await read_whole(reply, question.seconds, most)
