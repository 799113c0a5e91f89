"""What we need from the world: small protocols that adapters implement and decisions never see.

Every method keeps a deadline of its own and raises only the tree of `emr_dr.errors`. Unless its docstring says
otherwise, a method may be repeated.
"""

from emr_dr.ports.cloud import (
    Artifacts,
    Balancer,
    ClusterFacts,
    Clusters,
    Difference,
    Hosts,
    TargetFact,
    TargetHealth,
)
from emr_dr.ports.ledger import BatchLog, BatchPage, Creation, Ledger, LogPage, LogTail
from emr_dr.ports.member import MemberWork, Probes, ProvingRun, Unfinished
from emr_dr.ports.store import JournalEntry, PublishedViews, Store
from emr_dr.ports.timing import Clock

__all__ = [
    "Artifacts",
    "Balancer",
    "BatchLog",
    "BatchPage",
    "Clock",
    "ClusterFacts",
    "Clusters",
    "Creation",
    "Difference",
    "Hosts",
    "JournalEntry",
    "Ledger",
    "LogPage",
    "LogTail",
    "MemberWork",
    "Probes",
    "ProvingRun",
    "PublishedViews",
    "Store",
    "TargetFact",
    "TargetHealth",
    "Unfinished",
]
