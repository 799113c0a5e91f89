"""Makes AWS clients and runs their calls: bounded threads, an explicit deadline, our own errors."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from emr_dr.aws.errors import ForeignAnswerError, translate
from emr_dr.errors import OutcomeUnknownError, TransientError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_PAGE = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Times:
    """How long calls may take. All in seconds.

    Attributes:
        connect: To make one connection.
        read: Between two pieces of an answer.
        create_read: The same for RunJobFlow, which may take long and must not be given up early for nothing.
        call: For one call with all its attempts and waits between them.
        create: For one RunJobFlow call; `Policy.settle` has to be longer than this and the lag of ListClusters.
        whole: For a method that makes several calls.
    """

    connect: float = 3.0
    read: float = 8.0
    create_read: float = 15.0
    call: float = 12.0
    create: float = 18.0
    whole: float = 18.0


class Session:
    """Credentials, region and threads that the adapters of this package share; no global state.

    Credentials and endpoint come from where boto3 looks for them: the environment (AWS_PROFILE, AWS_ENDPOINT_URL …),
    the shared files, the machine's role. Close it to let its threads go.

    Raises:
        UsageError: There is no such profile, or the configuration cannot be read.
    """

    def __init__(
        self,
        region: str,
        *,
        times: Times = Times(),
        attempts: int = 3,
        threads: int = 16,
    ) -> None:
        self.region = region
        self.times = times
        self._attempts = attempts
        self._threads = threads
        self._licences = _Licences()
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="aws")
        try:
            self._boto = boto3.session.Session(region_name=region)
        except BotoCoreError as error:
            raise translate(error, "AWS", "session") or error from error

    def close(self) -> None:
        """Take no more calls; those under way are not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def emr(self) -> "EMRClient":
        """Return a client for every EMR call but RunJobFlow."""
        client: EMRClient = self._client("emr", self._config(self.times.read, self._attempts))
        return client

    def emr_create(self) -> "EMRClient":
        """Return a client for RunJobFlow alone, which sends it once and never again.

        A default client sends it up to three times when a reply is lost, and each is a cluster.
        """
        client: EMRClient = self._client("emr", self._config(self.times.create_read, attempts=1))
        return client

    def elbv2(self) -> "ElasticLoadBalancingv2Client":
        """Return a client for Elastic Load Balancing version 2."""
        client: ElasticLoadBalancingv2Client = self._client("elbv2", self._config(self.times.read, self._attempts))
        return client

    def ec2(self) -> "EC2Client":
        """Return a client for EC2."""
        client: EC2Client = self._client("ec2", self._config(self.times.read, self._attempts))
        return client

    def iam(self) -> Any:  # noqa: ANN401 - its stubs are not among the dependencies
        """Return a client for IAM."""
        return self._client("iam", self._config(self.times.read, self._attempts))

    def route53(self) -> "Route53Client":
        """Return a client for Route 53."""
        client: Route53Client = self._client("route53", self._config(self.times.read, self._attempts))
        return client

    def s3(self) -> "S3Client":
        """Return a client for S3."""
        client: S3Client = self._client("s3", self._config(self.times.read, self._attempts))
        return client

    def secrets(self, region: str) -> Any:  # noqa: ANN401 - its one call is typed where it is made
        """Return a client for Secrets Manager of that region: a secret lives where its ARN says."""
        return self._client("secretsmanager", self._config(self.times.read, self._attempts), region)

    def _client(self, service: str, config: Config, region: str = "") -> Any:  # noqa: ANN401 - boto3 makes them late
        """Return a client that sends nothing for a caller who gave up.

        Raises:
            UsageError: The endpoint that the environment names is none, or region or credentials are unusable.
        """
        make: Any = self._boto.client
        try:
            client = make(service, config=config, region_name=region or self.region)
        except BotoCoreError as error:
            raise translate(error, "AWS", service) or error from error
        except ValueError as error:
            raise UsageError(str(error), where=f"AWS {service}", remedy="mend AWS_ENDPOINT_URL") from error
        client.meta.events.register("before-send", self._licences.refuse_late)
        client.meta.events.register("before-parse", _refuse_foreign)
        return client

    def _config(self, read: float, attempts: int) -> Config:
        return Config(
            connect_timeout=self.times.connect,
            read_timeout=read,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=self._threads,
        )

    async def call(self, service: str, operation: str, request: Callable[[], T]) -> T:
        """Run one call that may be repeated, in a thread, within `times.call`.

        Raises:
            EmrDrError: What botocore's error means.
        """
        return await self._run(service, operation, request, self.times.call, creates=False)

    async def create(self, service: str, operation: str, request: Callable[[], T]) -> T:
        """Run one call that must not be repeated, in a thread, within `times.create`.

        Raises:
            OutcomeUnknownError: It cannot be told whether the call was carried out.
            EmrDrError: It was not.
        """
        return await self._run(service, operation, request, self.times.create, creates=True)

    async def _run(self, service: str, operation: str, request: Callable[[], T], seconds: float, *, creates: bool) -> T:
        given_up = threading.Event()
        licensed = partial(self._licences.use, given_up, request)
        try:
            # The read timeout counts between two bytes, so an answer that drips needs a deadline over all of it.
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._executor, licensed)
        except TimeoutError as error:
            kind = OutcomeUnknownError if creates else TransientError
            raise kind(f"no answer within {seconds:g} s", where=f"{service} {operation}") from error
        except Exception as error:
            ours = translate(error, service, operation, creates=creates)
            if ours is None:
                raise
            raise ours from error
        finally:
            given_up.set()

    @asynccontextmanager
    async def within(self, what: str) -> AsyncIterator[None]:
        """Give a method of several calls its deadline, `times.whole`.

        Raises:
            TransientError: It took longer.
        """
        try:
            async with asyncio.timeout(self.times.whole):
                yield
        except TimeoutError as error:
            raise TransientError(f"not done within {self.times.whole:g} s", where=what) from error


def _refuse_foreign(response_dict: Mapping[str, Any], **_: object) -> None:
    """Stand before each parsing (botocore's event `before-parse`) and refuse web pages and redirections.

    botocore reads a page as an answer in which everything is missing, such as a list of no clusters, and follows what
    it takes for S3's redirections without end; S3's own carry its headers. Failures of servers are left to it, for it
    repeats them.
    """
    body, status = response_dict.get("body"), response_dict.get("status_code", 0)
    if isinstance(body, bytes) and _PAGE.match(body) and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ForeignAnswerError(f"a web page came, with HTTP {status}")
    headers = response_dict.get("headers") or {}
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST and not any(
        name.lower().startswith("x-amz") for name in headers
    ):
        raise ForeignAnswerError(f"a redirection came, HTTP {status} to {headers.get('location') or 'nowhere'}")


class _Licences:
    """Keeps a thread from sending a call that nobody waits for any more.

    A thread cannot be interrupted: held up before sending (signing may ask for new credentials), or between two
    attempts of a client that repeats, it would send after its caller gave up: a launch once the lease is lost, or an
    address registered once a later round has taken it out.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def use(self, given_up: threading.Event, request: Callable[[], T]) -> T:
        """Run the request in this thread, to be sent only until `given_up` is set."""
        self._local.given_up = given_up
        return request()

    def refuse_late(self, **_: object) -> None:
        """Stand before each sending (botocore's event `before-send`) and refuse the late ones."""
        given_up: threading.Event | None = getattr(self._local, "given_up", None)
        if given_up is not None and given_up.is_set():
            raise TransientError("given up before it was sent", where="AWS")
