"""The place under `cluster.artifacts` where our files for clusters are put."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from emr_dr.aws.errors import NotFoundError
from emr_dr.errors import PermanentError

if TYPE_CHECKING:
    from emr_dr.aws.session import Session

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing

_DIGEST = "sha256"


class S3Artifacts:
    """The port `Artifacts` over S3.

    Args:
        session: Makes clients and runs their calls.
        url: `s3://bucket/prefix/`, as declared by `cluster.artifacts`.
    """

    def __init__(self, session: "Session", *, url: str) -> None:
        parts = urlsplit(url)
        self._session = session
        self._client = session.s3()
        self._bucket = parts.netloc
        prefix = parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    async def put(self, name: str, body: bytes) -> str:
        """Store `body` under `name` unless it is there already, and return its `s3://` URL. May be repeated.

        Our own digest in the metadata is compared, for an ETag is no digest of the content where KMS encrypts
        (S3 API, Object.ETag).

        Raises:
            PermanentError: The bucket does not exist, or we may not write there.
            TransientError: No good answer; repeat.
        """
        key = self._key(name)
        digest = hashlib.sha256(body).hexdigest()
        async with self._session.within(f"storing s3://{self._bucket}/{key}"):
            if await self._stored_digest(key) != digest:
                await self._session.call(
                    "S3",
                    "PutObject",
                    lambda: self._client.put_object(
                        Bucket=self._bucket, Key=key, Body=body, Metadata={_DIGEST: digest}
                    ),
                )
        return self.url(name)

    def url(self, name: str) -> str:
        """The `s3://` URL of a name. See `Artifacts.url`."""
        return f"s3://{self._bucket}/{self._key(name)}"

    async def digest(self, name: str) -> str | None:
        """The digest that `put` left with what it stored, None if nothing is there. See `Artifacts.digest`.

        Raises:
            PermanentError: The bucket does not exist, or we may not look.
            TransientError: No good answer.
        """
        where = self.url(name)
        async with self._session.within(f"looking for {where}"):
            try:
                return await self._head(self._key(name)) or ""
            except NotFoundError:
                await self._require_bucket()
                return None
            except PermanentError as error:
                if not _is_denied(error):
                    raise
                remedy = (
                    "allow s3:GetObject there and s3:ListBucket on the bucket: without it S3 says 403 of a missing file"
                )
                raise PermanentError("we may not look (HTTP 403)", where=where, remedy=remedy) from error

    async def remove(self, name: str) -> None:
        """Delete what is stored under a name; may be repeated. See `Artifacts.remove`."""
        key = self._key(name)
        await self._session.call("S3", "DeleteObject", lambda: self._client.delete_object(Bucket=self._bucket, Key=key))

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name.lstrip('/')}"

    async def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing file: HEAD of either is a bare 404 (S3 API, HeadObject)."""
        try:
            await self._session.call("S3", "HeadBucket", lambda: self._client.head_bucket(Bucket=self._bucket))
        except NotFoundError as error:
            remedy = "make it, or correct cluster.artifacts in the spec"
            raise NotFoundError("the bucket does not exist", where=f"s3://{self._bucket}", remedy=remedy) from error

    async def _stored_digest(self, key: str) -> str | None:
        try:
            return await self._head(key)
        except NotFoundError:
            return None
        except PermanentError:
            # Without leave to list, S3 says 403 for what is merely missing; writing tells whether we are allowed here.
            return None

    async def _head(self, key: str) -> str | None:
        head = await self._session.call(
            "S3", "HeadObject", lambda: self._client.head_object(Bucket=self._bucket, Key=key)
        )
        return head.get("Metadata", {}).get(_DIGEST)


def _is_denied(error: PermanentError) -> bool:
    cause = error.__cause__
    answer: Json = cause.response if isinstance(cause, ClientError) else {}
    return (answer.get("ResponseMetadata") or {}).get("HTTPStatusCode") == HTTPStatus.FORBIDDEN
