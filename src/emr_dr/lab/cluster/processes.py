"""Processes as the kernel tells of them in /proc: who descends from whom, who carries a mark, and ending them all."""

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

_PROC = Path("/proc")
_LOOK_AGAIN_SECONDS = 0.02
_THREADS = 15
"""Where num_threads stands behind the parent's id in /proc/PID/stat (proc(5))."""


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the kernel's process table."""

    pid: int
    parent: int
    state: str
    threads: int = 1

    @property
    def ended(self) -> bool:
        """Whether it is a zombie: ended, and only waiting to be reaped.

        A first thread that has ended looks like one, too; while others of its threads live, so does the process, and
        so do its files and ports.
        """
        return self.state in "ZX" and self.threads <= 1


def all_processes() -> list[Process]:
    """Return every process that can be seen now."""
    found = (_read(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [process for process in found if process]


def _read(pid: str) -> Process | None:
    try:
        stat = (_PROC / pid / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended while we looked
        return None
    # The command's name is in parentheses and may itself contain anything, so count from the last one.
    state, parent, *rest = stat.rpartition(")")[2].split()
    return Process(int(pid), int(parent), state, int(rest[_THREADS]))


def descendants(ancestor: int) -> list[int]:
    """Return all live descendants of a process, at any depth."""
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[int] = []
    below = [ancestor]
    while below:
        for process in children.get(below.pop(), ()):
            below.append(process.pid)
            if not process.ended:
                found.append(process.pid)
    return found


def marked(name: str, value: str) -> list[int]:
    """Return all live processes of this user that were started with `name=value` in their environment."""
    wanted = f"{name}={value}".encode()
    found = []
    for process in all_processes():
        if process.ended or process.pid == os.getpid():
            continue
        try:
            variables = (_PROC / str(process.pid) / "environ").read_bytes().split(b"\0")
        except OSError:  # ended, or somebody else's
            continue
        if wanted in variables:
            found.append(process.pid)
    return found


def send(signal_number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def kill_until_none(find: Callable[[], list[int]], *, seconds: float) -> bool:
    """SIGKILL what `find` returns, and look again until it returns nothing; False if that takes longer than `seconds`.

    Looking once is not enough: what is killed may just have started another.
    """
    deadline = monotonic() + seconds
    while pids := find():
        if monotonic() > deadline:
            return False
        send(signal.SIGKILL, pids)
        sleep(_LOOK_AGAIN_SECONDS)
    return True
