"""The ports `Probes` and `MemberWork` over a member's own HTTP services."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence

from emr_dr.core.evidence import ProbeResult
from emr_dr.errors import PermanentError, TransientError
from emr_dr.ports import ProvingRun, Unfinished
from emr_dr.probes import declared, hdfs, livy, yarn
from emr_dr.probes.answer import NotWellError, one_line, veiled
from emr_dr.probes.control import ControlTarget, reach
from emr_dr.probes.declared import DeclaredCheck
from emr_dr.probes.http import Endpoint, Http
from emr_dr.probes.unfinished import unfinished

LIVY = "livy"
RESOURCE_MANAGER = "resource-manager"
NAME_NODE = "name-node"

_CHECKS = {LIVY: livy.check, RESOURCE_MANAGER: yarn.check, NAME_NODE: hdfs.check}

PROVING_CONF: Mapping[str, str] = {
    "spark.yarn.maxAppAttempts": "1",
    "spark.dynamicAllocation.enabled": "false",
    "spark.executor.instances": "1",
}
"""One executor on the cluster and no second attempt: a failure is to be seen soon."""


class MemberProbes:
    """The port `Probes`: every declared service and check, asked directly, and our own control targets.

    Args:
        http: Makes the requests; its timeout is the deadline of each request and each connection to a control target.
        services: Where each service is, by its name in the spec.
        checks: The user's own checks, by name.
        targets: The monitor's own control targets.
    """

    def __init__(
        self,
        http: Http,
        *,
        services: Mapping[str, Endpoint],
        checks: Mapping[str, DeclaredCheck] | None = None,
        targets: Sequence[ControlTarget] = (),
    ) -> None:
        if unknown := sorted(services.keys() - _CHECKS.keys()):
            raise PermanentError(f"no check is known for {', '.join(unknown)}", where="services")
        self._http = http
        self._services = dict(services)
        self._checks = dict(checks or {})
        self._targets = tuple(targets)

    async def check(self, address: str) -> Sequence[ProbeResult]:
        """Check everything at once, one result for each, in the order declared. See `Probes.check`."""
        results = [
            *(_timed(name, at, _CHECKS[name](self._http, at, address)) for name, at in self._services.items()),
            *(_timed(n, each.endpoint, declared.check(self._http, each, address)) for n, each in self._checks.items()),
        ]
        return await asyncio.gather(*results)

    async def controls(self) -> Sequence[ProbeResult]:
        """Connect to each control target, all at once. See `Probes.controls`."""
        return await asyncio.gather(*(reach(target, self._http.timeout) for target in self._targets))

    async def identity(self, address: str) -> str:
        """YARN's cluster id and start time, read at `address`. See `Probes.identity`."""
        return await yarn.identity(self._http, self._services[RESOURCE_MANAGER], address)


class MemberWorker:
    """The port `MemberWork`: the proving job through Livy, and what YARN runs.

    Args:
        http: Makes the requests.
        livy_at: Where Livy is.
        yarn_at: Where YARN's ResourceManager is.
        proving_file: URL of the proving job's file, as `Artifacts.put` returned it.
        proving_conf: Spark settings of the proving job.
    """

    def __init__(
        self,
        http: Http,
        *,
        livy_at: Endpoint,
        yarn_at: Endpoint,
        proving_file: str,
        proving_conf: Mapping[str, str] = PROVING_CONF,
    ) -> None:
        self._http = http
        self._livy = livy_at
        self._yarn = yarn_at
        self._file = proving_file
        self._conf = dict(proving_conf)

    async def proving(self, address: str, name: str) -> ProvingRun:
        """How the proving job of that name stands. See `MemberWork.proving`."""
        return await livy.batch(self._http, self._livy, address, name)

    async def prove(self, address: str, name: str) -> None:
        """Submit the proving job under that name, if Livy does not know it. See `MemberWork.prove`."""
        await livy.submit(self._http, self._livy, address, name, file=self._file, conf=self._conf)

    async def idle(self, address: str) -> bool:
        """Whether YARN has no unfinished application. See `MemberWork.idle`."""
        return await yarn.idle(self._http, self._yarn, address)

    async def unfinished(self, address: str) -> Sequence[Unfinished]:
        """What has not ended, by Livy and YARN together. See `MemberWork.unfinished`."""
        return await unfinished(self._http, self._livy, self._yarn, address)

    async def stop(self, address: str, epoch: int) -> None:
        """Kill what carries the tag of an older epoch, and read it back. See `MemberWork.stop`."""
        await yarn.stop_older(self._http, self._yarn, address, epoch)


async def _timed(service: str, endpoint: Endpoint, check: Awaitable[str]) -> ProbeResult:
    start = time.monotonic()
    own_word = False
    try:
        detail, ok = await check, True
    except TransientError as error:
        detail, ok, own_word = error.what, False, isinstance(error, NotWellError)
    detail = one_line(veiled(detail, endpoint.hidden))
    return ProbeResult(service, ok, detail, time.monotonic() - start, own_word)
