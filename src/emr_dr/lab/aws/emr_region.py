"""What EMR and EC2 know together of one region, under one lock."""

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

from emr_dr.lab.aws.emr_launch import new_id
from emr_dr.lab.aws.emr_model import Cluster, Collection, Instance
from emr_dr.lab.aws.faults import Faults
from emr_dr.lab.aws.protocol import AwsError
from emr_dr.lab.times import LabTimes
from emr_dr.lab.world import ZONES, Addresses


@dataclass
class Region:
    """All that EMR and EC2 know together; every field is read and changed under `lock`."""

    addresses: Addresses
    times: LabTimes
    clock: Callable[[], float]
    """Seconds, Unix time."""
    faults: Faults
    clusters: dict[str, Cluster] = field(default_factory=dict)
    dead_zones: dict[str, float] = field(default_factory=dict)
    """AZ to the time of its death."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _hosts: dict[str, Iterator[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hosts = {zone: cycle(self.addresses.hosts(zone)) for zone in ZONES}

    def free_address(self, zone: str) -> str:
        """Return an address that no living machine has; one that was given back is used again as late as possible.

        Raises:
            AwsError: all are taken.
        """
        taken = {each.address for cluster in self.clusters.values() for each in cluster.instances if not each.ended}
        for address in islice(self._hosts[zone], len(list(self.addresses.hosts(zone)))):
            if address not in taken:
                return address
        raise AwsError("InsufficientFreeAddressesInSubnet", f"The lab's subnet in {zone} has no free address left")

    def add_instances(self, cluster: Cluster, collection: Collection, count: int) -> None:
        """Give a group or fleet more machines, ready at once if the cluster is."""
        now = self.clock()
        cluster.instances += [
            Instance(
                emr_id=new_id("ci"),
                ec2_id=f"i-{secrets.token_hex(9)[:17]}",
                role=collection.role,
                collection_id=collection.id,
                instance_type=collection.instance_type,
                market=collection.market,
                address=self.free_address(cluster.availability_zone),
                created=now,
                ready=None if cluster.ready is None else now,
            )
            for _ in range(count)
        ]
