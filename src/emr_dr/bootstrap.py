"""The composition root: joins a declared spec, the adapters and the service functions."""

import os
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from emr_dr.aws.account import AwsAccount
from emr_dr.aws.ec2 import Subnets
from emr_dr.aws.elbv2 import NetworkBalancer
from emr_dr.aws.emr import EmrClusters
from emr_dr.aws.hosts import Ec2Hosts
from emr_dr.aws.iam import IamRoles
from emr_dr.aws.s3 import S3Artifacts
from emr_dr.aws.secrets import Secrets
from emr_dr.aws.seeding import seeding, seeding_file, seeding_script
from emr_dr.aws.session import Session, Times
from emr_dr.controller.act import Actor
from emr_dr.controller.clock import WallClock
from emr_dr.controller.loop import Controller
from emr_dr.controller.observe import Observer
from emr_dr.controller.tenure import CLOCK_SKEW, LEASE_SECONDS
from emr_dr.core.group import Placement, Policy
from emr_dr.core.verdict import Detection
from emr_dr.core.view import VIEW_SECONDS
from emr_dr.errors import TransientError, UsageError
from emr_dr.ports import Ledger, Store
from emr_dr.probes.endpoints import control_targets, endpoints
from emr_dr.probes.http import Endpoint, Http
from emr_dr.probes.member import MemberProbes, MemberWorker
from emr_dr.probes.proving import PROVING_JOB_NAME, proving_job
from emr_dr.provision.desired import desired_balancer, target_group_names
from emr_dr.service import OwnFile, Site
from emr_dr.spec import Spec, SpecError, check_placements
from emr_dr.spec.address import Credentials
from emr_dr.spec.instances import rungs
from emr_dr.spec.login import Login
from emr_dr.stores.memory import MemoryLedger, MemoryStore
from emr_dr.stores.sqlite import SqliteStore
from emr_dr.stores.sqlite_ledger import SqliteLedger

CALL_TIMES = Times(connect=3, read=8, create_read=12, call=10, create=14, whole=10)
"""Seconds. A look and a create end within an effect's deadline, and that ends within the lease."""
PROBE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Assembly:
    """A group's site, and what whoever runs it needs besides."""

    site: Site
    clock: WallClock
    interval: float


@asynccontextmanager
async def assemble(
    spec: Spec, *, begins: bool = False, looks: bool = False, ending: bool = False, vantage: str = ""
) -> AsyncIterator[Assembly]:
    """Join everything for one group; what it opens is closed with the block.

    Args:
        spec: What is declared.
        begins: Whether a store that is not there may be made: only whoever applies a group begins one.
        looks: Whether a store that is not there is as good as an empty one, for whoever only looks.
        ending: Whether the group is being destroyed, so that parts of what the spec names may have gone.
        vantage: Where we look from; controllers at one place share one, for they fail together. Empty: this host.

    Raises:
        SpecError: Two placements turn out to lie in one AZ, or a certificate authority's file cannot be used.
        UsageError: No credentials for AWS or for a service, or the store's path cannot be used.
        TransientError: Secrets Manager, where a service's credentials are, gave no good answer.
    """
    nothing = looks and not store_path(spec).exists()
    store = MemoryStore() if nothing else open_store(spec, begins=begins)
    ledger = None if spec.address.mode == "direct" else MemoryLedger() if nothing else open_ledger(spec)
    session = Session(spec.region, times=CALL_TIMES)
    where = vantage or socket.gethostname()
    joints = _Joints(session, Http(timeout=PROBE_SECONDS), store, ledger, WallClock(), where, ending=ending)
    try:
        known = await logins(spec, session)
        services, _ = endpoints(spec, known)
        probes = probes_of(spec, known, joints.http)
        policy = policy_of(spec, _declared_placements(spec) if ending else await _placements(spec, session))
        yield Assembly(_site(spec, policy, services, probes, joints), joints.clock, spec.detection.interval)
    finally:
        await joints.http.close()
        if ledger is not None:
            await ledger.close()
        await store.close()
        session.close()


@dataclass(frozen=True, slots=True)
class _Joints:
    """What several parts of one site share."""

    session: Session
    http: Http
    store: Store
    ledger: Ledger | None
    clock: WallClock
    vantage: str
    ending: bool


def open_store(spec: Spec, *, begins: bool = False) -> SqliteStore:
    """Open the declared store; `begins` allows to make one that is not there.

    Raises:
        UsageError: It is not there.
    """
    path = store_path(spec)
    if not begins and not path.exists():
        remedy = "run `emr-dr apply` first, or mend store.sqlite in the spec"
        raise UsageError("there is no store", where=str(path), remedy=remedy)
    return SqliteStore(path)


def open_ledger(spec: Spec) -> SqliteLedger:
    """Open the ledger of the group's batches, which is kept in the file of its store."""
    return SqliteLedger(store_path(spec), spec.group)


def store_path(spec: Spec) -> Path:
    """Where the declared store is."""
    return Path(spec.store.sqlite or "emr-dr.db")


def _site(spec: Spec, policy: Policy, services: Mapping[str, Endpoint], probes: MemberProbes, joints: _Joints) -> Site:
    own = partial(seeding, spec.cluster)
    clusters = EmrClusters(joints.session, group=spec.group, template=spec.cluster, own_bootstrap=own)
    balancer = NetworkBalancer(
        joints.session,
        group=spec.group,
        name=spec.address.balancer.name,
        target_groups=target_group_names(spec),
        ending=joints.ending,
    )
    work = _worker(spec, services, joints.http)
    hosts, detection = Ec2Hosts(joints.session), detection_of(spec)
    roles = IamRoles(joints.session) if policy.deny_role else None
    observer = Observer(
        clusters,
        balancer,
        probes,
        work,
        hosts,
        detection,
        tuple(spec.routed()),
        joints.vantage,
        batch_id_ranges=spec.cluster.batch_id_ranges,
        backlog=joints.ledger,
        roles=roles,
        own_roles=tuple(dict.fromkeys(p.role for p in policy.placements)),
    )
    controller = Controller(
        group=spec.group,
        store=joints.store,
        observer=observer,
        actor=Actor(clusters, balancer, work, joints.clock, roles),
        clock=joints.clock,
        policy=policy,
        holder=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        stopping=lambda: joints.clock.stopped,
        urls=lambda service, address: services[service].url(address, ""),
    )
    return Site(
        group=spec.group,
        strategy=spec.strategy,
        store=joints.store,
        clusters=clusters,
        observer=observer,
        controller=controller,
        account=AwsAccount(joints.session),
        balancer=desired_balancer(spec),
        artifacts=S3Artifacts(joints.session, url=spec.cluster.artifacts, group=spec.group),
        files=_files(spec),
        clock=joints.clock,
        ledger=joints.ledger,
    )


def _files(spec: Spec) -> tuple[OwnFile, ...]:
    """What clusters of ours read under `artifacts`."""
    job = OwnFile(PROVING_JOB_NAME, proving_job(), "every candidate has to run it before it may serve")
    if not spec.cluster.batch_id_ranges:
        return (job,)
    return (job, OwnFile(seeding_file(), seeding_script(), "every launch runs it, for its range of batch numbers"))


def _worker(spec: Spec, services: Mapping[str, Endpoint], http: Http) -> MemberWorker:
    file = f"{spec.cluster.artifacts.rstrip('/')}/{PROVING_JOB_NAME}"
    return MemberWorker(http, livy_at=services["livy"], yarn_at=services["resource-manager"], proving_file=file)


def probes_of(spec: Spec, known: Mapping[Credentials, Login], http: Http) -> MemberProbes:
    """How members are looked at, from wherever we are."""
    services, checks = endpoints(spec, known)
    return MemberProbes(http, services=services, checks=checks, targets=control_targets(spec))


async def logins(spec: Spec, session: Session) -> Mapping[Credentials, Login]:
    """The users and passwords that the spec says where to find, each read once; what is not needed is not asked for."""
    wanted = {access.credentials for _, access in spec.accesses() if access.credentials is not None}
    secrets = Secrets(session)
    return {each: await _login(each, secrets) for each in wanted}


async def _login(declared: Credentials, secrets: Secrets) -> Login:
    return await secrets.login(declared.secret) if declared.secret else _login_of(declared.env or "")


def _login_of(variable: str) -> Login:
    """The user and password in a variable of our environment.

    Raises:
        UsageError: It is not set, or not `user:password`.
    """
    where, form = f"environment variable {variable}", "set it to user:password for whoever runs emr-dr"
    if (value := os.environ.get(variable)) is None:
        raise UsageError("is not set", where=where, remedy=form)
    user, colon, password = value.partition(":")
    if not colon:
        raise UsageError("has no colon between user and password", where=where, remedy=form)
    try:
        return Login(user, password)
    except ValueError as error:
        raise UsageError(str(error), where=where, remedy=form) from error


def policy_of(spec: Spec, placements: tuple[Placement, ...]) -> Policy:
    """The limits of decisions, as declared; every subnet is tried with the declared machines before any with others."""
    recovery = spec.recovery
    return Policy(
        placements=_ladder(placements, rungs(spec.cluster.instances)),
        # It counts from the look that led to a licence: its save comes up to a lease's length later, the call ends at
        # the latest with the lease saved then, and whoever compares the stamps may have another clock.
        settle=recovery.settle + 2 * LEASE_SECONDS + CLOCK_SKEW,
        attempts=recovery.attempts,
        boot=recovery.boot_deadline,
        prove=recovery.prove_deadline,
        admit=recovery.admit_deadline,
        drain=recovery.drain_timeout,
        probation=recovery.probation,
        cooldown=recovery.cooldown,
        launches_a_day=recovery.launches_a_day,
        retire_unconfirmed_after=recovery.retire_unconfirmed_after,
        by_gateway=spec.address.mode == "gateway",
        # It counts from the look that led to a save, which comes up to a lease's length later; from then on a gateway
        # that reads no news goes on by what it read for so long, and its clock may be another.
        views_last=VIEW_SECONDS + LEASE_SECONDS + CLOCK_SKEW,
        deny_role=spec.by_gateway and recovery.deny_role,
        deny_propagation=recovery.deny_propagation,
    )


def _ladder(placements: Sequence[Placement], types: Sequence[tuple[str, ...]]) -> tuple[Placement, ...]:
    return tuple(replace(each, rung=rung, types=own) for rung, own in enumerate(types) for each in placements)


def detection_of(spec: Spec) -> Detection:
    """When failures are believed, as declared."""
    detection = spec.detection
    return Detection(
        interval=detection.interval,
        member_lost=detection.member_lost,
        service_down=detection.service_down,
        replace_on_service_down=detection.on_service_down == "replace",
    )


async def _placements(spec: Spec, session: Session) -> tuple[Placement, ...]:
    """The declared placements with their AZs; in a disaster EC2 may not answer, and then the declared AZs must do."""
    try:
        facts = await Subnets(session).describe([p.subnet for p in spec.placements])
    except TransientError:
        return _declared_placements(spec)
    problems = check_placements(spec, {subnet: each.az for subnet, each in facts.items()})
    if problems:
        raise SpecError(spec.source.file, problems)
    return tuple(Placement(p.subnet, facts[p.subnet].az, role=p.instance_role or "") for p in spec.placements)


def _declared_placements(spec: Spec) -> tuple[Placement, ...]:
    return tuple(Placement(p.subnet, p.az or "", role=p.instance_role or "") for p in spec.placements)
