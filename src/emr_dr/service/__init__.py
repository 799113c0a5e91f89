"""What emr-dr does, as plain functions over ports: the command line, Airflow and the tests call these."""

from emr_dr.service.applying import HELD_REMEDY, apply
from emr_dr.service.looking import Answer, Status, address, status
from emr_dr.service.planning import plan
from emr_dr.service.site import STRATEGIES, OwnFile, Site
from emr_dr.service.tending import tick, watch

__all__ = [
    "HELD_REMEDY",
    "STRATEGIES",
    "Answer",
    "OwnFile",
    "Site",
    "Status",
    "address",
    "apply",
    "plan",
    "status",
    "tick",
    "watch",
]
