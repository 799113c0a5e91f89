"""Hadoop's properties: small and quick for two cores, and bound to one address."""

from collections.abc import Iterable
from pathlib import Path

from emr_dr.lab.cluster.settings import (
    ADDRESS_MARKER,
    DATA_NODE_PORT,
    LAB_MARKER,
    NAME_NODE_PORT,
    NAME_NODE_RPC_PORT,
    NODE_MANAGER_PORT,
    RESOURCE_MANAGER_PORT,
    ClusterSettings,
    Node,
)

Properties = dict[str, str | int]

CORE_SITE: Properties = {
    "hadoop.http.staticuser.user": "hadoop",
    "hadoop.proxyuser.hadoop.hosts": "*",
    "hadoop.proxyuser.hadoop.groups": "*",
    "ipc.client.connect.max.retries": 3,
    # Small accept queues: the lab fills them to make a lost cluster silent.
    "hadoop.http.socket.backlog.size": 64,
    "ipc.server.listen.queue.size": 64,
}

HDFS_SITE: Properties = {
    "dfs.replication": 1,
    "dfs.permissions.enabled": "false",
    "dfs.blocksize": 16 << 20,
    "dfs.namenode.safemode.extension": 0,
    "dfs.namenode.safemode.threshold-pct": "0.0",
    "dfs.namenode.handler.count": 3,
    "dfs.namenode.service.handler.count": 2,
    "dfs.datanode.handler.count": 2,
    "dfs.namenode.edits.noeditlogchannelflush": "true",
    "dfs.datanode.du.reserved": 0,
}

CAPACITY_SCHEDULER: Properties = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": 100,
    "yarn.scheduler.capacity.root.default.maximum-capacity": 100,
    "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
}


def core_site(node: Node) -> Properties:
    """Return the properties that make core-site.xml this cluster's."""
    return {
        "fs.defaultFS": f"hdfs://{node.address}:{NAME_NODE_RPC_PORT}",
        "hadoop.tmp.dir": str(node.home / "tmp"),
    }


def mounted_buckets(s3_root: Path | None, buckets: Iterable[str]) -> Properties:
    """Return the properties with which `s3://BUCKET/KEY` is the file `<s3_root>/BUCKET/KEY`.

    Hadoop's own view file system does it, with a mount table for each bucket, so buckets must be known beforehand. Of
    its three ways only the fallback link also lists and commits rightly; `raw` is the local file system without the
    checksum files that an S3 server beside it would neither write nor expect.
    """
    if s3_root is None:
        return {}
    overload = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
    mounts: Properties = {
        "fs.s3.impl": overload,
        "fs.viewfs.overload.scheme.target.s3.impl": overload,
        "fs.raw.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    }
    for bucket in buckets:
        mounts[f"fs.viewfs.mounttable.{bucket}.linkFallback"] = f"raw://{s3_root / bucket}"
    return mounts


def hdfs_site(node: Node) -> Properties:
    """Return the properties that make hdfs-site.xml this cluster's."""
    address = node.address
    return {
        "dfs.namenode.name.dir": node.name_directory.as_uri(),
        "dfs.datanode.data.dir": (node.home / "data").as_uri(),
        "dfs.namenode.rpc-address": f"{address}:{NAME_NODE_RPC_PORT}",
        "dfs.namenode.rpc-bind-host": address,
        "dfs.namenode.http-address": f"{address}:{NAME_NODE_PORT}",
        "dfs.namenode.http-bind-host": address,
        # Without the hostnames a DataNode registers as 127.0.0.1, from where connections come by default.
        "dfs.datanode.hostname": address,
        "dfs.client.use.datanode.hostname": "true",
        "dfs.datanode.use.datanode.hostname": "true",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.datanode.http.address": f"{address}:{DATA_NODE_PORT}",
        "dfs.datanode.address": f"{address}:9866",
        "dfs.datanode.ipc.address": f"{address}:9867",
    }


def yarn_defaults(settings: ClusterSettings) -> Properties:
    """Return the lab's own preferences for yarn-site.xml."""
    return {
        "yarn.nodemanager.resource.memory-mb": settings.node_memory_mb,
        "yarn.nodemanager.resource.cpu-vcores": 8,
        "yarn.scheduler.minimum-allocation-mb": 128,
        "yarn.scheduler.maximum-allocation-mb": settings.node_memory_mb,
        "yarn.nodemanager.vmem-check-enabled": "false",
        "yarn.nodemanager.pmem-check-enabled": "false",
        "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "99.5",
        # The defaults of these are for clusters of hundreds of nodes, and cost seconds here.
        "yarn.resourcemanager.connect.retry-interval.ms": 500,
        "yarn.client.nodemanager-connect.retry-interval-ms": 500,
        "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": 250,
        "yarn.resourcemanager.client.thread-count": 4,
        "yarn.resourcemanager.scheduler.client.thread-count": 4,
        "yarn.resourcemanager.resource-tracker.client.thread-count": 4,
        "yarn.nodemanager.container-manager.thread-count": 4,
        "yarn.nodemanager.localizer.client.thread-count": 2,
        "yarn.resourcemanager.scheduler.class": (
            "org.apache.hadoop.yarn.server.resourcemanager.scheduler.capacity.CapacityScheduler"
        ),
    }


def yarn_site(node: Node) -> Properties:
    """Return the properties that make yarn-site.xml this cluster's."""
    address = node.address
    return {
        "yarn.resourcemanager.hostname": address,
        "yarn.resourcemanager.bind-host": address,
        "yarn.resourcemanager.webapp.address": f"{address}:{RESOURCE_MANAGER_PORT}",
        "yarn.nodemanager.hostname": address,
        "yarn.nodemanager.bind-host": address,
        "yarn.nodemanager.address": f"{address}:8041",
        "yarn.nodemanager.localizer.address": f"{address}:8040",
        "yarn.nodemanager.webapp.address": f"{address}:{NODE_MANAGER_PORT}",
        "yarn.nodemanager.local-dirs": str(node.home / "nm-local"),
        "yarn.nodemanager.log-dirs": str(node.home / "nm-logs"),
        # Containers get a clean environment but for these; the markers are how they are found when they must die.
        "yarn.nodemanager.env-whitelist": f"JAVA_HOME,HADOOP_CONF_DIR,PATH,{LAB_MARKER},{ADDRESS_MARKER}",
    }
