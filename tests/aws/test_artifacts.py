"""Files for clusters are stored once, and again only when they differ."""

import hashlib

import boto3
import pytest

from aws.aws_examples import Wire, refusal
from emr_dr.aws.s3 import S3Artifacts
from emr_dr.aws.session import Session
from emr_dr.errors import ConflictError, PermanentError


async def test_a_file_is_stored_once_and_again_only_when_it_differs(
    moto: boto3.session.Session, session: Session
) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="acme-artifacts")
    s3.put_bucket_versioning(Bucket="acme-artifacts", VersioningConfiguration={"Status": "Enabled"})
    artifacts = S3Artifacts(session, url="s3://acme-artifacts/emr-dr/", group="etl")

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
    assert await S3Artifacts(session, url=url, group="etl").put("a.py", b"") == "s3://acme-artifacts/a.py"


async def test_a_bucket_that_does_not_exist_is_a_permanent_error(session: Session) -> None:
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        await S3Artifacts(session, url="s3://nobodys-bucket/x/", group="etl").put("a.py", b"")


async def test_what_is_stored_is_told_by_its_digest_and_can_be_removed(
    moto: boto3.session.Session, session: Session
) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="acme-looked-at")
    artifacts = S3Artifacts(session, url="s3://acme-looked-at/emr-dr/", group="etl")
    assert await artifacts.digest("a.py") is None
    await artifacts.put("a.py", b"1")
    assert await artifacts.digest("a.py") == hashlib.sha256(b"1").hexdigest()
    s3.put_object(Bucket="acme-looked-at", Key="emr-dr/a.py", Body=b"1")
    assert await artifacts.digest("a.py") == "", "somebody else put it"
    with pytest.raises(ConflictError, match="is there already, and is not ours; move it away"):
        await artifacts.put("a.py", b"1")
    await artifacts.remove("a.py")
    await artifacts.remove("a.py")
    assert await artifacts.digest("a.py") is None


async def test_a_missing_bucket_is_not_taken_for_a_missing_file(session: Session) -> None:
    with pytest.raises(PermanentError, match="the bucket does not exist; make it"):
        await S3Artifacts(session, url="s3://nobodys-bucket/x/", group="etl").digest("a.py")


async def test_a_place_that_we_may_not_look_at_is_told_with_what_to_allow(wire: Wire, quick: Session) -> None:
    wire.answer = lambda operation, _: refusal(operation, "AccessDenied")
    with pytest.raises(PermanentError, match=r"we may not look .* allow s3:GetObject there and s3:ListBucket"):
        await S3Artifacts(quick, url="s3://acme/x/", group="etl").digest("a.py")


async def test_a_file_that_several_groups_use_is_deleted_by_the_last_of_them(
    moto: boto3.session.Session, session: Session
) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="acme-shared")
    one, other = (S3Artifacts(session, url="s3://acme-shared/x/", group=group) for group in ("etl", "other"))
    for each in (one, other, one):
        await each.put("a.py", b"1")
    assert list(await one.users("a.py")) == ["etl", "other"]
    for _ in range(2):
        await one.remove("a.py")
        assert list(await one.users("a.py")) == ["other"]
        assert s3.get_object(Bucket="acme-shared", Key="x/a.py")["Body"].read() == b"1"
    assert await other.digest("a.py") == hashlib.sha256(b"1").hexdigest()
    await other.remove("a.py")
    assert await other.digest("a.py") is None
    assert list(await other.users("a.py")) == []


async def test_where_the_bucket_has_gone_nobody_uses_anything(session: Session) -> None:
    assert list(await S3Artifacts(session, url="s3://nobodys-bucket/x/", group="etl").users("a.py")) == []
