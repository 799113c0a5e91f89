"""Stories of drift: what the aws command line changed is shown by plan, put right by apply, and destroyed whole."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.rehearsal import BUCKET, COMMAND, Rehearsal, eventually, rehearsal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600), pytest.mark.controllers]

NAME = "livy.etl.example.internal"
OURS = ("--filters", "Name=tag:emr-dr:group,Values=etl")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One lab for all stories of this module, told in order; the last one leaves nothing."""
    with rehearsal(tmp_path_factory.mktemp("town"), "--stand-in") as found:
        yield found


def said(town: Rehearsal, *args: str, spec: Path | None = None) -> tuple[int, str]:
    """How a verb ended with nobody there to be asked, and what it said."""
    done = subprocess.run(
        [*COMMAND, *args, "--spec", str(spec or town.spec)],
        env=town.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def planned(town: Rehearsal) -> dict[str, dict[str, str]]:
    """What plan would change, by resource and field."""
    changes = json.loads(town.verb("plan", "--spec", str(town.spec), "--json"))["changes"]
    return {f"{c['resource']} {c['field']}".strip(): c for c in changes}


def asked(town: Rehearsal, *args: str) -> Any:  # noqa: ANN401 - what the aws command line answers
    return json.loads(town.aws(*args, "--output", "json") or "null")


def changed(town: Rehearsal, name: str, **balancer: object) -> Path:
    """A spec beside the town's in which the balancer is declared otherwise."""
    declared = yaml.safe_load(town.spec.read_text())
    declared["address"]["balancer"] |= balancer
    path = town.folder / name
    path.write_text(yaml.safe_dump(declared))
    return path


def primary_group(town: Rehearsal) -> str:
    return str(yaml.safe_load(town.spec.read_text())["cluster"]["security_groups"]["primary"])


def put_right(town: Rehearsal, *resources: str) -> None:
    """Exactly these differ; apply puts them right, and then there is nothing left to do."""
    assert set(planned(town)) == set(resources)
    town.verb("apply", "--spec", str(town.spec), "--yes")
    assert planned(town) == {}


def test_a_rule_that_is_missing_is_asked_about_and_added_as_ours(town: Rehearsal) -> None:
    assert planned(town) == {}
    group = primary_group(town)
    port = ("--filters", f"Name=group-id,Values={group}", "--query", "SecurityGroupRules[?FromPort==`8998`]")
    (rule,) = asked(town, "ec2", "describe-security-group-rules", *port)
    town.aws("ec2", "revoke-security-group-ingress", "--group-id", group,
             "--security-group-rule-ids", rule["SecurityGroupRuleId"])  # fmt: skip
    balancers = asked(town, "ec2", "describe-network-interfaces", "--filters", "Name=description,Values=ELB net/etl-*")
    sources = {f"{each['PrivateIpAddress']}/32" for each in balancers["NetworkInterfaces"]}
    code, text = said(town, "apply")
    assert (code, "would change what is not ours" in text, "say --yes" in text) == (2, True, True)
    put_right(town, *(f"rule {group} tcp/8998 from {source}" for source in sources))
    rules = asked(town, "ec2", "describe-security-group-rules", *OURS)["SecurityGroupRules"]
    assert {each["CidrIpv4"] for each in rules} == sources


def test_each_drift_is_shown_field_by_field_and_put_right(town: Rehearsal) -> None:
    (group,) = asked(town, "elbv2", "describe-target-groups", "--names", "etl-rm")["TargetGroups"]
    (balancer,) = asked(town, "elbv2", "describe-load-balancers", "--names", "etl-livy")["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    town.aws("elbv2", "modify-target-group-attributes", "--target-group-arn", group["TargetGroupArn"],
             "--attributes", "Key=preserve_client_ip.enabled,Value=true")  # fmt: skip
    town.aws("elbv2", "modify-target-group", "--target-group-arn", group["TargetGroupArn"],
             "--health-check-interval-seconds", "30")  # fmt: skip
    listeners = asked(town, "elbv2", "describe-listeners", "--load-balancer-arn", arn)["Listeners"]
    gone = next(each["ListenerArn"] for each in listeners if each["Port"] == 9870)
    town.aws("elbv2", "delete-listener", "--listener-arn", gone)
    rules = asked(town, "ec2", "describe-security-group-rules", *OURS)["SecurityGroupRules"]
    town.aws("ec2", "revoke-security-group-ingress", "--group-id", primary_group(town),
             "--security-group-rule-ids", rules[0]["SecurityGroupRuleId"])  # fmt: skip
    town.aws("s3", "rm", f"s3://{BUCKET}/emr-dr/proving-job.py")
    drift = planned(town)
    attribute = drift["target group etl-rm preserve_client_ip.enabled"]
    assert (attribute["from"], attribute["to"]) == ("true", "false")
    assert attribute["why"]
    put_right(
        town,
        "target group etl-rm preserve_client_ip.enabled",
        "target group etl-rm HealthCheckIntervalSeconds",
        "listener etl-livy:9870",
        f"rule {primary_group(town)} tcp/8998 from {rules[0]['CidrIpv4']}",
        f"file s3://{BUCKET}/emr-dr/proving-job.py",
    )


def test_an_az_that_the_balancer_lost_is_enabled_again_and_let_in_from_its_new_address(town: Rehearsal) -> None:
    (balancer,) = asked(town, "elbv2", "describe-load-balancers", "--names", "etl-livy")["LoadBalancers"]
    subnets = [each["SubnetId"] for each in balancer["AvailabilityZones"]]
    town.aws("elbv2", "set-subnets", "--load-balancer-arn", balancer["LoadBalancerArn"], "--subnets", *subnets[:2])
    change = planned(town)["balancer etl-livy Subnets"]
    assert set(change["to"].split(",")) == set(subnets)
    town.verb("apply", "--spec", str(town.spec), "--yes")
    assert planned(town) == {}
    rules = asked(town, "ec2", "describe-security-group-rules", *OURS)["SecurityGroupRules"]
    assert len({each["CidrIpv4"] for each in rules}) == len(rules) == 3, "the old address is let in no more"


def test_a_name_of_ones_own_is_made_and_put_right_and_another_ones_is_not_taken(town: Rehearsal) -> None:
    made = asked(town, "route53", "create-hosted-zone", "--name", "example.internal", "--caller-reference", "town")
    zone = made["HostedZone"]["Id"].rpartition("/")[2]
    town.spec.write_text(changed(town, "named.yaml", dns={"zone": zone, "name": NAME}).read_text())
    put_right(town, f"record {NAME}")
    assert town.status()["address"] == NAME

    def upsert(name: str) -> None:
        alias = {"DNSName": "old.example.com", "HostedZoneId": "Z2", "EvaluateTargetHealth": False}
        record = {"Action": "UPSERT", "ResourceRecordSet": {"Name": name, "Type": "A", "AliasTarget": alias}}
        batch = json.dumps({"Changes": [record]})
        town.aws("route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch)

    upsert(NAME)
    put_right(town, f"record {NAME} AliasTarget")
    upsert(f"theirs.{NAME}")
    code, text = said(town, "apply", spec=changed(town, "t.yaml", dns={"zone": zone, "name": f"theirs.{NAME}"}))
    assert (code, "leads to old.example.com, and is not marked as ours" in text) == (3, True)


def test_what_stands_in_the_way_is_told_in_clear_words_with_its_code(town: Rehearsal) -> None:
    cases = [
        ("plan", "throttle", "DescribeTargetGroups", 75, "AWS asks us to slow down"),
        ("apply", "throttle", "DescribeSecurityGroupRules", 75, "AWS asks us to slow down"),
        (
            "apply",
            "api-error",
            "DescribeLoadBalancers",
            1,
            "allow elasticloadbalancing:DescribeLoadBalancers to our role",
        ),
        ("plan", "api-error", "ListResourceRecordSets", 1, "allow route53:ListResourceRecordSets to our role"),
    ]
    for verb, fault, operation, expected, words in cases:
        more = ("AccessDenied",) if fault == "api-error" else ()
        town.fault(fault, operation, *more, "--times", "0")
        code, text = said(town, verb)
        assert (code, words in text) == (expected, True), text
        town.fault("clear-faults")
    declared = yaml.safe_load(town.spec.read_text())
    subnets = declared["address"]["balancer"]["subnets"]
    code, text = said(town, "plan", spec=changed(town, "two.yaml", subnets=subnets[:2]))
    assert (code, "none of them lies in us-east-1" in text) == (2, True), text
    vpc = asked(town, "ec2", "describe-subnets", "--subnet-ids", subnets[0])["Subnets"][0]
    block = f"{vpc['CidrBlock'].rsplit('.', 2)[0]}.99.0/24"
    new = asked(town, "ec2", "create-subnet", "--vpc-id", vpc["VpcId"], "--cidr-block", block,
                "--availability-zone", vpc["AvailabilityZone"])["Subnet"]["SubnetId"]  # fmt: skip
    town.aws("ec2", "delete-subnet", "--subnet-id", new)
    code, text = said(town, "plan", spec=changed(town, "gone.yaml", subnets=[new, *subnets[1:]]))
    assert (code, f"{new}" in text, "correct the subnets" in text) == (1, True, True), text


def test_destroy_killed_half_way_and_run_again_leaves_nothing_of_ours_and_all_of_others(town: Rehearsal) -> None:
    vpc = asked(town, "elbv2", "describe-target-groups", "--names", "etl-livy")["TargetGroups"][0]["VpcId"]
    town.aws("elbv2", "create-target-group", "--name", "theirs", "--protocol", "TCP", "--port", "80",
             "--vpc-id", vpc, "--target-type", "ip")  # fmt: skip
    rules = asked(town, "ec2", "describe-security-group-rules")["SecurityGroupRules"]
    before = {each["SecurityGroupRuleId"] for each in rules if not each["Tags"]}
    code, text = said(town, "destroy")
    assert (code, "add --yes, or --dry-run" in text, "it serves clients now" in text) == (2, True, True)
    assert town.serving()["stage"] == "serving"
    with town.watching() as watch:
        eventually(lambda: watch.told("lease_taken"), 60, "it leads")
        with subprocess.Popen([*COMMAND, "destroy", "--yes", "--spec", str(town.spec)], env=town.env,
                              stdout=subprocess.DEVNULL) as first:  # fmt: skip
            try:
                told = {"event": "effect_done", "effect": "DeregisterTarget"}
                eventually(lambda: watch.told(**told), 60, "the end is saved, and carried out")
            finally:
                first.kill()
        town.verb("destroy", "--yes", "--spec", str(town.spec), seconds=180)
        eventually(lambda: watch.process.poll() == 0, 60, "the watch ends by itself")
    assert list(town.clusters().values()) == ["TERMINATED"]
    assert asked(town, "elbv2", "describe-load-balancers")["LoadBalancers"] == []
    assert [g["TargetGroupName"] for g in asked(town, "elbv2", "describe-target-groups")["TargetGroups"]] == ["theirs"]
    rules = asked(town, "ec2", "describe-security-group-rules")["SecurityGroupRules"]
    assert {each["SecurityGroupRuleId"] for each in rules} == before
    assert said(town, "destroy", "--yes") == (0, "nothing of this group is there\n")
    assert town.status()["destroyed"] is True
    town.verb("apply", "--spec", str(town.spec), "--yes", seconds=120)
    assert town.serving()["number"] == 2
