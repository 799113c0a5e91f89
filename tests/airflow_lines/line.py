"""The lines of Airflow that the examples are for: an environment of its own for each, made once from its lock."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.cluster.exclusive import make_once
from emr_dr.lab.parts.layout import cache_root

EXAMPLES = Path(__file__).parents[2] / "examples" / "airflow"
DAGS = EXAMPLES / "dags"
NEWEST_PYTHON = (3, 12)
"""No older line runs on a newer one."""
INSTALL_SECONDS = 420
MIGRATE_SECONDS = 180


@dataclass(frozen=True)
class Line:
    """One line of Airflow, by the name of its lock."""

    name: str

    @property
    def lock(self) -> Path:
        """What is installed, with hashes."""
        return EXAMPLES / f"lock-{self.name}.txt"

    @property
    def folder(self) -> Path:
        """Where its environment lies in the user's cache."""
        return folder_of(self.lock, "airflow")

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / "bin" / "python"

    def ready(self) -> None:
        """Make the environment, with a database that is up to date, if it is not there.

        Raises:
            TransientError: The packages could not be fetched, or did not install.
            PermanentError: There is no Python that this line runs on.
        """
        make_once(self.folder, self._make)

    def home(self, folder: Path) -> dict[str, str]:
        """Make an AIRFLOW_HOME of one's own in `folder`, with an empty database; return what to set for it."""
        folder.mkdir(parents=True)
        database = folder / "airflow.db"
        shutil.copy(self.folder / "home" / "airflow.db", database)
        return airflow_home(folder)

    def _make(self, scratch: Path) -> None:
        where = f"Airflow {self.name}"
        python = install(self.lock, scratch, where)
        home = scratch / "home"
        home.mkdir()
        run([python, "-m", "airflow", "db", "migrate"], MIGRATE_SECONDS, where, airflow_home(home))


def folder_of(lock: Path, kind: str) -> Path:
    """Where the environment of a lock lies; another lock or another Python has another one."""
    python = ".".join(str(part) for part in sys.version_info[:2])
    return cache_root().with_name(kind) / f"{python}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"


def install(lock: Path, folder: Path, where: str) -> str:
    """Make an environment with exactly what a lock has; return its Python.

    Raises:
        TransientError: The packages could not be fetched, or did not install.
        PermanentError: There is no Python that they run on.
    """
    uv = [sys.executable, "-m", "uv", "--quiet", "--no-progress"]
    run([*uv, "venv", "--no-python-downloads", "--python", interpreter(), str(folder)], MIGRATE_SECONDS, where)
    python = str(folder / "bin" / "python")
    options = ["pip", "install", "--python", python, "--require-hashes", "--no-deps", "--compile-bytecode"]
    run([*uv, *options, "-r", str(lock)], INSTALL_SECONDS, where)
    return python


def run(command: list[str], seconds: float, where: str, environment: dict[str, str] | None = None) -> None:
    """Run a command of making an environment to its end.

    Raises:
        TransientError: It failed, or took too long.
    """
    remedy = "run `make airflow-envs` where a package registry is within reach"
    try:
        done = subprocess.run(
            command,
            env=os.environ | (environment or {}),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        what = f"{' '.join(command[1:5])} … took longer than {seconds:g} s"
        raise TransientError(what, where=where, remedy=remedy) from error
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
        raise TransientError(f"its environment could not be made: {said}", where=where, remedy=remedy)


LINES = (Line("2.11"), Line("3.0"), Line("3.3"))


def airflow_home(folder: Path) -> dict[str, str]:
    """What makes Airflow live in `folder` alone: no examples, no telemetry, its database beside its log files."""
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "NO_COLOR": "1",
        "COLUMNS": "1000",  # no line of what it says is broken
    }


def interpreter() -> str:
    """A Python that every line runs on: our own, or the newest of those on the PATH that will do.

    Raises:
        PermanentError: There is none.
    """
    if sys.version_info[:2] <= NEWEST_PYTHON:
        return sys.executable
    for name in ("python3.12", "python3.11"):
        found = shutil.which(name)
        if found is not None and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    raise PermanentError(
        "no Python 3.11 or 3.12, which is what Airflow 2.11 and 3.0 run on",
        where="PATH",
        remedy="install one, or make .venv with it: make clean setup PYTHON=python3.12",
    )
