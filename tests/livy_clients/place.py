"""Where those clients live: an environment with pylivy and sparkmagic, and a Java with Livy's own client."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from airflow_lines.line import folder_of, install
from emr_dr.lab.cluster.exclusive import make_once
from emr_dr.lab.parts.jars import fetch_jar
from emr_dr.lab.parts.layout import Parts, cache_root
from emr_dr.lab.parts.lock import Artifact

INSIDE = Path(__file__).with_name("inside")
LOCK = Path(__file__).with_name("lock.txt")
WHERE = "pylivy and sparkmagic"
JAVA_CLIENT = Artifact(
    "livy-client",
    "org.apache.livy:livy-client-http:0.7.1-incubating",
    "358c694bf32e419d54462f1f1b83ba04584e1bc67180a164dedb3971b8a92fd8",
    3613374,
)
FIRST_JARS = ("livy-api", "livy-client-common", "kryo", "livy-rsc")
"""Of Livy's own: they have to come before Spark's, which has another Kryo."""


def environment() -> Path:
    """The environment of the clients in Python; made if it is not there.

    Raises:
        TransientError: The packages could not be fetched, or did not install.
    """
    folder = folder_of(LOCK, "livy-clients")
    return make_once(folder, _make)


def _make(scratch: Path) -> None:
    install(LOCK, scratch, WHERE)


def asked(script: str, *args: str, home: Path, seconds: float = 150) -> Any:  # noqa: ANN401 - JSON
    """Run one of the scripts in Python to its end; return what it answered."""
    env = {**os.environ, "HOME": str(home), "SPARKMAGIC_CONF_DIR": str(home)}
    command = [str(environment() / "bin" / "python"), str(INSIDE / f"{script}.py"), *args]
    return _answer(command, env, seconds)


def java(parts: Parts, script: str, *args: str, seconds: float = 150) -> Any:  # noqa: ANN401 - JSON
    """Run one of the scripts in Scala with Livy's own client for Java; Spark's jars have a compiler of Scala."""
    jars = cache_root().with_name("livy-clients") / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    fetch_jar(JAVA_CLIENT, jars, lambda _: None)
    first = [jar for name in FIRST_JARS for jar in sorted(parts.livy_jars.glob(f"{name}-*.jar"))]
    path = ":".join(map(str, [jars / JAVA_CLIENT.file_name, *first, parts.spark_home / "jars" / "*"]))
    run = ["-cp", path, "scala.tools.nsc.MainGenericRunner", "-usejavacp", "-nc"]
    return _answer([str(parts.java), *run, str(INSIDE / f"{script}.scala"), *args], dict(os.environ), seconds)


def _answer(command: list[str], env: dict[str, str], seconds: float) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, (
        f"{' '.join(command[-3:])}: {done.returncode}: {done.stdout[-3000:]}{done.stderr[-5000:]}"
    )
    return json.loads(done.stdout.splitlines()[-1])
