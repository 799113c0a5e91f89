"""Writes a spec that fits a running lab: its subnets, groups, roles and buckets, and windows made for rehearsal."""

from collections.abc import Mapping
from typing import Any

import yaml

HEADER = """\
# A recovery group in the running lab. Against AWS the same keys hold your own subnets, groups, roles and buckets;
# leave `detection` and `recovery` out there: their defaults are made for production, these for rehearsal.
"""
DETECTION = {"interval": "2s", "member_lost": "15s", "service_down": "15s"}
RECOVERY = {
    "cooldown": "30s",
    "launches_a_day": 50,
    "probation": "15s",
    "settle": "20s",
    "boot_deadline": "5m",
    "prove_deadline": "3m",
    "admit_deadline": "2m",
}


def lab_spec(resources: Mapping[str, Any], strategy: str, group: str = "etl", mode: str = "direct") -> str:
    """Return the YAML text for the lab whose first resources these are (see `world.Resources`)."""
    subnets = list(resources["subnets"].values())
    groups = resources["security_groups"]
    balancer = {"name": f"{group}-livy", "subnets": subnets}
    if strategy == "active-active" and mode == "direct":
        balancer["stickiness"] = "source_ip"
    spec = {
        "group": group,
        "region": "us-east-1",
        "strategy": strategy,
        "address": {"mode": mode, "balancer": balancer},
        "placements": [{"subnet": subnet} for subnet in subnets],
        "cluster": {
            "release": "emr-7.9.0",
            "applications": ["Hadoop", "Spark", "Livy"],
            "roles": {"service": resources["service_role"], "instance": resources["instance_role"]},
            "security_groups": {name: groups[name] for name in ("primary", "core", "service_access")},
            "instances": {
                "groups": {"primary": {"type": "m5.xlarge"}, "core": {"type": "m5.xlarge", "count": 1}},
            },
            "managed_scaling": {"minimum": 1, "maximum": 4, "unit": "Instances"},
            "configurations": [{"Classification": "spark-defaults", "Properties": {"spark.executor.instances": "1"}}],
            "batch_id_ranges": True,
            "log_uri": f"s3://{resources['buckets'][1]}/{group}/",
            "artifacts": f"s3://{resources['buckets'][0]}/emr-dr/",
        },
        "detection": DETECTION,
        "recovery": RECOVERY,
        # A store remembers clusters, and a lab's end with it: the next lab, another VPC, begins with another store.
        "store": {"sqlite": f"./emr-dr-{resources['vpc']}.db"},
    }
    return HEADER + yaml.safe_dump(spec, sort_keys=False, width=120)
