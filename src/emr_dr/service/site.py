"""Everything one group's functions work with."""

from collections.abc import Callable
from dataclasses import dataclass

from emr_dr.controller.loop import Controller, Round
from emr_dr.controller.observe import Observer
from emr_dr.core.group import Group, Wanted
from emr_dr.core.orders import NOTHING_WANTED
from emr_dr.ports import Artifacts, Clock, Clusters, Ledger, Store
from emr_dr.provision.account import Account
from emr_dr.provision.desired import DesiredBalancer

STRATEGIES = {"active-passive": Wanted(1), "warm-standby": Wanted(1, 1), "active-active": Wanted(2)}
"""The whole of a strategy: how many members are wanted in which role."""

HELD_REMEDY = "see why with `emr-dr status`, mend the cause, then `emr-dr release`"
"""What a person does about a group whose automation stopped itself."""

Told = Callable[[Round], None]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of ours that clusters read under `artifacts`, and what for."""

    name: str
    body: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Site:
    """Everything one group's functions work with, joined by the composition root.

    Attributes:
        files: What has to be under `artifacts`: the proving job, and the scripts of launches.
        ledger: The batches of the group's gateways; None in mode direct.
    """

    group: str
    strategy: str
    store: Store
    clusters: Clusters
    observer: Observer
    controller: Controller
    account: Account
    balancer: DesiredBalancer
    artifacts: Artifacts
    files: tuple[OwnFile, ...]
    clock: Clock
    ledger: Ledger | None = None

    @property
    def by_gateway(self) -> bool:
        """Whether gateways stand between the balancer and the members."""
        return self.ledger is not None


def destroyed(group: Group) -> bool:
    """Whether the group was destroyed: nobody is wanted any more, and nobody is left."""
    return group.wanted == NOTHING_WANTED and not group.members
