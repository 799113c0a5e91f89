"""The place under `cluster.artifacts` where our files for clusters are put."""

import hashlib
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from emr_dr.aws.errors import NotFoundError
from emr_dr.errors import ConflictError, PermanentError, TransientError

if TYPE_CHECKING:
    from emr_dr.aws.session import Session

Json = Mapping[str, Any]  # what boto3 answers with; every field of it may be missing

_DIGEST = "sha256"
_GROUPS = "emr-dr-groups"
_PORTAL = "look for a proxy or portal in between, and at AWS_ENDPOINT_URL"
_MOVE = "move it away, or declare another place in cluster.artifacts"


class S3Artifacts:
    """The port `Artifacts` over S3.

    Args:
        session: Makes clients and runs their calls.
        url: `s3://bucket/prefix/`, as declared by `cluster.artifacts`.
        group: For whom files are stored: several groups may share one prefix, and each file says whose it is.
    """

    def __init__(self, session: "Session", *, url: str, group: str) -> None:
        parts = urlsplit(url)
        self._session = session
        self._group = group
        self._client = session.s3()
        self._bucket = parts.netloc
        prefix = parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    async def put(self, name: str, body: bytes) -> str:
        """Store `body` under `name` unless it is there already, and return its `s3://` URL. May be repeated.

        Our own digest in the metadata is compared, for an ETag is no digest of the content where KMS encrypts
        (S3 API, Object.ETag).

        Raises:
            ConflictError: Somebody else's file is there, or so it seems: it does not carry our digest.
            PermanentError: The bucket does not exist, or we may not write there.
            TransientError: No good answer; repeat.
        """
        key = self._key(name)
        digest = hashlib.sha256(body).hexdigest()
        async with self._session.within(f"storing s3://{self._bucket}/{key}"):
            stored = await self._stored(key)
            if stored is None:
                stored = {}
            elif _DIGEST not in stored:
                raise ConflictError("is there already, and is not ours", where=self.url(name), remedy=_MOVE)
            if stored.get(_DIGEST) != digest or self._group not in _groups(stored):
                metadata = {_DIGEST: digest, _GROUPS: ",".join(sorted({*_groups(stored), self._group}))}
                await self._session.call(
                    "S3",
                    "PutObject",
                    lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=body, Metadata=metadata),
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
        async with self._session.within(f"looking for {self.url(name)}"):
            try:
                return (await self._seen(name)).get(_DIGEST, "")
            except NotFoundError:
                await self._require_bucket()
                return None

    async def users(self, name: str) -> Collection[str]:
        """The groups for which it was stored; none if nothing is there. See `Artifacts.users`."""
        async with self._session.within(f"looking for {self.url(name)}"):
            try:
                return _groups(await self._seen(name))
            except NotFoundError:
                return ()

    async def remove(self, name: str) -> None:
        """Give it up, or delete it if nobody else uses it; may be repeated. See `Artifacts.remove`."""
        key = self._key(name)
        async with self._session.within(f"deleting {self.url(name)}"):
            try:
                stored = await self._seen(name)
            except NotFoundError:
                return
            if left := [each for each in _groups(stored) if each != self._group]:
                await self._hand_on(key, {**stored, _GROUPS: ",".join(left)})
                return
            await self._session.call(
                "S3", "DeleteObject", lambda: self._client.delete_object(Bucket=self._bucket, Key=key)
            )

    async def _hand_on(self, key: str, metadata: Mapping[str, str]) -> None:
        await self._session.call(
            "S3",
            "CopyObject",
            lambda: self._client.copy_object(
                Bucket=self._bucket,
                Key=key,
                CopySource={"Bucket": self._bucket, "Key": key},
                Metadata=metadata,
                MetadataDirective="REPLACE",
            ),
        )

    async def _seen(self, name: str) -> Mapping[str, str]:
        """What was stored with it.

        Raises:
            NotFoundError: Nothing is there, or there is no such bucket.
            PermanentError: We may not look.
        """
        try:
            return await self._head(self._key(name))
        except PermanentError as error:
            if not _is_denied(error):
                raise
            remedy = (
                "allow s3:GetObject there and s3:ListBucket on the bucket: without it S3 says 403 of a missing file"
            )
            raise PermanentError("we may not look (HTTP 403)", where=self.url(name), remedy=remedy) from error

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name.lstrip('/')}"

    async def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing file: HEAD of either is a bare 404 (S3 API, HeadObject)."""
        try:
            await self._session.call("S3", "HeadBucket", lambda: self._client.head_bucket(Bucket=self._bucket))
        except NotFoundError as error:
            remedy = "make it, or correct cluster.artifacts in the spec"
            raise NotFoundError("the bucket does not exist", where=f"s3://{self._bucket}", remedy=remedy) from error

    async def _stored(self, key: str) -> Mapping[str, str] | None:
        try:
            return await self._head(key)
        except PermanentError:
            # Without leave to list, S3 says 403 for what is merely missing; writing tells whether we are allowed here.
            return None

    async def _head(self, key: str) -> Mapping[str, str]:
        head = await self._session.call(
            "S3", "HeadObject", lambda: self._client.head_object(Bucket=self._bucket, Key=key)
        )
        if not head.get("ETag"):  # S3 sends one with each object; a portal that answers everything well does not
            raise TransientError("the answer is not S3's", where=f"s3://{self._bucket}/{key}", remedy=_PORTAL)
        return head.get("Metadata", {})


def _groups(metadata: Mapping[str, str]) -> list[str]:
    return [each for each in metadata.get(_GROUPS, "").split(",") if each]


def _is_denied(error: PermanentError) -> bool:
    cause = error.__cause__
    answer: Json = cause.response if isinstance(cause, ClientError) else {}
    return (answer.get("ResponseMetadata") or {}).get("HTTPStatusCode") == HTTPStatus.FORBIDDEN
