"""The balancer's rules, through real sockets; no AWS."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emr_dr.lab import world
from emr_dr.lab.balancer import Balancer, Group, HealthCheck, Listener, Snapshot, State, Target
from lab.lab_world import eventually

PORT = 8998
FAST = HealthCheck(interval=0.05, timeout=0.3, healthy_threshold=2, unhealthy_threshold=2)


class Server:
    """A TCP server that says its name to each client and then echoes; it can be made mute or deaf."""

    def __init__(self, host: str, name: str) -> None:
        self.name = name.encode()
        self.host = host
        self.connections: list[socket.socket] = []
        self.status = b"200"
        self._listening = socket.create_server((host, PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = connection.recv(65536)
            if data.startswith(b"GET "):
                connection.sendall(b"HTTP/1.1 " + self.status + b" X\r\nContent-Length: 0\r\n\r\n")
            elif data:
                connection.sendall(self.name)
                while data := connection.recv(65536):
                    connection.sendall(data)
            connection.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self.connections:
            connection.close()
        self._thread.join()


class Bench:
    """A balancer, its address, and servers to put behind it."""

    def __init__(self, addresses: world.Addresses) -> None:
        self.balancer = Balancer()
        self.servers: dict[str, Server] = {}
        self.address = next(addresses.balancers())
        self._hosts = addresses.hosts("us-east-1a")
        self._serials = itertools.count(1)
        self.group = Group("tg", FAST)
        self.listeners = (Listener(self.address, PORT, "tg"),)

    def free_host(self) -> str:
        return next(self._hosts)

    def serve(self, name: str) -> Target:
        host = self.free_host()
        self.servers[name] = Server(host, name)
        return self.target(host)

    def target(self, host: str) -> Target:
        return Target(next(self._serials), host, PORT)

    def apply(self, *targets: Target, **changes: object) -> None:
        self.group = replace(self.group, targets=targets, **changes)  # type: ignore[arg-type]
        self.balancer.apply(Snapshot(self.listeners, (self.group,)))

    def becomes(self, target: Target, state: State) -> None:
        eventually(lambda: self.balancer.health(target.serial).state is state)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((self.address, PORT), timeout=3, source_address=(source, 0))

    def ask(self, source: str = "127.0.0.1") -> str | None:
        """Who answers a new connection; None if it is cut."""
        try:
            with self.connect(source) as connection:
                connection.sendall(b"hello")
                return connection.recv(100).decode() or None
        except (ConnectionResetError, BrokenPipeError):  # it may be cut before we have even noticed that it was made
            return None


@pytest.fixture(scope="module")
def addresses() -> Iterator[world.Addresses]:
    with world.claim_addresses() as claimed:
        yield claimed


@pytest.fixture
def bench(addresses: world.Addresses) -> Iterator[Bench]:
    made = Bench(addresses)
    yield made
    made.balancer.close()
    for server in made.servers.values():
        server.close()


def held_flow(bench: Bench) -> socket.socket:
    connection = bench.connect()
    connection.sendall(b"hello")
    assert connection.recv(100)
    return connection


def is_cut(connection: socket.socket) -> bool:
    connection.settimeout(3)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_nothing_listens_before_a_listener_exists_and_after_it_is_gone(bench: Bench) -> None:
    bench.apply(bench.serve("a"))
    bench.balancer.apply(Snapshot())
    with pytest.raises(ConnectionRefusedError):
        bench.connect()


def test_only_healthy_targets_get_connections_and_each_gets_some(bench: Bench) -> None:
    a, b, dead = bench.serve("a"), bench.serve("b"), bench.target(bench.free_host())
    bench.apply(a, b, dead)
    for target, state in ((a, State.HEALTHY), (b, State.HEALTHY), (dead, State.UNHEALTHY)):
        bench.becomes(target, state)
    assert bench.balancer.health(dead.serial).reason == "Target.FailedHealthChecks"
    assert {bench.ask() for _ in range(40)} == {"a", "b"}


def test_a_target_in_initial_gets_nothing(bench: Bench) -> None:
    slow = replace(FAST, interval=60.0)
    target = bench.serve("a")
    bench.apply(target, check=slow)
    eventually(lambda: bench.servers["a"].connections)
    assert bench.balancer.health(target.serial).state is State.INITIAL
    assert bench.ask() is None


def test_when_all_are_unhealthy_all_get_connections(bench: Bench) -> None:
    target = bench.serve("a")
    bench.servers["a"].status = b"500"
    bench.apply(target, check=replace(FAST, protocol="HTTP"))
    bench.becomes(target, State.UNHEALTHY)
    assert bench.balancer.health(target.serial).reason == "Target.ResponseCodeMismatch"
    assert bench.ask() == "a"
    bench.servers["a"].status = b"399"
    bench.becomes(target, State.HEALTHY)


def test_fail_open_spares_targets_in_initial(bench: Bench) -> None:
    bad, fresh = bench.target(bench.free_host()), bench.serve("fresh")
    bench.apply(bad, check=FAST)
    bench.becomes(bad, State.UNHEALTHY)
    bench.apply(bad, replace(fresh, draining=True))
    assert bench.ask() is None


def test_a_hanging_target_times_out_and_delays_no_other_check(bench: Bench) -> None:
    host = bench.free_host()
    with socket.create_server((host, PORT), backlog=16):
        hanging, good = bench.target(host), bench.serve("good")
        bench.apply(hanging, good, check=replace(FAST, protocol="HTTP", timeout=1.0))
        started = time.monotonic()
        bench.becomes(good, State.HEALTHY)
        assert time.monotonic() - started < 1
        bench.becomes(hanging, State.UNHEALTHY)
        assert bench.balancer.health(hanging.serial).reason == "Target.Timeout"


def test_a_sticky_group_keeps_a_source_on_its_target(bench: Bench) -> None:
    targets = [bench.serve(name) for name in "abc"]
    bench.apply(*targets, stickiness=True)
    for target in targets:
        bench.becomes(target, State.HEALTHY)
    for source in ("127.0.0.1", "127.0.0.7", "127.0.0.9"):
        assert len({bench.ask(source) for _ in range(8)}) == 1
    assert len({bench.ask(f"127.0.0.{last}") for last in range(1, 30)}) == 3


def test_a_draining_target_keeps_its_flows_and_gets_no_new_ones(bench: Bench) -> None:
    a, b = bench.serve("a"), bench.serve("b")
    bench.apply(a)
    bench.becomes(a, State.HEALTHY)
    with held_flow(bench) as flow:
        bench.apply(replace(a, draining=True), b)
        bench.becomes(b, State.HEALTHY)
        assert {bench.ask() for _ in range(10)} == {"b"}
        flow.sendall(b"still here")
        assert flow.recv(100) == b"still here"


@pytest.mark.parametrize("cut", [True, False])
def test_at_the_end_of_the_delay_flows_are_cut_only_if_the_group_says_so(bench: Bench, *, cut: bool) -> None:
    a = bench.serve("a")
    bench.apply(a, cut_deregistered=cut)
    bench.becomes(a, State.HEALTHY)
    with held_flow(bench) as flow:
        bench.apply()
        if cut:
            assert is_cut(flow)
        else:
            flow.sendall(b"on")
            assert flow.recv(100) == b"on"


@pytest.mark.parametrize("cut", [True, False])
def test_flows_of_a_target_that_turns_unhealthy_are_cut_only_if_the_group_says_so(bench: Bench, *, cut: bool) -> None:
    a = bench.serve("a")
    bench.apply(a, check=replace(FAST, protocol="HTTP"), cut_unhealthy=cut)
    bench.becomes(a, State.HEALTHY)
    with held_flow(bench) as flow:
        bench.servers["a"].status = b"500"
        bench.becomes(a, State.UNHEALTHY)
        if cut:
            assert is_cut(flow)
        else:
            flow.sendall(b"on")
            assert flow.recv(100) == b"on"


def test_half_close_is_passed_on_in_both_directions(bench: Bench) -> None:
    a = bench.serve("a")
    bench.apply(a)
    bench.becomes(a, State.HEALTHY)
    with held_flow(bench) as flow:
        flow.sendall(b"last words")
        flow.shutdown(socket.SHUT_WR)
        assert flow.recv(100) == b"last words"
        assert flow.recv(100) == b""


def test_an_idle_flow_is_cut_and_a_busy_one_is_not(bench: Bench) -> None:
    bench.listeners = (Listener(bench.address, PORT, "tg", idle_timeout=0.5),)
    a = bench.serve("a")
    bench.apply(a)
    bench.becomes(a, State.HEALTHY)
    with held_flow(bench) as busy, held_flow(bench) as idle:
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            busy.sendall(b"x")
            assert busy.recv(1) == b"x"
        assert is_cut(idle)
        busy.sendall(b"y")
        assert busy.recv(1) == b"y"


def test_a_reader_that_does_not_read_stops_the_writer(bench: Bench) -> None:
    a = bench.serve("a")
    bench.apply(a)
    bench.becomes(a, State.HEALTHY)
    with held_flow(bench) as flow:
        flow.setblocking(False)
        sent, quiet_since = 0, time.monotonic()
        while time.monotonic() - quiet_since < 0.5 and sent < 500_000_000:
            with contextlib.suppress(BlockingIOError):
                sent += flow.send(b"x" * 65536)
                quiet_since = time.monotonic()
        # The kernel's own buffers of four sockets hold up to about 60 MB; what does not stop there never stops.
        assert sent < 200_000_000


def test_the_target_that_goes_takes_only_its_own_sources_away(bench: Bench) -> None:
    targets = {name: bench.serve(name) for name in "abc"}
    bench.apply(*targets.values(), stickiness=True)
    for target in targets.values():
        bench.becomes(target, State.HEALTHY)
    sources = [f"127.0.0.{last}" for last in range(1, 20)]
    before = {source: bench.ask(source) for source in sources}
    bench.apply(targets["a"], targets["b"])
    after = {source: bench.ask(source) for source in sources}
    assert all(after[source] == name for source, name in before.items() if name != "c")


def test_a_sticky_source_moves_to_another_target_when_its_own_turns_unhealthy(bench: Bench) -> None:
    targets = {name: bench.serve(name) for name in "ab"}
    bench.apply(*targets.values(), stickiness=True)
    for target in targets.values():
        bench.becomes(target, State.HEALTHY)
    before = {source: bench.ask(source) for source in (f"127.0.0.{last}" for last in range(1, 20))}
    assert set(before.values()) == {"a", "b"}
    bench.servers["a"].close()
    bench.becomes(targets["a"], State.UNHEALTHY)
    assert {bench.ask(source) for source in before} == {"b"}


def test_modified_checks_do_not_take_a_healthy_target_out(bench: Bench) -> None:
    a = bench.serve("a")
    bench.apply(a)
    bench.becomes(a, State.HEALTHY)
    bench.apply(a, check=replace(FAST, interval=30.0))
    assert bench.balancer.health(a.serial).state is State.HEALTHY


def test_a_port_that_is_taken_is_an_error_and_closing_ends_the_thread(bench: Bench) -> None:
    others = sum(each.name == "balancer" for each in threading.enumerate()) - 1
    with socket.create_server((bench.address, PORT)), pytest.raises(OSError, match="address already in use"):
        bench.apply()
    bench.balancer.close()
    bench.balancer.close()
    assert sum(each.name == "balancer" for each in threading.enumerate()) == others
