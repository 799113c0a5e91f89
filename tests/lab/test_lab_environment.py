"""What `lab env` exports lets nothing reach AWS itself, whatever the shell had set before."""

import boto3
import pytest

from emr_dr.aws.hosts import Ec2Hosts
from emr_dr.aws.iam import IamRoles
from emr_dr.aws.session import Session
from emr_dr.lab.world import INSTANCE_ROLES, REGION
from lab.lab_world import World, eventually


@pytest.mark.parametrize("service", ["ec2", "elbv2", "emr", "iam", "s3", "sts"])
def test_no_variable_of_the_user_leads_past_the_lab(
    service: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EC2", "ELASTIC_LOAD_BALANCING_V2", "EMR", "IAM", "S3", "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", "https://elsewhere.example")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    for name, value in world.lab.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client(service)  # type: ignore[call-overload]
    assert client.meta.endpoint_url == world.lab.url


async def test_a_role_is_denied_and_allowed_again_in_the_labs_iam(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.lab.environment().items():
        monkeypatch.setenv(name, value)
    session = Session(REGION)
    try:
        roles, (profile, *_) = IamRoles(session), INSTANCE_ROLES
        assert await roles.denied(profile, "j-1") is False
        await roles.deny(profile, "j-1")
        assert await roles.denied(profile, "j-1") is True
        assert await roles.denied(profile, "j-2") is False
        await roles.allow(profile, "j-1")
        await roles.allow(profile, "j-1")
        assert await roles.denied(profile, "j-1") is False
    finally:
        session.close()


async def test_ec2_tells_of_all_machines_of_a_cluster_whether_they_are_terminated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.lab.environment().items():
        monkeypatch.setenv(name, value)
    cluster = world.launch("us-east-1b")
    session = Session(REGION)
    try:
        assert await Ec2Hosts(session).all_ended(cluster) == 0
        world.aws("emr").terminate_job_flows(JobFlowIds=[cluster])
        eventually(lambda: world.state(cluster) == "TERMINATED")
        assert await Ec2Hosts(session).all_ended(cluster) == 3
    finally:
        session.close()
