"""What emr-dr does, as plain functions over ports: the command line, Airflow and the tests call these."""

from emr_dr.service.applying import apply, nobody_there
from emr_dr.service.ending import Doomed, Running, destroy, doom
from emr_dr.service.handover import Handover, Kind, ask, call_off, prepare, previous_place
from emr_dr.service.looking import Answer, Status, address, balancer_address, status
from emr_dr.service.orders import Kept, kept, pause, release, release_hold, resume
from emr_dr.service.planning import plan
from emr_dr.service.site import HELD_REMEDY, STRATEGIES, OwnFile, Site, destroyed
from emr_dr.service.switching import STANDS, Gap, Switched, see_through
from emr_dr.service.tending import tick, watch

__all__ = [
    "HELD_REMEDY",
    "STANDS",
    "STRATEGIES",
    "Answer",
    "Doomed",
    "Gap",
    "Handover",
    "Kept",
    "Kind",
    "OwnFile",
    "Running",
    "Site",
    "Status",
    "Switched",
    "address",
    "apply",
    "ask",
    "balancer_address",
    "call_off",
    "destroy",
    "destroyed",
    "doom",
    "kept",
    "nobody_there",
    "pause",
    "plan",
    "prepare",
    "previous_place",
    "release",
    "release_hold",
    "resume",
    "see_through",
    "status",
    "tick",
    "watch",
]
