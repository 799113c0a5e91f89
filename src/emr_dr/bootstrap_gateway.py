"""The composition root of gateways: joins declared specs, ledger, members and the HTTP side, one address a group."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from emr_dr.aws.session import Session
from emr_dr.bootstrap import CALL_TIMES, PROBE_SECONDS, logins, open_store, probes_of, store_path
from emr_dr.controller.clock import WallClock
from emr_dr.controller.vantage import Vantage
from emr_dr.errors import UsageError
from emr_dr.gateway.access import Access, Everybody
from emr_dr.gateway.app import GatewayApp
from emr_dr.gateway.calls import Caller
from emr_dr.gateway.counters import Counters
from emr_dr.gateway.listener import Listener, bound, room_for
from emr_dr.gateway.metrics import Metrics
from emr_dr.gateway.pages import Pages
from emr_dr.gateway.relay import Relay
from emr_dr.gateway.rescuer import Rescuer
from emr_dr.gateway.serving import Loop, Serving
from emr_dr.gateway.sessions.listing import Listing
from emr_dr.gateway.sessions.register import Register
from emr_dr.gateway.signing_in import Basic, Bearer
from emr_dr.gateway.tls import server_context
from emr_dr.gateway.users_file import UsersFile, bcrypt_hashes, token_digests
from emr_dr.gateway.work import Work
from emr_dr.probes.http import Http
from emr_dr.spec import Spec
from emr_dr.spec.address import Credentials
from emr_dr.spec.files import trust
from emr_dr.spec.gateway import Users
from emr_dr.spec.login import Login
from emr_dr.stores.sqlite_ledger import SqliteLedger
from emr_dr.upstream.line import Access as ServiceAccess
from emr_dr.upstream.member import MemberUpstream
from emr_dr.upstream.passage import MemberPassage

log = structlog.get_logger("emr_dr.gateway")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one group's gateway listens.

    Attributes:
        listening: The bound socket.
        connections: For how many clients there is room.
    """

    spec: Spec
    host: str
    port: int
    listening: socket.socket
    connections: int

    @property
    def url(self) -> str:
        """For people."""
        host = f"[{self.host}]" if ":" in self.host else self.host or "0.0.0.0"  # noqa: S104 - as it is
        return f"{'http' if self.spec.gateway.tls is None else 'https'}://{host}:{self.port}"


def places(specs: Sequence[Spec], host: str, port: int | None) -> Sequence[Place]:
    """Take the addresses of all groups, or none.

    Raises:
        UsageError: A group is not in mode gateway, two would have one port, or an address cannot be had.
    """
    taken: dict[int, str] = {}
    for spec in specs:
        if not spec.by_gateway:
            remedy = "say address.mode: gateway in it; `emr-dr plan` shows what that changes"
            raise UsageError(f"address.mode is {spec.address.mode}", where=spec.source.file, remedy=remedy)
        own = port_of(spec) if port is None else port
        if own in taken:
            remedy = "give one of them another gateway.port, or run a process for each"
            raise UsageError(f"{taken[own]} and {spec.group} would both listen on port {own}", remedy=remedy)
        taken[own] = spec.group
    room = room_for(sum(spec.gateway.limits.connections for spec in specs))
    found: list[Place] = []
    try:
        for spec, own in zip(specs, taken, strict=True):
            share = min(spec.gateway.limits.connections, room // len(specs))
            found.append(Place(spec, host, own, bound(host, own), share))
    except UsageError:
        for place in found:
            place.listening.close()
        raise
    return found


def port_of(spec: Spec) -> int:
    """The port on which the group's gateways listen."""
    return spec.services.livy.port if spec.gateway.port is None else spec.gateway.port


async def run_gateways(found: Sequence[Place], name: str, vantage: str, asked_to_stop: asyncio.Event) -> None:
    """Serve all groups until the process is asked to stop; one that fails ends all.

    `vantage` is where we look from, as a controller's; empty: this host.
    """
    async with asyncio.TaskGroup() as group:
        for place in found:
            group.create_task(_run(place, name, vantage, asked_to_stop))


async def _run(place: Place, name: str, vantage: str, asked_to_stop: asyncio.Event) -> None:
    try:
        async with assemble_gateway(place, name, vantage) as serving:
            await serving.run(asked_to_stop)
    finally:
        asked_to_stop.set()
        place.listening.close()


@asynccontextmanager
async def assemble_gateway(place: Place, name: str, vantage: str = "") -> AsyncIterator[Serving]:
    """Join everything of one group's gateway; what it opens is closed with the block.

    Raises:
        UsageError: There is no store, or the file of users, the certificate or a login cannot be used.
    """
    spec, settings = place.spec, place.spec.gateway
    # Never stopped: its waits are ended by cancelling whoever waits, after requests under way have ended.
    clock = WallClock()
    tls = None if settings.tls is None else server_context(settings.tls)
    access, watching = access_of(settings.users)
    store = open_store(spec)
    ledger = SqliteLedger(store_path(spec), spec.group)
    known = await _logins(spec)
    livy, yarn = _accesses(spec, known)
    upstream, passage, http = MemberUpstream(livy, yarn), MemberPassage(livy), Http(timeout=PROBE_SECONDS)
    witness = Vantage(
        spec.group,
        store,
        probes_of(spec, known, http),
        clock,
        vantage or socket.gethostname(),
        spec.detection.interval,
    )
    work = Work(spec.group, name, store=store, ledger=ledger, upstream=upstream, clock=clock, settings=settings)
    rescuer = Rescuer(
        spec.group,
        f"{name}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        store,
        ledger,
        clock,
        settings.rescue,
        answered=partial(_seen_at, work),
    )
    counters = Counters()
    relay = _relay(Register(ledger, work, clock), passage)
    metrics = Metrics(work, counters, clock.now, rescuer.counts, lambda: relay.listing.living)
    pages = Pages(work, queued=settings.limits.queued, metrics=metrics.answer, now=clock.now)
    app = GatewayApp(work, access=access, limits=settings.limits, pages=pages, counters=counters, relay=relay)
    limits = settings.limits.model_copy(update={"connections": place.connections})
    listener = Listener(app, counters=counters, limits=limits, tls=tls)
    try:
        loops = (work.run, rescuer.run, witness.run, relay.listing.run, *watching)
        yield Serving(spec.group, name, place.url, listener, place.listening, pages, loops)
    finally:
        await _let_go(rescuer.close(), upstream.close(), passage.close(), http.close(), ledger.close(), store.close())


def access_of(users: Users) -> tuple[Access, Sequence[Loop]]:
    """Return who may ask, and what has to run for it.

    Raises:
        UsageError: The file of users cannot be used.
    """
    caller = partial(_caller, users)
    if users.scheme == "none" or users.file is None:
        return Everybody(), ()
    if users.scheme == "basic":
        passwords = UsersFile(Path(users.file), bcrypt_hashes)
        return Basic(passwords, caller), (passwords.watch,)
    tokens = UsersFile(Path(users.file), token_digests)
    return Bearer(tokens, caller), (tokens.watch,)


def _caller(users: Users, user: str) -> Caller:
    superuser = user in users.superusers
    return Caller(user, superuser=superuser, sees_all=superuser or users.share == "all")


async def _logins(spec: Spec) -> Mapping[Credentials, Login]:
    session = Session(spec.region, times=CALL_TIMES)
    try:
        return await logins(spec, session)
    finally:
        session.close()


def _accesses(spec: Spec, known: Mapping[Credentials, Login]) -> tuple[ServiceAccess, ServiceAccess]:
    """How members' Livy and YARN are spoken to."""
    trusted = trust(spec)

    def access(name: str) -> ServiceAccess:
        credentials = spec.services.declared()[name].credentials
        return ServiceAccess(trusted.get(("services", name)), None if credentials is None else known[credentials])

    return access("livy"), access("resource-manager")


def _relay(register: Register, passage: MemberPassage) -> Relay:
    return Relay(register, Listing(register, passage), passage)


def _seen_at(work: Work, cluster_id: str) -> float:
    """When a member's Livy last answered this gateway."""
    tracker = work.roster.tracker(cluster_id)
    return 0.0 if tracker is None else tracker.state().seen_at


async def _let_go(*closing: Awaitable[None]) -> None:
    """Close everything; what cannot be closed now is forgotten by others in time."""
    for each in await asyncio.gather(*closing, return_exceptions=True):
        if isinstance(each, Exception):
            log.info("not_closed", reason=str(each))
