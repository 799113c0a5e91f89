"""Users and passwords kept in AWS Secrets Manager: read on request, and never shown."""

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emr_dr.aws.errors import NotFoundError, RefusedError
from emr_dr.errors import UsageError
from emr_dr.spec.login import Login

if TYPE_CHECKING:
    from emr_dr.aws.session import Session

# Secrets Manager is no part of `aws/errors.py`'s tables: by this code it says that there is no such secret.
_NO_SUCH = "ResourceNotFoundException"
_FORM = 'store JSON there: {"username": …, "password": …}'


class Secrets:
    """Reads secrets, each from the region that its ARN names."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    async def login(self, arn: str) -> Login:
        """Return the user and password that the secret holds now, its version AWSCURRENT.

        Raises:
            NotFoundError: There is no such secret.
            UsageError: It holds something else than JSON with `username` and `password`.
            PermanentError: We may not read it.
            TransientError: No good answer; repeat.
        """
        client = self._session.secrets(_region(arn) or self._session.region)

        def read() -> Mapping[str, Any]:
            with _unheard():
                answer: Mapping[str, Any] = client.get_secret_value(SecretId=arn)
            return answer

        try:
            answer = await self._session.call("SecretsManager", "GetSecretValue", read)
        except RefusedError as error:
            if error.code != _NO_SUCH:
                raise
            raise NotFoundError("there is no such secret", where=arn, remedy="correct the ARN in the spec") from error
        return _login(answer.get("SecretString"), arn)


def _login(text: object, arn: str) -> Login:
    try:
        held = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        held = None  # raised below, where no error that quotes the secret is chained to ours
    names = ("username", "password")
    if not isinstance(held, dict) or not all(isinstance(held.get(name), str) for name in names):
        raise UsageError("the secret is not JSON with username and password", where=arn, remedy=_FORM)
    try:
        return Login(held["username"], held["password"])
    except ValueError as error:
        raise UsageError(str(error), where=arn, remedy=_FORM) from error


def _region(arn: str) -> str:
    """The fourth part of an ARN."""
    return arn.split(":", 4)[3] if arn.count(":") > 3 else ""  # noqa: PLR2004 - the ARN's own form


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep botocore from logging what this thread gets: whoever turns its debug log on would find the secret there."""
    thread = threading.get_ident()

    def silent(record: logging.LogRecord) -> bool:
        return record.thread != thread

    parsers = logging.getLogger("botocore.parsers")
    parsers.addFilter(silent)
    try:
        yield
    finally:
        parsers.removeFilter(silent)
