"""Check targets over the network, each at its own pace: one that hangs delays no other."""

import asyncio
import ssl
from collections.abc import Callable

from emr_dr.lab.balancer.connect import connect
from emr_dr.lab.balancer.snapshot import HEALTHY, INITIAL, Health, HealthCheck, State, Target

_LONGEST_STATUS_LINE = 1024


async def check_once(check: HealthCheck, target: Target, source: str) -> Health:
    """Check a target once from an address: HEALTHY, or why not. Takes at most `check.timeout` seconds."""
    port = check.port or target.port
    try:
        async with asyncio.timeout(check.timeout):
            if check.protocol == "TCP":
                _, writer = await connect(source, target.host, port, limit=_LONGEST_STATUS_LINE)
                writer.close()
                return HEALTHY
            status = await _http_status(check, source, target.host, port)
    except TimeoutError:
        return Health(State.UNHEALTHY, "Target.Timeout", "Request timed out")
    except (OSError, ValueError, asyncio.LimitOverrunError):
        return Health(State.UNHEALTHY, "Target.FailedHealthChecks", "Health checks failed")
    if any(low <= status <= high for low, high in check.codes):
        return HEALTHY
    return Health(State.UNHEALTHY, "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


async def _http_status(check: HealthCheck, source: str, host: str, port: int) -> int:
    context = None
    if check.protocol == "HTTPS":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await connect(source, host, port, limit=_LONGEST_STATUS_LINE, tls=context)
    try:
        request = f"GET {check.path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        writer.write(f"{request}User-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        line = (await reader.readline()).split(None, 2)
    finally:
        writer.transport.abort()
    if len(line) < 2 or not line[0].startswith(b"HTTP/"):  # noqa: PLR2004  version and code
        raise ValueError("not an HTTP answer")
    return int(line[1])


class Checker:
    """The health of one target, kept by repeated checks until `stop`; lives on one event loop."""

    def __init__(
        self,
        check: HealthCheck,
        target: Target,
        turned: Callable[[Target, Health], None],
        source: str,
        health: Health = INITIAL,
    ) -> None:
        self.check = check
        self.health = health
        self.source = source
        self._target = target
        self._turned = turned
        self._passed = 0
        self._failed = 0
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"health of {target.host}:{target.port}")

    def stop(self) -> None:
        """Check no more; safe to repeat."""
        self._task.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            self._note(await check_once(self.check, self._target, self.source))
            await asyncio.sleep(max(0.0, self.check.interval - (loop.time() - started)))

    def _note(self, seen: Health) -> None:
        if seen.state is State.HEALTHY:
            self._passed, self._failed = self._passed + 1, 0
            due = self._passed >= self.check.healthy_threshold
        else:
            self._passed, self._failed = 0, self._failed + 1
            due = self._failed >= self.check.unhealthy_threshold
        if due and seen != self.health:
            before, self.health = self.health, seen
            if before.state is not seen.state:
                self._turned(self._target, seen)
