"""The place under `cluster.artifacts` where our files for clusters are put."""

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emr_dr.aws.errors import NotFoundError
from emr_dr.errors import PermanentError

if TYPE_CHECKING:
    from emr_dr.aws.session import Session

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
        key = f"{self._prefix}{name.lstrip('/')}"
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
        return f"s3://{self._bucket}/{key}"

    async def _stored_digest(self, key: str) -> str | None:
        try:
            head = await self._session.call(
                "S3", "HeadObject", lambda: self._client.head_object(Bucket=self._bucket, Key=key)
            )
        except NotFoundError:
            return None
        except PermanentError:
            # Without leave to list, S3 says 403 for what is merely missing; writing tells whether we are allowed here.
            return None
        return head.get("Metadata", {}).get(_DIGEST)
