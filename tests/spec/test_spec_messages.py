"""What a person reads who wrote something wrong into a spec: the place, what is wrong, what to do."""

import pytest

from emr_dr.spec.problems import shown
from spec.spec_examples import PLANNED, SMALL, assert_told, changed, loaded, refused, refused_change


def test_the_example_loads() -> None:
    assert loaded(SMALL).group == "etl"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        # keys
        ("interval: 5s", "intervall: 5s", "23: detection.intervall: is no key of a spec here; did you mean interval?"),
        ("resource-manager:", "resource_manager:", "9: services.resource_manager: {}; did you mean resource-manager?"),
        ("sqlite: ./emr-dr.db", "sqlite: a, paint: b", "26: store.paint: {}; choose from sqlite, dynamodb"),
        ("{subnet: subnet-b}]", "{subnet: subnet-b, zone: b}]", "11: placements[1].zone: {}; choose from subnet, az"),
        ("region: us-east-1\n", "", "1: region: is missing; add it; emr-dr schema describes it"),
        (
            "service: EMR_DefaultRole_V2, ",
            "",
            "15: cluster.roles.service: is missing; add it; emr-dr schema describes it",
        ),
        (
            "strategy:",
            "region: us-east-1\nstrategy:",
            "3: region: is here twice (first on line 2); remove one of the two",
        ),
        ("region:", "1: 2\nregion:", '2: "1" is no key; keys are words; put it in quotes if it is meant as one'),
        ("region:", "? [a]\n: 2\nregion:", "2: a list or a mapping is no key; keys are words; put it in quotes if *"),
        # types
        (
            "port: 8998",
            "port: '8998'",
            '8: services.livy.port: must be a whole number, not "8998"; write digits only, *',
        ),
        ("port: 8998", "port: true", "8: services.livy.port: must be a whole number, not true; write digits only, *"),
        ("group: etl", "group: 7", "1: group: must be text, not 7; write text; put it in quotes if it looks like *"),
        (
            "bootstrap: []",
            "bootstrap:",
            "20: cluster.bootstrap: must be a list, not empty; write its items with `- ` *",
        ),
        (
            "bootstrap: []",
            "batch_id_ranges: yes",
            '20: cluster.batch_id_ranges: must be true or false, not "yes"; write true or false, without quotes',
        ),
        ("bootstrap: []", "tags: [a]", "20: cluster.tags: must be keys and values, not a list; put them below it, *"),
        ("{sqlite: ./emr-dr.db}", "here", '26: store: must be a section, not "here"; put keys and values below it, *'),
        ("maximum: 20", "maximum: 2.5", "18: cluster.managed_scaling.maximum: must be a whole number, not 2.5; *"),
        # values
        ("launches_a_day: 6", "launches_a_day: 0", "24: recovery.launches_a_day: 0 is out of range; give 1 or more"),
        ("port: 8998", "port: 65536", "8: services.livy.port: 65536 is out of range; give 65535 or less"),
        ("mode: direct", "mode: diret", '5: address.mode: "diret" is not possible; did you mean direct?'),
        ("group: etl", "group: ETL", '1: group: "ETL" is not well formed; write it like etl (a-z, 0-9, -; 24 at most)'),
        (
            "release: emr-7.9.0",
            "release: 7.9.0",
            '13: cluster.release: "7.9.0" is not well formed; write it like emr-7.9.0',
        ),
        (
            "region: us-east-1",
            "region: FILL-ME",
            "2: region: is still the placeholder of emr-dr init; put yours, like *",
        ),
        (
            "log_uri: s3://",
            "log_uri: https://",
            "21: cluster.log_uri: * is not well formed; write it like s3://acme-logs/etl/",
        ),
        (
            "{sqlite: ./emr-dr.db}",
            "{sqlite: ''}",
            "26: store.sqlite: is empty or too short; give 1 character(s) or more",
        ),
        # durations
        ("interval: 5s", "interval: 5", "23: detection.interval: 5 has no unit; write seconds as 5s, minutes as 5m"),
        ("interval: 5s", "interval: 5sec", '23: detection.interval: "5sec" is not a duration; write it like 5s, *'),
        (
            "interval: 5s",
            "interval: []",
            "23: detection.interval: must be a duration; write it like 5s, 1m30s, 10m or 24h",
        ),
        ("interval: 5s", "interval: 12:30", '23: detection.interval: "12:30" is not a duration; write it like 5s, *'),
        ("interval: 5s", "interval: 0s", "23: detection.interval: 0s is out of range; choose from 1s to 30s"),
        # rules
        (
            ", {subnet: subnet-b}",
            "",
            "11: placements: 1 placement(s) cannot survive the loss of an Availability Zone; *",
        ),
        ("{subnet: subnet-b}", "{subnet: subnet-a}", "11: placements[1].subnet: subnet-a is in item [0] too; remove *"),
        (
            "subnets: [subnet-a, subnet-b]",
            "subnets: [subnet-a]",
            "6: address.balancer.subnets: 1 subnet(s) cannot keep *",
        ),
        (
            "subnets: [subnet-a, subnet-b]",
            "subnets: [subnet-a, subnet-a]",
            "6: address.balancer.subnets[1]: subnet-a is *",
        ),
        (
            "{subnet: subnet-b}",
            "{subnet: subnet-b, az: eu-west-1a}",
            "11: placements[1].az: eu-west-1a is not in us-east-1; *",
        ),
        (
            "member_lost: 60s",
            "member_lost: 9s",
            "23: detection.member_lost: 9s is less than two intervals (5s each); *",
        ),
        (
            "service_down: 120s",
            "service_down: 8s",
            "23: detection.service_down: 8s is less than two intervals (5s each); *",
        ),
        (
            "name: etl-livy,",
            "name: e, health_check: {timeout: 5s},",
            "6: *.timeout: 5s is not less than interval (5s); *",
        ),
        (
            "name: etl-livy,",
            "name: e, health_check: {interval: 5.5s},",
            "6: *.interval: AWS counts it in whole seconds; *",
        ),
        (
            "minimum: 1",
            "minimum: 21",
            "18: cluster.managed_scaling.minimum: 21 is more than maximum (20); lower minimum *",
        ),
        (
            "unit: Instances",
            "unit: InstanceFleetUnits",
            "18: *.unit: InstanceFleetUnits does not go with instance groups; *",
        ),
        ("unit: Instances", "maximum_core: 30", "18: *.maximum_core: 30 is more than maximum (20); *"),
        (
            ", core: {type: m5.xlarge, count: 1}",
            "",
            "18: cluster.managed_scaling: a cluster of one node cannot scale; *",
        ),
        (
            "{type: m5.xlarge, count: 1}",
            "{type: m5.xlarge, bid_price: 0.2}",
            "17: *.bid_price: on-demand instances have no bid; *",
        ),
        (
            "{type: m5.xlarge}",
            "{type: m5.xlarge, count: 2}",
            "17: *primary.count: a cluster cannot have 2 primary nodes; *",
        ),
        (
            "instances: {",
            "instances: {fleets: {primary: {target_spot: 1, types: [{type: m5.xlarge}]}}, ",
            "17: *groups are *",
        ),
        (
            "[Spark, Livy]",
            "[Spark, spark, Livy]",
            "14: cluster.applications[1]: spark is in item [0] too; remove one of *",
        ),
        (
            "[Spark, Livy]",
            "[Spark]",
            "14: cluster.applications: Livy is missing; add Livy: it is what is proven and served",
        ),
        ("bootstrap: []", "tags: {'aws:x': y}", "20: cluster.tags.aws:x: this tag key cannot be used; rename it: *"),
        (
            "port: 8088",
            "port: 8998",
            "9: services.resource-manager.port: 8998 is the port of livy too; give each service *",
        ),
        ("{sqlite: ./emr-dr.db}", "{}", "26: store: must be exactly one of sqlite and dynamodb; keep one of the two"),
        (
            "{rto: 20m}",
            "{rto: 40m, launch: 30m}",
            "25: objectives.launch: 30m is not less than recovery.boot_deadline (30m); *",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_a_way_out(old: str, new: str, line: str) -> None:
    assert_told(refused_change(old, new), line.replace("{}", "is no key of a spec here"))


def test_an_objective_under_the_floor_is_refused_with_the_sum() -> None:
    assert refused_change("rto: 20m", "rto: 5m") == (
        "etl.yaml:25: objectives.rto: 5m is less than active-passive can do: detection 1m5s + launch 6m + prove 30s "
        "+ switch 40s = 8m15s; raise it, or give objectives.launch if you measured that your clusters start faster"
    )


LIVY_ELSEWHERE = """batch_id_ranges: true
  configurations:
    - Classification: livy-conf
      Properties: {livy.server.session.timeout: 1h, livy.server.recovery.mode: recovery}
    - Classification: livy-conf
      Properties:
        livy.server.recovery.state-store: zookeeper
  bootstrap: []
"""


def test_a_store_of_livy_that_no_batch_id_range_can_be_put_into_is_refused() -> None:
    local = LIVY_ELSEWHERE.replace("recovery.state-store: zookeeper", "recovery.mode: recovery").replace(
        "livy.server.session.timeout: 1h", "livy.spark.master: local"
    )
    assert_told(
        refused_change("configurations: []\n  bootstrap: []", local),
        "22: *.livy.spark.master: local does not go with batch_id_ranges, which needs yarn; *",
    )
    without = LIVY_ELSEWHERE.replace("true", "false")
    assert len(loaded(changed("configurations: []\n  bootstrap: []", without)).cluster.configurations) == 2
    assert refused_change("configurations: []\n  bootstrap: []", LIVY_ELSEWHERE) == (
        "etl.yaml:25: cluster.configurations[1].Properties.livy.server.recovery.state-store: zookeeper does not go "
        "with batch_id_ranges, which needs filesystem; remove this setting, or say batch_id_ranges: false"
    )


def test_a_measured_launch_lowers_the_floor() -> None:
    assert loaded(changed("rto: 20m", "rto: 5m, launch: 2m")).objectives.rto == 300


def test_the_same_az_twice_is_refused_where_the_file_tells_the_azs() -> None:
    both = "[{subnet: subnet-a, az: us-east-1a}, {subnet: subnet-b, az: us-east-1a}]"
    line = refused_change("[{subnet: subnet-a}, {subnet: subnet-b}]", both)
    assert line == "etl.yaml:11: placements[1].az: us-east-1a is in item [0] too; remove one of the two"


def test_all_problems_come_at_once_and_sorted_by_line() -> None:
    text = changed("interval: 5s", "interval: 5")
    text = changed("group: etl", "group: ETL", text)
    text = changed(", {subnet: subnet-b}]", ", {subnet: subnet-a}]", text)
    text = changed("minimum: 1", "minimum: 99", text)
    text = changed("sqlite: ./emr-dr.db", "dynamodb: emr-dr", text)
    fields = [line.split(": ")[1] for line in refused(text)]
    assert fields == [
        "group",
        "placements[1].subnet",
        "cluster.managed_scaling.minimum",
        "detection.interval",
        "store.dynamodb",
    ]


def test_an_item_of_a_block_list_has_its_own_line() -> None:
    text = changed("[{subnet: subnet-a}, {subnet: subnet-b}]", "\n  - subnet: subnet-a\n  - subnt: subnet-b")
    assert refused(text) == [
        "etl.yaml:13: placements[1].subnet: is missing; add it; emr-dr schema describes it",
        "etl.yaml:13: placements[1].subnt: is no key of a spec here; did you mean subnet?",
    ]


@pytest.mark.parametrize(("old", "new"), PLANNED.items())
def test_what_is_not_built_yet_is_refused_rather_than_ignored(old: str, new: str) -> None:
    line = refused_change(old, new)
    assert "planned" in line or "not available yet in this version" in line


@pytest.mark.parametrize(
    "credentials",
    ["hunter2", "{env: hunter 2}", "{secret: hunter2}", "{env: [hunter2]}", "{password: hunter2}", "[hunter2]"],
)
def test_a_password_written_into_the_spec_is_never_repeated(credentials: str) -> None:
    lines = refused(changed("livy: {port: 8998}", f"livy: {{port: 8998, credentials: {credentials}}}"))
    assert "hunter" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a'b\"c", '"a\'b"c"'),
        ("a\nb\u2028", '"a\\nb\\u2028"'),
        ("é", '"é"'),
        (True, "true"),
        (1.5, "1.5"),
        ("x" * 99, '"' + "x" * 60 + '…"'),
    ],
)
def test_a_value_is_shown_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text
