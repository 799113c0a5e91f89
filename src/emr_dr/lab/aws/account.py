"""The lab's AWS account put together: state, services and moto behind them."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.iam.models import iam_backends

from emr_dr.lab import world
from emr_dr.lab.aws.ec2 import Ec2, Ec2Network
from emr_dr.lab.aws.elbv2 import Elbv2
from emr_dr.lab.aws.elbv2_state import Balancing, DataPlane
from emr_dr.lab.aws.elbv2_targets import NamedTargets
from emr_dr.lab.aws.emr import Emr
from emr_dr.lab.aws.emr_launch import Surroundings
from emr_dr.lab.aws.emr_region import Region
from emr_dr.lab.aws.faults import Faults
from emr_dr.lab.aws.overlay import Moto, Overlay, Service
from emr_dr.lab.aws.protocol import Call
from emr_dr.lab.aws.reach import Reach
from emr_dr.lab.aws.route53 import mend_moto
from emr_dr.lab.aws.s3 import FileMirror
from emr_dr.lab.times import LabTimes


class Account:
    """One AWS account in one region, as a WSGI application in `app`.

    moto's state is one for the whole process: a new account begins with empty services and makes older ones useless.
    Time-driven changes happen in `publish` here and in `Lifecycle.round`; the server calls both often.
    """

    def __init__(
        self,
        addresses: world.Addresses,
        plane: DataPlane,
        objects: Path,
        times: LabTimes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`objects` is the folder that S3 objects are copied to."""
        BackendDict.reset()
        reset_model_data()
        mend_moto()
        self.faults = Faults()
        self.reach = Reach()
        self.region = Region(addresses, times, clock, self.faults)
        self.balancing = Balancing(addresses, times, clock, plane)
        self.targets = NamedTargets(self.balancing)
        self._resources: world.Resources | None = None
        self._moto = Moto()
        self._mirror = FileMirror(objects)
        self._network = Ec2Network(self._moto.lock("ec2"))
        default_groups: dict[str, str] = {}
        self._default_groups = default_groups
        ec2 = Ec2(self.region, self._network, default_groups)
        services = {
            "elasticmapreduce": Service(
                Emr(self.region, self._surroundings, default_groups).operations, self.region.lock
            ),
            "elasticloadbalancing": Service(Elbv2(self.balancing, self._network).operations, self.balancing.lock),
            "ec2": Service(ec2.operations, self.region.lock, alone=False),
        }
        self.app = Overlay(self._moto, services, self.faults, self.reach, self._after)

    def settle(self, resources: world.Resources) -> None:
        """Tell EMR what it may take by default; clusters can be launched from now on."""
        self._resources = resources
        self._default_groups.update(resources.security_groups)

    def set_times(self, settings: Mapping[str, str]) -> LabTimes:
        """Change times of the running account and return them all; see `LabTimes.changed`."""
        with self.region.lock, self.balancing.lock:
            self.region.times = self.balancing.times = self.region.times.changed(settings)
            return self.region.times

    def publish(self) -> None:
        """Bring the data plane up to date with time passing; safe to repeat."""
        with self.balancing.lock:
            self.balancing.publish()

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            subnet_zone=self._network.subnet_zone,
            subnet_in=self._resources.subnets if self._resources else {},
            security_group_exists=self._network.security_group_exists,
            role_exists=self._role_exists,
            lacks_capacity=self._lacks_capacity,
        )

    def _lacks_capacity(self, zone: str, wishes: Sequence[Sequence[str]]) -> bool:
        lacks = self.faults.lacks
        return zone in self.region.dead_zones or any(all(lacks(zone, kind) for kind in types) for types in wishes)

    def _role_exists(self, name: str) -> bool:
        backend = iam_backends[world.ACCOUNT_ID]["aws"]
        with self._moto.lock("iam"):
            names = {role.name for role in backend.roles.values()}
            return name in names | {profile.name for profile in backend.instance_profiles.values()}

    def _after(self, call: Call) -> None:
        if call.service == "s3":
            path = call.environ.get("RAW_URI") or call.environ["PATH_INFO"]
            with self._moto.lock("s3"):
                self._mirror.follow(call.operation, str(path).partition("?")[0])
