"""Livy's and Spark's properties: YARN in cluster mode, recovery on, small JVMs, one address."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from emr_dr.lab.cluster.settings import ADDRESS_MARKER, LIVY_PORT, Node
from emr_dr.lab.parts import Parts

Properties = dict[str, str | int]

SMALL_JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    # Newer JDKs move a class data archive when they map it, which costs the time and memory that it should save.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:ArchiveRelocationMode=0",
)
"""Options that make a JVM start sooner and smaller; it will never run long enough to miss the rest."""

LIVY_CONF: Properties = {
    "livy.spark.master": "yarn",
    "livy.spark.deploy-mode": "cluster",
    "livy.spark.scala-version": "2.12",
    "livy.file.local-dir-whitelist": "/",
    "livy.server.yarn.poll-interval": "1s",
    "livy.server.recovery.mode": "recovery",
    "livy.server.recovery.state-store": "filesystem",
    "livy.repl.enable-hive-context": "false",
}

SPARK_DEFAULTS: Properties = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "512m",
    "spark.driver.memoryOverhead": "128m",
    "spark.executor.memory": "512m",
    "spark.executor.memoryOverhead": "128m",
    "spark.executor.instances": 1,
    "spark.executor.cores": 1,
    "spark.scheduler.minRegisteredResourcesRatio": 0,
    # The lab has no external shuffle service; this lets configurations that want dynamic allocation run anyway.
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    "spark.yarn.am.waitTime": "60s",
    "spark.yarn.scheduler.heartbeat.interval-ms": 500,
    "spark.yarn.scheduler.initial-allocation.interval": "100ms",
    "spark.yarn.maxAppAttempts": 1,
    "spark.yarn.submit.file.replication": 1,
}


_STATE_STORE = "livy.server.recovery.state-store.url"


def livy_conf(node: Node, said: Mapping[str, str]) -> Properties:
    """Return the properties that make livy.conf this cluster's, given what the caller `said`."""
    return {
        "livy.server.host": node.address,
        "livy.server.port": LIVY_PORT,
        _STATE_STORE: _on_node(node, said[_STATE_STORE]) if _STATE_STORE in said else node.livy_state.as_uri(),
    }


def _on_node(node: Node, url: str) -> str:
    """Return the URL of a file on the primary as one under the node's root; any other is not the lab's to change."""
    parts = urlsplit(url)
    return (node.root / parts.path.lstrip("/")).as_uri() if parts.scheme == "file" else url


def archive_option(name: str, parts: Parts) -> tuple[str, ...]:
    """Return the JVM option for a class data archive, or nothing if it has not been made."""
    archive = parts.archives / f"{name}.jsa"
    return (f"-XX:SharedArchiveFile={archive}",) if archive.exists() else ()


def class_path_of_spark(parts: Parts) -> str:
    """Return the class path with which every JVM of Spark begins, and with which its class data archive is made."""
    return f"{parts.spark_home}/jars/*"


def spark_defaults(node: Node, parts: Parts, said: Mapping[str, str]) -> Properties:
    """Return the properties that make spark-defaults.conf this cluster's, given what the caller `said`."""
    hosts = f"-Djdk.net.hosts.file={node.configuration / 'hosts'}"
    # Options that the caller chose replace ours, since a JVM does not start with two garbage collectors.
    ours = " ".join((*SMALL_JVM, *archive_option("spark", parts)))
    pinned: Properties = {
        "spark.driver.bindAddress": node.address,
        "spark.driver.host": node.address,
        f"spark.yarn.appMasterEnv.{ADDRESS_MARKER}": node.address,
        f"spark.executorEnv.{ADDRESS_MARKER}": node.address,
        "spark.yarn.jars": f"local:{parts.spark_home}/jars/*",
        "spark.pyspark.python": str(parts.python),
        "spark.sql.warehouse.dir": (node.home / "warehouse").as_uri(),
    }
    for side in ("driver", "executor"):
        options = f"spark.{side}.extraJavaOptions"
        pinned[options] = f"{hosts} {said.get(options, ours)}"
        extra = f"spark.{side}.extraClassPath"
        # First of all, before the folders that YARN makes: only so can the class data archive be used.
        pinned[extra] = ":".join(filter(None, (class_path_of_spark(parts), said.get(extra))))
    return pinned
