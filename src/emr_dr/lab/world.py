"""The lab's IP plan and the resources every lab starts with; several labs share one machine without meeting.

A lab owns `127.N.0.0/16`. Its subnets are `127.N.1.0/24` to `127.N.3.0/24`, one an AZ, so that the private address of
a cluster is a loopback address that a process can bind without root; gateways have the highest of each subnet.
Balancers get one address each in `127.N.200.0/24`, and the lab itself looks at its machines from `127.N.0.1`. Everybody
else comes from outside.
"""

import fcntl
import hashlib
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emr_dr.errors import ConflictError

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
ZONE_IDS = {"us-east-1a": "use1-az1", "us-east-1b": "use1-az2", "us-east-1c": "use1-az3"}

ACCESS_KEY_ID = "AKIALABLABLABLAB0000"
SECRET_ACCESS_KEY = "lab-lab-lab-this-is-no-secret-lab-lab-lab"  # noqa: S105  visibly fake: it opens nothing

SERVICE_IDS = ("EC2", "ELASTIC_LOAD_BALANCING_V2", "EMR", "IAM", "ROUTE_53", "S3", "STS")
"""As the SDKs write them in the names of variables."""
IN_THE_WAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
"""Variables that must not be set beside the lab's: they name an account of somebody."""
SERVICE_ROLES = ("EMR_DefaultRole", "EMR_DefaultRole_V2")
INSTANCE_ROLES = ("EMR_EC2_DefaultRole",)
STATE_FILE = "lab.json"
"""In the lab's directory while it runs: how to reach it."""
LOCK_FILE = "lab.lock"
LOG_FILE = "lab.log"
CONTROL_PREFIX = "/_lab/"
"""Where the control API lives beside the AWS API."""

BUCKETS = ("acme-artifacts", "acme-logs")

_OCTETS = range(10, 100)
_FIRST_HOST = 10
_LAST_HOST = 250
_LAST_GATEWAY = 255
_BALANCER_SUBNET = 200


def lab_id(directory: Path) -> str:
    """The mark of the lab in a directory: the same each time, so that a new lab finds what a crashed one left."""
    return hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:12]


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Hold a directory against a second lab; the kernel lets go when the process ends, however it ends.

    Raises:
        ConflictError: somebody else holds it.
    """
    with (directory / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"a lab runs in {directory} already", remedy="use it, or end it with `emr-dr lab down`"
            ) from error
        yield


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one lab, all within `127.<octet>.0.0/16`."""

    octet: int

    @property
    def vpc_cidr(self) -> str:
        """The VPC's range."""
        return f"127.{self.octet}.0.0/16"

    def subnet_cidr(self, zone: str) -> str:
        """Return the range of the subnet in one of `ZONES`."""
        return f"127.{self.octet}.{ZONES.index(zone) + 1}.0/24"

    def hosts(self, zone: str) -> Iterator[str]:
        """Yield the addresses for machines in a zone, in the order they are given out."""
        third = ZONES.index(zone) + 1
        return (f"127.{self.octet}.{third}.{host}" for host in range(_FIRST_HOST, _LAST_HOST))

    def gateways(self, zone: str) -> Iterator[str]:
        """Yield the addresses for gateways in a zone, in the order they are given out."""
        third = ZONES.index(zone) + 1
        return (f"127.{self.octet}.{third}.{host}" for host in range(_LAST_HOST, _LAST_GATEWAY))

    @property
    def balancer_cidr(self) -> str:
        """The range from which balancers talk to their targets."""
        return f"127.{self.octet}.{_BALANCER_SUBNET}.0/24"

    @property
    def lab(self) -> str:
        """The address from which the lab asks its machines whether they have booted."""
        return f"127.{self.octet}.0.1"

    def balancers(self) -> Iterator[str]:
        """Yield the addresses for balancers, in the order they are given out."""
        return (f"127.{self.octet}.{_BALANCER_SUBNET}.{host}" for host in range(1, _LAST_HOST))

    def contains(self, address: str) -> bool:
        """Say whether an IP literal lies within the VPC; anything else does not."""
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(self.vpc_cidr)
        except ValueError:
            return False

    def zone_of(self, address: str) -> str | None:
        """Return the AZ whose subnet holds the address, None outside all of them."""
        parsed = ipaddress.ip_address(address)
        return next((zone for zone in ZONES if parsed in ipaddress.ip_network(self.subnet_cidr(zone))), None)


@contextmanager
def claim_addresses() -> Iterator[Addresses]:
    """Hold a second octet that no other lab on this machine uses, until the block or the process ends.

    The claim is a bound abstract socket: the kernel drops it with its process, so a crash leaves nothing to clean.

    Raises:
        ConflictError: all 90 are taken.
    """
    for octet in _OCTETS:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0emr-dr-lab-{octet}")
        except OSError:
            claim.close()
            continue
        with claim:
            yield Addresses(octet)
        return
    raise ConflictError(
        "every address range of 127.10.0.0/16 to 127.99.0.0/16 is taken by another lab",
        remedy="end a lab with `emr-dr lab down`",
    )


@dataclass(frozen=True, slots=True)
class Resources:
    """The ids of what a lab starts with, as a user would have them from their own account."""

    vpc: str
    subnets: dict[str, str]
    """AZ to subnet."""
    security_groups: dict[str, str]
    """`primary`, `core`, `service_access`, `balancer` to id."""
    buckets: tuple[str, ...]
    service_role: str
    instance_role: str
