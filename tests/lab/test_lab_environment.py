"""What `lab env` exports lets nothing reach AWS itself, whatever the shell had set before."""

import boto3
import pytest

from lab.lab_world import World


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
