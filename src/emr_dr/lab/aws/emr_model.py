"""What the lab's EMR remembers of a cluster."""

from dataclasses import dataclass, field

from emr_dr.lab.aws.faults import LaunchFault
from emr_dr.lab.aws.protocol import JsonObject

ENDED = ("TERMINATED", "TERMINATED_WITH_ERRORS")
ENDING = ("TERMINATING", *ENDED)


@dataclass(slots=True)
class Instance:
    """One machine of a cluster, the same to EMR and EC2; it is in EC2 from the moment it exists here."""

    emr_id: str
    ec2_id: str
    role: str
    """MASTER, CORE or TASK."""
    collection_id: str
    """The instance group or fleet it belongs to."""
    instance_type: str
    market: str
    address: str
    created: float
    ready: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class Collection:
    """An instance group, or an instance fleet: the two differ in how they are shown, not in what the lab does."""

    id: str
    role: str
    name: str
    instance_type: str
    market: str
    count: int
    spec: JsonObject
    """The request's own entry, for what is shown but has no effect in the lab (volumes, policies …)."""
    offers: tuple[tuple[str, int], ...]
    """The instance types that it may be made of, in order, each with how many it takes of them; a group has one."""

    @property
    def types(self) -> list[str]:
        """The instance types that it may be made of."""
        return [kind for kind, _ in self.offers]

    def take(self, offer: tuple[str, int]) -> None:
        """Be made of one of several types; where there is no choice, a count that was changed since stands."""
        if len(self.offers) > 1:
            self.instance_type, self.count = offer


@dataclass(slots=True)
class Cluster:
    """One cluster; times are seconds of the lab's clock, which is Unix time."""

    id: str
    request: JsonObject
    """RunJobFlow's parameters, never shown as they are."""
    availability_zone: str
    subnet: str
    uses_fleets: bool
    collections: list[Collection]
    tags: dict[str, str]
    created: float
    keep_alive: bool
    termination_protected: bool
    state: str = "STARTING"
    ready: float | None = None
    ended: float | None = None
    reason_code: str | None = None
    reason: str | None = None
    error_details: list[JsonObject] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    managed_scaling: JsonObject | None = None
    auto_termination: JsonObject | None = None
    unhealthy_node_replacement: bool = False
    step_concurrency: int = 1
    launch_fault: LaunchFault | None = None
    """What this launch meets."""
    lost_at: float | None = None
    """When its machines vanished; None while they can be reached."""
    ending_since: float | None = None
    ends_as: str = "TERMINATED"
    machines_running: bool = False
    """Started, and not yet known to have stopped."""
    stopping: bool = False
    """Its machines were asked to stop."""

    @property
    def name(self) -> str:
        """The name from the request; AWS does not ask for it to be unique."""
        return str(self.request["Name"])

    @property
    def master(self) -> Instance | None:
        """The primary's machine; None before the end of STARTING."""
        return next((each for each in self.instances if each.role == "MASTER"), None)

    def begin_to_end(self, now: float, code: str, message: str, *, ends_as: str = "TERMINATED") -> None:
        """Go to TERMINATING; a cluster that ends already is left as it is."""
        if self.state in ENDING:
            return
        self.state = "TERMINATING"
        self.ending_since = now
        self.reason_code, self.reason = code, message
        self.ends_as = ends_as
