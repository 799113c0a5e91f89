"""Files for clusters are stored once, and again only when they differ."""

import boto3
import pytest

from emr_dr.aws.s3 import S3Artifacts
from emr_dr.aws.session import Session
from emr_dr.errors import PermanentError


async def test_a_file_is_stored_once_and_again_only_when_it_differs(
    moto: boto3.session.Session, session: Session
) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="acme-artifacts")
    s3.put_bucket_versioning(Bucket="acme-artifacts", VersioningConfiguration={"Status": "Enabled"})
    artifacts = S3Artifacts(session, url="s3://acme-artifacts/emr-dr/")

    url = await artifacts.put("proving-job.py", b"print(1)")
    assert url == "s3://acme-artifacts/emr-dr/proving-job.py"
    assert s3.get_object(Bucket="acme-artifacts", Key="emr-dr/proving-job.py")["Body"].read() == b"print(1)"
    await artifacts.put("proving-job.py", b"print(1)")
    assert len(s3.list_object_versions(Bucket="acme-artifacts")["Versions"]) == 1
    await artifacts.put("proving-job.py", b"print(2)")
    assert s3.get_object(Bucket="acme-artifacts", Key="emr-dr/proving-job.py")["Body"].read() == b"print(2)"


@pytest.mark.parametrize("url", ["s3://acme-artifacts", "s3://acme-artifacts/"])
async def test_a_bucket_without_a_prefix_will_do(moto: boto3.session.Session, session: Session, url: str) -> None:
    moto.client("s3").create_bucket(Bucket="acme-artifacts")
    assert await S3Artifacts(session, url=url).put("a.py", b"") == "s3://acme-artifacts/a.py"


async def test_a_bucket_that_does_not_exist_is_a_permanent_error(session: Session) -> None:
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        await S3Artifacts(session, url="s3://nobodys-bucket/x/").put("a.py", b"")
