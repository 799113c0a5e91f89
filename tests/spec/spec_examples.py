"""A spec that loads, one with every key, and how the tests of the spec change and read them."""

import pytest

from emr_dr.spec import Spec, SpecError, read_spec

SMALL = """\
group: etl
region: us-east-1
strategy: active-passive
address:
  mode: direct
  balancer: {name: etl-livy, subnets: [subnet-a, subnet-b]}
services:
  livy: {port: 8998}
  resource-manager: {port: 8088}
  name-node: {port: 9870}
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

# What this version has, every key of it; what it refuses is in PLANNED.
FULL = """\
group: etl
region: us-east-1
strategy: active-passive
address:
  balancer:
    name: etl-livy
    subnets: [subnet-a, subnet-b]
    scheme: internal
    security_groups: [sg-nlb]
    admit: false
    dns: {zone: Z123, name: livy.etl.example.internal}
    health_check: {interval: 10s, timeout: 6s, healthy: 3, unhealthy: 2}
    stickiness: source_ip
services:
  livy: {port: 18998, scheme: https, path: /gateway/livy/, ca: ca.pem, credentials: {env: LIVY_LOGIN}}
  resource-manager: {port: 18088, scheme: https}
checks:
  - name: history-server
    port: 18480
    scheme: https
    path: /api/v1/version
    pointer: /spark
    matches: "^3"
    ca: ca.pem
    credentials: {secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:spark"}
placements: [{subnet: subnet-a, az: us-east-1a}, {subnet: subnet-b, az: us-east-1b}]
cluster:
  release: emr-7.9.0
  applications: [Hadoop, Spark, Livy]
  roles:
    service: arn:aws:iam::111122223333:role/service-role/EMR_DefaultRole_V2
    instance: EMR_EC2_DefaultRole
    autoscaling: EMR_AutoScaling_DefaultRole
  security_groups: {primary: sg-p, core: sg-c, additional_core: [sg-x]}
  instances:
    fleets:
      primary: {target_on_demand: 1, types: [{type: m5.xlarge}, {type: m6i.xlarge}]}
      core:
        target_on_demand: 2
        target_spot: 4
        timeout: 10m
        timeout_action: terminate
        spot_allocation: capacity-optimized
        on_demand_allocation: prioritized
        types:
          - {type: r5.xlarge, weight: 1, bid_percent: 80}
          - {type: r5.2xlarge, weight: 2, bid_price: 0.5, ebs: [{type: gp3, size: 100, iops: 4000, count: 2}]}
      task: {target_spot: 2, types: [{type: r5.xlarge}]}
  managed_scaling: {minimum: 2, maximum: 20, unit: InstanceFleetUnits, maximum_on_demand: 10, maximum_core: 4}
  configurations:
    - Classification: spark-env
      Configurations: [{Classification: export, Properties: {PYSPARK_PYTHON: /usr/bin/python3}}]
    - {Classification: livy-conf, Properties: {livy.server.session.timeout: 1h, livy.file.upload.max: "100"}}
  bootstrap: [{name: install, path: s3://acme-scripts/install.sh, args: [--quiet]}]
  log_encryption_key: arn:aws:kms:us-east-1:111122223333:key/0a1b
  artifacts: s3://acme-artifacts
  security_configuration: encrypt
  key_name: ops
  ebs_root_volume: {size: 50, iops: 3000, throughput: 125}
  custom_ami: ami-0123
  os_release: 2.0.20250428.0
  step_concurrency: 2
  tags: {team: data, on: "yes"}
detection:
  on_service_down: report
  control_targets: [{address: 10.0.0.2, port: 53}, {address: elasticmapreduce.us-east-1.amazonaws.com, port: 443}]
recovery: {attempts: 2, boot_deadline: 25m, prove_deadline: 5m, admit_deadline: 5m}
objectives: {rto: 15m, launch: 8m30s}
store: {sqlite: /var/lib/emr-dr/etl.db}
"""

# One replacement in SMALL for everything that is described and not built yet.
PLANNED = {
    "primary: {type: m5.xlarge}": "primary: {type: m5.xlarge, count: 3}",
    "mode: automatic": "mode: manual",
    "sqlite: ./emr-dr.db": "dynamodb: emr-dr",
}


def changed(old: str, new: str, text: str = SMALL) -> str:
    """Return the example with one piece of text replaced; the piece must be there once."""
    assert text.count(old.rstrip()) == 1, f"{old!r} is not in the example exactly once"
    return text.replace(old.rstrip(), new)


def loaded(text: str) -> Spec:
    """Return the spec that a text means."""
    return read_spec(text.encode(), "etl.yaml")


def refused(text: str | bytes) -> list[str]:
    """Return the lines by which a text is refused."""
    with pytest.raises(SpecError) as caught:
        read_spec(text.encode() if isinstance(text, str) else text, "etl.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems), "one line for each problem"
    return lines


def refused_change(old: str, new: str) -> str:
    """Return the only line by which the example is refused after one change."""
    lines = refused(changed(old, new))
    assert len(lines) == 1, lines
    return lines[0]


def assert_told(said: str, line: str) -> None:
    """Check what is said against a pattern in which `*` stands for anything."""
    position = 0
    for part in f"etl.yaml:{line}".split("*"):
        position = said.find(part, position)
        assert position >= 0, said
        position += len(part)
    assert "; " in said, "it says what to do"
