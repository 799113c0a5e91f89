"""Where the parts lie in the user's cache folder."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Parts:
    """Paths of a complete set of parts; everything under `root` is read-only to the lab but for `derived`."""

    root: Path
    java_home: Path
    """A JDK 17 runtime; `bin/java` below it."""
    spark_home: Path
    """SPARK_HOME: `bin/spark-submit`, `jars/`, `python/lib/*.zip` below it."""
    hadoop_jars: Path
    """Folder with the jars of HDFS and YARN."""
    livy_jars: Path
    """Folder with Livy's own jars; Hadoop's client jars come from Spark."""
    python: Path
    """The interpreter that runs PySpark jobs; it needs no package of its own."""
    derived: Path
    """Folder for what is made from the parts and can be made again: templates, class archives."""

    @property
    def archives(self) -> Path:
        """Folder with class data archives, if they have been made; JVMs start sooner and smaller with them."""
        return self.derived / "archives"

    @property
    def java(self) -> Path:
        """The java launcher."""
        return self.java_home / "bin" / "java"


def cache_root() -> Path:
    """Return the user's cache folder for all versions of the parts, whether or not it exists."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "emr-dr" / "parts"


def parts_at(root: Path) -> Parts:
    """Return the paths of the parts below `root`, whether or not they exist."""
    return Parts(
        root=root,
        java_home=root / "jdk",
        spark_home=root / "spark",
        hadoop_jars=root / "hadoop",
        livy_jars=root / "livy",
        python=Path(sys.executable),
        derived=root / "derived",
    )
