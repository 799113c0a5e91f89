"""Everything that must be on a cluster's disk before its services start."""

import os
import re
import secrets
import shutil
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path
from time import time

from emr_dr.errors import PermanentError
from emr_dr.lab.cluster.bootstrap_actions import run_bootstrap_actions
from emr_dr.lab.cluster.configuration import configuration_files
from emr_dr.lab.cluster.exclusive import make_once
from emr_dr.lab.cluster.services import service_command
from emr_dr.lab.cluster.settings import ClusterSettings, Node, Service
from emr_dr.lab.parts import Parts

# Hadoop's web servers do not start without these folders on the class path, and the jars in the registry lack them.
_WEB_APPLICATIONS = ("hdfs", "datanode", "cluster", "node", "static")
_TEMPLATE_ADDRESS = "127.0.0.1"
_LARGEST_NAMESPACE_ID = 1 << 31


def lay_out(node: Node, parts: Parts, settings: ClusterSettings) -> None:
    """Write a new cluster's folder: configuration, an empty formatted HDFS, and what bootstrap actions leave."""
    write_configuration(node, parts, settings)
    for folder in (node.logs, node.home / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    # Livy warns about a state store that others could read.
    node.livy_state.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_bootstrap_actions(node, settings.bootstrap)
    _format_name_node(node, parts)


def write_configuration(node: Node, parts: Parts, settings: ClusterSettings) -> None:
    """Write the configuration files; on a running cluster, what starts from now on reads the new ones."""
    for path, text in configuration_files(node, parts, settings, buckets_in(settings.s3_root)).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # A job that is just being submitted must read the old file or the new one, not half of it.
        scratch = path.with_name(f".{path.name}")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    for name in _WEB_APPLICATIONS:
        (node.configuration / "webapps" / name).mkdir(parents=True, exist_ok=True)


def buckets_in(s3_root: Path | None) -> Iterable[str]:
    """Return the names of the buckets there are now."""
    if s3_root is None or not s3_root.is_dir():
        return ()
    return sorted(entry.name for entry in s3_root.iterdir() if entry.is_dir())


def _format_name_node(node: Node, parts: Parts) -> None:
    """Give the node a NameNode image of its own: a copy, because formatting takes seconds."""
    template = make_once(parts.derived / "name-node", lambda folder: _make_template(folder, parts))
    shutil.copytree(template, node.name_directory)
    version = node.name_directory / "current" / "VERSION"
    version.write_text(fresh_identity(version.read_text(encoding="utf-8"), node.address), encoding="utf-8")


def fresh_identity(version: str, address: str) -> str:
    """Return the text of a VERSION file with new ids: a DataNode refuses a NameNode that is not the one it knows."""
    namespace = secrets.randbelow(_LARGEST_NAMESPACE_ID)
    fresh = {
        "namespaceID": str(namespace),
        "clusterID": f"CID-{uuid.uuid4()}",
        "blockpoolID": f"BP-{namespace}-{address}-{int(time() * 1000)}",
    }
    for name, value in fresh.items():
        version = re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", version)
    return version


def _make_template(folder: Path, parts: Parts) -> None:
    """Format a NameNode in `folder`.

    Raises:
        PermanentError: the NameNode refused; its output is in the message.
    """
    node = Node(_TEMPLATE_ADDRESS, folder / "node")
    write_configuration(node, parts, ClusterSettings())
    command = service_command(Service.NAME_NODE, node, parts, lab_id=f"template-{os.getpid()}")
    finished = subprocess.run(  # noqa: S603 - the lab's own command line
        [*command.arguments, "-format", "-nonInteractive"],
        env=dict(command.environment),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise PermanentError(
            f"the NameNode could not be formatted: {finished.stderr.strip()[-600:]}",
            where=str(folder),
            remedy=f"remove {parts.root} and fetch the parts again",
        )
    (node.name_directory / "current").rename(folder / "current")
    shutil.rmtree(node.home)
