"""One line of Airflow with a home of its own, and what is asked of it by scripts that its own Python runs."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from airflow_lines.line import DAGS, Line

NOTHING: Mapping[str, str] = MappingProxyType({})
INSIDE = Path(__file__).with_name("inside")


@dataclass(frozen=True)
class Answer:
    """What a script answered, and all that Airflow said meanwhile."""

    value: Any
    said: str


@dataclass(frozen=True)
class Airflow:
    """A line's Python and a home."""

    python: Path
    env: Mapping[str, str]

    @classmethod
    def of(cls, line: Line, folder: Path) -> Self:
        """A home of its own for a line, in `folder`."""
        line.ready()
        return cls(line.python, os.environ | line.home(folder / "home"))

    def ask(self, script: str, *args: str, env: Mapping[str, str] = NOTHING, seconds: float = 120) -> Answer:
        """Run a script to its end."""
        with self.asking(script, *args, env=env) as process:
            said, _ = process.communicate(timeout=seconds)
            assert process.returncode == 0, f"{script} {' '.join(args)}: {process.returncode}: {said}"
            return Answer(json.loads(said.splitlines()[-1]), said)

    @contextmanager
    def asking(self, script: str, *args: str, env: Mapping[str, str] = NOTHING) -> Iterator["subprocess.Popen[str]"]:
        """Begin a script; when the block has ended, it has ended too."""
        process = subprocess.Popen(
            [str(self.python), str(INSIDE / f"{script}.py"), str(DAGS), *args],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
