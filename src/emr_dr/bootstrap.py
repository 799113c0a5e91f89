"""The composition root: joins a declared spec, the adapters and the service functions."""

import os
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from emr_dr.aws.account import AwsAccount
from emr_dr.aws.ec2 import Subnets
from emr_dr.aws.elbv2 import NetworkBalancer
from emr_dr.aws.emr import EmrClusters
from emr_dr.aws.s3 import S3Artifacts
from emr_dr.aws.session import Session, Times
from emr_dr.controller.act import Actor
from emr_dr.controller.clock import WallClock
from emr_dr.controller.loop import LEASE_SECONDS, Controller
from emr_dr.controller.observe import Observer
from emr_dr.core.group import Placement, Policy
from emr_dr.core.verdict import Detection
from emr_dr.errors import TransientError, UsageError
from emr_dr.probes.http import Endpoint, Http
from emr_dr.probes.member import MemberProbes, MemberWorker
from emr_dr.probes.proving import PROVING_JOB_NAME, proving_job
from emr_dr.provision.desired import desired_balancer, target_group_names
from emr_dr.service import Site
from emr_dr.spec import Spec, SpecError, check_placements
from emr_dr.stores.sqlite import SqliteStore

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
async def assemble(spec: Spec, *, begins: bool = False) -> AsyncIterator[Assembly]:
    """Join everything for one group; what it opens is closed with the block.

    Args:
        spec: What is declared.
        begins: Whether a store that is not there may be made: only whoever applies a group begins one.

    Raises:
        SpecError: Two placements turn out to lie in one AZ.
        UsageError: No credentials, or the store's path cannot be used.
    """
    store = _store(spec, begins=begins)
    session = Session(spec.region, times=CALL_TIMES)
    http = Http(timeout=PROBE_SECONDS)
    clock = WallClock()
    try:
        policy = policy_of(spec, await _placements(spec, session))
        yield Assembly(_site(spec, policy, session, http, store=store, clock=clock), clock, spec.detection.interval)
    finally:
        await http.close()
        await store.close()
        session.close()


def _store(spec: Spec, *, begins: bool) -> SqliteStore:
    path = Path(spec.store.sqlite or "emr-dr.db")
    if not begins and not path.exists():
        remedy = "run `emr-dr apply` first, or mend store.sqlite in the spec"
        raise UsageError("there is no store", where=str(path), remedy=remedy)
    return SqliteStore(path)


def _site(spec: Spec, policy: Policy, session: Session, http: Http, *, store: SqliteStore, clock: WallClock) -> Site:
    services = {name: Endpoint(each.port) for name, each in spec.services.declared().items()}
    clusters = EmrClusters(session, group=spec.group, template=spec.cluster)
    balancer = NetworkBalancer(
        session, group=spec.group, name=spec.address.balancer.name, target_groups=target_group_names(spec)
    )
    artifacts = S3Artifacts(session, url=spec.cluster.artifacts)
    work = MemberWorker(
        http,
        livy_at=services["livy"],
        yarn_at=services["resource-manager"],
        proving_file=f"{spec.cluster.artifacts.rstrip('/')}/{PROVING_JOB_NAME}",
    )
    observer = Observer(
        clusters, balancer, MemberProbes(http, services=services), work, detection_of(spec), tuple(services)
    )
    controller = Controller(
        group=spec.group,
        store=store,
        observer=observer,
        actor=Actor(clusters, balancer, work, clock),
        clock=clock,
        policy=policy,
        holder=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        stopping=lambda: clock.stopped,
        urls=lambda service, address: services[service].url(address, ""),
    )
    return Site(
        group=spec.group,
        strategy=spec.strategy,
        store=store,
        clusters=clusters,
        observer=observer,
        controller=controller,
        account=AwsAccount(session),
        balancer=desired_balancer(spec),
        artifacts=artifacts,
        proving_job=(PROVING_JOB_NAME, proving_job()),
        clock=clock,
    )


def policy_of(spec: Spec, placements: tuple[Placement, ...]) -> Policy:
    """The limits of decisions, as declared."""
    recovery = spec.recovery
    return Policy(
        placements=placements,
        # It counts from the decision; the call that was licensed by it ends at the latest with the lease saved with it.
        settle=recovery.settle + LEASE_SECONDS,
        attempts=recovery.attempts,
        boot=recovery.boot_deadline,
        prove=recovery.prove_deadline,
        admit=recovery.admit_deadline,
        probation=recovery.probation,
        cooldown=recovery.cooldown,
        launches_a_day=recovery.launches_a_day,
        retire_unconfirmed_after=recovery.retire_unconfirmed_after,
    )


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
        return tuple(Placement(p.subnet, p.az or "") for p in spec.placements)
    problems = check_placements(spec, {subnet: each.az for subnet, each in facts.items()})
    if problems:
        raise SpecError(spec.source.file, problems)
    return tuple(Placement(p.subnet, facts[p.subnet].az) for p in spec.placements)
