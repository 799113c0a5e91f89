"""The lab's own HTTP API under `/_lab/`: what is there, and faults by name. JSON in, JSON out."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

from emr_dr.errors import EmrDrError, UsageError
from emr_dr.lab import world
from emr_dr.lab.aws.account import Account
from emr_dr.lab.aws.emr_lifecycle import Lifecycle
from emr_dr.lab.aws.emr_model import ENDED, Cluster
from emr_dr.lab.aws.overlay import StartResponse, respond
from emr_dr.lab.aws.protocol import Environ, JsonObject, Operations
from emr_dr.lab.cluster.settings import Service
from emr_dr.lab.gateways import Declared, Gateways
from emr_dr.lab.orders import RULED_SERVICES
from emr_dr.lab.paths import Paths
from emr_dr.lab.spoiling import Spoiling, require_zone

log = logging.getLogger(__name__)


class Control:
    """The control API as a WSGI application. Every order is safe to repeat."""

    def __init__(self, account: Account, lifecycle: Lifecycle, gateways: Gateways, down: Callable[[], None]) -> None:
        """`down` asks the server to end, and returns at once."""
        self._gateways = gateways
        self._account = account
        self._lifecycle = lifecycle
        self._paths = Paths(account.region, lifecycle, account.reach)
        self._down = down
        self._orders: Operations = {
            "status": self._status,
            "kill-az": self._kill_az,
            "restore-az": self._restore_az,
            "gateways": self._scale_gateways,
            "kill-gateway": self._kill_gateway,
            "kill-member": self._kill_member,
            "come-back": self._come_back,
            "kill-service": self._kill_service,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "cut": self._cut,
            "heal": self._heal,
            "revoke-rule": self._revoke_rule,
            "restore-rule": self._restore_rule,
            "set": self._set,
            "down": self._take_down,
            **Spoiling(account.faults).orders,
        }

    def close(self) -> None:
        """Let go of every call that is held without an answer."""
        self._account.reach.heal()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer `GET /_lab/status` or `POST /_lab/ORDER`; errors are `{"error": …}` with 400 or 404."""
        order = str(environ["PATH_INFO"]).removeprefix(world.CONTROL_PREFIX)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status = HTTPStatus.OK
        answer: JsonObject = {}
        try:
            if order not in self._orders or (environ["REQUEST_METHOD"] == "GET") != (order == "status"):
                status, answer = HTTPStatus.NOT_FOUND, {"error": f"no order {order!r}"}
            else:
                answer = self._orders[order](_parse(body))
                log.info("order_carried_out order=%s answer=%s", order, "" if order == "status" else answer)
        except EmrDrError as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error), "exit_code": error.exit_code}
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
            "gateways": self._gateways.shown(),
            "balancers": balancers,
            **self._paths.shown(),
            "faults": [asdict(each) for each in self._account.faults.rules()],
            "times": asdict(region.times),
            "calls": self._account.app.counts(),
        }

    def _kill_az(self, asked: JsonObject) -> JsonObject:
        """Power off an AZ: all machines in it vanish, and nothing can be launched there."""
        zone, region = require_zone(asked.get("zone")), self._account.region
        with region.lock:
            at = region.dead_zones.setdefault(zone, region.clock())  # what is measured from it begins with the kill
            doomed = {each.id: each for each in region.clusters.values() if each.availability_zone == zone}
        gateways = self._gateways.lose_zone(zone)
        self._lifecycle.lose(doomed)
        return {"lost": sorted(doomed), "gateways": gateways, "at": at}

    def _restore_az(self, asked: JsonObject) -> JsonObject:
        """Let an AZ take launches again; clusters lost in it stay lost, gateways are started again."""
        zone, region = require_zone(asked.get("zone")), self._account.region
        with region.lock:
            region.dead_zones.pop(zone, None)
        self._gateways.restore_zone(zone)
        return {}

    def _scale_gateways(self, asked: JsonObject) -> JsonObject:
        """Have so many gateways of a group run."""
        declared = Declared(Path(asked["spec"]), asked["group"], int(asked["port"]), asked["target_group"])
        return {"gateways": self._gateways.scale(int(asked["count"]), declared)}

    def _kill_gateway(self, asked: JsonObject) -> JsonObject:
        self._gateways.kill(str(asked.get("gateway")))
        return {}

    def _kill_member(self, asked: JsonObject) -> JsonObject:
        """Power off one cluster's machines; EMR and EC2 notice as late as for an AZ."""
        cluster = self._find(asked)
        self._lifecycle.lose({cluster.id: cluster})
        return {"lost": [cluster.id]}

    def _come_back(self, asked: JsonObject) -> JsonObject:
        """Let a lost cluster's machines boot again, unless EMR has given it up; or start a gateway again."""
        if self._gateways.knows(name := str(asked.get("cluster_id"))):
            self._gateways.come_back(name)
            return {}
        self._lifecycle.come_back(self._find(asked, ended=True))
        return {}

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

    def _cut(self, asked: JsonObject) -> JsonObject:
        """Make a path silent."""
        return {"targets": self._paths.cut(str(asked.get("source")), str(asked.get("target")))}

    def _heal(self, asked: JsonObject) -> JsonObject:
        """Undo one cut; without source and target undo all of them, and restore every rule."""
        source, target = asked.get("source"), asked.get("target")
        if source is None and target is None:
            return {"targets": self._paths.heal_everything()}
        if source is None or target is None:
            raise UsageError("a cut goes from somebody to something", remedy="name both, or neither to heal all")
        return {"targets": self._paths.heal(str(source), str(target))}

    def _revoke_rule(self, asked: JsonObject) -> JsonObject:
        self._paths.revoke(self._find(asked), _services(asked))
        return {}

    def _restore_rule(self, asked: JsonObject) -> JsonObject:
        """Undo `revoke-rule` at a cluster; without one, everywhere."""
        cluster_id = None if asked.get("cluster_id") is None else self._find(asked).id
        return {"targets": self._paths.restore(cluster_id, _services(asked))}

    def _set(self, asked: JsonObject) -> JsonObject:
        """Change how long things take; answers with every time as it is now."""
        times = asked.get("times")
        if not isinstance(times, dict) or not times:
            raise UsageError("no time is given", remedy="write TIME=SECONDS, as for `lab up --set`")
        return {"times": asdict(self._account.set_times({str(name): str(value) for name, value in times.items()}))}

    def _find(self, asked: JsonObject, *, ended: bool = False) -> Cluster:
        region = self._account.region
        with region.lock:
            cluster = region.clusters.get(str(asked.get("cluster_id")))
            if cluster is None or (cluster.state in ENDED and not ended):
                living = ", ".join(each.id for each in region.clusters.values() if each.state not in ENDED)
                remedy = f"use one of {living}" if living else "launch one first"
                raise UsageError(f"no living cluster has the id {asked.get('cluster_id')!r}", remedy=remedy)
            return cluster

    def _take_down(self, _: JsonObject) -> JsonObject:
        self._down()
        return {}


def _services(asked: JsonObject) -> Sequence[Service]:
    """Return the one service that an order names, or all that have a rule."""
    name = asked.get("service")
    if name is not None and name not in RULED_SERVICES:
        raise UsageError(f"no rule is for the service {name!r}", remedy=f"use one of {', '.join(RULED_SERVICES)}")
    return [Service(each) for each in RULED_SERVICES if name in (None, each)]


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
