"""The process that owns every process of one cluster: it starts, breaks and ends them, and never outlives its caller.

Run as `python -m emr_dr.lab.cluster.supervisor`. Commands come in on standard input as JSON, one a line, and each gets
one line back on standard output:

    {"id": 1, "do": "start", "service": {…}}     {"id": 1, "ok": true, …}
    {"id": 2, "do": "kill", "name": "livy"}      {"id": 2, "ok": false, "error": "…"}

Three things make sure that nothing is left behind. This process is a *subreaper*: descendants whose parents die become
its children, so they can be found. Its own children are killed by the kernel if it dies. And when standard input ends,
because whoever started it closed it or died, it kills all descendants until there are none, and ends.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from emr_dr.lab.cluster.processes import descendants, kill_until_none, send
from emr_dr.lab.cluster.screens import FOLLOW_SECONDS, PortScreen, Screens
from emr_dr.lab.cluster.settings import ADDRESS_MARKER
from emr_dr.lab.cluster.silence import Silence
from emr_dr.lab.cluster.sockets import borrow_all

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 30.0
_LIBC = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Supervisor:
    """What runs, by service name, and the commands that change it."""

    def __init__(self) -> None:
        # Popen objects are kept, and never polled, so that only `reap` takes the ends of processes.
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Mapping[str, Any]] = {}
        self._exits: dict[str, int] = {}
        self._frozen: set[str] = set()
        self._silence = Silence()
        self._screens = Screens(os.environ.get(ADDRESS_MARKER, ""), self._pid)
        self._wanted_screens: list[PortScreen] = []

    def start(self, service: Mapping[str, Any]) -> dict[str, Any]:
        """Start a service, or start it again; one that runs is left alone."""
        name = service["name"]
        self._commands[name] = service
        self._exits.pop(name, None)
        if name not in self._running:
            self._running[name] = _spawn(service)
        return {"pid": self._running[name].pid}

    def kill(self, name: str) -> dict[str, Any]:
        """SIGKILL a service's own process, not what it started: that is what a crash does."""
        gone = kill_until_none(lambda: [self._running[name].pid] if self._runs(name) else [], seconds=_KILL_SECONDS)
        return {"gone": gone}

    def terminate(self, name: str) -> dict[str, Any]:
        """Ask a service to end in order (SIGTERM), and do not wait for it."""
        send(signal.SIGTERM, [self._running[name].pid])
        return {}

    def freeze(self, name: str) -> dict[str, Any]:
        """SIGSTOP a service's own process: its ports accept, and nothing answers."""
        self._frozen.add(name)
        send(signal.SIGSTOP, [self._running[name].pid])
        return {}

    def thaw(self, name: str) -> dict[str, Any]:
        """Let a frozen service go on."""
        self._frozen.discard(name)
        send(signal.SIGCONT, [self._running[name].pid])
        return {}

    def restart(self, name: str) -> dict[str, Any]:
        """Kill a service if it runs, and start it."""
        self.kill(name)
        return self.start(self._commands[name])

    def freeze_all(self) -> dict[str, Any]:
        """SIGSTOP everything, containers of jobs included."""
        send(signal.SIGSTOP, descendants(os.getpid()))
        self._frozen.update(self._running)
        return {}

    def thaw_all(self) -> dict[str, Any]:
        """Let everything go on."""
        send(signal.SIGCONT, descendants(os.getpid()))
        self._frozen.clear()
        return {}

    def kill_all(self) -> dict[str, Any]:
        """SIGKILL everything, containers of jobs included, until nothing is left."""
        self._silence.end()
        return {"gone": kill_until_none(self._reap_and_find, seconds=_KILL_SECONDS)}

    def lose(self, address: str, front: Mapping[str, list[int]], others: list[int]) -> dict[str, Any]:
        """Make the cluster a lost one: nothing on it runs any more, and its address is silent.

        The services in `front`, given with their ports, are stopped for good rather than killed: the kernel would close
        a killed process's connections, and whoever has a connection into a lost machine hears nothing of the loss.
        Everything else is killed, and `others` are the ports that become free by it. Nobody reaches a lost machine, so
        its screens come down until it is back.
        """
        self.freeze_all()
        self._screens.put_up(())
        kept = {self._running[name].pid for name in front if self._runs(name)}
        gone = kill_until_none(lambda: [pid for pid in self._reap_and_find() if pid not in kept], seconds=_KILL_SECONDS)
        self._silence.keep(address, others)
        for ports in front.values():
            self._silence.keep(address, ports)
        return {"gone": gone}

    def vanish(self, name: str, address: str, port: int) -> dict[str, Any]:
        """Let a service be gone as with its machine, whatever it holds that others wait for.

        A stopped process would keep its locks on files, which a lost machine does not. So it is killed, and only its
        sockets at the port are kept: their other ends hear nothing of it.
        """
        pid = self._running[name].pid if self._runs(name) else None
        if pid is not None:
            send(signal.SIGSTOP, [pid])
            self._silence.hold(borrow_all(pid, address, port))
        gone = self.kill(name)
        self._silence.keep(address, [port])
        return gone

    def come_back(self) -> dict[str, Any]:
        """Start everything again with what is on the disks, if it was lost."""
        if not self._silence.is_kept:
            return {}
        gone = kill_until_none(self._reap_and_find, seconds=_KILL_SECONDS)
        self._silence.end()
        for service in list(self._commands.values()):
            self.start(service)
        self._screens.put_up(self._wanted_screens)
        return {"gone": gone}

    def screen(self, screens: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Put up these screens and no others; of a lost cluster, when it comes back. `refused` is why not, or empty."""
        wanted = [PortScreen.read(each) for each in screens]
        if not self._silence.is_kept:
            try:
                self._screens.put_up(wanted)
            except OSError as error:
                return {"refused": str(error)}
        self._wanted_screens = wanted
        return {"refused": ""}

    def follow_screens(self) -> float | None:
        """Screen what was opened since the last time; return after how many seconds to do so again."""
        with contextlib.suppress(OSError):  # it was allowed when the screens were put up: something ends just now
            self._screens.follow()
        return FOLLOW_SECONDS if self._screens.are_up else None

    def status(self) -> dict[str, Any]:
        """Tell what runs."""
        return {
            "services": {name: self._state(name) for name in self._commands},
            "exits": dict(self._exits),
            "processes": len(descendants(os.getpid())),
            "silent": self._silence.is_kept,
        }

    def reap(self) -> None:
        """Take note of every descendant that has ended; also of adopted ones, or they would stay zombies."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name in [name for name, running in self._running.items() if running.pid == pid]:
                self._exits[name] = self._running.pop(name).returncode = os.waitstatus_to_exitcode(status)
                self._frozen.discard(name)

    def _reap_and_find(self) -> list[int]:
        """Every descendant that lives, and every service whose end was not taken yet: it would not be started again."""
        self.reap()
        return [*{*descendants(os.getpid()), *(running.pid for running in self._running.values())}]

    def _runs(self, name: str) -> bool:
        self.reap()
        return name in self._running

    def _pid(self, name: str) -> int | None:
        return self._running[name].pid if name in self._running else None

    def _state(self, name: str) -> str:
        if name not in self._running:
            return "ended"
        return "frozen" if name in self._frozen else "running"

    def obey(self, line: bytes) -> dict[str, Any]:
        """Carry out one command; what it refuses comes back as an answer, not as an exception."""
        command = json.loads(line)
        number, action = command.pop("id", None), command.pop("do")
        return {"id": number, **self._carry_out(action, command)}

    def _carry_out(self, action: str, command: dict[str, Any]) -> dict[str, Any]:
        if action not in _ACTIONS:
            return {"ok": False, "error": f"unknown command: {action}"}
        if (name := command.get("name")) is not None and name not in self._commands:
            return {"ok": False, "error": f"never started: {name}"}
        if action in ("freeze", "thaw", "terminate") and not self._runs(command["name"]):
            return {"ok": False, "error": f"not running: {command['name']}"}
        try:
            return {"ok": True, **getattr(self, action)(**command)}
        except OSError as failure:
            return {"ok": False, "error": str(failure)}


_WITH_SERVICES = ("start", "kill", "terminate", "freeze", "thaw", "restart", "vanish")
_WITH_ALL = ("freeze_all", "thaw_all", "kill_all", "lose", "come_back", "screen", "status")
_ACTIONS = frozenset((*_WITH_SERVICES, *_WITH_ALL))


def _spawn(service: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start a process that the kernel kills when this one dies."""
    supervisor = os.getpid()

    def die_with_supervisor() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before that call
            os._exit(1)

    with open(service["log"], "ab") as log:  # noqa: PTH123 - a plain path from a JSON line
        return subprocess.Popen(  # noqa: S603 - the lab's own command lines
            service["arguments"],
            env=service["environment"],
            cwd=service["folder"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_supervisor,  # noqa: PLW1509 - this process has one thread
        )


def serve(commands: int, answers: int) -> None:
    """Obey the commands on one file descriptor until it ends, and answer on another."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    supervisor = Supervisor()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    pending = b""
    while True:
        ready, _, _ = select.select([commands, wake_read], [], [], supervisor.follow_screens())
        if wake_read in ready:
            os.read(wake_read, 4096)
            supervisor.reap()
        if commands in ready:
            received = os.read(commands, 1 << 16)
            if not received:
                break
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                os.write(answers, json.dumps(supervisor.obey(line)).encode() + b"\n")
    supervisor.kill_all()


def main() -> None:
    """Serve standard input and output, and kill everything however that ends."""
    # An orderly request to end must also go through the killing; SystemExit does.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    try:
        serve(sys.stdin.fileno(), sys.stdout.fileno())
    finally:
        kill_until_none(_reaped_descendants, seconds=_KILL_SECONDS)


def _reaped_descendants() -> list[int]:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        pass
    return descendants(os.getpid())


if __name__ == "__main__":
    main()
