"""What is run for each service: command line, environment, log."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emr_dr.lab.cluster.settings import ADDRESS_MARKER, LAB_MARKER, Node, Service
from emr_dr.lab.cluster.spark_settings import SMALL_JVM, archive_option, class_path_of_spark
from emr_dr.lab.parts import Parts

_MAIN = {
    Service.NAME_NODE: "org.apache.hadoop.hdfs.server.namenode.NameNode",
    Service.DATA_NODE: "org.apache.hadoop.hdfs.server.datanode.DataNode",
    Service.RESOURCE_MANAGER: "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    Service.NODE_MANAGER: "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
    Service.LIVY: "org.apache.livy.server.LivyServer",
}
_HEAP_MB = {
    Service.NAME_NODE: 96,
    Service.DATA_NODE: 64,
    Service.RESOURCE_MANAGER: 128,
    Service.NODE_MANAGER: 96,
    Service.LIVY: 160,
}
# Hadoop 3.3 and Livy 0.7 were written for Java 8 and reach into the JDK.
_OPENED = (
    "java.lang",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.math",
    "java.text",
    "sun.nio.ch",
    "sun.security.action",
)
# Jars that Livy needs and does not bring; without commons-io its recovery crashes.
_LIVY_NEEDS_FROM_SPARK = (
    "hadoop-client-api",
    "hadoop-client-runtime",
    "commons-logging",
    "httpclient",
    "httpcore",
    "commons-io",
    "commons-lang3",
)
_FOREIGN_PREFIXES = ("SPARK_", "HADOOP_", "YARN_", "LIVY_", "PYSPARK_", "JAVA_", "JDK_", "PYTHON", "AWS_")


@dataclass(frozen=True, slots=True)
class ServiceCommand:
    """One process to run; what the supervisor is sent."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    log: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the supervisor expects it."""
        return asdict(self)


def service_command(service: Service, node: Node, parts: Parts, lab_id: str) -> ServiceCommand:
    """Return how `service` is run on `node`."""
    arguments = (
        str(parts.java),
        f"-Xmx{_HEAP_MB[service]}m",
        *java_options(node),
        *archive_option("livy" if service is Service.LIVY else "hadoop", parts),
        "-cp",
        class_path(service, node, parts),
        _MAIN[service],
    )
    return ServiceCommand(
        name=service,
        arguments=arguments,
        environment=environment(node, parts, lab_id),
        folder=str(node.home),
        log=str(node.logs / f"{service}.log"),
    )


def java_options(node: Node) -> tuple[str, ...]:
    """Return the options that all services' JVMs share."""
    return (
        *SMALL_JVM,
        "-Xss512k",
        "-XX:ReservedCodeCacheSize=48m",
        "-Xshare:auto",
        "-Djava.net.preferIPv4Stack=true",
        "-Dfile.encoding=UTF-8",
        f"-Djdk.net.hosts.file={node.configuration / 'hosts'}",
        f"-Dlog4j.configuration={(node.configuration / 'log4j.properties').as_uri()}",
        f"-Dhadoop.log.dir={node.logs}",
        *(option for package in _OPENED for option in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")),
        "--add-exports",
        "java.base/sun.net.util=ALL-UNNAMED",
    )


def jars(service: Service, parts: Parts) -> list[Path]:
    """Return the jars of a service, in an order that is the same each time."""
    if service is not Service.LIVY:
        return sorted(parts.hadoop_jars.glob("*.jar"))
    found = sorted(parts.livy_jars.glob("*.jar"))
    for name in _LIVY_NEEDS_FROM_SPARK:
        found += sorted((parts.spark_home / "jars").glob(f"{name}-[0-9]*.jar"))
    return found


def class_path(service: Service, node: Node, parts: Parts) -> str:
    """Return the class path of a service.

    The configuration comes last: a class data archive is only used by a JVM whose class path begins as it did when the
    archive was made.
    """
    return ":".join(map(str, (*jars(service, parts), node.configuration)))


def environment(node: Node, parts: Parts, lab_id: str) -> dict[str, str]:
    """Return the environment of every process of a cluster; nothing of the caller's Spark or AWS settings is in it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_PREFIXES)}
    return inherited | {
        LAB_MARKER: lab_id,
        ADDRESS_MARKER: node.address,
        "JAVA_HOME": str(parts.java_home),
        "PATH": f"{parts.java_home}/bin:{parts.python.parent}:{os.environ.get('PATH', os.defpath)}",
        "HADOOP_CONF_DIR": str(node.configuration),
        "YARN_CONF_DIR": str(node.configuration),
        "HADOOP_USER_NAME": "hadoop",
        "SPARK_HOME": str(parts.spark_home),
        "SPARK_CONF_DIR": str(node.configuration),
        "SPARK_LOCAL_DIRS": str(node.home / "tmp"),
        "SPARK_SUBMIT_OPTS": _submit_options(node, parts),
        "SPARK_LAUNCHER_OPTS": " ".join(SMALL_JVM),
        "LIVY_HOME": str(node.home),
        "LIVY_CONF_DIR": str(node.configuration),
        "PYSPARK_PYTHON": str(parts.python),
    }


def _submit_options(node: Node, parts: Parts) -> str:
    """Return the JVM options of spark-submit.

    The second class path replaces the one that Spark's launcher makes, in which the configuration comes first, so that
    no class data archive could be used.
    """
    path = f"{class_path_of_spark(parts)}:{node.configuration}"
    hosts = f"-Djdk.net.hosts.file={node.configuration / 'hosts'}"
    return " ".join((*SMALL_JVM, hosts, *archive_option("spark", parts), "-cp", path))
