"""The lab's own HTTP API under `/_lab/`: what is there, and faults by name. JSON in, JSON out."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from http import HTTPStatus

from emr_dr.errors import EmrDrError, UsageError
from emr_dr.lab import world
from emr_dr.lab.aws.account import Account
from emr_dr.lab.aws.emr_lifecycle import Lifecycle
from emr_dr.lab.aws.emr_model import ENDED, Cluster
from emr_dr.lab.aws.faults import ApiFault, LaunchFault
from emr_dr.lab.aws.overlay import StartResponse, respond
from emr_dr.lab.aws.protocol import Environ, JsonObject

log = logging.getLogger(__name__)


class Control:
    """The control API as a WSGI application. Every order is safe to repeat."""

    def __init__(self, account: Account, lifecycle: Lifecycle, down: Callable[[], None]) -> None:
        """`down` asks the server to end, and returns at once."""
        self._account = account
        self._lifecycle = lifecycle
        self._down = down
        self._orders: Mapping[str, Callable[[JsonObject], JsonObject]] = {
            "status": self._status,
            "kill-az": self._kill_az,
            "come-back": self._come_back,
            "kill-member": self._kill_member,
            "kill-service": self._kill_service,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "fault": self._fault,
            "clear-faults": self._clear_faults,
            "down": self._take_down,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer `GET /_lab/status` or `POST /_lab/ORDER`; errors are `{"error": …}` with 400 or 404."""
        order = str(environ["PATH_INFO"]).removeprefix(world.CONTROL_PREFIX)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, answer = HTTPStatus.OK, {}
        try:
            if order not in self._orders or (environ["REQUEST_METHOD"] == "GET") != (order == "status"):
                status, answer = HTTPStatus.NOT_FOUND, {"error": f"no order {order!r}"}
            else:
                answer = self._orders[order](_parse(body))
                log.info("order_carried_out order=%s answer=%s", order, "" if order == "status" else answer)
        except EmrDrError as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        return respond(start_response, (status, {"Content-Type": "application/json"}, json.dumps(answer).encode()))

    def _status(self, _: JsonObject) -> JsonObject:
        region, balancing = self._account.region, self._account.balancing
        with region.lock:
            clusters = [_cluster(each) for each in region.clusters.values()]
            zones = {zone: "dead" if zone in region.dead_zones else "alive" for zone in world.ZONES}
        with balancing.lock:
            balancers = [
                {"name": each.name, "dns_name": each.address, "active": balancing.is_active(each)}
                for each in balancing.load_balancers.values()
            ]
        return {
            "zones": zones,
            "clusters": clusters,
            "balancers": balancers,
            "faults": [asdict(each) for each in self._account.faults.rules()],
            "times": asdict(region.times),
            "calls": self._account.app.counts(),
        }

    def _kill_az(self, asked: JsonObject) -> JsonObject:
        """Power off an AZ: all machines in it vanish, and nothing can be launched there."""
        zone = asked.get("zone")
        if zone not in world.ZONES:
            raise UsageError(f"no Availability Zone is called {zone!r}", remedy=f"use one of {', '.join(world.ZONES)}")
        region = self._account.region
        with region.lock:
            at = region.dead_zones.setdefault(zone, region.clock())  # what is measured from it begins with the kill
            doomed = {each.id: each for each in region.clusters.values() if each.availability_zone == zone}
        self._lifecycle.lose(doomed)
        return {"lost": sorted(doomed), "at": at}

    def _come_back(self, asked: JsonObject) -> JsonObject:
        """Let an AZ take launches again; what was lost in it stays lost."""
        with self._account.region.lock:
            self._account.region.dead_zones.pop(str(asked.get("zone")), None)
        return {}

    def _kill_member(self, asked: JsonObject) -> JsonObject:
        """Power off one cluster's machines; EMR and EC2 notice as late as for an AZ."""
        cluster = self._find(asked)
        self._lifecycle.lose({cluster.id: cluster})
        return {"lost": [cluster.id]}

    def _kill_service(self, asked: JsonObject) -> JsonObject:
        cluster, service = self._find(asked), str(asked.get("service"))
        self._lifecycle.on_machines(cluster.id, lambda machines: machines.kill_service(cluster.id, service))
        return {}

    def _freeze(self, asked: JsonObject) -> JsonObject:
        cluster, service = self._find(asked), str(asked.get("service"))
        self._lifecycle.on_machines(cluster.id, lambda machines: machines.freeze(cluster.id, service))
        return {}

    def _thaw(self, asked: JsonObject) -> JsonObject:
        cluster, service = self._find(asked), str(asked.get("service"))
        self._lifecycle.on_machines(cluster.id, lambda machines: machines.thaw(cluster.id, service))
        return {}

    def _find(self, asked: JsonObject) -> Cluster:
        region = self._account.region
        with region.lock:
            cluster = region.clusters.get(str(asked.get("cluster_id")))
            if cluster is None or cluster.state in ENDED:
                raise UsageError(f"no living cluster has the id {asked.get('cluster_id')!r}")
            return cluster

    def _fault(self, asked: JsonObject) -> JsonObject:
        """Add a rule: `{"launch": {…}}` with LaunchFault's fields, or `{"api": {…}}` with ApiFault's."""
        kinds: dict[str, type[ApiFault | LaunchFault]] = {"api": ApiFault, "launch": LaunchFault}
        for name, kind in kinds.items():
            if name in asked:
                unknown = set(asked[name]) - {field.name for field in fields(kind)}
                if unknown:
                    raise UsageError(f"a fault of kind {name!r} has no {', '.join(sorted(unknown))}")
                self._account.faults.add(kind(**asked[name]))
                return {}
        raise UsageError("a fault is of kind 'api' or 'launch'")

    def _take_down(self, _: JsonObject) -> JsonObject:
        self._down()
        return {}

    def _clear_faults(self, _: JsonObject) -> JsonObject:
        self._account.faults.clear()
        return {}


def _parse(body: bytes) -> JsonObject:
    try:
        asked = json.loads(body or b"{}")
    except ValueError as error:
        raise UsageError(f"the order is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise UsageError("the order is not a JSON object")
    return asked


def _cluster(cluster: Cluster) -> JsonObject:
    return {
        "id": cluster.id,
        "name": cluster.name,
        "state": cluster.state,
        "reason": cluster.reason,
        "availability_zone": cluster.availability_zone,
        "address": cluster.master.address if cluster.master else None,
        "lost": cluster.lost_at is not None,
    }
