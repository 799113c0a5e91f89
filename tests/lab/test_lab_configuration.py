"""Configuration files of a cluster, from settings to text."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from emr_dr.lab.cluster.configuration import configuration_files
from emr_dr.lab.cluster.node_files import buckets_in, fresh_identity
from emr_dr.lab.cluster.settings import PORTS, ClusterSettings, Node, Service, ports_of
from emr_dr.lab.parts.layout import parts_at

NODE = Node("127.4.5.6", Path("/lab/j-1"))
PARTS = parts_at(Path("/parts"))


def files(
    *configurations: Mapping[str, Any], buckets: tuple[str, ...] = (), s3_root: Path | None = None
) -> dict[str, str]:
    made = configuration_files(NODE, PARTS, ClusterSettings(configurations=configurations, s3_root=s3_root), buckets)
    return {path.name: text for path, text in made.items()}


def site(text: str) -> dict[str, str]:
    return {p.findtext("name", ""): p.findtext("value", "") for p in ET.fromstring(text)}  # noqa: S314 - ours


def lines(text: str, separator: str) -> dict[str, str]:
    return dict(line.split(separator, 1) for line in text.splitlines())


def test_every_address_in_every_file_is_the_cluster_s_own() -> None:
    for name, text in files().items():
        assert set(re.findall(r"\b(?:127|0)\.\d+\.\d+\.\d+\b", text)) <= {"127.4.5.6"}, name


def test_what_the_caller_says_wins_over_the_lab_s_preferences() -> None:
    made = files(
        {"Classification": "livy-conf", "Properties": {"livy.server.csrf-protection.enabled": "true"}},
        {"Classification": "spark-defaults", "Properties": {"spark.executor.instances": "3"}},
        {"Classification": "yarn-site", "Properties": {"yarn.nodemanager.resource.memory-mb": "9000"}},
        {"Classification": "core-site", "Properties": {"fs.trash.interval": "1"}},
        {"Classification": "hdfs-site", "Properties": {"dfs.replication": "2"}},
    )
    assert lines(made["livy.conf"], " = ")["livy.server.csrf-protection.enabled"] == "true"
    assert lines(made["spark-defaults.conf"], " ")["spark.executor.instances"] == "3"
    assert site(made["yarn-site.xml"])["yarn.nodemanager.resource.memory-mb"] == "9000"
    assert site(made["core-site.xml"])["fs.trash.interval"] == "1"
    assert site(made["hdfs-site.xml"])["dfs.replication"] == "2"


def test_what_makes_it_this_cluster_cannot_be_changed() -> None:
    made = files(
        {"Classification": "livy-conf", "Properties": {"livy.server.host": "0.0.0.0"}},
        {"Classification": "core-site", "Properties": {"fs.defaultFS": "hdfs://elsewhere"}},
    )
    assert lines(made["livy.conf"], " = ")["livy.server.host"] == "127.4.5.6"
    assert site(made["core-site.xml"])["fs.defaultFS"] == "hdfs://127.4.5.6:8020"


def test_a_classification_that_the_lab_does_not_know_is_left_alone() -> None:
    assert files({"Classification": "hbase-site", "Properties": {"a": "b"}}) == files()


def test_values_are_escaped() -> None:
    made = files({"Classification": "core-site", "Properties": {"odd": "<a> & b"}})
    assert site(made["core-site.xml"])["odd"] == "<a> & b"


def test_chosen_java_options_replace_the_lab_s_but_keep_its_hosts_file() -> None:
    chosen = {"Classification": "spark-defaults", "Properties": {"spark.driver.extraJavaOptions": "-XX:+UseG1GC"}}
    options = lines(files(chosen)["spark-defaults.conf"], " ")["spark.driver.extraJavaOptions"]
    assert "UseSerialGC" not in options
    assert options.endswith("-XX:+UseG1GC")
    assert "-Djdk.net.hosts.file=/lab/j-1/conf/hosts" in options


def test_where_livy_is_told_to_keep_its_state_is_a_folder_under_the_cluster_s_root() -> None:
    def kept(**said: str) -> str:
        told = {f"livy.server.recovery.state-store.{name}": value for name, value in said.items()}
        made = files({"Classification": "livy-conf", "Properties": told})
        return lines(made["livy.conf"], " = ")["livy.server.recovery.state-store.url"]

    assert kept() == "file:///lab/j-1/livy-state"
    assert kept(url="file:///var/lib/emr-dr/livy-state") == "file:///lab/j-1/root/var/lib/emr-dr/livy-state"
    assert kept(url="hdfs:///livy") == "hdfs:///livy"


def test_a_bucket_is_a_folder() -> None:
    core = site(files(s3_root=Path("/s3"), buckets=("jobs",))["core-site.xml"])
    assert core["fs.viewfs.mounttable.jobs.linkFallback"] == "raw:///s3/jobs"
    assert not [name for name in site(files(buckets=("jobs",))["core-site.xml"]) if "s3" in name]


def test_buckets_are_the_folders_there_are(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "file").touch()
    assert list(buckets_in(tmp_path)) == ["jobs"]
    assert list(buckets_in(tmp_path / "missing")) == []
    assert list(buckets_in(None)) == []


def test_two_clusters_from_one_template_have_different_ids() -> None:
    template = "#Sun\nnamespaceID=1\nclusterID=CID-x\ncTime=5\nblockpoolID=BP-1-127.0.0.1-5\nlayoutVersion=-66\n"
    first, second = fresh_identity(template, "127.4.5.6"), fresh_identity(template, "127.4.5.6")
    for name in ("namespaceID", "clusterID", "blockpoolID"):
        assert lines(first.split("\n", 1)[1], "=")[name] != lines(second.split("\n", 1)[1], "=")[name]
    assert "cTime=5\n" in first
    assert "layoutVersion=-66\n" in first


def test_every_service_has_ports_and_no_port_two_services() -> None:
    assert all(ports_of(service) for service in Service)
    assert len({port.number for port in PORTS}) == len(PORTS)
