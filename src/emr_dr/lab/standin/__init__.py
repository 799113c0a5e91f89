"""Stand-in machines: small HTTP servers that answer like Livy, ResourceManager and NameNode, for fast tests."""

from emr_dr.lab.standin.faults import Does, Fault
from emr_dr.lab.standin.machines import StandInMachines
from emr_dr.lab.standin.member import StandInMember
from emr_dr.lab.standin.plans import Outcome, Plan
from emr_dr.lab.standin.runs import Run, Runs
from emr_dr.lab.standin.settings import LivySettings
from emr_dr.lab.standin.yarn import YarnSettings

__all__ = [
    "Does",
    "Fault",
    "LivySettings",
    "Outcome",
    "Plan",
    "Run",
    "Runs",
    "StandInMachines",
    "StandInMember",
    "YarnSettings",
]
