"""Stand-in machines: small HTTP servers that answer like Livy, ResourceManager and NameNode, for fast tests."""

from emr_dr.lab.standin.machines import StandInMachines

__all__ = ["StandInMachines"]
