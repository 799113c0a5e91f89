"""The balancer itself: a thread that makes sockets and health checks follow the snapshot it was last given.

Where one address for each balancer makes it differ from AWS: a real NLB has a node in each AZ and a client picks one
by DNS, so with cross-zone balancing off a node reaches its own AZ only. Here the one address speaks for all enabled
AZs and reaches a healthy target in any of them, which is what clients see once DNS has dropped the nodes without one.
And a real NLB forwards the target's own refusal; here the connection is accepted first and then reset.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable

from emr_dr.lab.balancer.flow import Flow, reset
from emr_dr.lab.balancer.health import Checker
from emr_dr.lab.balancer.snapshot import INITIAL, Group, Health, Listener, Snapshot, State, Target, eligible

_APPLY_DEADLINE = 10.0
_BACKLOG = 512
Endpoint = tuple[str, int]


class Balancer:
    """A running data plane. `apply` and `health` may be called from any thread; `close` ends everything."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._plane = _Plane()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._thread.start()

    def apply(self, snapshot: Snapshot) -> None:
        """Make listeners, targets and flows follow the snapshot and return when they do; safe to repeat.

        Raises:
            OSError: a listener's address and port cannot be bound; everything else was applied.
            TimeoutError: not done within 10 s.
        """
        asyncio.run_coroutine_threadsafe(self._plane.apply(snapshot), self._loop).result(_APPLY_DEADLINE)

    def health(self, serial: int) -> Health:
        """Return the health of a target by its registration; `initial` if it is not known (yet)."""
        checker = self._plane.checkers.get(serial)
        return checker.health if checker else INITIAL

    def close(self) -> None:
        """Close listeners and flows and end the thread; safe to repeat."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._plane.close(), self._loop).result(_APPLY_DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_APPLY_DEADLINE)
        self._loop.close()


class _Plane:
    """All of it that lives on the event loop."""

    def __init__(self) -> None:
        self.checkers: dict[int, Checker] = {}
        self._snapshot = Snapshot()
        self._groups: dict[str, Group] = {}
        self._listeners: dict[Endpoint, Listener] = {}
        self._servers: dict[Endpoint, asyncio.Server] = {}
        self._flows: dict[Flow, asyncio.Task[None]] = {}

    async def apply(self, snapshot: Snapshot) -> None:
        self._groups = {group.arn: group for group in snapshot.groups}
        self._listeners = {(each.address, each.port): each for each in snapshot.listeners}
        self._follow_targets()
        self._cut_flows_of_gone_targets()
        await self._follow_listeners()

    def _follow_targets(self) -> None:
        wanted = {target.serial: (group, target) for group in self._groups.values() for target in group.targets}
        for serial in self.checkers.keys() - wanted.keys():
            self.checkers.pop(serial).stop()
        for serial, (group, target) in wanted.items():
            checker = self.checkers.get(serial)
            if checker is None:
                self.checkers[serial] = Checker(group.check, target, self._turned, group.source)
            elif (checker.check, checker.source) != (group.check, group.source):  # modified: the health so far stands
                checker.stop()
                self.checkers[serial] = Checker(group.check, target, self._turned, group.source, checker.health)

    async def _follow_listeners(self) -> None:
        for endpoint in self._servers.keys() - self._listeners.keys():
            server = self._servers.pop(endpoint)
            server.close()
        for endpoint in self._listeners.keys() - self._servers.keys():
            host, port = endpoint
            self._servers[endpoint] = await asyncio.start_server(self._accepter(endpoint), host, port, backlog=_BACKLOG)

    def _accepter(self, endpoint: Endpoint) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            listener = self._listeners.get(endpoint)
            target = self._choose(listener, writer) if listener else None
            if listener is None or target is None:
                reset(writer)
                return
            flow = Flow(listener, target, (reader, writer))
            task = asyncio.get_running_loop().create_task(flow.run())
            self._flows[flow] = task
            task.add_done_callback(lambda _: self._flows.pop(flow, None))

        return accept

    def _choose(self, listener: Listener, writer: asyncio.StreamWriter) -> Target | None:
        """Choose by a hash of the flow, or of the source address alone when sticky.

        Of all (flow, target) pairs the highest hash wins, so that a target that comes or goes moves only the flows it
        wins or loses.
        """
        group = self._groups.get(listener.group_arn)
        if group is None:
            return None
        host, port = writer.get_extra_info("peername")[:2]
        flow = f"{host}" if group.stickiness else f"{host}:{port} {listener.address}:{listener.port}"
        by_state = {state: {n for n, each in self.checkers.items() if each.health.state is state} for state in State}
        targets = eligible(group.targets, by_state[State.HEALTHY], by_state[State.UNHEALTHY])
        return max(targets, key=lambda target: _weight(flow, target), default=None)

    def _cut_flows_of_gone_targets(self) -> None:
        for flow in list(self._flows):
            group = self._groups.get(flow.group_arn)
            if group is None or not group.cut_deregistered:
                continue  # without a group (listener or balancer deleted) established flows end by themselves
            if all(target.serial != flow.target.serial for target in group.targets):
                flow.cut()

    def _turned(self, target: Target, health: Health) -> None:
        """Cut a target's flows as it turns unhealthy; those it gets later, by fail-open, stay."""
        if health.state is not State.UNHEALTHY:
            return
        for flow in list(self._flows):
            group = self._groups.get(flow.group_arn)
            if flow.target.serial == target.serial and group is not None and group.cut_unhealthy:
                flow.cut()

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        for checker in self.checkers.values():
            checker.stop()
        for flow, task in list(self._flows.items()):
            flow.cut()
            task.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


def _weight(flow: str, target: Target) -> bytes:
    return hashlib.blake2b(f"{flow} {target.host}:{target.port}".encode(), digest_size=8).digest()
