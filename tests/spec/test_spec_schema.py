"""The JSON Schema agrees with the loader, and the starter spec leads to a spec that loads."""

import re
from typing import Any

import jsonschema
import pytest
import yaml

from emr_dr.cli.main import VERBS
from emr_dr.errors import UsageError
from emr_dr.spec import MODE_NAMES, STRATEGY_NAMES, json_schema, starter
from spec.spec_examples import FULL, PLANNED, SMALL, changed, loaded, refused

VALIDATOR = jsonschema.Draft202012Validator(json_schema())

# The whole language of the spec, planned parts included.
EVERY_KEY = """\
group: etl
region: us-east-1
strategy: active-passive
address:
  mode: direct
  balancer: {name: etl-livy, subnets: [subnet-a, subnet-b], dns: {zone: Z123, name: livy.etl.example.internal}}
services:
  livy: {port: 8998}
  resource-manager: {port: 8088}
  name-node: {port: 9870}
checks: [{name: history-server, port: 18080, path: /api/v1/version, pointer: /spark, matches: "^3"}]
placements: [{subnet: subnet-a}, {subnet: subnet-b}]
cluster:
  release: emr-7.9.0
  applications: [Spark, Livy]
  roles: {service: EMR_DefaultRole_V2, instance: EMR_EC2_DefaultRole}
  security_groups: {primary: sg-p, core: sg-c, service_access: sg-s, additional_primary: []}
  instances: {groups: {primary: {type: m5.xlarge}, core: {type: m5.xlarge, count: 1}}}
  managed_scaling: {minimum: 1, maximum: 20, unit: Instances}
  configurations: []
  bootstrap: []
  log_uri: s3://acme-logs/etl/
  artifacts: s3://acme-artifacts/emr-dr/
detection: {interval: 5s, member_lost: 60s, service_down: 120s}
recovery: {mode: automatic, cooldown: 30m, launches_a_day: 6, probation: 10m, retire_unconfirmed_after: 24h}
objectives: {rto: 20m}
store: {sqlite: ./emr-dr.db}
"""


def _valid(text: str) -> bool:
    return bool(VALIDATOR.is_valid(yaml.safe_load(text)))


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_example_of_the_design_is_described() -> None:
    VALIDATOR.validate(yaml.safe_load(EVERY_KEY))


def test_the_design_s_example_loads() -> None:
    assert loaded(EVERY_KEY).address.balancer.dns is not None


@pytest.mark.parametrize("text", [SMALL, FULL.replace("2.0.20250428.0", '"2.0.20250428.0"').replace(" on:", ' "on":')])
def test_what_loads_is_described(text: str) -> None:
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize(("old", "new"), PLANNED.items())
def test_what_is_planned_is_described_too(old: str, new: str) -> None:
    assert _valid(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("interval: 5s", "interval: 5"),
        ("interval: 5s", 'interval: ""'),
        ("interval: 5s", "intervall: 5s"),
        ("group: etl", "group: ETL"),
        (", {subnet: subnet-b}", ""),
        ("mode: direct", "mode: diret"),
        ("port: 8998", "port: '8998'"),
        ("sqlite: ./emr-dr.db", ""),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(old: str, new: str) -> None:
    assert not _valid(changed(old, new))


def _properties(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    sections = [(schema["title"], schema), *schema["$defs"].items()]
    return [(f"{name}.{key}", value) for name, part in sections for key, value in part["properties"].items()]


def test_every_key_is_explained() -> None:
    assert [name for name, value in _properties(json_schema()) if not value.get("description", "").endswith(".")] == []


def test_every_choice_that_has_a_default_says_it() -> None:
    silent = [
        name
        for name, value in _properties(json_schema())
        if isinstance(value.get("default"), (str, int)) and "Default" not in value["description"]
    ]
    assert silent == []


def test_durations_have_their_defaults_as_the_file_writes_them() -> None:
    assert json_schema()["$defs"]["Detection"]["properties"]["interval"]["default"] == "5s"
    assert json_schema()["properties"]["detection"]["default"]["member_lost"] == "1m"


def _filled(text: str) -> str:
    text = text.replace("FILL-ME-region", "us-east-1")
    return re.sub(r"FILL-ME-(\w+)", r"\1", text)


def test_the_starter_loads_once_its_placeholders_are_filled() -> None:
    spec = loaded(_filled(starter("nightly-etl", "active-passive")))
    assert (spec.group, spec.strategy) == ("nightly-etl", "active-passive")
    assert spec.address.balancer.name == "nightly-etl-livy"
    assert spec.cluster.managed_scaling is not None


def test_the_starter_is_refused_for_its_placeholders_and_nothing_else() -> None:
    text = starter("etl", "active-passive")
    lines = refused(text)
    assert len(lines) == len(re.findall(r"FILL-ME-", text))
    assert all("is still the placeholder" in line for line in lines)


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_the_starter_of_every_strategy_loads(strategy: str) -> None:
    spec = loaded(_filled(starter("etl", strategy)))
    assert spec.strategy == strategy
    spec = loaded(_filled(starter("etl", strategy, "direct")))
    assert (spec.address.balancer.stickiness == "source_ip") is (strategy == "active-active")
    spec = loaded(_filled(starter("etl", strategy, "gateway")))
    assert spec.address.mode == "gateway"
    assert spec.address.balancer.stickiness is None


def test_what_the_starter_offers_for_gateways_loads_too() -> None:
    text = _filled(starter("etl", "active-active", "gateway"))
    offered = r"^( +)# ((?:port|security_groups|tls|rules): .*?)(?:   .*)?$"
    text, found = re.subn(offered, r"\1\2", text, flags=re.MULTILINE)
    assert found == 4
    gateway = loaded(text).gateway
    assert gateway.port == 8998
    assert gateway.security_groups == ("sg-0123456789abcdef0",)
    assert gateway.tls is not None
    assert gateway.rescue.rules[0].rescue == "idempotent"


def test_what_the_starter_offers_in_comments_loads_too() -> None:
    text = _filled(starter("etl", "active-passive"))
    assert text.count("# control_targets:") == 1
    spec = loaded(
        text.replace("# control_targets:", "control_targets:").replace("]   what answers", "]   # what answers")
    )
    assert [(target.address, target.port) for target in spec.detection.control_targets] == [("10.0.0.2", 53)]


def test_the_starter_s_comments_stand_apart_from_the_values() -> None:
    for mode in MODE_NAMES:
        assert not re.search(r"\S#", starter("a" * 24, "active-passive", mode))


def test_a_starter_needs_a_possible_group_and_strategy() -> None:
    with pytest.raises(UsageError, match='"Etl" is not well formed'):
        starter("Etl", "active-passive")
    with pytest.raises(UsageError, match="choose from active-passive"):
        starter("etl", "passive")
    with pytest.raises(UsageError, match="choose from direct, gateway"):
        starter("etl", "active-active", "gate")


def test_the_starter_names_no_verb_that_is_not_there() -> None:
    named = set(re.findall(r"(?:: |, )emr-dr ([a-z]+)", starter("etl", "active-passive")))
    assert "apply" in named
    assert named <= VERBS.keys()
