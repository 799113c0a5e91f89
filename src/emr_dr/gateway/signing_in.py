"""HTTP Basic and bearer tokens: who asks, found out once and then known by a digest of what they send."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from emr_dr.gateway.access import NotSignedInError
from emr_dr.gateway.calls import Caller, UnavailableError
from emr_dr.gateway.users_file import UsersFile

T = TypeVar("T")

KEPT = 10_000
"""Credentials whose user is remembered."""
MOST_CHECKS = 32
"""Passwords that may wait for being checked: each takes a good part of a second."""
LONGEST_PASSWORD = 72
"""Bytes that bcrypt looks at; `htpasswd` cuts longer ones as well."""


class Bearer:
    """Bearer tokens, of which the file holds SHA-256 digests."""

    challenge = 'Bearer realm="emr-dr"'

    def __init__(self, file: UsersFile[Mapping[bytes, str]], caller: Callable[[str], Caller]) -> None:
        self._file = file
        self._caller = caller

    def known(self, authorization: bytes | None) -> Caller | None:
        """Who has the token."""
        token = _after(authorization, b"bearer")
        if token is None:
            return None
        # What is compared are digests: how long it takes says nothing of the tokens.
        user = self._file.users.get(hashlib.sha256(token).digest())
        return None if user is None else self._caller(user)

    async def caller(self, authorization: bytes | None) -> Caller:
        """Who has the token."""
        found = self.known(authorization)
        if found is None:
            raise NotSignedInError("no token" if _after(authorization, b"bearer") is None else "unknown token")
        return found


class Basic:
    """HTTP Basic with passwords, of which the file holds bcrypt hashes.

    A hash is made to be slow, so passwords are checked in threads, and what was found is kept for as long as the file
    stays as it is: under an HMAC with a key of this process, so that no password is kept.
    """

    challenge = 'Basic realm="emr-dr", charset="UTF-8"'

    def __init__(self, file: UsersFile[Mapping[str, bytes]], caller: Callable[[str], Caller]) -> None:
        self._file = file
        self._caller = caller
        self._key = secrets.token_bytes(32)
        self._found: dict[bytes, Caller] = {}
        self._wrong: dict[bytes, None] = {}
        self._version = file.version
        self._checks: dict[bytes, asyncio.Future[Caller | None]] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sign-in")

    def known(self, authorization: bytes | None) -> Caller | None:
        """Who sent these very credentials before, and was let in."""
        if authorization is None:
            return None
        if self._version != self._file.version:
            self._found.clear()
            self._wrong.clear()
            self._version = self._file.version
        return self._found.get(hmac.digest(self._key, authorization, "sha256"))

    async def caller(self, authorization: bytes | None) -> Caller:
        """Who sent these credentials.

        Raises:
            NotSignedInError: Nobody known, or the password is another one.
            UnavailableError: Too many passwords wait for being checked.
        """
        user, password = _credentials(authorization)
        digest = hmac.digest(self._key, authorization or b"", "sha256")
        found = self.known(authorization)
        if found is None and digest not in self._wrong:
            found = await self._checked(digest, user, password)
        if found is None:
            raise NotSignedInError("unknown user or wrong password", user)
        return found

    async def _checked(self, digest: bytes, user: str, password: bytes) -> Caller | None:
        """Check a password once, however many ask at the same time."""
        check = self._checks.get(digest)
        if check is None:
            if len(self._checks) >= MOST_CHECKS:
                raise UnavailableError("too many sign in at once", 1)
            check = asyncio.ensure_future(self._check(digest, user, password))
            self._checks[digest] = check
            check.add_done_callback(lambda _: self._checks.pop(digest, None))
        return await asyncio.shield(check)

    async def _check(self, digest: bytes, user: str, password: bytes) -> Caller | None:
        version, users = self._file.version, self._file.users
        # Somebody unknown is checked against some other hash, so that it takes as long.
        hashed = users.get(user) or next(iter(users.values()))
        loop = asyncio.get_running_loop()
        matches = await loop.run_in_executor(self._threads, _matches, password, hashed)
        found = self._caller(user) if matches and user in users else None
        if version == self._file.version == self._version:
            if found is None:
                _keep(self._wrong, digest, None)
            else:
                _keep(self._found, digest, found)
        return found

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _keep(kept: dict[bytes, T], digest: bytes, value: T) -> None:
    if len(kept) >= KEPT:
        del kept[next(iter(kept))]
    kept[digest] = value


def _matches(password: bytes, hashed: bytes) -> bool:
    return bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed)


def _credentials(authorization: bytes | None) -> tuple[str, bytes]:
    """Return user and password.

    Raises:
        NotSignedInError: They are not there, or not as HTTP Basic has them.
    """
    encoded = _after(authorization, b"basic")
    if encoded is None:
        raise NotSignedInError("no user and password")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
        name = user.decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotSignedInError("user and password are not in base64 and UTF-8") from error
    if not colon or b"\0" in password:
        raise NotSignedInError("user and password are not user:password", name)
    return name, password


def _after(authorization: bytes | None, scheme: bytes) -> bytes | None:
    """Return what follows the scheme's name; None if it is another scheme."""
    if authorization is None:
        return None
    name, _, rest = authorization.partition(b" ")
    return rest.strip() or None if name.lower() == scheme else None
