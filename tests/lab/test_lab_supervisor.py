"""The supervisor of a cluster with stand-in processes: what it starts it also ends, whatever happens to its caller."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from emr_dr.errors import TransientError
from emr_dr.lab.cluster.processes import descendants, marked
from emr_dr.lab.cluster.services import ServiceCommand
from emr_dr.lab.cluster.settings import ADDRESS_MARKER, LAB_MARKER, Service, ports_of
from emr_dr.lab.cluster.supervised import Supervised
from emr_dr.lab.cluster.sweep import sweep

# One for each run of the tests: ports are fixed, and others may be testing too.
ADDRESS = f"127.77.{os.getpid() >> 8 & 0xFF}.{os.getpid() & 0xFF or 1}"
# A parent that starts a child in a session of its own, and ends: as YARN does with containers.
ORPHANER = """
import subprocess, sys
child = "import time; print('up', flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
"""
LISTENER = """
import socket, sys, time
sockets, connections = [], []
for port in map(int, sys.argv[2:]):
    sockets.append(socket.create_server((sys.argv[1], port)))
print("up", flush=True)
while True:
    connections.append(sockets[0].accept()[0])
    connections[-1].sendall(b"hello")
"""
# Its first thread ends and another serves on: to a look at the process it is a zombie, as every JVM is while it dies.
LEADERLESS = """
import ctypes, socket, sys, threading
def serve():
    sockets = [socket.create_server((sys.argv[1], port)) for port in map(int, sys.argv[2:])]
    print("up", flush=True)
    while True:
        sockets[0].accept()[0].sendall(b"hello")
threading.Thread(target=serve).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def eventually(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline, "not in time"
        sleep(0.01)


@pytest.fixture
def lab_id(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"test-{os.getpid()}-{request.node.name}"
    yield name
    sweep(name)


@pytest.fixture
def supervisor(lab_id: str) -> Iterator[Supervised]:
    started = Supervised(lab_id, ADDRESS)
    yield started
    started.end()


def stand_in(folder: Path, lab_id: str, program: str, *arguments: str, name: str = Service.LIVY) -> ServiceCommand:
    return ServiceCommand(
        name=name,
        arguments=(sys.executable, "-c", program, *arguments),
        environment={**os.environ, LAB_MARKER: lab_id, ADDRESS_MARKER: ADDRESS},
        folder=str(folder),
        log=str(folder / f"{name}.log"),
    )


def listener(folder: Path, lab_id: str, service: Service = Service.LIVY) -> ServiceCommand:
    return stand_in(folder, lab_id, LISTENER, ADDRESS, *map(str, ports_of(service)), name=service)


def connect(port: int, timeout: float = 5.0) -> bytes:
    with socket.create_connection((ADDRESS, port), timeout=timeout) as connection:
        return connection.recv(5)


def is_up(folder: Path, name: str = Service.LIVY) -> Callable[[], bool]:
    return lambda: (folder / f"{name}.log").exists() and "up" in (folder / f"{name}.log").read_text()


def test_an_orphan_stays_a_descendant_and_dies_with_the_rest(
    supervisor: Supervised, lab_id: str, tmp_path: Path
) -> None:
    supervisor.start(stand_in(tmp_path, lab_id, ORPHANER))
    eventually(lambda: supervisor.status()["services"] == {"livy": "ended"} and is_up(tmp_path)())
    orphans = descendants(supervisor.pid)
    assert len(orphans) == 1
    supervisor.tell("kill_all")
    assert descendants(supervisor.pid) == []
    assert not Path(f"/proc/{orphans[0]}").exists()


def test_when_the_caller_is_killed_nothing_is_left(lab_id: str, tmp_path: Path) -> None:
    caller = f"""
        from pathlib import Path
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_lab_supervisor import ORPHANER, Supervised, listener, stand_in
        supervised = Supervised({lab_id!r}, {ADDRESS!r})
        supervised.start(listener(Path({str(tmp_path)!r}), {lab_id!r}))
        supervised.start(stand_in(Path({str(tmp_path)!r}), {lab_id!r}, ORPHANER, name="orphaner"))
        time.sleep(600)
    """
    running = subprocess.Popen([sys.executable, "-c", textwrap.dedent(caller)])
    try:
        eventually(is_up(tmp_path))
        eventually(is_up(tmp_path, "orphaner"))
        assert len(marked(LAB_MARKER, lab_id)) >= 3  # supervisor, listener, orphan
    finally:
        running.kill()
        running.wait()
    eventually(lambda: marked(LAB_MARKER, lab_id) == [])


def test_when_the_supervisor_is_killed_its_children_die_and_its_caller_ends_the_orphans(
    lab_id: str, tmp_path: Path
) -> None:
    supervised = Supervised(lab_id, ADDRESS)
    supervised.start(listener(tmp_path, lab_id))
    supervised.start(stand_in(tmp_path, lab_id, ORPHANER, name="orphaner"))
    eventually(is_up(tmp_path))
    eventually(is_up(tmp_path, "orphaner"))
    os.kill(supervised.pid, signal.SIGKILL)
    eventually(lambda: marked(LAB_MARKER, lab_id) == [])
    with pytest.raises(TransientError, match="supervisor is gone"):
        supervised.status()
    supervised.end()


def test_a_sweep_leaves_other_labs_alone(supervisor: Supervised, lab_id: str, tmp_path: Path) -> None:
    supervisor.start(listener(tmp_path, lab_id))
    eventually(is_up(tmp_path))
    assert sweep(lab_id + "-other")
    assert supervisor.status()["services"] == {"livy": "running"}


def test_a_killed_service_refuses_and_a_restarted_one_answers(
    supervisor: Supervised, lab_id: str, tmp_path: Path
) -> None:
    supervisor.start(listener(tmp_path, lab_id))
    eventually(is_up(tmp_path))
    assert connect(8998) == b"hello"
    supervisor.tell("kill", Service.LIVY)
    assert supervisor.status()["exits"] == {"livy": -signal.SIGKILL}
    with pytest.raises(ConnectionRefusedError):
        connect(8998)
    (tmp_path / "livy.log").unlink()
    supervisor.tell("restart", Service.LIVY)
    eventually(is_up(tmp_path))
    assert connect(8998) == b"hello"


def test_a_frozen_service_accepts_and_does_not_answer_until_it_is_thawed(
    supervisor: Supervised, lab_id: str, tmp_path: Path
) -> None:
    supervisor.start(listener(tmp_path, lab_id))
    eventually(is_up(tmp_path))
    supervisor.tell("freeze", Service.LIVY)
    assert supervisor.status()["services"] == {"livy": "frozen"}
    with socket.create_connection((ADDRESS, 8998), timeout=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(5)
        supervisor.tell("thaw", Service.LIVY)
        connection.settimeout(5)
        assert connection.recv(5) == b"hello"


def test_a_lost_cluster_is_silent_to_new_and_to_old_connections_and_refuses_once_it_is_ended(
    supervisor: Supervised, lab_id: str, tmp_path: Path
) -> None:
    for service in (Service.LIVY, Service.DATA_NODE):
        supervisor.start(listener(tmp_path, lab_id, service))
        eventually(is_up(tmp_path, service))
    with socket.create_connection((ADDRESS, 8998), timeout=5) as old:
        assert old.recv(5) == b"hello"
        supervisor.lose()
        old.settimeout(0.2)
        old.sendall(b"anybody there?")
        with pytest.raises(TimeoutError):
            old.recv(5)
    for port in (8998, 9870, 9864):  # stopped; never started; killed
        with pytest.raises(TimeoutError):
            connect(port, timeout=0.3)
    supervisor.end()
    with pytest.raises(ConnectionRefusedError):
        connect(8998)


def test_a_service_that_looks_ended_while_it_dies_is_started_again_when_its_cluster_comes_back(
    supervisor: Supervised, lab_id: str, tmp_path: Path
) -> None:
    ports = map(str, ports_of(Service.LIVY))
    supervisor.start(stand_in(tmp_path, lab_id, LEADERLESS, ADDRESS, *ports))
    eventually(is_up(tmp_path))
    assert connect(8998) == b"hello"
    supervisor.lose()
    (tmp_path / "livy.log").unlink()
    supervisor.come_back()
    eventually(is_up(tmp_path))
    assert connect(8998) == b"hello"


def test_what_cannot_be_done_is_refused_and_the_supervisor_goes_on(supervisor: Supervised, tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="never started: livy"):
        supervisor.tell("freeze", Service.LIVY)
    with pytest.raises(TransientError, match="unknown command: explode"):
        supervisor.tell("explode")
    missing = ServiceCommand("x", ("/no/such/program",), {}, str(tmp_path), str(tmp_path / "x.log"))
    with pytest.raises(TransientError, match="No such file"):
        supervisor.start(missing)
    assert supervisor.status()["processes"] == 0
