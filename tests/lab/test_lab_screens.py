"""Screens before another process's sockets, with a stand-in for a service: what needs the kernel's leave."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from emr_dr.errors import PermanentError
from emr_dr.lab.cluster.screens import PortScreen
from emr_dr.lab.cluster.settings import Service
from emr_dr.lab.cluster.supervised import Supervised
from emr_dr.lab.cluster.sweep import sweep
from emr_dr.lab.machines import Screen
from lab.test_lab_supervisor import ADDRESS, connect, eventually, is_up, listener

_HIDDEN = "127.0.0.1/32"
_OTHER = "127.0.0.77"


def screen(*arriving: str, established: tuple[str, ...] = ()) -> PortScreen:
    return PortScreen.at(Service.LIVY, 8998, Screen(arriving, established))


def put_up(supervisor: Supervised, *screens: PortScreen) -> None:
    try:
        supervisor.screen(screens)
    except PermanentError as refused:
        pytest.skip(f"this machine's kernel does not let the lab cut paths: {refused}")


def hears(source: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((ADDRESS, 8998), timeout=0.3, source_address=(source, 0)) as connection:
            return connection.recv(5) == b"hello"
    except TimeoutError:
        return False


@pytest.fixture
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervised]:
    lab_id = f"test-{request.node.name}-{tmp_path.name}"
    started = Supervised(lab_id, ADDRESS)
    started.start(listener(tmp_path, lab_id))
    eventually(is_up(tmp_path))
    yield started
    started.end()
    sweep(lab_id)


def test_a_screen_hides_one_network_from_a_service_that_runs_and_is_taken_down_again(supervisor: Supervised) -> None:
    put_up(supervisor, screen(_HIDDEN))
    assert not hears()
    assert hears(_OTHER)
    put_up(supervisor, screen(f"{_OTHER}/32"))
    assert hears()
    assert not hears(_OTHER)
    put_up(supervisor)
    assert hears(_OTHER)


def test_a_service_that_was_killed_has_its_screen_again_when_it_is_restarted(
    supervisor: Supervised, tmp_path: Path
) -> None:
    put_up(supervisor, screen(_HIDDEN))
    (tmp_path / "livy.log").unlink()
    supervisor.tell("restart", Service.LIVY)
    eventually(is_up(tmp_path))
    eventually(lambda: not hears())
    assert hears(_OTHER)


def test_a_lost_service_comes_back_with_its_screen(supervisor: Supervised, tmp_path: Path) -> None:
    put_up(supervisor, screen(_HIDDEN))
    supervisor.lose()
    assert not hears(_OTHER)
    (tmp_path / "livy.log").unlink()
    supervisor.come_back()
    supervisor.come_back()
    eventually(is_up(tmp_path))
    eventually(lambda: not hears())
    assert hears(_OTHER)
    assert supervisor.status()["services"] == {"livy": "running"}


def test_a_screen_that_is_put_up_while_all_is_lost_stands_when_it_is_back(
    supervisor: Supervised, tmp_path: Path
) -> None:
    supervisor.lose()
    put_up(supervisor, screen(_HIDDEN))
    (tmp_path / "livy.log").unlink()
    supervisor.come_back()
    eventually(is_up(tmp_path))
    eventually(lambda: not hears())


def test_one_established_connection_stalls_and_another_goes_on(supervisor: Supervised) -> None:
    hidden, other = (
        socket.create_connection((ADDRESS, 8998), timeout=5, source_address=(source, 0))
        for source in ("127.0.0.1", _OTHER)
    )
    with hidden, other:
        assert hidden.recv(5) == other.recv(5) == b"hello"
        put_up(supervisor, screen(established=(_HIDDEN,)))
        # Killed, its kernel closes its connections: who is behind the screen does not hear of it.
        supervisor.tell("kill", Service.LIVY)
        assert other.recv(1) == b""
        hidden.settimeout(0.3)
        with pytest.raises(TimeoutError):
            hidden.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(8998)


def test_what_the_kernel_refuses_leaves_everything_as_it_was(supervisor: Supervised) -> None:
    put_up(supervisor, screen(_HIDDEN))
    too_many = [f"10.{high}.{low}.0/24" for high in range(16) for low in range(256)]
    with pytest.raises(PermanentError, match="emr-dr lab freeze"):
        supervisor.screen([screen(f"{_OTHER}/32", *too_many)])
    assert not hears()
    assert hears(_OTHER)
