"""The file of users: read at the start, and again when it changes; one that cannot be read keeps what was known."""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from emr_dr.errors import UsageError

log = structlog.get_logger("emr_dr.gateway")

T = TypeVar("T")

LARGEST = 4 << 20
MOST_ROUNDS = 14
"""bcrypt's cost: each one more doubles the time, and 14 is more than a second on most machines."""
_USER = re.compile(r"[^\s:,\x00-\x1f\x7f]{1,256}")
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class UsersFile(Generic[T]):
    """What a file says of its users, as `parse` reads it, and again when the file changes."""

    def __init__(self, path: Path, parse: Callable[[str, str], T]) -> None:
        """Read it.

        Raises:
            UsageError: It cannot be read, or not be understood.
        """
        self._path = path
        self._parse = parse
        self._complaint = ""
        self.version = 1
        """Grows whenever other content was read."""
        self._text = self._read()
        self.users = parse(self._text, str(path))

    async def watch(self, every: float = 1.0) -> None:
        """Look again and again whether it has changed; until cancelled."""
        while True:
            await asyncio.sleep(every)
            await self.look()

    async def look(self) -> None:
        """Read it again; a broken file is told once, and what was known stays in force."""
        try:
            text = await asyncio.to_thread(self._read)
            if text != self._text:
                self.users = self._parse(text, str(self._path))
                self._text = text
                self.version += 1
                log.info("users_file_read", file=str(self._path))
            self._complaint = ""
        except UsageError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.error("users_file_broken", error=str(error), kept="what was read before stays in force")  # noqa: TRY400

    def _read(self) -> str:
        try:
            with self._path.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            remedy = "see gateway.users.file in the spec"
            raise UsageError(f"cannot be read: {error.strerror}", where=str(self._path), remedy=remedy) from error
        if len(data) > LARGEST:
            raise UsageError(f"is larger than {LARGEST} bytes", where=str(self._path))
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise UsageError("is no UTF-8 text", where=str(self._path)) from error


def bcrypt_hashes(text: str, where: str) -> Mapping[str, bytes]:
    """Return the hash of each user's password.

    Raises:
        UsageError: A line is not `user:hash`, the hash is not bcrypt's, or a user is there twice.
    """
    found: dict[str, bytes] = {}
    for line, user, secret in _lines(text, where):
        made = _BCRYPT.fullmatch(secret)
        if made is None:
            raise UsageError("is no bcrypt hash", where=f"{where}:{line}", remedy="make it with: htpasswd -B")
        if int(made[1]) > MOST_ROUNDS or int(made[1]) < 4:  # noqa: PLR2004 - the least that bcrypt does
            raise UsageError(f"a cost of {made[1]} is not from 4 to {MOST_ROUNDS}", where=f"{where}:{line}")
        if user in found:
            raise UsageError(f"user {user} is there twice", where=f"{where}:{line}", remedy="remove one")
        found[user] = secret.encode("ascii")
    return found


def token_digests(text: str, where: str) -> Mapping[bytes, str]:
    """Return the user of each token, by the token's SHA-256; a user may have several.

    Raises:
        UsageError: A line is not `user:sha256` in hexadecimal, or a token is there twice.
    """
    found: dict[bytes, str] = {}
    for line, user, secret in _lines(text, where):
        if not _SHA256.fullmatch(secret):
            remedy = "make it with: printf %s TOKEN | sha256sum"
            raise UsageError("is no SHA-256 in hexadecimal", where=f"{where}:{line}", remedy=remedy)
        digest = bytes.fromhex(secret)
        if digest in found:
            raise UsageError("the token is there twice", where=f"{where}:{line}", remedy="remove one")
        found[digest] = user
    return found


def _lines(text: str, where: str) -> list[tuple[int, str, str]]:
    """Return number, user and secret of each line that is neither empty nor a remark."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()  # noqa: PLW2901 - the line is what is in it
        if not line or line.startswith("#"):
            continue
        user, colon, secret = line.partition(":")
        if not colon or not _USER.fullmatch(user):
            raise UsageError("is not user:secret", where=f"{where}:{number}", remedy="one user a line")
        found.append((number, user, secret))
    if not found:
        raise UsageError("has no user", where=where, remedy="nobody could sign in")
    return found
