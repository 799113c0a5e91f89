"""Which files of a submission are on a cluster's own file systems, and so are lost with it."""

import json
from collections.abc import Iterator, Mapping

FIELDS = ("file", "jars", "pyFiles", "files", "archives")
"""Where Livy takes files from."""

CONF = (
    "spark.jars",
    "spark.files",
    "spark.archives",
    "spark.submit.pyFiles",
    "spark.yarn.dist.jars",
    "spark.yarn.dist.files",
    "spark.yarn.dist.archives",
    "spark.yarn.jars",
    "spark.yarn.archive",
)
"""Where Spark takes them from, names separated by commas."""

LOST = ("hdfs", "webhdfs", "swebhdfs", "viewfs", "har", "file")
"""Schemes of what is in a cluster."""

MOST_SAID = 3


def left_behind(request: str) -> str:
    """Name the files of a request that are in HDFS or on a node's disk; empty if there are none.

    A name without a scheme is on the cluster's default file system, which is HDFS. `local:` is not among them: it says
    that the file is on every node by itself.
    """
    try:
        body = json.loads(request)
    except ValueError:
        return "files that cannot be known, for its request cannot be read"
    lost = [uri for uri in _named(body) if _on_cluster(uri)] if isinstance(body, Mapping) else []
    more = f" and {len(lost) - MOST_SAID} more" if len(lost) > MOST_SAID else ""
    return ", ".join(lost[:MOST_SAID]) + more


def _named(body: Mapping[str, object]) -> Iterator[str]:
    for field in FIELDS:
        value = body.get(field)
        yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
    conf = body.get("conf")
    if isinstance(conf, Mapping):
        for key in CONF:
            yield from str(conf.get(key) or "").split(",")


def _on_cluster(uri: str) -> bool:
    name = uri.strip()
    scheme, colon, _ = name.partition(":")
    if not name:
        return False
    return not colon or "/" in scheme or scheme.lower() in LOST
