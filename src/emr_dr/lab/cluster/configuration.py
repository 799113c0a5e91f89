"""The configuration files of a cluster: settings in, texts out, nothing touched."""

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from emr_dr.lab.cluster import hadoop_settings, spark_settings
from emr_dr.lab.cluster.settings import ClusterSettings, Node
from emr_dr.lab.parts import Parts

Properties = Mapping[str, str | int]

_LOG4J = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
"""


def configuration_files(
    node: Node, parts: Parts, settings: ClusterSettings, buckets: Iterable[str] = ()
) -> dict[Path, str]:
    """Return the text of every configuration file of a cluster by its path.

    Three layers, the last wins: what the lab finds good, what `settings.configurations` says, and what makes it this
    cluster (addresses and folders).
    """
    said = _by_classification(settings.configurations)
    folder = node.configuration
    core = hadoop_settings.core_site(node) | hadoop_settings.mounted_buckets(settings.s3_root, buckets)
    layers: dict[str, tuple[Properties, Properties]] = {
        "core-site": (hadoop_settings.CORE_SITE, core),
        "hdfs-site": (hadoop_settings.HDFS_SITE, hadoop_settings.hdfs_site(node)),
        "yarn-site": (hadoop_settings.yarn_defaults(settings), hadoop_settings.yarn_site(node)),
        "capacity-scheduler": (hadoop_settings.CAPACITY_SCHEDULER, {}),
        "livy-conf": (spark_settings.LIVY_CONF, spark_settings.livy_conf(node, said.get("livy-conf", {}))),
        "spark-defaults": (
            spark_settings.SPARK_DEFAULTS,
            spark_settings.spark_defaults(node, parts, said.get("spark-defaults", {})),
        ),
    }
    merged = {name: {**ours, **said.get(name, {}), **pinned} for name, (ours, pinned) in layers.items()}
    sites = ("core-site", "hdfs-site", "yarn-site", "capacity-scheduler")
    return {
        **{folder / f"{name}.xml": _xml(merged[name]) for name in sites},
        folder / "livy.conf": _lines(merged["livy-conf"], " = "),
        folder / "spark-defaults.conf": _lines(merged["spark-defaults"], " "),
        folder / "log4j.properties": _LOG4J,
        folder / "hosts": _hosts(node.address),
    }


def _by_classification(configurations: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the properties of each classification; nested ones (`export`) are about files that the lab has not."""
    found: dict[str, dict[str, str]] = {}
    for configuration in configurations:
        found.setdefault(configuration["Classification"], {}).update(configuration.get("Properties") or {})
    return found


def _xml(properties: Properties) -> str:
    body = "".join(
        f"  <property><name>{escape(name)}</name><value>{escape(str(value))}</value></property>\n"
        for name, value in properties.items()
    )
    return f"<configuration>\n{body}</configuration>\n"


def _lines(properties: Properties, separator: str) -> str:
    return "".join(f"{name}{separator}{value}\n" for name, value in properties.items())


def _hosts(address: str) -> str:
    """Return a hosts file for Java in which every name is this address.

    Some of Hadoop binds to `localhost` or to the machine's own name whatever it is told. The first line makes the
    address its own name, so that what YARN prints can be reached from outside the cluster.
    """
    return f"{address} {address}\n{address} localhost {socket.gethostname()}\n"
