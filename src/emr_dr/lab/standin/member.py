"""One stand-in member: Livy, ResourceManager and NameNode of one cluster on one address, and what can befall them."""

import itertools
import time
from collections import Counter
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from emr_dr.core.view import MemberView, Proof, Role
from emr_dr.lab.standin.agenda import Agenda, wall
from emr_dr.lab.standin.batches import Batches
from emr_dr.lab.standin.faults import Does, Fault
from emr_dr.lab.standin.hadoop import NameNode, ResourceManager
from emr_dr.lab.standin.interactive import Interactive
from emr_dr.lab.standin.livy import Livy
from emr_dr.lab.standin.runs import Runs
from emr_dr.lab.standin.server import Port
from emr_dr.lab.standin.sessions import Sessions
from emr_dr.lab.standin.settings import LivySettings
from emr_dr.lab.standin.yarn import Yarn, YarnSettings

PORTS = {"livy": 8998, "resource-manager": 8088, "name-node": 9870}
_starts = itertools.count(1)


def new_start() -> int:
    """Return a time of starting, in milliseconds, that nothing in this process had before."""
    return int(time.time() * 1000) + next(_starts)


class StandInMember:
    """A member that lives on the event loop that opens it. Safe to use on that loop only.

    Attributes:
        runs: The journal of what ran; several members may share one.
        settings, yarn_settings: May be changed at any time.
    """

    def __init__(
        self,
        address: str,
        *,
        cluster_id: str = "j-1",
        zone: str = "us-east-1a",
        settings: LivySettings | None = None,
        yarn_settings: YarnSettings | None = None,
        runs: Runs | None = None,
        clock: Callable[[], float] = wall,
        first_id: int = 0,
    ) -> None:
        self.address = address
        self.cluster_id = cluster_id
        self.zone = zone
        self.settings = settings or LivySettings()
        self.yarn_settings = yarn_settings or YarnSettings()
        self.agenda = Agenda(clock)
        self._outages = 0
        self._runs = Runs() if runs is None else runs
        self.yarn = Yarn(address, self.agenda, self._runs, new_start(), self.yarn_settings)
        self.batches = Batches(address, self.agenda, self.yarn, self.settings, first_id)
        self.sessions = Sessions(self.agenda, self.yarn, self.settings)
        livy = Livy(address, self.batches, self.agenda.catch_up)
        interactive = Interactive(self.sessions, self.agenda.catch_up)
        self.ports = {
            "livy": self._port("livy", livy.routes(interactive.routes()), livy.around),
            "resource-manager": self._port("resource-manager", ResourceManager(self.yarn).routes()),
            "name-node": self._port("name-node", NameNode(address).routes()),
        }

    def _port(self, name: str, routes: list[web.RouteDef], *around: Middleware) -> Port:
        return Port(self.address, PORTS[name], routes, before=self.agenda.catch_up, around=around)

    @property
    def livy_url(self) -> str:
        """Where Livy is asked."""
        return f"http://{self.address}:{PORTS['livy']}"

    @property
    def rm_url(self) -> str:
        """Where YARN is asked."""
        return f"http://{self.address}:{PORTS['resource-manager']}"

    @property
    def runs(self) -> Runs:
        """The journal, up to this moment as far as this member is concerned."""
        self.agenda.catch_up()
        return self._runs

    @property
    def requests(self) -> Counter[str]:
        """How many requests came: `livy GET /batches/{id}/state`."""
        return Counter(
            {f"{name} {route}": n for name, port in self.ports.items() for route, n in port.requests.items()}
        )

    def view(
        self, *, epoch: int = 1, role: Role = Role.SERVING, accepts_new: bool = True, death: Proof | None = None
    ) -> MemberView:
        """Return it as a controller publishes it."""
        urls = self.livy_url, self.rm_url
        return MemberView(self.cluster_id, epoch, epoch, self.zone, *urls, role, accepts_new, death)

    async def open(self) -> None:
        """Open all ports."""
        for port in self.ports.values():
            await port.open()

    async def close(self) -> None:
        """Close all ports: they refuse. Safe to repeat."""
        for port in self.ports.values():
            await port.close()

    async def lose(self) -> None:
        """Vanish as in a power cut: what runs ends, nothing is refused, there is only silence."""
        self.agenda.catch_up()
        self.yarn.lose()
        self.batches.stop()
        self.sessions.stop()
        for port in self.ports.values():
            port.freeze()
        for port in self.ports.values():
            await port.vanish()

    async def cut_off(self) -> None:
        """Be silent on every port, while all runs on."""
        for port in self.ports.values():
            port.freeze()
        for port in self.ports.values():
            await port.vanish()

    async def come_back(self) -> None:
        """Open again. After a loss Livy knows its batches from its disk, and YARN begins with none."""
        self.agenda.catch_up()
        if self.yarn.lost:
            self.yarn.forget(new_start())
            self.yarn.up = True
            self.batches.start()
            self.sessions.start()
        for port in self.ports.values():
            await port.open_again()

    async def kill_livy(self, *, gently: bool = False) -> None:
        """End Livy: its port refuses, applications run on; those of a Livy without recovery end with it if gently."""
        self.agenda.catch_up()
        if gently:
            self.batches.shut_down()
        else:
            self.batches.stop()
        self.sessions.stop()
        await self.ports["livy"].close()

    async def start_livy(self, *, keep_store: bool = True) -> None:
        """Start Livy again, with what its recovery store kept or as if that were lost."""
        self.agenda.catch_up()
        self.batches.start(keep_store=keep_store)
        self.sessions.start(keep_store=keep_store)
        await self.ports["livy"].open_again()

    async def kill_yarn(self) -> None:
        """End the ResourceManager: its port refuses, applications run on."""
        self.agenda.catch_up()
        self.yarn.up = False
        self._outages += 1
        outage = self._outages
        self.agenda.after(self.settings.loses_sight_after, lambda: self._lose_sight(outage))
        await self.ports["resource-manager"].close()

    def _lose_sight(self, outage: int) -> None:
        if not self.yarn.up and self._outages == outage:
            self.batches.lose_sight()

    async def start_yarn(self, *, forget: bool = False, runs_end: bool = True) -> None:
        """Start the ResourceManager again; if it forgets, it knows no application, and none runs with `runs_end`."""
        self.agenda.catch_up()
        self.yarn.up = True
        if forget:
            self.yarn.forget(new_start(), runs_end=runs_end)
        self.batches.look_at_all()
        await self.ports["resource-manager"].open_again()

    def fault(
        self,
        does: Does,
        method: str = "",
        path: str = "",
        *,
        service: str = "livy",
        times: int | None = None,
        seconds: float = 0.0,
        status: int = 503,
    ) -> Fault:
        """Have something happen to certain requests from now on, before faults that are there already."""
        made = Fault(does, method, path, times, seconds, status)
        self.ports[service].faults.insert(0, made)
        return made

    def freeze(self, service: str = "livy") -> None:
        """Accept connections and answer nothing."""
        self.ports[service].freeze()

    def heal(self) -> None:
        """Take every fault away, and let frozen ports answer what waits."""
        for port in self.ports.values():
            port.faults.clear()
            port.thaw()
