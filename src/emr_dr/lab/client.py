"""Find a running lab, start one that outlives the caller, and give it orders; every call has a deadline."""

import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from emr_dr.errors import ConflictError, EmrDrError, PermanentError, TransientError, UsageError
from emr_dr.lab.cluster.sweep import sweep
from emr_dr.lab.orders import Orders
from emr_dr.lab.world import CONTROL_PREFIX, LOG_FILE, STATE_FILE, alone_in, lab_id

_ORDER_DEADLINE = 60.0
_DOWN_DEADLINE = 60.0
_POLL = 0.05
_LOG_LINES_SHOWN = 15
# Two readings of a process's start time may differ by less than a clock tick.
_SAME_START = 0.02


def state_directory(chosen: Path | None = None) -> Path:
    """Return the lab's directory: the chosen one, else $EMR_DR_LAB_DIR, else under $XDG_STATE_HOME."""
    if chosen is not None:
        return chosen.absolute()
    if named := os.environ.get("EMR_DR_LAB_DIR"):
        return Path(named).absolute()
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "emr-dr" / "lab"


@dataclass(frozen=True, slots=True)
class RunningLab(Orders):
    """A lab that was running when it was looked for; `description` is its `lab.json`."""

    directory: Path
    description: Mapping[str, Any]

    @property
    def url(self) -> str:
        """The endpoint of AWS and control API."""
        return str(self.description["url"])

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which boto3 and `aws` talk to this lab."""
        return dict(self.description["env"])

    def status(self) -> dict[str, Any]:
        """Return zones, clusters, balancers, cuts, revoked rules, faults and times.

        Raises:
            TransientError: no answer within 60 s.
        """
        return self._call("GET", "status", None)

    def order(self, name: str, **arguments: object) -> dict[str, Any]:
        """Give any order of the control API.

        Raises:
            UsageError: the lab refused it: no such cluster, zone or service.
            PermanentError: this machine does not let the lab do it.
            TransientError: no answer within 60 s.
        """
        return self._call("POST", name, arguments)

    def down(self) -> None:
        """End the lab and wait until its process is gone; safe to repeat.

        Raises:
            TransientError: it still runs after 60 s.
        """
        process = _process(self.description)
        if process is None:
            return
        self.order("down")
        try:
            process.wait(_DOWN_DEADLINE)
        except psutil.TimeoutExpired as error:
            raise TransientError(
                f"the lab (process {process.pid}) still runs {_DOWN_DEADLINE:.0f} s after it was told to end",
                remedy=f"see {self.directory / LOG_FILE}, or end process {process.pid}",
            ) from error

    def _call(self, method: str, name: str, arguments: Mapping[str, object] | None) -> dict[str, Any]:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=_ORDER_DEADLINE)
        try:
            body = None if arguments is None else json.dumps(arguments)
            connection.request(method, CONTROL_PREFIX + name, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content: dict[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(f"the lab does not answer: {error}", where=self.url) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            kinds: list[type[EmrDrError]] = [PermanentError, TransientError]
            kind = next((each for each in kinds if each.exit_code == content.get("exit_code")), UsageError)
            raise kind(str(content["error"]), where=f"lab order {name}")
        return content


def find(directory: Path) -> RunningLab | None:
    """Return the lab that runs in a directory, None if there is none or only the leavings of one that crashed."""
    try:
        description = json.loads((directory / STATE_FILE).read_text())
        return RunningLab(directory, description) if _process(description) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(directory, error) from error
    except (ValueError, TypeError, LookupError) as error:
        what = f"{STATE_FILE} is not what a lab writes"
        raise UsageError(what, where=str(directory), remedy="remove it, or choose another --dir") from error


def refuse_second(directory: Path) -> None:
    """Do nothing where a lab can be started.

    Raises:
        ConflictError: one runs there already.
        UsageError: the directory cannot be used.
    """
    if find(directory) is not None:
        raise ConflictError(f"a lab runs in {directory} already", remedy="use it, or end it with `emr-dr lab down`")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(directory, error) from error


def _unusable(directory: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot be used ({error.strerror})", where=str(directory), remedy="choose another --dir")


def require(directory: Path) -> RunningLab:
    """Return the lab that runs in a directory.

    Raises:
        UsageError: there is none.
    """
    lab = find(directory)
    if lab is None:
        raise UsageError(f"no lab is running in {directory}", remedy="start one with `emr-dr lab up`")
    return lab


def clean_up(directory: Path) -> bool:
    """End and remove what a lab that was killed left behind; False if nothing was left.

    Raises:
        ConflictError: a lab is just starting there.
    """
    if not (directory / STATE_FILE).exists():
        return False
    with alone_in(directory):
        sweep(lab_id(directory))
        (directory / STATE_FILE).unlink(missing_ok=True)
    return True


def _process(description: Mapping[str, Any]) -> psutil.Process | None:
    """A process id is used again by others: only with the same start time is it the lab's."""
    try:
        process = psutil.Process(int(description["pid"]))
        same = abs(process.create_time() - float(description["pid_started"])) < _SAME_START
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def up(
    directory: Path,
    arguments: Sequence[str] = (),
    *,
    deadline: float = 120.0,
    progress: Callable[[float], None] = lambda _: None,
) -> RunningLab:
    """Start a lab that outlives the caller and return when it is ready.

    `arguments` are those of `emr_dr.lab.server` besides `--dir`; `progress` is told the seconds waited so far.

    Raises:
        ConflictError: one runs there already.
        PermanentError: it ended before it was ready; the message ends with its last words.
        TransientError: not ready within `deadline` seconds; it was ended.
    """
    refuse_second(directory)
    log_file = directory / LOG_FILE
    log_file.touch()
    before = log_file.stat().st_size
    server = _spawn([sys.executable, "-m", "emr_dr.lab.server", "--dir", str(directory), *arguments], log_file)
    started = time.monotonic()
    while (waited := time.monotonic() - started) < deadline:
        ended, status = os.waitpid(server, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            words = _last_words(log_file, before)
            raise PermanentError(f"the lab ended with code {code} before it was ready:\n{words}")
        lab = find(directory)
        if lab is not None and lab.description["pid"] == server:
            return lab
        progress(waited)
        time.sleep(_POLL)
    os.kill(server, signal.SIGTERM)
    os.waitpid(server, 0)
    raise TransientError(f"the lab was not ready within {deadline:.0f} s:\n{_last_words(log_file, before)}")


def _spawn(command: list[str], log_file: Path) -> int:
    """Start a process in a session of its own, so that it outlives us and our terminal; return its id."""
    appending = os.O_WRONLY | os.O_APPEND
    return os.posix_spawn(
        command[0],
        command,
        os.environ,
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log_file), appending, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def _last_words(log_file: Path, before: int) -> str:
    """Return the end of what was logged after the first `before` bytes."""
    lines = log_file.read_bytes()[before:].decode(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_LINES_SHOWN:])
